"""Brave's image search as a client with a key meets it: one page, 422 for keys and parameters, windows of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply

_LANGUAGES = """
ar eu bn bg ca zh-hans zh-hant hr cs da nl en en-gb et fi fr gl de el gu he hi hu is it jp kn ko lv lt ms ml mr nb pl
pt-br pt-pt pa ro ru sr sk sl es sv ta te th tr uk vi
"""
_COUNTRIES = """
ALL AR AU AT BE BR CA CL CN DE DK ES FI FR GB GR HK ID IN IT JP KR MX MY NL NO NZ PH PL PT RU SA SE CH TR TW US ZA
"""
LANGUAGES = frozenset(_LANGUAGES.split())
COUNTRIES = frozenset(_COUNTRIES.split())


def error(
    status: int, code: str, detail: str, meta: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Reply:
    problem = {"id": "0a1b2c3d", "status": status, "detail": detail, "meta": dict(meta), "code": code}
    return Reply.json({"type": "ErrorResponse", "error": problem, "time": 1663072993}, status, headers)


def throttled(
    remaining: str = "0, 19000", reset: str = "1, 1200000", *, headers: bool = True, quota: int = 1000
) -> Reply:
    """429; `remaining` and `reset` are comma lists: this second, this month. `quota` of 20000 are used."""
    meta = {
        "plan": "Search",
        "rate_limit": 50,
        "rate_current": 51,
        "quota_limit": 20000,
        "quota_current": quota,
        "component": "rate_limiter",
    }
    said = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset} if headers else {}
    return error(429, "RATE_LIMITED", "Request rate limit exceeded for plan", meta, said)


def not_in_plan() -> Reply:
    return error(400, "OPTION_NOT_IN_PLAN", "The option is not available in the plan.", {})


class BraveServer(KeyedServer):
    """Pictures may have `url`, `width` and `height` (null if not given), and `bare` (no field but `type`).

    Args:
        per_second: most requests in any second; None for no limit.
    """

    def __init__(
        self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str = KEY, per_second: int | None = None
    ) -> None:
        super().__init__(pictures, key=key)
        self.per_second = per_second
        self._recent: list[float] = []

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/res/v1/images/search", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        problem = self._refusal(request)
        if problem is not None:
            return await self.send(request, problem)
        asked = request.query
        found = self.found(asked["q"])[: int(asked.get("count", 50))]
        page = {
            "type": "images",
            "query": {"original": asked["q"], "altered": None, "spellcheck_off": asked.get("spellcheck") == "false"},
            "results": [_result(picture) for picture in found],
            "extra": {"might_be_offensive": False},
        }
        return web.json_response(page, headers=self._windows())

    def _refusal(self, request: web.Request) -> Reply | None:
        if "X-Subscription-Token" not in request.headers:
            return _invalid("header", "x-subscription-token", "Field required")
        if request.headers["X-Subscription-Token"] != self.key:
            detail = "The provided subscription token is invalid."
            return error(422, "SUBSCRIPTION_TOKEN_INVALID", detail, {"component": "authentication"})
        now = time.monotonic()
        self._recent = [then for then in self._recent if now - then < 1.0]
        if self.per_second is not None and len(self._recent) >= self.per_second:
            return throttled()
        self._recent.append(now)
        asked = request.query
        text = asked.get("q", "")
        if not 1 <= len(text) <= 400 or len(text.split()) > 50:
            return _invalid("query", "q", "String should have at most 400 characters and 50 words")
        if not 1 <= int(asked.get("count", 50)) <= 200:
            return _invalid("query", "count", "Input should be less than or equal to 200")
        for name, known in (
            ("search_lang", LANGUAGES),
            ("country", COUNTRIES),
            ("safesearch", ("off", "strict")),
            ("spellcheck", ("true", "false", "0", "1")),
        ):
            if name in asked and asked[name] not in known:
                return _invalid("query", name, "Input should be one of the documented values")
        return None

    def _windows(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": "50, 20000",
            "X-RateLimit-Policy": "50;w=1, 20000;w=2592000",
            "X-RateLimit-Remaining": "49, 19000",
            "X-RateLimit-Reset": "1, 1200000",
        }


def _invalid(place: str, name: str, said: str) -> Reply:
    meta = {"errors": [{"type": "value_error", "loc": [place, name], "msg": said, "input": None}]}
    return error(422, "VALIDATION", "Unable to validate request parameter(s)", meta)


def _result(picture: Mapping[str, Any]) -> dict[str, Any]:
    if picture.get("bare"):
        return {"type": "image_result"}
    return {
        "type": "image_result",
        "title": picture["title"],
        "url": "https://www.example.org/dogs/beagle",
        "source": "example.org",
        "page_fetched": "2026-04-01T10:00:00Z",
        "thumbnail": {
            "src": "https://imgs.search.brave.com/AbC/rs:fit:500:0:1:0/g:ce/aHR0",
            "width": 500,
            "height": 333,
        },
        "properties": {
            "url": picture.get("url"),
            "placeholder": "https://imgs.search.brave.com/AbC",
            "width": picture.get("width"),
            "height": picture.get("height"),
        },
        "meta_url": {"scheme": "https", "netloc": "example.org", "hostname": "www.example.org", "path": "› dogs"},
        "confidence": "high",
    }
