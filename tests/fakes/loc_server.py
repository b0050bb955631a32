"""Library of Congress: the search of photos; no result is a 404, too many requests bring a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer, whole_number
from tests.fakes.server import Reply

DEPTH = 100_000
CAPTCHA = "<html><body><h1>Please solve this CAPTCHA to go on</h1></body></html>"


def blocked() -> Reply:
    return Reply.text("<html><body>429 Too Many Requests</body></html>", 429, kind="html")


def captcha() -> Reply:
    return Reply.text(CAPTCHA, kind="html")


class LocServer(CatalogueServer):
    """Entries may have `image_url`, `item` and other fields of a result."""

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/photos/", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        query = request.query
        if query.get("fo") != "json":
            return web.Response(text="<html>a web page</html>", content_type="text/html")
        page, size = whole_number(query, "sp", 1), whole_number(query, "c", 40)
        if not page or not size:
            return web.json_response({"status": 400}, status=400)
        found = self.found(query.get("q", ""))
        first = (page - 1) * size
        shown = found[first : first + size]
        if not shown or page * size > DEPTH:
            return web.json_response({"status": 404, "message": "Not Found"}, status=404)
        following = first + size < len(found)
        next_url = f"https://www.loc.gov/photos/?{urlencode({**query, 'sp': page + 1})}" if following else None
        answer = {
            "pagination": {
                "current": page,
                "from": first + 1,
                "to": first + len(shown),
                "of": len(found),
                "perpage": size,
                "total": -(-len(found) // size),
                "next": next_url,
                "previous": None,
            },
            "results": [self._result(number, entry) for number, entry in shown],
        }
        wanted = query.get("at", "").split(",")
        return web.json_response({key: value for key, value in answer.items() if key in wanted})

    def _result(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        ident = f"{2000000 + number}"
        place = f"//127.0.0.1:{self.port}/storage-services/service/pnp/cph/3f0{number}"
        return {
            "id": f"http://www.loc.gov/item/{ident}/",
            "url": f"https://www.loc.gov/item/{ident}/",
            "date": "1900",
            "contributor": ["example person"],
            "original_format": ["photo, print, drawing"],
            "image_url": [f"{place}_150px.jpg#h=150&w=100", f"{place}v.jpg#h=1024&w=680"],
            "item": {"rights_information": "No known restrictions on publication."},
            **entry,
        }
