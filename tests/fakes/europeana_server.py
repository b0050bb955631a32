"""Europeana's Search API: key, service cursor, error bodies; answers repeat the key as the real ones do."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number
from tests.fakes.server import Reply

KEY = "anduumbit"


def refusal(status: int, error: str, key: str = KEY) -> Reply:
    """An error as the service writes it: `success` is false, and the key stands first."""
    return Reply.json({"apikey": key, "success": False, "error": error}, status)


class EuropeanaServer(CatalogueServer):
    """Entries may have any field of an item.

    Args:
        entries: in the order of relevance.
        key: the valid key.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]] = (), *, key: str = KEY) -> None:
        super().__init__(entries)
        self.key = key

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/record/v2/search.json", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        query = request.query
        given = request.headers.get("X-Api-Key") or query.get("wskey")
        if given != self.key:
            said = f"Invalid API key: {given}" if given else "No API key provided"
            return await self.send(request, refusal(401, said, given or ""))
        rows, token = whole_number(query, "rows", 12), query.get("cursor", "")
        if not query.get("query"):
            return await self.send(request, refusal(400, "Empty query parameter"))
        start = 0 if token == "*" else _start_of(token)
        if rows is None or rows > 100 or start is None:
            return await self.send(request, refusal(400, "Invalid value of rows or cursor"))
        found = self.found(query["query"])
        shown = [self._item(number, entry) for number, entry in found[start : start + rows]]
        answer: dict[str, Any] = {
            "apikey": given,
            "success": True,
            "requestNumber": 999,
            "itemsCount": len(shown),
            "totalResults": len(found),
            "items": shown,
        }
        if start + len(shown) < len(found):
            answer["nextCursor"] = base64.b64encode(f"AoE{start + len(shown)}".encode()).decode()
        return web.json_response(answer)

    def _item(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        ident = f"/123/item_{number}"
        fields = {key: value for key, value in entry.items() if key != "title"}
        return {
            "id": ident,
            "guid": f"https://www.europeana.eu/item{ident}?utm_source=api&utm_medium=api&utm_campaign={self.key}",
            "link": f"https://api.europeana.eu/record{ident}.json?wskey={self.key}",
            "type": "IMAGE",
            "title": [entry["title"]],
            "dcCreator": ["Example Person"],
            "edmIsShownBy": [f"http://127.0.0.1:{self.port}/files/{number}.jpg"],
            "edmIsShownAt": [f"https://museum.example.org/objects/{number}"],
            "edmPreview": [f"https://api.europeana.eu/thumbnail/v2/url.json?uri=x{number}&type=IMAGE"],
            "rights": ["http://creativecommons.org/publicdomain/mark/1.0/"],
            "dataProvider": ["Example Museum"],
            **fields,
        }


def _start_of(token: str) -> int | None:
    try:
        text = base64.b64decode(token, validate=True).decode()
    except ValueError:
        return None
    number = text.removeprefix("AoE")
    return int(number) if text.startswith("AoE") and number.isdigit() else None
