"""Serper's image search as a client with a key meets it: POST only, credits, an empty page at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply


def error(status: int, message: str) -> Reply:
    return Reply.json({"message": message, "statusCode": status}, status)


class SerperServer(KeyedServer):
    """Pictures may have `url`, `width` and `height`.

    Args:
        credit: searches left; None for no limit.
        repeats: show the first page again instead of an empty one.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        key: str = KEY,
        credit: int | None = None,
        repeats: bool = False,
    ) -> None:
        super().__init__(pictures, key=key)
        self.credit = credit
        self.repeats = repeats

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/images", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "POST":
            return await self.send(request, error(404, "Not found"))
        if request.headers.get("X-API-KEY") != self.key:
            return await self.send(request, error(403, "Unauthorized."))
        asked = await self.json_body(request)
        if asked is None or not asked.get("q") or not 1 <= asked.get("num", 10) <= 100 or asked.get("page", 1) < 1:
            return await self.send(request, error(400, "Invalid parameters"))
        if self.credit is not None:
            if self.credit < 1:
                return await self.send(request, error(400, "Not enough credits"))
            self.credit -= 1
        found, num = self.found(asked["q"]), asked.get("num", 10)
        start = (asked.get("page", 1) - 1) * num
        if self.repeats and start >= len(found):
            start = 0
        shown = found[start : start + num]
        return web.json_response(
            {
                "searchParameters": {**asked, "type": "images", "engine": "google"},
                "images": [_image(picture, place) for place, picture in enumerate(shown, start=1)],
                "credits": 1,
            }
        )


def _image(picture: Mapping[str, Any], place: int) -> dict[str, Any]:
    return {
        "title": picture["title"],
        "imageUrl": picture.get("url"),
        "imageWidth": picture.get("width", 1600),
        "imageHeight": picture.get("height", 1066),
        "thumbnailUrl": "https://encrypted-tbn0.gstatic.com/images?q=tbn:example",
        "thumbnailWidth": 275,
        "thumbnailHeight": 183,
        "source": "Example",
        "domain": "www.example.org",
        "link": "https://www.example.org/dogs/beagle",
        "googleUrl": "https://www.google.com/imgres?imgurl=example",
        "position": place,
    }
