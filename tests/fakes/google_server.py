"""Google's Custom Search JSON API as a client with a key meets it: totals as texts, nothing beyond 100."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply

CX = "0123456789abcdef0"
DEPTH = 100
CHOICES = {
    "searchType": ("image",),
    "safe": ("active", "off"),
    "imgSize": ("huge", "icon", "large", "medium", "small", "xlarge", "xxlarge"),
    "imgColorType": ("color", "gray", "mono", "trans"),
}


def error(code: int, status: str, reason: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    entries = [{"message": message, "domain": "global", "reason": reason}]
    problem = {"code": code, "message": message, "errors": entries, "status": status}
    return Reply.json({"error": problem}, code, headers)


def no_access() -> Reply:
    """What projects get that did not use the service before it was closed."""
    message = "This project does not have the access to Custom Search JSON API."
    return error(403, "PERMISSION_DENIED", "forbidden", message)


def out_of_quota(window: str = "day", headers: Mapping[str, str] | None = None) -> Reply:
    message = (
        f"Quota exceeded for quota metric 'Queries' and limit 'Queries per {window}' of service "
        "'customsearch.googleapis.com' for consumer 'project_number:1'."
    )
    return error(429, "RESOURCE_EXHAUSTED", "rateLimitExceeded", message, headers)


class GoogleServer(KeyedServer):
    """Pictures may have `url`, `width`, `height`, `size` (default `large`) and `color` (default `color`)."""

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str = KEY, cx: str = CX) -> None:
        super().__init__(pictures, key=key)
        self.cx = cx

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/customsearch/v1", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        asked = request.query
        problem = self._refusal(asked)
        if problem is not None:
            return await self.send(request, problem)
        found = [
            picture
            for picture in self.found(asked["q"])
            if picture.get("size", "large") == asked.get("imgSize", picture.get("size", "large"))
            and picture.get("color", "color") == asked.get("imgColorType", picture.get("color", "color"))
        ]
        return web.json_response(_page(found, asked["q"], int(asked.get("start", 1)), int(asked.get("num", 10))))

    def _refusal(self, asked: Mapping[str, str]) -> Reply | None:
        if "key" not in asked:
            return error(403, "PERMISSION_DENIED", "forbidden", "The request is missing a valid API key.")
        if asked["key"] != self.key:
            return error(400, "INVALID_ARGUMENT", "badRequest", "API key not valid. Please pass a valid API key.")
        start, num = int(asked.get("start", 1)), int(asked.get("num", 10))
        is_valid = (
            asked.get("cx") == self.cx
            and bool(asked.get("q"))
            and 1 <= num <= 10
            and start >= 1
            and start + num - 1 <= DEPTH
            and all(asked.get(name, known[0]) in known for name, known in CHOICES.items())
            and asked.get("lr", "lang_").startswith("lang_")
        )
        message = "Request contains an invalid argument."
        return None if is_valid else error(400, "INVALID_ARGUMENT", "badRequest", message)


def _page(found: Sequence[Mapping[str, Any]], text: str, start: int, num: int) -> dict[str, Any]:
    shown = found[start - 1 : start - 1 + num]

    def described(begin: int) -> list[dict[str, Any]]:
        return [{"totalResults": str(len(found)), "searchTerms": text, "count": num, "startIndex": begin}]

    queries = {"request": described(start)}
    if len(found) > start - 1 + num:
        queries["nextPage"] = described(start + num)
    page: dict[str, Any] = {
        "kind": "customsearch#search",
        "url": {"type": "application/json", "template": "https://www.googleapis.com/customsearch/v1?q={searchTerms}"},
        "queries": queries,
        "context": {"title": "Example engine"},
        "searchInformation": {"searchTime": 0.31, "formattedSearchTime": "0.31", "totalResults": str(len(found))},
    }
    if shown:
        page["items"] = [_item(picture) for picture in shown]
    return page


def _item(picture: Mapping[str, Any]) -> dict[str, Any]:
    image = {
        "contextLink": "https://www.example.org/dogs/beagle",
        "height": picture.get("height", 1066),
        "width": picture.get("width", 1600),
        "byteSize": 345678,
        "thumbnailLink": "https://encrypted-tbn0.gstatic.com/images?q=tbn:example",
        "thumbnailHeight": 100,
        "thumbnailWidth": 150,
    }
    return {
        "kind": "customsearch#result",
        "title": picture["title"],
        "htmlTitle": f"<b>{picture['title']}</b>",
        "link": picture.get("url"),
        "displayLink": "www.example.org",
        "mime": "image/jpeg",
        "fileFormat": "image/jpeg",
        "image": image,
    }
