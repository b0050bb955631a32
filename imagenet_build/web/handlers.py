"""EDGE: what each path of the annotator answers. No path of a request reaches the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from time import perf_counter
from typing import Any, TypeVar

from aiohttp import web

from imagenet_build.errors import BuildError, DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage.places import run_name
from imagenet_build.verify.desk_options import NoPage
from imagenet_build.verify.run_pictures import CONTENT_TYPES, for_browser, read_picture
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.task_pages import INSTRUCTION, wikipedia_link
from imagenet_build.verify.vote_store import TaskPage
from imagenet_build.web.sessions import COOKIE, clean_name, cookie_of, is_own_host, may_join, name_of

GRID_PX = 480
SMALL_BYTES = 150_000
"""Pictures up to this size go to the grid as they are."""
_STATIC = {
    "": ("annotate.html", "text/html"),
    "annotate.js": ("annotate.js", "text/javascript"),
    "annotate.css": ("annotate.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGES_AT_HAND = 1000
_READERS = 2
"""More threads would only wait for each other."""
_SPEAKS = "X-Annotator"
"""A header that other sites cannot make a browser send."""
T = TypeVar("T")


class Handlers:
    """What each path answers."""

    def __init__(
        self,
        desk: Desk,
        thread: ThreadPoolExecutor,
        secret: str,
        run_id: str,
        names: tuple[str, ...],
        *,
        needs_token: bool,
    ) -> None:
        self._desk = desk
        self._thread = thread
        self._secret = secret
        self._run_id = run_id[:16]
        self._names = names
        self.needs_token = needs_token
        self.port = 0
        self._readers = ThreadPoolExecutor(_READERS, "pictures")
        self._places: dict[str, tuple[str, list[tuple[ShardRef, str]]]] = {}
        folder = resources.files("imagenet_build.web") / "static"
        self._files = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in _STATIC.items()}

    def close(self) -> None:
        """End the threads that read pictures."""
        self._readers.shutdown(wait=True)

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Refuse foreign names of this host and requests of other sites; turn errors into answers."""
        began = perf_counter()
        response = await self._answered(request, handler)
        response.headers.update(_HEADERS)
        response.headers["Server-Timing"] = f"app;dur={1000 * (perf_counter() - began):.1f}"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _answered(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not self.needs_token and not is_own_host(request.headers.get("Host"), self.port):
            return _error(403, "This server answers to this machine's own name only.")
        if request.method == "POST" and (_SPEAKS not in request.headers or request.content_type != "application/json"):
            return _error(403, "This is no request of the annotator's page.")
        try:
            response: web.StreamResponse = await handler(request)
        except DataError as error:
            return _error(409, str(error))
        except BuildError as error:
            return _error(500, str(error))
        except web.HTTPException as error:
            return _error(error.status, error.reason)
        return response

    async def static(self, request: web.Request) -> web.Response:
        """The page and its parts."""
        body, kind = self._files[request.match_info.get("file", "")]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})

    async def me(self, request: web.Request) -> web.Response:
        """Who the browser is, if it has joined."""
        name = self._name(request)
        return web.json_response(
            {
                "name": name,
                "names": [] if self.needs_token else self._names,
                "needs_token": self.needs_token,
                "run": self._run_id,
                "run_name": run_name(self._desk.layout.root),
                "instruction": INSTRUCTION,
            }
        )

    async def join(self, request: web.Request) -> web.Response:
        """Give a cookie to a name."""
        said = await _body(request)
        name = clean_name(said.get("name"))
        refused = may_join(self._secret, name, said.get("token"), self._names, needs_token=self.needs_token)
        if refused:
            return _error(403, refused)
        response = web.json_response({"name": name})
        response.set_cookie(
            COOKIE, cookie_of(self._secret, name), httponly=True, samesite="Strict", max_age=90 * 24 * 3600
        )
        return response

    async def page(self, request: web.Request) -> web.Response:
        """The next page."""
        worker = self._worker(request)
        have = set(request.query.get("have", "").split(","))
        return web.json_response(await self._at_desk(lambda: self._page_json(worker, have)))

    async def answers(self, request: web.Request) -> web.Response:
        """Take in a page's answers; they are on the disk when this answers."""
        worker = self._worker(request)
        said = await _body(request)
        submission, page, answers = _text(said, "submission"), _text(said, "page"), said.get("answers")
        if not isinstance(answers, list):
            raise web.HTTPBadRequest(reason="answers must be a list")
        spent = said.get("milliseconds")
        milliseconds = [_milliseconds(value) for value in spent] if isinstance(spent, list) else [None] * len(answers)
        is_new = await self._at_desk(lambda: self._desk.submit(submission, page, worker, answers, milliseconds))
        return web.json_response({"ok": True, "repeated": not is_new})

    async def undo(self, request: web.Request) -> web.Response:
        """Take back a page's answers."""
        worker = self._worker(request)
        said = await _body(request)
        submission, name = _text(said, "submission"), _text(said, "page")

        def undo() -> dict[str, Any]:
            page, answers = self._desk.undo(submission, name, worker)
            return {**self._shown(page), "answers": answers}

        return web.json_response(await self._at_desk(undo))

    async def small_picture(self, request: web.Request) -> web.Response:
        """A picture for the grid."""
        return await self._picture(request, GRID_PX)

    async def whole_picture(self, request: web.Request) -> web.Response:
        """The stored bytes, or a JPEG where browsers cannot show them."""
        return await self._picture(request, None)

    async def _picture(self, request: web.Request, longest_side_px: int | None) -> web.Response:
        worker = self._worker(request)
        page, position = request.match_info["page"], int(request.match_info["position"])
        place = self._places.get(page)
        if place is None:
            place = await self._at_desk(lambda: self._remember(page, worker))
        owner, pictures = place
        if owner != worker or position >= len(pictures):
            raise web.HTTPNotFound
        ref, kind = pictures[position]
        if ref.size <= SMALL_BYTES and kind in CONTENT_TYPES:
            longest_side_px = None

        def read() -> tuple[bytes, str]:
            return for_browser(read_picture(self._desk.layout, ref), kind, longest_side_px)

        data, content_type = await asyncio.get_running_loop().run_in_executor(self._readers, read)
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return web.Response(body=data, content_type=content_type, headers=headers)

    def _remember(self, page: str, worker: str) -> tuple[str, list[tuple[ShardRef, str]]]:
        """Keep at hand where the pictures of a page lie: many requests follow."""
        self._places[page] = (worker, self._desk.places(page, worker))
        if len(self._places) > _PAGES_AT_HAND:
            self._places.pop(next(iter(self._places)))
        return self._places[page]

    def _page_json(self, worker: str, have: set[str]) -> dict[str, Any]:
        page = self._desk.page_for(worker, have)
        if isinstance(page, NoPage):
            return {"page": None, "searching": page is NoPage.SEARCHING}
        self._remember(page.page, worker)
        return self._shown(page)

    def _shown(self, page: TaskPage) -> dict[str, Any]:
        text = self._desk.texts.get(page.wnid)
        name = text.name if text else page.wnid
        return {
            "page": page.page,
            "wnid": page.wnid,
            "name": name,
            "synonyms": list(text.synonyms) if text else [],
            "gloss": text.gloss if text else "",
            "parents": list(text.parents) if text else [],
            "wikipedia": wikipedia_link(name),
            "pictures": len(page.images),
            "progress": self._desk.progress(page.worker, page.wnid),
        }

    def _name(self, request: web.Request) -> str | None:
        name = name_of(self._secret, request.cookies.get(COOKIE))
        return name if not self._names or name in self._names else None

    def _worker(self, request: web.Request) -> str:
        name = self._name(request)
        if name is None:
            raise web.HTTPUnauthorized(reason="Please join first.")
        return name

    async def _at_desk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        said = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(reason="The body is no JSON.") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(reason="The body is no JSON object.")
    return said


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise web.HTTPBadRequest(reason=f"{name} must be a text of at most 100 characters")
    return value


def _milliseconds(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 1e10 else None
