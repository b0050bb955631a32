"""EDGE: what each path of the annotator answers. No path of a request reaches the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from imagenet_build.records import ShardRef
from imagenet_build.storage.places import run_name
from imagenet_build.verify.desk_options import NoPage
from imagenet_build.verify.run_pictures import CONTENT_TYPES, for_browser, read_picture
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.task_pages import INSTRUCTION, wikipedia_link
from imagenet_build.verify.vote_store import TaskPage
from imagenet_build.web.base import FOREVER, Guard, StaticFiles, error_answer, json_answer, json_body
from imagenet_build.web.sessions import COOKIE, clean_name, cookie_of, may_join, name_of

GRID_PX = 480
SMALL_BYTES = 150_000
"""Pictures up to this size go to the grid as they are."""
_STATIC = {
    "": "annotate.html",
    "annotate.js": "annotate.js",
    "annotate_grid.js": "annotate_grid.js",
    "annotate_sending.js": "annotate_sending.js",
    "annotate.css": "annotate.css",
    "base.css": "base.css",
}
_PAGES_AT_HAND = 1000
_READERS = 2
"""More threads would only wait for each other."""
_SPEAKS = "X-Annotator"
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
        self.guard = Guard(_SPEAKS, needs_token=needs_token)
        self._readers = ThreadPoolExecutor(_READERS, "pictures")
        self._places: dict[str, tuple[str, list[tuple[ShardRef, str]]]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Every path."""
        picture = "/pictures/{page:[A-Za-z0-9_-]{1,64}}/{position:[0-9]{1,4}}"
        return [
            *StaticFiles(_STATIC).routes(),
            web.get("/api/me", self.me),
            web.post("/api/join", self.join),
            web.get("/api/page", self.page),
            web.post("/api/answers", self.answers),
            web.post("/api/undo", self.undo),
            web.get(picture, self.small_picture),
            web.get(f"{picture}/whole", self.whole_picture),
        ]

    def close(self) -> None:
        """End the threads that read pictures."""
        self._readers.shutdown(wait=True)

    async def me(self, request: web.Request) -> web.Response:
        """Who the browser is, if it has joined."""
        name = self._name(request)
        return json_answer(
            {
                "name": name,
                "names": [] if self.guard.needs_token else self._names,
                "needs_token": self.guard.needs_token,
                "run": self._run_id,
                "run_name": run_name(self._desk.layout.root),
                "instruction": INSTRUCTION,
            }
        )

    async def join(self, request: web.Request) -> web.Response:
        """Give a cookie to a name."""
        said = await json_body(request)
        name = clean_name(said.get("name"))
        refused = may_join(self._secret, name, said.get("token"), self._names, needs_token=self.guard.needs_token)
        if refused:
            return error_answer(403, refused)
        response = json_answer({"name": name})
        response.set_cookie(
            COOKIE, cookie_of(self._secret, name), httponly=True, samesite="Strict", max_age=90 * 24 * 3600
        )
        return response

    async def page(self, request: web.Request) -> web.Response:
        """The next page."""
        worker = self._worker(request)
        have = set(request.query.get("have", "").split(","))
        return json_answer(await self._at_desk(lambda: self._page_json(worker, have)))

    async def answers(self, request: web.Request) -> web.Response:
        """Take in a page's answers; they are on the disk when this answers."""
        worker = self._worker(request)
        said = await json_body(request)
        submission, page, answers = _text(said, "submission"), _text(said, "page"), said.get("answers")
        if not isinstance(answers, list):
            raise web.HTTPBadRequest(reason="answers must be a list")
        spent = said.get("milliseconds")
        milliseconds = [_milliseconds(value) for value in spent] if isinstance(spent, list) else [None] * len(answers)
        is_new = await self._at_desk(lambda: self._desk.submit(submission, page, worker, answers, milliseconds))
        return json_answer({"ok": True, "repeated": not is_new})

    async def undo(self, request: web.Request) -> web.Response:
        """Take back a page's answers."""
        worker = self._worker(request)
        said = await json_body(request)
        submission, name = _text(said, "submission"), _text(said, "page")

        def undo() -> dict[str, Any]:
            page, answers = self._desk.undo(submission, name, worker)
            return {**self._shown(page), "answers": answers}

        return json_answer(await self._at_desk(undo))

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
        return web.Response(body=data, content_type=content_type, headers=FOREVER)

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


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise web.HTTPBadRequest(reason=f"{name} must be a text of at most 100 characters")
    return value


def _milliseconds(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 1e10 else None
