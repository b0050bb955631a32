"""EDGE: forces what was written to the disk now and then, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

SYNC_S = 2.0
"""Pictures are forced to the disk at least so often."""


class SyncClock:
    """Calls `sync` some time after something was written, as long as something is."""

    def __init__(self, sync: Callable[[], None]) -> None:
        """`sync`: may run in a thread beside whoever writes."""
        self._sync = sync
        self._is_dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wrote(self) -> None:
        """Something was written."""
        self._is_dirty.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop. Raises what `sync` raised."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await self._is_dirty.wait()
            await asyncio.sleep(SYNC_S)
            self._is_dirty.clear()
            await asyncio.to_thread(self._sync)
