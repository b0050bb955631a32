"""Cleveland Museum of Art: the search of artworks; numbers are written as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number


class ClevelandServer(CatalogueServer):
    """Entries may have any field of an artwork; `share_license_status` and `images` decide what the filters let by."""

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/artworks/", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        limit, skip = whole_number(request.query, "limit", 100), whole_number(request.query, "skip", 0)
        if limit is None or skip is None or limit > 1000:
            return web.json_response({"error": "limit and skip must be numbers"}, status=400)
        found = [self._artwork(number, entry) for number, entry in self.found(request.query.get("q", ""))]
        if "cc0" in request.query:
            found = [artwork for artwork in found if artwork["share_license_status"] == "CC0"]
        if request.query.get("has_image") == "1":
            found = [artwork for artwork in found if artwork["images"] is not None]
        fields = request.query.get("fields", "").split(",")
        data = [
            {key: value for key, value in artwork.items() if fields == [""] or key in fields}
            for artwork in found[skip : skip + limit]
        ]
        return web.json_response({"info": {"total": len(found), "parameters": dict(request.query)}, "data": data})

    def _artwork(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        def file(name: str, width: int, height: int) -> dict[str, str]:
            return {
                "filename": name,
                "filesize": "222248",
                "width": str(width),
                "height": str(height),
                "url": f"{self.base_url}/1916.{number}/{name}",
            }

        return {
            "id": 96000 + number,
            "accession_number": f"1916.{number}",
            "share_license_status": "CC0",
            "type": "Sculpture",
            "url": f"https://clevelandart.org/art/1916.{number}",
            "creators": [{"id": 1, "description": "Example Person (American, 1850-1920)", "role": "artist"}],
            "images": {
                "web": file(f"{number}_web.jpg", 641, 900),
                "print": file(f"{number}_print.jpg", 2422, 3400),
                "full": file(f"{number}_full.tif", 3091, 4339),
            },
            **entry,
        }
