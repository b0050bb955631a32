"""Unsplash's photo search: key and version in headers, an hourly limit that is refused with 403."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

MOST_PER_PAGE = 30


def refused(status: int, *said: str) -> Reply:
    return Reply.json({"errors": list(said)}, status)


def throttled() -> Reply:
    """403, as text, with the counter at zero."""
    return Reply.text("Rate Limit Exceeded", 403, {"X-Ratelimit-Limit": "50", "X-Ratelimit-Remaining": "0"})


class UnsplashServer(FakeServer):
    """Serves `pictures`: dicts with `id` and `alt_description`; other fields of a photo replace the defaults. A picture
    matches if `alt_description` holds all words of the query.

    Args:
        left: requests left in this hour.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str, left: int = 50) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self.left = left
        self._key = key

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/search/photos", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.headers.get("Authorization") != f"Client-ID {self._key}":
            return await self.send(request, refused(401, "OAuth error: The access token is invalid"))
        if self.left <= 0:
            return await self.send(request, throttled())
        self.left -= 1
        problem = _refused(request)
        return await self.send(request, problem or self._page(request.query))

    def _page(self, query: Mapping[str, str]) -> Reply:
        page, size = int(query.get("page", 1)), int(query.get("per_page", 10))
        found = [picture for picture in self.pictures if _matches(picture, query["query"])]
        answer = {
            "total": len(found),
            "total_pages": math.ceil(len(found) / size),
            "results": [_photo(picture) for picture in found[(page - 1) * size : page * size]],
        }
        headers = {"X-Ratelimit-Limit": "50", "X-Ratelimit-Remaining": str(self.left), "X-Total": str(len(found))}
        return Reply.json(answer, 200, headers)


def _photo(picture: Mapping[str, Any]) -> dict[str, Any]:
    ident = picture["id"]
    base = f"https://images.unsplash.com/photo-1416339306562-{ident}?ixid=M3wxMjA3&ixlib=rb-4.1.0"
    return {
        "created_at": "2024-11-18T14:35:36Z",
        "updated_at": "2025-01-01T00:00:00Z",
        "promoted_at": None,
        "width": 4000,
        "height": 3000,
        "color": "#A7A2A1",
        "blur_hash": "LaLXMa9Fx[D%~q%MtQM|kDRjtRIU",
        "description": None,
        "urls": {
            "raw": base,
            "full": f"{base}&q=85&fm=jpg&crop=entropy&cs=srgb",
            "regular": f"{base}&q=80&fm=jpg&crop=entropy&cs=tinysrgb&w=1080&fit=max",
            "small": f"{base}&q=80&fm=jpg&crop=entropy&cs=tinysrgb&w=400&fit=max",
            "thumb": f"{base}&q=80&fm=jpg&crop=entropy&cs=tinysrgb&w=200&fit=max",
        },
        "links": {
            "self": f"https://api.unsplash.com/photos/{ident}",
            "html": f"https://unsplash.com/photos/{ident}",
            "download": f"https://unsplash.com/photos/{ident}/download",
            "download_location": f"https://api.unsplash.com/photos/{ident}/download?ixid=M3wxMjA3",
        },
        "user": {
            "id": "Ul0QVz12Goo",
            "username": "example",
            "name": "Example Person",
            "links": {"html": "https://unsplash.com/@example"},
        },
        **picture,
    }


def _matches(picture: Mapping[str, Any], text: str) -> bool:
    words = set(re.findall(r"\w+", str(picture["alt_description"]).casefold()))
    return set(re.findall(r"\w+", text.casefold())) <= words


def _refused(request: web.Request) -> Reply | None:
    query = request.query
    if request.method != "GET":
        return refused(405, "Method not allowed")
    if request.headers.get("Accept-Version") != "v1":
        return refused(400, "The version of the API must be named")
    if not query.get("query"):
        return refused(400, "query is missing")
    if not re.fullmatch(r"[a-z]{2,3}", query.get("lang", "en")):
        return refused(400, "lang is invalid")
    for name, most in (("page", 10**6), ("per_page", MOST_PER_PAGE)):
        if not re.fullmatch(r"\d+", query.get(name, "1")) or not 1 <= int(query.get(name, 1)) <= most:
            return refused(400, f"{name} is invalid")
    return None
