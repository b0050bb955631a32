"""flickr.photos.search as a client with a key meets it: numbers as texts, the silent end at 4000, errors with 200."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply

SIZES = {"sq": 75, "s": 240, "n": 320, "m": 500, "z": 640, "c": 800, "l": 1024, "h": 1600, "k": 2048}
SUFFIXES = {"sq": "_s", "s": "_m", "n": "_n", "m": "", "z": "_z", "c": "_c", "l": "_b", "h": "_h", "k": "_k", "o": "_o"}


def throttled() -> Reply:
    """429 is a web page, without Retry-After."""
    page = "<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests.\n</body></html>"
    return Reply.text(page, 429, kind="html")


def failed(code: int, message: str) -> Reply:
    return Reply.json({"stat": "fail", "code": code, "message": message})


class FlickrServer(KeyedServer):
    """Pictures may have `license` (a number), `uploaded` (seconds since 1970), `side` (longest side of the original,
    pixels) and `original` (whether it may be downloaded).

    Args:
        depth: results that one search shows.
        beyond: what pages after them hold.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        key: str = KEY,
        depth: int = 4000,
        beyond: Literal["repeat", "empty"] = "repeat",
    ) -> None:
        super().__init__(pictures, key=key)
        self.depth = depth
        self.beyond = beyond
        for number, picture in enumerate(self.pictures):
            picture.setdefault("number", number)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/services/rest/", self._rest)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        asked = request.query
        if asked.get("format") != "json":
            return web.Response(text='<?xml version="1.0"?><rsp stat="ok"/>', content_type="text/xml")
        answer = self._answer(asked)
        if asked.get("nojsoncallback") != "1":
            return web.Response(text=f"jsonFlickrApi({json.dumps(answer)})", content_type="text/javascript")
        return web.json_response(answer)

    def _answer(self, asked: Mapping[str, str]) -> dict[str, Any]:
        if asked.get("api_key") != self.key:
            return _fail(100, "Invalid API Key (Key has invalid format)")
        if asked.get("method") != "flickr.photos.search":
            return _fail(112, f'Method "{asked.get("method")}" not found')
        if not asked.get("text") and not asked.get("tags"):
            return _fail(3, "Parameterless searches have been disabled. Please use flickr.photos.getRecent instead.")
        found = [picture for picture in self.found(asked.get("text", "")) if _passes(picture, asked)]
        size = min(500, int(asked.get("per_page", 100)))
        page = max(1, int(asked.get("page", 1)))
        start = (page - 1) * size
        if start >= self.depth:
            start = self.depth - size if self.beyond == "repeat" else len(found)
        extras = set(asked.get("extras", "").split(","))
        photos = [_photo(picture, extras) for picture in found[start : min(start + size, self.depth)]]
        total: int | str = len(found) if page % 2 else str(len(found))
        pages = math.ceil(len(found) / size)
        return {
            "photos": {"page": page, "pages": pages, "perpage": size, "total": total, "photo": photos},
            "stat": "ok",
        }


def _fail(code: int, message: str) -> dict[str, Any]:
    return {"stat": "fail", "code": code, "message": message}


def _passes(picture: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    licenses = asked.get("license", "")
    if licenses and str(picture.get("license", 4)) not in licenses.split(","):
        return False
    uploaded = int(picture.get("uploaded", 1581319011))
    return int(asked.get("min_upload_date", uploaded)) <= uploaded <= int(asked.get("max_upload_date", uploaded))


def _photo(picture: Mapping[str, Any], extras: set[str]) -> dict[str, Any]:
    """Only the extras that were asked for; every other photo writes its numbers as texts."""
    number, side = int(picture["number"]), int(picture.get("side", 4000))
    ident = str(50_000_000_000 + number)

    def wobbly(value: int) -> int | str:
        return str(value) if number % 2 else value

    photo: dict[str, Any] = {
        "id": ident,
        "owner": "99999999@N00",
        "secret": "0a1b2c3d4e",
        "server": "65535",
        "farm": 66,
        "title": picture["title"],
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
    }
    if "license" in extras:
        photo["license"] = wobbly(int(picture.get("license", 4)))
    if "owner_name" in extras:
        photo["ownername"] = "Example Person"
    sizes = {size: pixels for size, pixels in SIZES.items() if pixels <= side}
    if picture.get("original", False):
        sizes["o"] = side
    for size, pixels in sizes.items():
        if f"url_{size}" in extras:
            photo[f"url_{size}"] = f"https://live.staticflickr.com/65535/{ident}_0a1b2c3d4e{SUFFIXES[size]}.jpg"
            photo[f"width_{size}"] = wobbly(pixels)
            photo[f"height_{size}"] = wobbly(pixels * 3 // 4)
    return photo
