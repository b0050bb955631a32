"""Yandex Search API v2, images: a JSON body in, base64 of XML out, errors of gRPC and errors inside the XML."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

DEPTH = 250
SEARCH_TYPES = {f"SEARCH_TYPE_{name}" for name in ("RU", "TR", "COM", "KK", "BE", "UZ")}
SIZES = {f"IMAGE_SIZE_{name}" for name in ("ENORMOUS", "LARGE", "MEDIUM", "SMALL", "TINY", "WALLPAPER")}
ORIENTATIONS = {f"IMAGE_ORIENTATION_{name}" for name in ("VERTICAL", "HORIZONTAL", "SQUARE")}
FIELDS = {"query", "imageSpec", "site", "docsOnPage", "folderId", "userAgent"}


def grpc_error(status: int, code: int, message: str) -> Reply:
    """An error of the service's gateway."""
    return Reply.json({"code": code, "message": message, "details": []}, status)


def xml_answer(response: str, prolog: str = '<?xml version="1.0" encoding="utf-8"?>') -> Reply:
    """A 200 with this inside `<response>`."""
    xml = f'{prolog}\n<yandexsearch version="1.0"><response date="20260414T091102">{response}</response></yandexsearch>'
    return Reply.json({"rawData": base64.b64encode(xml.encode()).decode()})


def search_error(code: int, text: str = "An example of an error") -> Reply:
    """A failed search: an error element inside a 200."""
    return xml_answer(f'<error code="{code}">\n{escape(text)}</error>')


class YandexServer(FakeServer):
    """Serves `pictures`: dicts with `words` (searched, never shown), and of `id`, `url`, `image_link`, `html_link`,
    `thumb`, `width`, `height` those that the answer shall hold; `size` and `orientation` are the classes it falls in.

    `bodies` keeps what was posted.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str, folder_id: str) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self.bodies: list[dict[str, Any]] = []
        self._key = key
        self._folder_id = folder_id

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v2/image/search", self._search)
        app.router.add_route("*", "/{rest:.*}", self._missing)

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        return await self.send(request, grpc_error(404, 5, "Not Found"))

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "POST":
            return await self.send(request, grpc_error(501, 12, "Method Not Allowed"))
        given = request.headers.get("Authorization", "")
        if given != f"Api-Key {self._key}":
            what = f"Unknown api key '{given.removeprefix('Api-Key ')}'" if given else "Authorization is not provided"
            return await self.send(request, grpc_error(401, 16, what))
        try:
            body = json.loads(await request.read())
        except ValueError:
            return await self.send(request, grpc_error(400, 3, "invalid JSON"))
        self.bodies.append(body)
        problem = self._refused(request.content_type, body)
        return await self.send(request, problem or self._answer(body))

    def _refused(self, content_type: str, body: dict[str, Any]) -> Reply | None:
        if content_type != "application/json" or not set(body) <= FIELDS:
            return grpc_error(400, 3, "unknown field or content type")
        if not body.get("folderId"):
            return grpc_error(400, 3, "folder ID must be specified")
        if body["folderId"] != self._folder_id:
            return grpc_error(403, 7, "Permission denied")
        query, spec = body.get("query", {}), body.get("imageSpec", {})
        numbers = (query.get("page", "0"), body.get("docsOnPage", "20"))
        if not all(isinstance(number, str) and number.isdigit() for number in numbers):
            return grpc_error(400, 3, "int64 must be a string of digits")  # stricter than protobuf's JSON
        if not 1 <= int(numbers[1]) <= 60 or query.get("searchType") not in SEARCH_TYPES:
            return grpc_error(400, 3, "docsOnPage or searchType is out of range")
        if not 1 <= len(query.get("queryText", "")) <= 400:
            return grpc_error(400, 3, "queryText: the length must be in the range [1, 400]")
        if spec.get("size", "IMAGE_SIZE_TINY") not in SIZES:
            return grpc_error(400, 3, "unknown size")
        if spec.get("orientation", "IMAGE_ORIENTATION_SQUARE") not in ORIENTATIONS:
            return grpc_error(400, 3, "unknown orientation")
        return None

    def _answer(self, body: dict[str, Any]) -> Reply:
        query, spec = body["query"], body.get("imageSpec", {})
        page, size = int(query.get("page", "0")), int(body.get("docsOnPage", "20"))
        if "//" in query["queryText"]:
            return search_error(1)
        if page * size >= 1000:
            return search_error(18)
        found = [
            (number, picture)
            for number, picture in enumerate(self.pictures)
            if set(query["queryText"].casefold().split()) <= set(str(picture["words"]).casefold().split())
            and all(picture.get(name) == value for name, value in spec.items())
        ]
        shown = found[:DEPTH][page * size : (page + 1) * size]
        if not shown:
            return search_error(15, "For this query nothing was found")
        groups = "".join(f"<group><doccount>1</doccount>{_document(number, it)}</group>" for number, it in shown)
        return xml_answer(
            f'<reqid>1-2-BAL</reqid><found priority="all">{len(found)}</found><results>'
            f'<grouping attr="ii" mode="deep" groups-on-page="{size}" docs-in-group="1" curcateg="-1">'
            f'<page first="{page * size + 1}" last="{page * size + len(shown)}">{page}</page>{groups}'
            f'<found priority="all">{len(found)}</found></grouping></results>'
        )


def _document(number: int, picture: Mapping[str, Any]) -> str:
    def element(name: str, key: str) -> str:
        return f"<{name}>{escape(str(picture[key]))}</{name}>" if picture.get(key) is not None else ""

    properties = "".join(
        (
            element("thumbnail-link", "thumb"),
            element("original-width", "width"),
            element("original-height", "height"),
            element("html-link", "html_link"),
            element("image-link", "image_link"),
            "<file-size>57435</file-size><mime-type>jpg</mime-type>",
        )
    )
    ident = picture.get("id", f"Z{number:016X}")
    attribute = f" id={quoteattr(ident)}" if ident else ""
    return (
        f"<doc{attribute}>{element('url', 'url')}<image-properties>{properties}</image-properties>"
        "<mime-type>text/html</mime-type></doc>"
    )
