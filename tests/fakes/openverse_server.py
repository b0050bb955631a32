"""Openverse's image search and its accounts: parameters, limits, tokens, counters, error bodies."""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

DEPTH = 240
LICENSES = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "nc-sampling+", "pdm", "sampling+")
CLOUDFLARE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
FILTERS = {
    "size": ("small", "medium", "large"),
    "aspect_ratio": ("square", "tall", "wide"),
    "extension": None,
}
"""Filters of comma-separated values, and the values allowed; a picture without the field matches none."""
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

    A picture matches if its title holds all words of `q`, and `license`, `size`, `aspect_ratio`, `extension` are what
    the filters ask for. One with `dead: True` is filtered out unless `filter_dead=false`.

    Args:
        pictures: in the order of relevance.
        burst: most requests in any 60 seconds; None for no throttling.
        clients: id -> secret of clients whose address is confirmed.
    """

    token_life_s = 36000

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        burst: int | None = None,
        hosts: tuple[str, ...] = ("127.0.0.1",),
        clients: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(hosts)
        self.clients = dict(clients or {})
        self.unverified: set[str] = set()
        """Ids of the clients whose address is not confirmed: their limits are those of anonymous use."""
        self.names: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        """Token -> id of its client; tokens taken out are taken for none."""
        self.pictures = [dict(picture) for picture in pictures]
        self.burst = burst
        self._recent: list[float] = []

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v1/images/", self._search)
        app.router.add_route("*", "/v1/images", self._slash)
        app.router.add_route("*", "/v1/auth_tokens/register/", self._register)
        app.router.add_route("*", "/v1/auth_tokens/token/", self._token)
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
        client = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        problem = _invalid(request.query) or _too_much(request.query, signed_in=client is not None)
        headers = self._limit_headers(anonymous=client is None or client in self.unverified)
        if problem is not None:
            return await self.send(request, Reply(problem.status, problem.body, problem.content_type, headers))
        return web.json_response(self._page(request.query), headers=headers)

    async def _register(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        try:
            given = json.loads(await request.read())
        except ValueError:
            return web.json_response({"detail": "JSON parse error"}, status=400)
        problems = {
            name: ["This field is required."] for name in ("name", "description", "email") if not given.get(name)
        }
        if given.get("name") in self.names:
            problems["name"] = ["o auth2 registration with this name already exists."]
        if "@" not in str(given.get("email", "@")):
            problems["email"] = ["Enter a valid email address."]
        if request.method != "POST" or request.content_type != "application/json" or problems:
            return web.json_response(problems, status=400 if problems else 405)
        ident, secret = f"client-{len(self.clients)}", uuid.uuid4().hex
        self.clients[ident], self.names[given["name"]] = secret, ident
        self.unverified.add(ident)
        return web.json_response({"name": given["name"], "client_id": ident, "client_secret": secret}, status=201)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "POST":
            return web.json_response({"error": "invalid_request"}, status=405)
        is_form = request.content_type == "application/x-www-form-urlencoded"
        form = await request.post() if is_form else {}
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        ident = str(form.get("client_id", ""))
        if ident not in self.clients or self.clients[ident] != form.get("client_secret"):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"token-{uuid.uuid4().hex}"
        self.tokens[token] = ident
        answer = {
            "access_token": token,
            "expires_in": self.token_life_s,
            "token_type": "Bearer",
            "scope": "read write groups",
        }
        return web.json_response(answer)

    def _wait_s(self) -> int:
        """Whole seconds until the burst limit lets the next request pass; 0 for now."""
        now = time.monotonic()
        self._recent = [then for then in self._recent if now - then < 60.0]
        if self.burst is not None and len(self._recent) >= self.burst:
            return max(1, math.ceil(60.0 - (now - self._recent[0])))
        self._recent.append(now)
        return 0

    def _limit_headers(self, *, anonymous: bool) -> dict[str, str]:
        scope = "anon_burst" if anonymous else "oauth2_client_credentials_burst"
        limit = self.burst if self.burst is not None else (20 if anonymous else 100)
        return {
            f"X-RateLimit-Limit-{scope}": f"{limit}/min",
            f"X-RateLimit-Available-{scope}": str(max(0, limit - len(self._recent))),
        }

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        found = [picture for picture in self.pictures if _matches(picture, query)][:DEPTH]
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
        hidden = {"dead", *FILTERS}
        return {**result, **{key: value for key, value in picture.items() if key not in hidden}}


@lru_cache(maxsize=1 << 14)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _matches(picture: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if "license" in query and picture.get("license", "by-sa") not in query["license"].split(","):
        return False
    if any(name in query and picture.get(name) not in query[name].split(",") for name in FILTERS):
        return False
    return _words(query.get("q", "")[:200]) <= _words(str(picture.get("title") or ""))


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
    for name, allowed in FILTERS.items():
        for value in filter(None, query.get(name, "").split(",")):
            if allowed is not None and value not in allowed:
                problems.setdefault(name, []).append(f"Invalid value: '{value}'.")
    if "source" in query and "excluded_source" in query:
        problems["non_field_errors"] = ["Cannot set both 'source' and 'excluded_source'. Use exactly one of these."]
    return Reply.json({"detail": problems}, 400) if problems else None


def _too_much(query: Mapping[str, str], *, signed_in: bool) -> Reply | None:
    """401, which here means only that more was asked for than this client may have."""
    page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
    who, largest = ("authenticated", 50) if signed_in else ("anonymous", 20)
    if size > largest:
        return Reply.json({"detail": f"page_size may not exceed {largest} for {who} requests"}, 401)
    if page * size > DEPTH:
        return Reply.json({"detail": f"pagination depth may not exceed {DEPTH} for {who} requests"}, 401)
    return None
