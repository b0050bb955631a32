"""EDGE: what each path of the explorer answers. No path of a request reaches the disk: wnids and ids are looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import run_name
from imagenet_build.web.base import Guard, StaticFiles, error_answer, json_answer, json_body
from imagenet_build.web.explorer.picture_bins import LABELS
from imagenet_build.web.explorer.pictures import reader_threads
from imagenet_build.web.explorer.run_view import RunView
from imagenet_build.web.explorer.search_index import GLOSS
from imagenet_build.web.explorer.synset_handlers import SynsetHandlers, number_of
from imagenet_build.web.explorer.treemap import treemap_cells
from imagenet_build.web.sessions import cookie_of, is_invited
from imagenet_build.web.sessions import name_of as guest_of

_SCRIPTS = ("app", "ask", "elements", "overview", "search", "synset", "tiles", "tree", "treemap", "viewer")
_STATIC = {
    "": "explore.html",
    "explore.css": "explore.css",
    "base.css": "base.css",
    **{f"explore/{name}.js": f"explore/{name}.js" for name in _SCRIPTS},
}
_GUEST = "guest"
_MOST_FOUND = 200
_MOST_OPEN = 500
_MOST_ASKED = 200
"""Letters."""
_SIDES_PX = (50.0, 5000.0)
T = TypeVar("T")


class Handlers:
    """What each path answers. Nothing is ever changed."""

    def __init__(self, layout: RunLayout, view: RunView, secret: str, *, needs_token: bool) -> None:
        self._layout = layout
        self._view = view
        self._secret = secret
        self.guard = Guard("X-Explorer", needs_token=needs_token)
        self._readers = ThreadPoolExecutor(reader_threads(layout), "tables")
        self._synsets = SynsetHandlers(layout, view, self._readers)

    def routes(self) -> list[web.RouteDef]:
        """Every path."""
        closed: dict[str, Callable[[web.Request], Any]] = {
            "/api/run": self.run,
            "/api/tree": self.tree,
            "/api/search": self.search,
            "/api/treemap": self.treemap,
            **self._synsets.paths(),
        }
        return [
            *StaticFiles(_STATIC).routes(),
            web.post("/api/enter", self.enter),
            *(web.get(path, self._for_guests(answer)) for path, answer in closed.items()),
        ]

    def close(self) -> None:
        """End the threads."""
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._synsets.close()

    @property
    def _cookie(self) -> str:
        """Cookies do not tell ports apart; two explorers on one machine must."""
        return f"explorer-{self.guard.port}"

    def _for_guests(self, answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def checked(request: web.Request) -> web.StreamResponse:
            if self.guard.needs_token and guest_of(self._secret, request.cookies.get(self._cookie)) != _GUEST:
                return error_answer(401, "This needs the link with its token; ask whoever runs this server for it.")
            response: web.StreamResponse = await answer(request)
            return response

        return checked

    async def enter(self, request: web.Request) -> web.Response:
        """Give a cookie to whoever has the link."""
        if not is_invited(self._secret, "", (await json_body(request)).get("token")):
            return error_answer(403, "This is not the token of this server; it gets a new one whenever it starts.")
        response = json_answer({"ok": True})
        response.set_cookie(self._cookie, cookie_of(self._secret, _GUEST), httponly=True, samesite="Strict")
        return response

    async def run(self, request: web.Request) -> web.Response:
        """The run as a whole; without its numbers if the page has them (`version`)."""
        now = self._view.fresh()
        said: dict[str, Any] = {
            "name": run_name(self._layout.root),
            "version": now.version,
            "building": now.status.get("building", False),
            "reading": now.reading,
            "problem": now.problem,
        }
        if request.query.get("version") != str(now.version):
            said.update(now.status)
            said.update(
                {
                    "totals": now.totals,
                    "measure": now.measure,
                    "languages": now.languages,
                    "bins": LABELS,
                    "roots": [now.concepts.tree.wnids[root] for root in now.concepts.tree.roots[:2]],
                }
            )
        return json_answer(said)

    async def tree(self, request: web.Request) -> web.Response:
        """The children of some synsets; of the empty name, the roots."""
        now = self._view.fresh()
        tree = now.concepts.tree
        found = {}
        for wnid in request.query.get("of", "").split(",")[:_MOST_OPEN]:
            if wnid == "":
                found[wnid] = [now.row(root) for root in tree.roots]
            elif wnid in tree.number:
                found[wnid] = [now.row(child) for child in tree.children[tree.number[wnid]]]
        return json_answer({"version": now.version, "measure": now.measure, "rows": found})

    async def search(self, request: web.Request) -> web.Response:
        """Synsets by word, wnid or gloss."""
        now = self._view.fresh()
        asked = request.query.get("q", "")[:_MOST_ASKED]
        weights = now.below[now.measure or "kept"]
        found, total = await self._read(lambda: now.concepts.index.find(asked, weights, _MOST_FOUND))
        rows = [
            {
                **now.row(one.number),
                "gloss": now.concepts.tree.glosses[one.number],
                "text": one.text if one.kind != GLOSS else "",
                "language": one.language,
            }
            for one in found
        ]
        return json_answer({"asked": asked, "found": rows, "total": total, "measure": now.measure})

    async def treemap(self, request: web.Request) -> web.Response:
        """Rectangles for the children of a synset, or for the roots."""
        now = self._view.fresh()
        tree = now.concepts.tree
        wnid = request.query.get("of", "")
        number = number_of(now, wnid) if wnid else (tree.roots[0] if len(tree.roots) == 1 else None)
        width, height = _side(request, "width"), _side(request, "height")
        by = "synsets" if request.query.get("by") == "synsets" or not now.measure else "pictures"
        made = await self._read(lambda: treemap_cells(now, number, by, width, height))
        path = [] if number is None else tree.paths(number, 1)[0]
        return json_answer(
            {
                **made,
                "by": by,
                "measure": now.measure,
                "of": None if number is None else now.row(number),
                "path": [{"wnid": tree.wnids[one], "name": tree.name(one)} for one in path],
                "has_one_root": len(tree.roots) == 1,
            }
        )

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)


def _side(request: web.Request, name: str) -> float:
    try:
        given = float(request.query.get(name, "800"))
    except ValueError:
        raise web.HTTPBadRequest(reason=f"{name} must be a number of pixels.") from None
    least, most = _SIDES_PX
    return min(max(given, least), most) if given == given else least
