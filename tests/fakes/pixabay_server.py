"""Pixabay's image API: errors in plain text, the key as a parameter, 500 pictures per query at most."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

DEPTH = 500
LANGUAGES = frozenset(
    re.findall("[a-z]+", "cs da de en es fr id it hu nl no pl pt ro sk fi sv tr vi th bg ru el ja ko zh"),
)
CHOICES = {
    "lang": LANGUAGES,
    "image_type": {"all", "photo", "illustration", "vector"},
    "orientation": {"all", "horizontal", "vertical"},
}


def error(text: str, status: int = 400) -> Reply:
    return Reply.text(f"[ERROR {status}] {text}", status)


def no_such_page() -> Reply:
    return error('"page" is out of valid range.')


def throttled(seconds: int | None = None) -> Reply:
    """429; the header says in how many seconds the window ends."""
    headers = {} if seconds is None else {"X-RateLimit-Reset": str(seconds), "X-RateLimit-Remaining": "0"}
    return Reply.text("API rate limit exceeded", 429, headers)


class PixabayServer(FakeServer):
    """Serves `pictures`: dicts with `id` and `tags`; other fields of a hit replace the defaults, `image_type` and
    `orientation` are what the filters look at. A picture matches if its tags hold all words of `q`.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self._key = key

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/", self._search)
        app.router.add_route("*", "/api", self._slash)

    async def _slash(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=301, headers={"Location": f"/api/?{request.query_string}"})

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.query.get("key") != self._key:
            return await self.send(request, error("Invalid or missing API key (https://pixabay.com/api/docs/)."))
        problem = _refused(request.method, request.query)
        return await self.send(request, problem or self._page(request.query))

    def _page(self, query: Mapping[str, str]) -> Reply:
        page, size = int(query.get("page", 1)), int(query.get("per_page", 20))
        found = [picture for picture in self.pictures if _matches(picture, query)]
        reachable = found[:DEPTH]
        if page > max(1, math.ceil(len(reachable) / size)):
            return no_such_page()
        shown = reachable[(page - 1) * size : page * size]
        answer = {"total": len(found), "totalHits": len(reachable), "hits": [_hit(picture) for picture in shown]}
        return Reply.json(answer, 200, {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99"})


def _hit(picture: Mapping[str, Any]) -> dict[str, Any]:
    ident = picture["id"]
    return {
        "pageURL": f"https://pixabay.com/photos/example-{ident}/",
        "type": "photo",
        "previewURL": f"https://cdn.pixabay.com/photo/2013/10/15/09/12/example-{ident}_150.jpg",
        "previewWidth": 150,
        "previewHeight": 84,
        "webformatURL": f"https://pixabay.com/get/g{ident}_640.jpg",
        "webformatWidth": 640,
        "webformatHeight": 360,
        "largeImageURL": f"https://pixabay.com/get/g{ident}_1280.jpg",
        "imageWidth": 4000,
        "imageHeight": 2250,
        "imageSize": 4731420,
        "user_id": 48777,
        "user": "Example",
        **{name: value for name, value in picture.items() if name not in ("image_type", "orientation")},
    }


def _matches(picture: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    words = set(re.findall(r"\w+", str(picture["tags"]).casefold()))
    return set(re.findall(r"\w+", query.get("q", "").casefold())) <= words and all(
        query.get(name, "all") in ("all", picture.get(name)) for name in ("image_type", "orientation")
    )


def _refused(method: str, query: Mapping[str, str]) -> Reply | None:
    if method != "GET":
        return Reply.text("Method not allowed", 405)
    if len(query.get("q", "")) > 100:
        return error('"q" is too long.')
    for name, choices in CHOICES.items():
        if name in query and query[name] not in choices:
            return error(f'"{name}" is invalid.')
    for name, least, most in (("page", 1, 10**6), ("per_page", 3, 200)):
        if not re.fullmatch(r"\d+", query.get(name, "3")) or not least <= int(query.get(name, 3)) <= most:
            return error(f'"{name}" is out of valid range.')
    return None
