"""Pexels' photo search: the bare key in a header, `next_page` while there is more, an hourly limit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

DEPTH = 8000
MOST_PER_PAGE = 80
LOCALE = re.compile(r"[a-z]{2}-[A-Z]{2}")


def refused(status: int, said: str) -> Reply:
    """The older form of an error."""
    return Reply.json({"error": said}, status)


def unauthorized() -> Reply:
    return Reply.json({"status": 401, "code": "Unauthorized"}, 401)


def throttled() -> Reply:
    """429 without any header that says when."""
    return refused(429, "Rate limit exceeded")


class PexelsServer(FakeServer):
    """Serves `pictures`: dicts with `id` and `alt`; other fields of a photo replace the defaults, `orientation` is what
    the filter looks at. A picture matches if `alt` holds all words of the query.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self._key = key

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v1/search", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.headers.get("Authorization") != self._key:
            return await self.send(request, unauthorized())
        problem = _refused(request.method, request.query)
        return await self.send(request, problem or self._page(request.query))

    def _page(self, query: Mapping[str, str]) -> Reply:
        page, size = int(query.get("page", 1)), int(query.get("per_page", 15))
        found = [picture for picture in self.pictures if _matches(picture, query)]
        shown = found[(page - 1) * size : page * size]
        answer = {
            "page": page,
            "per_page": size,
            "photos": [_photo(picture) for picture in shown],
            "total_results": min(len(found), DEPTH),
        }
        if page * size < len(found):
            answer["next_page"] = self.url(f"/v1/search/?{urlencode({**query, 'page': page + 1})}")
        headers = {"X-Ratelimit-Limit": "20000", "X-Ratelimit-Remaining": "19684", "X-Ratelimit-Reset": "1590529646"}
        return Reply.json(answer, 200, headers)


def _photo(picture: Mapping[str, Any]) -> dict[str, Any]:
    ident = picture["id"]
    original = f"https://images.pexels.com/photos/{ident}/pexels-photo-{ident}.jpeg"
    small = f"{original}?auto=compress&cs=tinysrgb"
    return {
        "width": 3024,
        "height": 4032,
        "url": f"https://www.pexels.com/photo/example-{ident}/",
        "photographer": "Example Person",
        "photographer_url": "https://www.pexels.com/@example",
        "photographer_id": 680589,
        "avg_color": "#978E82",
        "src": {
            "original": original,
            "large2x": f"{small}&dpr=2&h=650&w=940",
            "large": f"{small}&h=650&w=940",
            "medium": f"{small}&h=350",
            "tiny": f"{small}&dpr=1&fit=crop&h=200&w=280",
        },
        "liked": False,
        **{name: value for name, value in picture.items() if name != "orientation"},
    }


def _matches(picture: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    words = set(re.findall(r"\w+", str(picture["alt"]).casefold()))
    wanted = query.get("orientation")
    return set(re.findall(r"\w+", query["query"].casefold())) <= words and wanted in (None, picture.get("orientation"))


def _refused(method: str, query: Mapping[str, str]) -> Reply | None:
    if method != "GET":
        return refused(405, "Method not allowed")
    if not query.get("query"):
        return refused(400, "No query parameter specified")
    if "locale" in query and not LOCALE.fullmatch(query["locale"]):
        return refused(400, "Invalid locale")
    if query.get("orientation", "square") not in ("landscape", "portrait", "square"):
        return refused(400, "Invalid orientation")
    for name, most in (("page", 10**6), ("per_page", MOST_PER_PAGE)):
        if not re.fullmatch(r"\d+", query.get(name, "1")) or not 1 <= int(query.get(name, 1)) <= most:
            return refused(400, f"Invalid {name}")
    return None
