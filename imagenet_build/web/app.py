"""EDGE: the annotator over HTTP, while a block runs."""

from __future__ import annotations

import asyncio
import errno
import fcntl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiohttp import web

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import RunInUse, SourceError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_tables import publish_votes, votes_folder
from imagenet_build.web.handlers import Handlers
from imagenet_build.web.sessions import is_loopback

DEFAULT_PORT = 8500
_MOST_BODY = 65_536


@dataclass(frozen=True)
class Serving:
    """A running annotator."""

    url: str
    """Without a slash at the end."""
    port: int
    secret: str
    needs_token: bool


@asynccontextmanager
async def serve(
    layout: RunLayout,
    config: VerifyConfig,
    options: DeskOptions | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    names: tuple[str, ...] = (),
) -> AsyncIterator[Serving]:
    """Serve a run while the block runs; at its end the votes are published as tables.

    Args:
        host: address to listen on; any that is not loopback needs an invitation link.
        port: 0 for any free one.
        names: only these may vote; empty: anybody.
    Raises:
        DataError: the run has nothing to vote on. SourceError: the address cannot be listened on.
        RunInUse: the run is being served already.
    """
    with _only_server(layout), ThreadPoolExecutor(1, "desk") as thread:
        loop = asyncio.get_running_loop()
        desk = await loop.run_in_executor(thread, lambda: Desk(layout, config, options or DeskOptions()))
        try:
            await loop.run_in_executor(thread, desk.warm)
            secret = await loop.run_in_executor(thread, desk.journal.setting, "secret")
            run_id = await loop.run_in_executor(thread, desk.journal.setting, "run")
            handlers = Handlers(desk, thread, secret, run_id, names, needs_token=not is_loopback(host))
            runner = web.AppRunner(_application(handlers), access_log=None, shutdown_timeout=2.0)
            await runner.setup()
            try:
                try:
                    await web.TCPSite(runner, host, port).start()
                except (OSError, OverflowError) as error:
                    raise _cannot_listen(host, port, error) from None
                handlers.port = int(runner.addresses[0][1])
                shown = f"[{host}]" if ":" in host else host
                yield Serving(f"http://{shown}:{handlers.port}", handlers.port, secret, handlers.needs_token)
            finally:
                await runner.cleanup()
                handlers.close()
        finally:
            await loop.run_in_executor(thread, _publish_and_close, desk)


@contextmanager
def _only_server(layout: RunLayout) -> Iterator[None]:
    """Two servers would not know of each other's pages, and show people the same pictures twice."""
    folder = votes_folder(layout)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "serve.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInUse(f"{layout.root} is being served already.", remedy="Stop that server first.") from None
        yield


def _publish_and_close(desk: Desk) -> None:
    try:
        publish_votes(desk.layout, desk.journal)
    finally:
        desk.close()


def _application(handlers: Handlers) -> web.Application:
    app = web.Application(middlewares=[handlers.guard], client_max_size=_MOST_BODY)
    app.add_routes(
        [
            web.get("/", handlers.static),
            web.get("/{file:annotate\\.(?:js|css)}", handlers.static),
            web.get("/api/me", handlers.me),
            web.post("/api/join", handlers.join),
            web.get("/api/page", handlers.page),
            web.post("/api/answers", handlers.answers),
            web.post("/api/undo", handlers.undo),
            web.get("/pictures/{page:[A-Za-z0-9_-]{1,64}}/{position:[0-9]{1,4}}", handlers.small_picture),
            web.get("/pictures/{page:[A-Za-z0-9_-]{1,64}}/{position:[0-9]{1,4}}/whole", handlers.whole_picture),
        ]
    )
    return app


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> SourceError:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return SourceError(f"Port {port} of {host} is in use.", source=host, remedy="Give another with --port.")
    reason = getattr(error, "strerror", None) or str(error)
    return SourceError(f"Nothing can listen on {host}:{port}: {reason}.", source=host, remedy="Give another --host.")
