"""Kakao's image search of Daum: key, limits of page and size, and both forms of its errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

MOST_PAGES = 50
MOST_SIZE = 80


def search_error(status: int, kind: str, message: str) -> Reply:
    """An error of the search."""
    return Reply.json({"errorType": kind, "message": message}, status)


def platform_error(status: int, code: int, message: str) -> Reply:
    """An error of the platform before the search; many that are no fault of the request have status 400."""
    return Reply.json({"msg": message, "code": code}, status)


def throttled() -> Reply:
    return search_error(429, "RequestThrottled", "API limit has been exceeded.")


class KakaoServer(FakeServer):
    """Serves `pictures`: dicts with `words` (searched, never shown) and `image_url`; other document fields replace the
    defaults.

    Args:
        pageable: most documents of one query that can be had.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str, pageable: int = 3998) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self.pageable = pageable
        self._key = key

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v2/search/image", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        problem = self._unauthorized(request.headers.get("Authorization", "")) or _refused(request)
        return await self.send(request, problem or Reply.json(self._page(request.query)))

    def _unauthorized(self, given: str) -> Reply | None:
        if not given:
            return search_error(401, "AccessDeniedError", "cannot find Authorization : KakaoAK header")
        if given != f"KakaoAK {self._key}":
            return search_error(401, "AccessDeniedError", f"wrong appKey({given.removeprefix('KakaoAK ')}) format")
        return None

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        page, size = int(query.get("page", 1)), int(query.get("size", MOST_SIZE))
        found = [picture for picture in self.pictures if _matches(picture, query["query"])]
        pageable = found[: self.pageable]
        return {
            "meta": {
                "total_count": len(found),
                "pageable_count": len(pageable),
                "is_end": page * size >= len(pageable),
            },
            "documents": [_document(picture) for picture in pageable[(page - 1) * size : page * size]],
        }


def _document(picture: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "collection": "blog",
        "thumbnail_url": "https://search1.kakaocdn.net/argon/130x130_85_c/Abc",
        "width": 1200,
        "height": 800,
        "display_sitename": "Example blog",
        "doc_url": "http://example.kr/post/1",
        "datetime": "2025-06-21T13:01:05.000+09:00",
        **{name: value for name, value in picture.items() if name != "words"},
    }


def _matches(picture: Mapping[str, Any], text: str) -> bool:
    return set(text.casefold().split()) <= set(str(picture["words"]).casefold().split())


def _refused(request: web.Request) -> Reply | None:
    query = request.query
    if request.method != "GET":
        return search_error(405, "MethodNotAllowed", "method not allowed")
    if not query.get("query"):
        return search_error(400, "MissingParameter", "query parameter required")
    if query.get("sort", "accuracy") not in ("accuracy", "recency"):
        return search_error(400, "InvalidArgument", "sort is not valid")
    for name, most in (("page", MOST_PAGES), ("size", MOST_SIZE)):
        if not re.fullmatch(r"\d+", query.get(name, "1")) or int(query.get(name, 1)) < 1:
            return search_error(400, "InvalidArgument", f"{name} is less than min")
        if int(query.get(name, 1)) > most:
            return search_error(400, "InvalidArgument", f"{name} is more than max")
    return None
