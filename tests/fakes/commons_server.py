"""Wikimedia Commons as a polite client meets it: file search of the Action API, and the media files behind it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import web

from tests.fakes.pictures import photo
from tests.fakes.server import FakeServer, Reply

MOST_RESULTS = 10_000
MOST_THUMBS = 50
STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
UNIDENTIFIED = "Please set a user-agent and respect our robot policy https://w.wiki/4wJS. See also T400119.\n"
WRONG_WIDTH = (
    "Use thumbnail steps listed on https://w.wiki/GHai. "
    "Please contact noc@wikimedia.org for further information (example)"
)
TOO_MANY = "Too many requests. Please respect the robot policy https://w.wiki/4wJS (example)\n"
_AGENT = re.compile(r"[^\s/]+/\S+ \([^)]*(?:https?://|[^\s@]+@[^\s@]+\.)[^)]*\).*")
_DEPICTS = re.compile(r"(?<!\S)haswbstatement:P180=(Q\d+(?:\|P180=Q\d+)*)(?!\S)")
_LIBRARIES = ("python-requests/", "python-httpx/", "aiohttp/", "Python/", "curl/")


def api_error(code: str, info: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error of the API: status 200, the code in the body and in a header."""
    docref = "See https://commons.wikimedia.org/w/api.php for API usage."
    data = {"error": {"code": code, "info": info, "docref": docref}, "servedby": "mw-api-ext.example-12345"}
    return Reply.json(data, 200, {"MediaWiki-API-Error": code, **(headers or {})})


def lagged(seconds: int = 5) -> Reply:
    """`maxlag` was exceeded."""
    info = f"Waiting for 10.0.0.1: {seconds + 2} seconds lagged."
    return api_error("maxlag", info, {"Retry-After": str(seconds), "X-Database-Lag": str(seconds + 2)})


def throttled(seconds: int = 20) -> Reply:
    """429 of the servers before the API: text, not JSON."""
    return Reply.text(TOO_MANY, 429, {"Retry-After": str(seconds)})


def unidentified() -> Reply:
    return Reply.text(UNIDENTIFIED, 403)


def identified(request: web.Request) -> bool:
    """Whether a request says who runs the client, as the User-Agent policy of all Wikimedia hosts asks."""
    agent = request.headers.get("User-Agent", "")
    return _AGENT.fullmatch(agent) is not None and not agent.startswith(_LIBRARIES)


class CommonsServer(FakeServer):
    """Serves `pictures`: dicts with `title` (without `File:`), and optionally `text` (more searchable words), `width`,
    `height`, `mime`, `body` (bytes of the original), `extmetadata`, `info` (other imageinfo fields), `gone` (deleted
    between search and answer), `hidden` (suppressed file).

    Args:
        pictures: in the order of relevance.
        infos_per_answer: imageinfo blocks in one answer; the rest of a batch comes by `iicontinue`.
        extra_answer: end every batch with an answer that holds no imageinfo at all, as when another module goes on.
        thumb_host: address of thumbnails, if not this server's first (Commons is moving them).
        originals_left: originals served before 429; None for no limit.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        infos_per_answer: int = MOST_THUMBS,
        extra_answer: bool = False,
        thumb_host: str | None = None,
        originals_left: int | None = None,
        hosts: tuple[str, ...] = ("127.0.0.1",),
    ) -> None:
        super().__init__(hosts)
        self.pictures = [dict(picture) for picture in pictures]
        self.infos_per_answer = infos_per_answer
        self.extra_answer = extra_answer
        self.thumb_host = thumb_host
        self.originals_left = originals_left

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/w/api.php", self._api)
        app.router.add_get("/wikipedia/commons/thumb/{h}/{hh}/{name}/{tail}", self._thumb)
        app.router.add_get("/wikipedia/commons/{h}/{hh}/{name}", self._original)

    # the API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if not identified(request):
            return await self.send(request, unidentified())
        query = dict(request.query) if request.method == "GET" else {**request.query, **await request.post()}
        problem = _refused(query)
        if problem is not None:
            return await self.send(request, problem)
        return web.json_response(self._answer({name: str(value) for name, value in query.items()}))

    def _answer(self, query: Mapping[str, str]) -> dict[str, Any]:
        offset = int(query.get("gsroffset", 0))
        limit = min(int(query.get("gsrlimit", 10)), 500, MOST_RESULTS - offset)
        found = [picture for picture in self.pictures if _matches(picture, query["gsrsearch"])]
        batch = found[offset : offset + limit]
        if not batch:
            return {"batchcomplete": True}
        have_info = [picture for picture in batch if not picture.get("gone")]
        names = [_name(picture) for picture in have_info]
        first = names.index(query["iicontinue"].split("|")[0]) if "iicontinue" in query else 0
        told = have_info[first : first + self.infos_per_answer]
        is_extra = "excontinue" in query
        pages = [
            self._page(picture, offset + place + 1, query, with_info=not is_extra and picture in told)
            for place, picture in enumerate(batch)
        ]
        pages.sort(key=lambda page: page.get("pageid", 0))  # as the real one: by page id, never by rank
        answer: dict[str, Any] = {}
        go_on = self._continue(names, first, offset, limit, len(found), is_extra=is_extra)
        if "iicontinue" not in go_on and "excontinue" not in go_on:
            answer["batchcomplete"] = True
        if go_on:
            answer["continue"] = go_on
        return {**answer, "query": {"pages": pages}}

    def _continue(
        self, names: list[str], first: int, offset: int, limit: int, total: int, *, is_extra: bool
    ) -> dict[str, Any]:
        here = {"gsroffset": offset} if offset else {}
        module = "gsroffset" if offset else ""
        after = first + self.infos_per_answer
        if not is_extra and after < len(names):
            return {"iicontinue": f"{names[after]}|20200101000000", **here, "continue": f"{module}||"}
        if not is_extra and self.extra_answer:
            return {"excontinue": 1, **here, "continue": f"{module}||imageinfo"}
        if offset + limit < min(total, MOST_RESULTS + 1):
            return {"gsroffset": offset + limit, "continue": "gsroffset||"}
        return {}

    def _page(
        self, picture: Mapping[str, Any], index: int, query: Mapping[str, str], *, with_info: bool
    ) -> dict[str, Any]:
        name = _name(picture)
        title = f"File:{name.replace('_', ' ')}"
        if picture.get("gone"):
            return {"ns": 6, "title": title, "missing": True, "index": index}
        # Some order that has nothing to do with the rank.
        pageid = 10_000_000 + int(hashlib.md5(name.encode()).hexdigest()[:6], 16)
        page = {"pageid": pageid, "ns": 6, "title": title, "index": index, "imagerepository": "local"}
        return {**page, "imageinfo": [self._info(picture, query)]} if with_info else page

    def _info(self, picture: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        if picture.get("hidden"):
            return {"filehidden": True, "size": 0, "width": 0, "height": 0}
        name, path = _name(picture), _path(picture)
        width, height = picture.get("width", 1600), picture.get("height", 1200)
        info: dict[str, Any] = {"size": 2_345_678, "width": width, "height": height}
        wanted = next((step for step in STEPS if step >= int(query.get("iiurlwidth", 0))), STEPS[-1])
        tracked = "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content="
        if "iiurlwidth" in query:
            thumb = self.url(f"/wikipedia/commons/thumb/{path}/{wanted}px-{quote(name)}", self.thumb_host)
            original = self.url(f"/wikipedia/commons/{path}")
            info["thumburl"] = f"{thumb}{tracked}thumbnail" if wanted < width else f"{original}{tracked}thumbnail"
            info["thumbwidth"] = min(int(query["iiurlwidth"]), width)  # as asked, not as given
            info["thumbheight"] = info["thumbwidth"] * height // width
        info["url"] = self.url(f"/wikipedia/commons/{path}") + f"{tracked}original"
        info["descriptionurl"] = f"https://commons.wikimedia.org/wiki/File:{quote(name)}"
        info["descriptionshorturl"] = "https://commons.wikimedia.org/w/index.php?curid=1"
        info["sha1"] = hashlib.sha1(name.encode()).hexdigest()
        info["mime"] = picture.get("mime", "image/jpeg")
        metadata = picture.get("extmetadata", _extmetadata(name))
        wanted_keys = query.get("iiextmetadatafilter", "").split("|")
        if isinstance(metadata, dict):
            metadata = {key: value for key, value in metadata.items() if key in wanted_keys}
        return {**info, "extmetadata": metadata or [], **picture.get("info", {})}

    # the files

    async def _original(self, request: web.Request) -> web.StreamResponse:
        picture = self._file(request)
        if picture is None:
            return web.Response(status=404, text="File not found")
        if self.originals_left is not None:
            if self.originals_left <= 0:
                text = "Too many requests for originals. Please use the standard thumbnail sizes, https://w.wiki/GHai"
                return await self.send(request, Reply.text(text, 429, {"Retry-After": "600"}))
            self.originals_left -= 1
        return web.Response(body=self._body(picture), content_type=picture.get("mime", "image/jpeg"))

    async def _thumb(self, request: web.Request) -> web.StreamResponse:
        picture = self._file(request)
        found = re.match(r"(\d+)px-", request.match_info["tail"])
        if picture is None or not found:
            return web.Response(status=404, text="File not found")
        width = int(found[1])
        if width not in STEPS:
            return web.Response(status=400, text=WRONG_WIDTH)
        own_width, own_height = picture.get("width", 1600), picture.get("height", 1200)
        return web.Response(
            body=photo(self._seed(picture), width, width * own_height // own_width), content_type="image/jpeg"
        )

    def _file(self, request: web.Request) -> dict[str, Any] | None:
        name = unquote(request.match_info["name"])
        found = next((picture for picture in self.pictures if _name(picture) == name), None)
        ok = found is not None and _path(found).split("/")[:2] == [request.match_info["h"], request.match_info["hh"]]
        return found if ok else None

    def _body(self, picture: Mapping[str, Any]) -> bytes:
        body = picture.get("body")
        return (
            body
            if body is not None
            else photo(self._seed(picture), picture.get("width", 1600), picture.get("height", 1200))
        )

    def _seed(self, picture: Mapping[str, Any]) -> int:
        return int(hashlib.md5(_name(picture).encode()).hexdigest()[:8], 16)


def _refused(query: Mapping[str, Any]) -> Reply | None:
    if query.get("action") != "query" or query.get("format") != "json" or query.get("formatversion") != "2":
        return api_error("badvalue", "This fake speaks action=query, format=json, formatversion=2 only.")
    if query.get("generator") != "search" or query.get("gsrnamespace") != "6":
        return api_error("badvalue", "This fake speaks generator=search in namespace 6 only.")
    text = str(query.get("gsrsearch", ""))
    if not text.strip():
        return api_error("missingparam", 'The "gsrsearch" parameter must be set.')
    if len(text) > 300:
        info = f"Search request is longer than the maximum allowed length. (Actual: {len(text)}; allowed: 300)"
        return api_error("cirrussearch-query-too-long", info)
    offset = int(query.get("gsroffset", 0))
    if offset >= MOST_RESULTS:
        info = f"Up to {MOST_RESULTS} search results are supported, but results starting at {offset} were requested."
        return api_error("cirrussearch-offset-too-large", f"Could not retrieve results. {info}")
    return None


def _name(picture: Mapping[str, Any]) -> str:
    return str(picture["title"]).replace(" ", "_")


def _path(picture: Mapping[str, Any]) -> str:
    name = _name(picture)
    digest = hashlib.md5(name.encode()).hexdigest()
    return f"{digest[0]}/{digest[:2]}/{quote(name)}"


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _matches(picture: Mapping[str, Any], search: str) -> bool:
    """All plain words, and the two operators that matter here."""
    plain = " ".join(word for word in search.split() if ":" not in word)
    is_bitmap = picture.get("mime", "image/jpeg") in (
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/tiff",
    )
    if "filetype:bitmap" in search and not is_bitmap:
        return False
    wanted = [item for found in _DEPICTS.findall(search) for item in found.split("|P180=")]
    if "haswbstatement:" in search and not set(wanted) & set(picture.get("depicts", ())):
        return False
    return words_of(plain) <= words_of(f"{picture['title']} {picture.get('text', '')}")


def _extmetadata(name: str) -> dict[str, dict[str, Any]]:
    values = {
        "ObjectName": name.rpartition(".")[0].replace("_", " "),
        "ImageDescription": "<p>An <b>example</b></p>",
        "Artist": '<a href="//commons.wikimedia.org/wiki/User:ExampleUser" title="User:ExampleUser">ExampleUser</a>',
        "License": "cc-by-sa-4.0",
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "Restrictions": "",
    }
    return {key: {"value": value, "source": "commons-desc-page"} for key, value in values.items()}
