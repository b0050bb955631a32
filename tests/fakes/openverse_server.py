"""Openverse's image search as an anonymous client meets it: parameters, limits, counters, error bodies."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

DEPTH = 240
LICENSES = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "nc-sampling+", "pdm", "sampling+")
CLOUDFLARE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
RENAMED = {"li": "license", "lt": "license_type", "pagesize": "page_size", "provider": "source"}


def throttled(seconds: int, *, header: bool = True) -> Reply:
    """429 as Openverse words it: one second is singular; `header` False leaves only the text."""
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    return Reply.json({"detail": detail}, 429, {"Retry-After": str(seconds)} if header else {})


def blocked() -> Reply:
    """403 of the gatekeeper before the service: a web page, not JSON."""
    return Reply.text(CLOUDFLARE, 403, kind="html")


def input_error(field: str, said: str) -> Reply:
    """400 in the form of the published documentation (the server's own is the other one)."""
    detail = f"Invalid input given for fields. '{field}' -> {said}"
    return Reply.json({"error": "InputError", "detail": detail, "fields": [field]}, 400)


class OpenverseServer(FakeServer):
    """Serves `pictures` (dicts with at least `title` and `url`; other result fields replace the defaults).

    A picture matches if its title holds all words of `q`. One with `dead: True` is filtered out unless
    `filter_dead=false`.

    Args:
        pictures: in the order of relevance.
        burst: most requests in any 60 seconds; None for no throttling.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        burst: int | None = None,
        hosts: tuple[str, ...] = ("127.0.0.1",),
    ) -> None:
        super().__init__(hosts)
        self.pictures = [dict(picture) for picture in pictures]
        self.burst = burst
        self._recent: list[float] = []

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v1/images/", self._search)
        app.router.add_route("*", "/v1/images", self._slash)
        app.router.add_route("*", "/v1/{rest:.*}", self._missing)

    async def _slash(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=301, headers={"Location": f"/v1/images/?{request.query_string}"})

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"detail": "Not found."}, status=404)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "GET":
            return web.json_response({"detail": f'Method "{request.method}" not allowed.'}, status=405)
        wait_s = self._wait_s()
        if wait_s:
            return await self.send(request, throttled(wait_s))
        problem = _invalid(request.query) or _too_much(request.query)
        if problem is not None:
            return await self.send(request, problem)
        return web.json_response(self._page(request.query), headers=self._limit_headers())

    def _wait_s(self) -> int:
        """Whole seconds until the burst limit lets the next request pass; 0 for now."""
        now = time.monotonic()
        self._recent = [then for then in self._recent if now - then < 60.0]
        if self.burst is not None and len(self._recent) >= self.burst:
            return max(1, math.ceil(60.0 - (now - self._recent[0])))
        self._recent.append(now)
        return 0

    def _limit_headers(self) -> dict[str, str]:
        if self.burst is None:
            return {}
        return {
            "X-RateLimit-Limit-anon_burst": f"{self.burst}/min",
            "X-RateLimit-Available-anon_burst": str(self.burst - len(self._recent)),
        }

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        found = [picture for picture in self.pictures if _matches(picture, query.get("q", "")[:200])][:DEPTH]
        count, pages = len(found), math.ceil(len(found) / size)
        shown = found[(page - 1) * size : page * size]
        if query.get("filter_dead", "true").lower() != "false":
            alive = [picture for picture in shown if not picture.get("dead")]
            if len(alive) < len(shown):  # a page cut short by dead links calls itself the last
                pages = page
            shown = alive
        if not shown:
            count = pages = 0
        return {
            "result_count": count,
            "page_count": pages,
            "page_size": size,
            "page": page,
            "results": [self._result(picture) for picture in shown],
        }

    def _result(self, picture: Mapping[str, Any]) -> dict[str, Any]:
        ident = str(uuid.uuid5(uuid.NAMESPACE_URL, str(picture.get("url"))))
        detail = f"{self.base_url}/v1/images/{ident}/"
        result = {
            "id": ident,
            "title": None,
            "indexed_on": "2024-03-11T08:15:30.123456Z",
            "foreign_landing_url": f"https://photos.example.org/{ident}",
            "url": None,
            "creator": "Example Person",
            "creator_url": "https://photos.example.org/people/1",
            "license": "by-sa",
            "license_version": "2.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
            "provider": "example",
            "source": "example",
            "category": None,
            "filesize": None,
            "filetype": None,
            "tags": [{"accuracy": None, "name": "example", "unstable__provider": "example"}],
            "attribution": None,
            "fields_matched": ["title"],
            "mature": False,
            "height": None,
            "width": None,
            "thumbnail": f"{detail}thumb/",
            "detail_url": detail,
            "related_url": f"{detail}related/",
            "unstable__sensitivity": [],
        }
        return {**result, **{key: value for key, value in picture.items() if key != "dead"}}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _matches(picture: Mapping[str, Any], text: str) -> bool:
    return _words(text) <= _words(str(picture.get("title") or ""))


def _invalid(query: Mapping[str, str]) -> Reply | None:
    """400 in the server's own form."""
    problems: dict[str, list[str]] = {}
    for old, new in RENAMED.items():
        if old in query:
            problems[old] = [f"Parameter '{old}' is now '{new}'."]
    for name in ("page", "page_size"):
        value = query.get(name, "1")
        if not re.fullmatch(r"-?\d+", value):
            problems[name] = ["A valid integer is required."]
        elif int(value) < 1:
            problems[name] = ["Ensure this value is greater than or equal to 1."]
    for code in filter(None, query.get("license", "").split(",")):
        if code not in LICENSES:
            problems.setdefault("license", []).append(f"License '{code}' does not exist.")
    if "source" in query and "excluded_source" in query:
        problems["non_field_errors"] = ["Cannot set both 'source' and 'excluded_source'. Use exactly one of these."]
    return Reply.json({"detail": problems}, 400) if problems else None


def _too_much(query: Mapping[str, str]) -> Reply | None:
    """401, which here means only that more was asked for than an anonymous client may have."""
    page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
    if size > 20:
        return Reply.json({"detail": "page_size may not exceed 20 for anonymous requests"}, 401)
    if page * size > DEPTH:
        return Reply.json({"detail": f"pagination depth may not exceed {DEPTH} for anonymous requests"}, 401)
    return None
