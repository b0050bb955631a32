"""NASA's Image and Video Library: the search, with its depth limit and error bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number

KNOWN = frozenset({"q", "media_type", "page", "page_size", "year_start", "year_end"})


class NasaServer(CatalogueServer):
    """Entries may have `nasa_id`, `year`, `links` and other fields of `data`.

    Args of the constructor as in the base; `depth` may be lowered to test the limit with few entries.
    """

    depth = 10_000

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/search", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        query = request.query
        unknown = sorted(set(query) - KNOWN)
        page, size = whole_number(query, "page", 1), whole_number(query, "page_size", 100)
        if unknown or not page or not size:
            return web.json_response({"reason": f"Invalid parameter: {', '.join(unknown)}"}, status=400)
        if page * size > self.depth:
            reason = "Maximum number of search results have been displayed. Please refine your search."
            return web.json_response({"reason": reason}, status=400)
        first_year, last_year = int(query.get("year_start", 0)), int(query.get("year_end", 9999))
        found = [
            (number, entry)
            for number, entry in self.found(query.get("q", ""))
            if first_year <= int(entry.get("year", 2001)) <= last_year
        ]
        links = []
        if page * size < len(found):
            following = urlencode({**query, "page": page + 1})
            links = [{"rel": "next", "prompt": "Next", "href": f"http://images-api.nasa.gov/search?{following}"}]
        collection: dict[str, Any] = {
            "version": "1.1",
            "href": f"http://images-api.nasa.gov/search?{request.query_string}",
            "items": [self._item(number, entry) for number, entry in found[(page - 1) * size : page * size]],
            "metadata": {"total_hits": len(found)},
        }
        if links:
            collection["links"] = links
        return web.json_response({"collection": collection})

    def _item(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        fields = {key: value for key, value in entry.items() if key not in ("links", "year")}
        nasa_id = str(entry.get("nasa_id", f"PIA{number:05}"))
        thumb = f"{self.base_url}/image/{nasa_id}/{nasa_id}~thumb.jpg"
        preview = {"href": thumb, "rel": "preview", "render": "image", "width": 640, "height": 480, "size": 43210}
        return {
            "href": f"{self.base_url}/image/{nasa_id}/collection.json",
            "data": [
                {
                    "nasa_id": nasa_id,
                    "description": "A picture",
                    "date_created": f"{entry.get('year', 2001)}-01-01T00:00:00Z",
                    "center": "JPL",
                    "keywords": ["example"],
                    "media_type": "image",
                    **fields,
                }
            ],
            "links": entry.get("links", [preview]),
        }
