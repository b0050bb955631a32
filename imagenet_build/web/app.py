"""EDGE: the annotator over HTTP, while a block runs."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import RunInUse
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_tables import publish_votes, votes_folder
from imagenet_build.web.handlers import Handlers
from imagenet_build.web.listening import Serving, listening
from imagenet_build.web.sessions import is_loopback

__all__ = ["DEFAULT_PORT", "Serving", "serve"]
DEFAULT_PORT = 8500


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
            try:
                async with listening(handlers.routes(), handlers.guard, host=host, port=port, secret=secret) as serving:
                    yield serving
            finally:
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
