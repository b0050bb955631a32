"""The explorer's and the annotator's servers in a thread beside a test: they begin sooner than as processes."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.web.app import serve
from imagenet_build.web.explorer.app import explore
from imagenet_build.web.listening import Serving

if TYPE_CHECKING:
    from typing_extensions import Self


class ServerThread:
    """A server at any free port while the block runs. What ends it with an error is raised at the block's end."""

    def __init__(self, server: AbstractAsyncContextManager[Serving]) -> None:
        self._server = server
        self._thread = ThreadPoolExecutor(1, "server")
        self._ended: Future[None] | None = None
        self._is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self.url = ""
        self.secret = ""

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        async with self._server as serving:
            self._loop = asyncio.get_running_loop()
            self.url, self.secret = f"http://127.0.0.1:{serving.port}", serving.secret
            self._is_up.set()
            await self._end.wait()

    def stop(self) -> None:
        """As Ctrl-C would; it returns when the server has ended. May be called again."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)
        if self._ended is not None:
            self._ended.result()

    def __enter__(self) -> Self:
        self._ended = self._thread.submit(self._run)
        self._is_up.wait()
        if not self.url:
            self.stop()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def explorer_thread(run: Path, host: str = "127.0.0.1") -> ServerThread:
    """`serve RUN`."""
    return ServerThread(explore(RunLayout(run), host=host, port=0))


def annotator_thread(run: Path, page_size: int = 48) -> ServerThread:
    """`verify serve RUN`."""
    layout = RunLayout(run)
    return ServerThread(serve(layout, read_config(layout).verify, DeskOptions(page_size=page_size), port=0))
