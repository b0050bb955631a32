"""EDGE: the bytes of pictures for the page: small ones made once and kept for a while, whole ones as they lie there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from imagenet_build.records import ShardRef
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place
from imagenet_build.verify.run_pictures import CONTENT_TYPES, for_browser, read_picture
from imagenet_build.web.explorer.bounded_cache import BoundedCache

GRID_PX = 360
SMALL_BYTES = 100_000
"""Pictures up to this size go to the page as they are."""
_HELD_BYTES = 32_000_000
_READERS = 2
"""More threads would only wait for each other."""
_STORE_READERS = 16
"""Each of them waits for the store."""
T = TypeVar("T")


def reader_threads(layout: RunLayout) -> int:
    """How many threads read tables, and how many pictures."""
    return _STORE_READERS if isinstance(layout.root, Place) else _READERS


class PictureReader:
    """Reads and shrinks pictures in threads of its own, so that pages do not wait behind them."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._threads = ThreadPoolExecutor(reader_threads(layout), "pictures")
        self._small: BoundedCache[ShardRef, tuple[bytes, str]] = BoundedCache(_HELD_BYTES, lambda made: len(made[0]))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in the threads for pictures."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def small(self, ref: ShardRef, kind: str) -> tuple[bytes, str]:
        """Bytes and content type for a grid; raises DataError if the picture cannot be read."""
        known = self._small.held(ref)
        if known is not None:
            return known
        return await self.run(lambda: self._small.get(ref, lambda: self._made(ref, kind)))

    async def whole(self, ref: ShardRef, kind: str) -> tuple[bytes, str]:
        """The stored bytes, or a JPEG where browsers cannot show them; raises DataError if it cannot be read."""
        return await self.run(lambda: for_browser(read_picture(self._layout, ref), kind, None))

    def _made(self, ref: ShardRef, kind: str) -> tuple[bytes, str]:
        is_small = ref.size <= SMALL_BYTES and kind in CONTENT_TYPES
        return for_browser(read_picture(self._layout, ref), kind, None if is_small else GRID_PX)
