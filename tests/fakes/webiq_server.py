"""Microsoft Web IQ's image search as a client with a key meets it: POST only, no unknown field, 30 pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply

CHOICES = {
    "aspectRatio": ("square", "wide", "tall"),
    "color": ("coloronly", "monochrome"),
    "safeSearch": ("off", "strict"),
    "imageSize": ("small", "medium", "large", "extralarge"),
}
BOUNDS = ("minWidth", "maxWidth", "minHeight", "maxHeight")
FIELDS = frozenset({"query", "maxResults", "language", "region", "watermarkFree", *CHOICES, *BOUNDS})


def error(status: int, code: str, message: str, retry_after: str | None = None) -> Reply:
    said: dict[str, str] = {
        "errorCode": code,
        "userMessage": message,
        "requestId": "0a1b",
        "traceId": "0123456789abcdef",
    }
    if retry_after is not None:
        said["retryAfter"] = retry_after
    return Reply.json(said, status, {"x-traceid": "0123456789abcdef"})


class WebIqServer(KeyedServer):
    """Pictures may have `url`, `width` and `height`.

    Args:
        empty: how an answer without pictures looks.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        key: str = KEY,
        empty: Literal["missing", "null", "list"] = "list",
    ) -> None:
        super().__init__(pictures, key=key)
        self.empty = empty

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v3/search/images", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "POST":
            return await self.send(request, error(405, "MethodNotAllowed", "Use POST."))
        if request.headers.get("x-apikey") != self.key:
            return await self.send(request, error(401, "Unauthorized", "The API key is missing or wrong."))
        if request.content_type != "application/json":
            return await self.send(request, error(415, "UnsupportedMediaType", "Send JSON."))
        asked = await self.json_body(request)
        problem = "not an object" if asked is None else _problem(asked)
        if asked is None or problem:
            return await self.send(request, error(400, "BadRequest", problem))
        page: dict[str, Any] = {"traceId": "0123456789abcdef"}
        found = [picture for picture in self.found(asked["query"]) if _passes(picture, asked)]
        results = [_result(picture) for picture in found[: asked.get("maxResults", 30)]]
        if results or self.empty == "list":
            page["imageResults"] = results
        elif self.empty == "null":
            page["imageResults"] = None
        return web.json_response(page, headers={"x-traceid": "0123456789abcdef"})


def _problem(asked: Mapping[str, Any]) -> str:
    unknown = sorted(asked.keys() - FIELDS)
    if unknown:
        return f"unknown field {unknown[0]}"
    if not isinstance(asked.get("query"), str) or not 1 <= len(asked["query"]) <= 1000:
        return "query must have 1 to 1000 characters"
    if not 1 <= asked.get("maxResults", 30) <= 30:
        return "maxResults must be 1 to 30"
    for name in ("language", "region"):
        if len(asked.get(name, "en")) != 2:
            return f"{name} must have two letters"
    for name, known in CHOICES.items():
        if str(asked.get(name, known[0])).lower() not in known:
            return f"{name} must be one of {known}"
    for name in BOUNDS:
        bound = asked.get(name, 1)
        if not isinstance(bound, int) or bound < 1:
            return f"{name} must be a number of at least 1"
    return ""


def _passes(picture: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Bounds are inclusive; a picture without a size passes only where none is asked for."""
    for side in ("Width", "Height"):
        pixels = picture.get(side.lower())
        low, high = asked.get(f"min{side}"), asked.get(f"max{side}")
        if pixels is None:
            if low is not None or high is not None:
                return False
        elif not (low or 1) <= pixels <= (high or pixels):
            return False
    return True


def _result(picture: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": picture["title"],
        "url": picture.get("url"),
        "hostPageUrl": "https://www.example.org/dogs/beagle",
        "caption": "A beagle sitting in grass",
        "width": picture.get("width"),
        "height": picture.get("height"),
        "thumbnailUrl": "https://th.bing.com/th?id=OIP.abcdef&pid=Api",
        "lastUpdatedAt": "2026-03-02T00:00:00Z",
        "isAdult": False,
    }
