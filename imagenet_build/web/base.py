"""EDGE: what every page server of this program keeps to: who is answered, with which headers, and how errors end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from time import perf_counter
from typing import Any

import orjson
from aiohttp import web

from imagenet_build.errors import BuildError, DataError
from imagenet_build.web.sessions import is_own_host

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOREVER: Mapping[str, str] = {"Cache-Control": "private, max-age=86400, immutable"}
"""For what never changes under its address: pictures."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css"}


class Guard:
    """Stands before all paths of a server."""

    def __init__(self, speaks: str, *, needs_token: bool) -> None:
        """`speaks`: a header that only the server's own page sends: other sites cannot make a browser send it."""
        self._speaks = speaks
        self.needs_token = needs_token
        self.port = 0
        """Known once the server listens."""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse foreign names of this host and requests of other sites; turn errors into answers."""
        began = perf_counter()
        response = await self._answered(request, handler)
        response.headers.update(HEADERS)
        response.headers["Server-Timing"] = f"app;dur={1000 * (perf_counter() - began):.1f}"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self.needs_token and not is_own_host(request.headers.get("Host"), self.port):
            return error_answer(403, "This server answers to this machine's own name only.")
        if request.method == "POST" and (self._speaks not in request.headers or not _is_json(request)):
            return error_answer(403, "This is no request of the server's own page.")
        try:
            return await handler(request)
        except DataError as error:
            return error_answer(409, str(error))
        except BuildError as error:
            return error_answer(500, str(error))
        except web.HTTPException as error:
            return error_answer(error.status, error.reason)


class StaticFiles:
    """The pages, scripts and styles of `static/`, by fixed names: no path of a request reaches the disk."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: path of a request without its slash -> file."""
        folder = resources.files("imagenet_build.web") / "static"
        self._files = {
            path: ((folder / name).read_bytes(), _KINDS[name.rpartition(".")[2]]) for path, name in names.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """A route for each file."""
        return [web.get(f"/{path}", self._answer) for path in self._files]

    async def _answer(self, request: web.Request) -> web.Response:
        body, kind = self._files[request.path.removeprefix("/")]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})


def error_answer(status: int, text: str) -> web.Response:
    """An error as the pages read it."""
    return json_answer({"error": text}, status)


def json_answer(said: Any, status: int = 200) -> web.Response:
    """An answer in JSON; numpy's numbers and arrays are taken too."""
    body = orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY)
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The object that a request holds; raises HTTPBadRequest if it holds none."""
    try:
        said = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(reason="The body is no JSON.") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(reason="The body is no JSON object.")
    return said


def _is_json(request: web.Request) -> bool:
    return request.content_type == "application/json"
