"""Smithsonian Open Access behind api.data.gov: key, hourly limit, error bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number
from tests.fakes.server import Reply

KEY = "aBcD0123456789aBcD0123456789aBcD01234567"
_QUERY = re.compile(r"\((?P<words>[^()\"*?:]*)\) AND online_media_type:Images AND media_usage:CC0")


def _error(status: int, code: str, message: str) -> Reply:
    return Reply.json({"error": {"code": code, "message": message}}, status)


def over_limit(*, retry_after: str | None = None) -> Reply:
    reply = _error(429, "OVER_RATE_LIMIT", "You have exceeded your rate limit. Try again later.")
    return reply if retry_after is None else Reply(429, reply.body, reply.content_type, {"Retry-After": retry_after})


class SmithsonianServer(CatalogueServer):
    """Entries may have `id`, `media` (a list), `content` (replacing all of it).

    Args:
        entries: in the order of relevance.
        key: the valid key.
        per_hour: requests before 429.
    """

    def __init__(
        self, entries: Sequence[Mapping[str, Any]] = (), *, key: str = KEY, per_hour: int | None = None
    ) -> None:
        super().__init__(entries)
        self.key = key
        self.per_hour = per_hour
        self._used = 0

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/openaccess/api/v1.0/search", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        given = request.headers.get("X-Api-Key") or request.query.get("api_key")
        if given is None:
            said = "No api_key was supplied. Get one at https://api.data.gov:443"
            return await self.send(request, _error(403, "API_KEY_MISSING", said))
        if given != self.key:
            said = "An invalid api_key was supplied. Get one at https://api.data.gov:443"
            return await self.send(request, _error(403, "API_KEY_INVALID", said))
        self._used += 1
        if self.per_hour is not None and self._used > self.per_hour:
            return await self.send(request, over_limit())
        start, rows = whole_number(request.query, "start", 0), whole_number(request.query, "rows", 10)
        wanted = _QUERY.fullmatch(request.query.get("q", ""))
        if start is None or rows is None or rows > 1000 or wanted is None:
            return web.json_response({"status": 400, "responseCode": 0, "response": {}}, status=400)
        found = self.found(wanted["words"])
        shown = [self._row(number, entry) for number, entry in found[start : start + rows]]
        answer = {
            "status": 200,
            "responseCode": 1,
            "response": {"rows": shown, "rowCount": len(found), "message": "content found"},
        }
        headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": str(1000 - self._used)}
        return web.json_response(answer, headers=headers)

    def _row(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        media = entry.get("media", [medium(f"NMNH-{number}")])
        content = {
            "descriptiveNonRepeating": {
                "title": {"label": "Title", "content": entry["title"]},
                "record_link": f"https://collections.si.edu/search/record/{number}",
                "metadata_usage": {"access": "CC0"},
                "online_media": {"mediaCount": len(media), "media": media},
            },
            "freetext": {"name": [{"label": "Collector", "content": "Example Person"}]},
            "indexedStructured": {},
        }
        return {
            "id": entry.get("id", f"edanmdm-nmnh_{number}"),
            "title": entry["title"],
            "unitCode": "NMNH",
            "type": "edanmdm",
            "url": f"edanmdm:nmnh_{number}",
            "content": entry.get("content", content),
        }


def medium(ident: str, **fields: object) -> dict[str, Any]:
    """One picture of a record."""
    address = f"https://ids.si.edu/ids/deliveryService?id={ident}"
    return {
        "content": address,
        "thumbnail": f"{address}&max=150",
        "idsId": ident,
        "guid": f"http://n2t.net/ark:/65665/{ident}",
        "type": "Images",
        "usage": {"access": "CC0"},
        "resources": [
            {"label": "High-resolution TIFF", "url": f"https://ids.si.edu/ids/download?id={ident}.tif"},
            {
                "label": "High-resolution JPEG",
                "url": f"https://ids.si.edu/x/{ident}.jpg",
                "width": 3000,
                "height": 2000,
            },
            {"label": "Screen Image", "url": f"https://ids.si.edu/x/{ident}_s.jpg", "width": 800, "height": 533},
        ],
        **fields,
    }
