"""EDGE: an index and its pictures over HTTP, as Openverse and a host of pictures would serve them."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from imagenet_build.collection.lookup import CollectionIndex
from imagenet_build.collection.openverse_api import Answer, image_detail, picture_url, search_images
from imagenet_build.collection.readers.folder import PICTURE_TYPES
from imagenet_build.collection.search_page import PAGE
from imagenet_build.errors import BuildError, SourceError

DEFAULT_PORT = 8321
ROBOTS = "User-agent: *\nDisallow:\n"
_CONTENT_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
_STOP_S = 2.0


@dataclass(slots=True)
class Counts:
    """What was asked of a server since it started."""

    requests: Counter[str] = field(default_factory=Counter)
    """Class of path (search, detail, pictures, robots, page, stats, other) -> requests."""
    pictures: Counter[str] = field(default_factory=Counter)
    """Path below /pictures/ -> times served."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server."""

    url: str
    """Without a slash at the end."""
    port: int
    counts: Counts


def application(index: CollectionIndex, counts: Counts) -> web.Application:
    """The web application over an open index."""
    handlers = _Handlers(index, counts)
    app = web.Application(middlewares=[handlers.count])
    app.add_routes(
        [
            web.get("/v1/images/", handlers.search, name="search"),
            web.get("/v1/images", handlers.slash_missing, name="slash_missing"),
            web.get("/v1/images/{id}/", handlers.detail, name="detail"),
            web.get("/v1/images/{id}/thumb/", handlers.thumbnail, name="thumbnail"),
            web.get("/v1/images/{id}/related/", handlers.related, name="related"),
            web.get("/pictures/{path:.+}", handlers.picture, name="pictures"),
            web.get("/robots.txt", handlers.robots, name="robots"),
            web.get("/stats", handlers.stats, name="stats"),
            web.get("/", handlers.page, name="page"),
        ]
    )
    return app


@asynccontextmanager
async def serve(index_path: Path, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Serving]:
    """Serve an index while the block runs.

    Args:
        index_path: the index file.
        host: address to listen on; the default answers this machine only.
        port: 0 for any free one.
    Raises:
        ConfigError, DataError: the index cannot be opened.
        SourceError: the address cannot be listened on.
    """
    counts = Counts()
    with CollectionIndex.open(index_path) as index:
        runner = web.AppRunner(application(index, counts), access_log=None, shutdown_timeout=_STOP_S)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, host, port).start()
            except (OSError, OverflowError) as error:
                raise _cannot_listen(host, port, error) from None
            bound = int(runner.addresses[0][1])
            shown = f"[{host}]" if ":" in host else host
            yield Serving(f"http://{shown}:{bound}", bound, counts)
        finally:
            await runner.cleanup()


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> SourceError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return SourceError(
            f"Port {port} of {host} is in use.",
            source=host,
            remedy="Give another with --port, or --port 0 for any free one.",
        )
    reason = getattr(error, "strerror", None) or str(error)
    return SourceError(
        f"Nothing can listen on {host}:{port}: {reason}.", source=host, remedy="Give another --host or --port."
    )


class CollectionServer:
    """`serve` in a thread of its own, for programs and tests that are not asynchronous. A context manager."""

    def __init__(self, index_path: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._asked = (index_path, host, port)
        self._started = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._serving: Serving | None = None
        self._error: BaseException | None = None

    def start(self) -> CollectionServer:
        """Listen, then return; raises as `serve`."""
        self._thread = threading.Thread(target=self._run, name="collection-server", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def stop(self) -> None:
        """Stop listening and close the index; stopping twice does nothing."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._running().url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._running().port

    @property
    def counts(self) -> Counts:
        """What was asked of it; still there after `stop`."""
        return self._running().counts

    def __enter__(self) -> CollectionServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("the server was not started")
        return self._serving

    def _run(self) -> None:
        try:
            asyncio.run(self._until_stopped())
        except BaseException as error:  # noqa: BLE001 - raised again by start(), in the caller's thread
            self._error = error
        finally:
            self._started.set()

    async def _until_stopped(self) -> None:
        async with serve(*self._asked) as self._serving:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self._started.set()
            await self._stop.wait()


class _Handlers:
    """What each path answers."""

    def __init__(self, index: CollectionIndex, counts: Counts) -> None:
        self._index = index
        self._counts = counts

    @web.middleware
    async def count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        name = request.match_info.route.name or "other"
        self._counts.requests[name] += 1
        try:
            response: web.StreamResponse = await handler(request)
        except BuildError as error:
            return web.json_response({"detail": str(error)}, status=500)
        return response

    async def search(self, request: web.Request) -> web.Response:
        return await self._answered(search_images, request, dict(request.query))

    async def slash_missing(self, request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently(request.rel_url.with_path("/v1/images/", keep_query=True))

    async def detail(self, request: web.Request) -> web.Response:
        return await self._answered(image_detail, request, request.match_info["id"])

    async def thumbnail(self, request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(self._index.picture, request.match_info["id"])
        if picture is None:
            return web.json_response({"detail": "Not found."}, status=404)
        raise web.HTTPFound(picture_url(picture, _origin(request)))

    async def related(self, request: web.Request) -> web.Response:
        """An index knows of no relations."""
        if await asyncio.to_thread(self._index.picture, request.match_info["id"]) is None:
            return web.json_response({"detail": "Not found."}, status=404)
        return web.json_response({"result_count": 0, "page_count": 0, "page_size": 20, "page": 1, "results": []})

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """A file of the index, whole or in part (Range). The path is looked up, never joined: no folder is left."""
        path = request.match_info["path"]
        picture = await asyncio.to_thread(self._index.picture_at, path)
        if picture is None or not await asyncio.to_thread(Path(picture.file).is_file):
            return web.Response(status=404, text="No such picture in this index.\n")
        if request.method == "GET":
            self._counts.pictures[path] += 1
        kind = PICTURE_TYPES.get(Path(picture.file).suffix.lower(), "application/octet-stream")
        return web.FileResponse(picture.file, headers={"Content-Type": kind, "X-Content-Type-Options": "nosniff"})

    async def robots(self, _: web.Request) -> web.Response:
        return web.Response(text=ROBOTS)

    async def stats(self, _: web.Request) -> web.Response:
        counts = self._counts
        return web.json_response({"requests": dict(counts.requests), "pictures": dict(counts.pictures)})

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html", headers={"Content-Security-Policy": _CONTENT_POLICY})

    async def _answered(self, ask: Any, request: web.Request, asked: Any) -> web.Response:
        status, body = await asyncio.to_thread(_call, ask, self._index, asked, _origin(request))
        return web.json_response(body, status=status)


def _call(ask: Any, index: CollectionIndex, asked: Any, origin: str) -> Answer:
    answer: Answer = ask(index, asked, origin)
    return answer


def _origin(request: web.Request) -> str:
    return str(request.url.origin())
