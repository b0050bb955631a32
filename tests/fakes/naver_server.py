"""NAVER API HUB's image search: the gateway with its errors, and the search behind it with its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

MAX_START = 1000
SORTS = ("sim", "date")
FILTERS = ("all", "large", "medium", "small")


def gateway_error(status: int, code: str, message: str, details: str = "") -> Reply:
    """An error of the gateway before the search."""
    return Reply.json({"error": {"errorCode": code, "message": message, "details": details}}, status)


def search_error(status: int, code: str, message: str) -> Reply:
    """An error of the search itself."""
    return Reply.json({"errorMessage": message, "errorCode": code}, status)


def quota_exceeded() -> Reply:
    return gateway_error(429, "400", "Quota Exceeded", "The daily quota has been exceeded.")


def too_fast() -> Reply:
    return gateway_error(429, "420", "Rate Limited", "Too many requests per second.")


class NaverServer(FakeServer):
    """Serves `pictures`: dicts with `title` and `link`, and optionally `thumbnail`, `sizewidth`, `sizeheight` (texts)
    and `size` (its class: large, medium, small). A picture matches if its title holds all words of `query`.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        client_id: str,
        client_secret: str,
    ) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self._credentials = (client_id, client_secret)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/search/v1/image", self._search)
        app.router.add_route("*", "/{rest:.*}", self._missing)

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        return await self.send(request, gateway_error(404, "300", "Not Found Exception", "URL not found."))

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        given = tuple(request.headers.get(f"X-NCP-APIGW-API-KEY{end}", "") for end in ("-ID", ""))
        if given != self._credentials:
            details = "Invalid authentication information." if all(given) else "Authentication information are missing."
            return await self.send(request, gateway_error(401, "200", "Authentication Failed", details))
        problem = _refused(request.method, request.query)
        return await self.send(request, problem or Reply.json(self._page(request.query)))

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        start, display = int(query.get("start", 1)), int(query.get("display", 10))
        size = query.get("filter", "all")
        found = [
            picture
            for picture in self.pictures
            if _matches(picture, query["query"]) and size in ("all", picture.get("size", "large"))
        ]
        shown = found[start - 1 : start - 1 + display]
        return {
            "lastBuildDate": "Thu, 08 Oct 2026 10:00:00 +0900",
            "total": len(found),
            "start": start,
            "display": len(shown),
            "items": [_item(picture, query["query"]) for picture in shown],
        }


def _item(picture: Mapping[str, Any], query: str) -> dict[str, Any]:
    title = str(picture["title"])
    for word in query.split():
        title = re.sub(re.escape(word), lambda found: f"<b>{found[0]}</b>", title, flags=re.IGNORECASE)
    proxy = f"https://search.pstatic.net/sunny/?type=b150&src={picture['link']}"
    given = {name: value for name, value in picture.items() if name != "size"}
    return {"thumbnail": proxy, "sizeheight": "800", "sizewidth": "1200", **given, "title": title}


def _matches(picture: Mapping[str, Any], text: str) -> bool:
    return set(text.casefold().split()) <= set(str(picture["title"]).casefold().split())


def _refused(method: str, query: Mapping[str, str]) -> Reply | None:
    if method != "GET":
        return gateway_error(400, "100", "Bad Request Exception", "The method is not allowed.")
    if not query.get("query"):
        return search_error(400, "SE01", "Incorrect query request (잘못된 쿼리요청입니다.)")
    for name, code, most in (("display", "SE02", 100), ("start", "SE03", MAX_START)):
        if not re.fullmatch(r"\d+", query.get(name, "1")) or not 1 <= int(query.get(name, 1)) <= most:
            return search_error(400, code, f"Invalid {name} value (부적절한 {name} 값입니다.)")
    if query.get("sort", "sim") not in SORTS:
        return search_error(400, "SE04", "Invalid sort value (부적절한 sort 값입니다.)")
    if query.get("filter", "all") not in FILTERS or query.get("format", "json") != "json":
        return search_error(400, "SE05", "Invalid parameter value")
    return None
