"""Internet Archive: the advanced search and the metadata of items."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number

_QUERY = re.compile(r"mediatype:image AND \((?P<words>[^()\"*?:]*)\)")


class InternetArchiveServer(CatalogueServer):
    """Entries may have `identifier`, `files`, `metadata`, `gone` (found, but withdrawn since), `dark`."""

    depth = 10_000

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/advancedsearch.php", self._search)
        app.router.add_route("*", "/metadata/{identifier}", self._metadata)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        query = request.query
        if query.get("output") != "json":
            return web.Response(text="<html>a web page</html>", content_type="text/html")
        page, rows = whole_number(query, "page", 1), whole_number(query, "rows", 50)
        wanted = _QUERY.fullmatch(query.get("q", ""))
        if not page or not rows or wanted is None:
            return web.json_response({"error": "[QUERY_PARSE_ERROR] the query cannot be read"}, status=200)
        if page * rows > self.depth:
            said = f"[RANGE_OUT_OF_BOUNDS] paging is only supported through {self.depth} results"
            return web.json_response({"error": said}, status=200)
        found = self.found(wanted["words"])
        docs = [
            {name: self._identifier(number) for name in query.getall("fl[]", ())}
            for number, _ in found[(page - 1) * rows : page * rows]
        ]
        return web.json_response(
            {
                "responseHeader": {"status": 0, "QTime": 7, "params": {"query": query["q"]}},
                "response": {"numFound": len(found), "start": (page - 1) * rows, "docs": docs},
            }
        )

    async def _metadata(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        numbers = [n for n in range(len(self.entries)) if self._identifier(n) == request.match_info["identifier"]]
        if not numbers or self.entries[numbers[0]].get("gone"):
            return web.json_response({})
        entry = self.entries[numbers[0]]
        if entry.get("dark"):
            return web.json_response({"created": 1700000000, "is_dark": True, "dir": "/1/items/x"})
        identifier = self._identifier(numbers[0])
        answer: dict[str, Any] = {
            "created": 1700000000,
            "server": "ia000000.us.archive.org",
            "dir": f"/1/items/{identifier}",
            "files": entry.get("files", [file(f"{identifier}.jpg"), file("__ia_thumb.jpg", format="Item Tile")]),
            "metadata": {
                "identifier": identifier,
                "mediatype": "image",
                "title": entry["title"],
                "creator": "Example Person",
                "licenseurl": "https://creativecommons.org/licenses/by-sa/4.0/",
                **entry.get("metadata", {}),
            },
        }
        return web.json_response(answer)

    def _identifier(self, number: int) -> str:
        return str(self.entries[number].get("identifier", f"example_item_{number}"))


def file(name: str, **fields: object) -> dict[str, object]:
    """One file of an item; numbers are written as texts."""
    return {"name": name, "source": "original", "format": "JPEG", "size": "123456", "md5": "0" * 32, **fields}
