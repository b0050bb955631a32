"""The Met's collection API: ids without paging, then objects; a bot page for those who ask too fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, bot_page

FIRST_ID = 45734


class MetServer(CatalogueServer):
    """Entries may have `gone` (found, but no object any more). The object's id counts up from `FIRST_ID`.

    Args:
        entries: in the order of relevance.
        calls_before_block: then every call brings the bot page, until set to None.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]] = (), *, calls_before_block: int | None = None) -> None:
        super().__init__(entries)
        self.calls_before_block = calls_before_block
        self.answered = 0

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/public/collection/v1/search", self._search)
        app.router.add_route("*", "/public/collection/v1/objects/{id}", self._object)

    async def _blocked(self, request: web.Request) -> web.StreamResponse | None:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        self.answered += 1
        if self.calls_before_block is not None and self.answered > self.calls_before_block:
            return await self.send(request, bot_page())
        return None

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self._blocked(request)
        if refused is not None:
            return refused
        if not request.query.get("q"):
            return web.json_response({"message": "Must provide at least one search parameter"}, status=400)
        ids = [FIRST_ID + number for number, _ in self.found(request.query["q"])]
        return web.json_response({"total": len(ids), "objectIDs": ids or None})

    async def _object(self, request: web.Request) -> web.StreamResponse:
        refused = await self._blocked(request)
        if refused is not None:
            return refused
        ident = request.match_info["id"]
        number = int(ident) - FIRST_ID if ident.isdigit() else -1
        if not 0 <= number < len(self.entries) or self.entries[number].get("gone"):
            return web.json_response({"message": "ObjectID not found"}, status=404)
        images = f"{self.base_url}/CRDImages/as"
        answer = {
            "objectID": int(ident),
            "isHighlight": False,
            "accessionNumber": f"36.100.{number}",
            "isPublicDomain": True,
            "primaryImage": f"{images}/original/DP{number:06}.jpg",
            "primaryImageSmall": f"{images}/web-large/DP{number:06}.jpg",
            "additionalImages": [],
            "department": "Asian Art",
            "objectName": "Hanging scroll",
            "artistDisplayName": "Example Person",
            "objectDate": "1667",
            "medium": "Ink on silk",
            "rightsAndReproduction": "",
            "objectURL": f"https://www.metmuseum.org/art/collection/search/{ident}",
            "objectWikidata_URL": "",
            "tags": None,
            **self.entries[number],
        }
        return web.json_response(answer)
