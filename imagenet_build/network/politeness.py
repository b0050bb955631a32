"""Pace and concurrency of one lane: an engine while searching, a host while downloading."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from imagenet_build.errors import RateLimited

LONGEST_WAIT_S = 900.0
"""A lane that asks for more patience than this is parked: its work is left for a later run, the others go on."""


class Pace:
    """At most `concurrency` requests under way, at least `min_delay_s` between two starts, none before `not_before`.

    `not_before`, in seconds since 1970, is handed to `on_park` whenever it moves, so that it outlives the process.
    """

    def __init__(
        self,
        min_delay_s: float,
        concurrency: int = 1,
        *,
        not_before: float = 0.0,
        on_park: Callable[[float], None] | None = None,
    ) -> None:
        self._min_delay_s = min_delay_s
        self._places = asyncio.Semaphore(concurrency)
        self._not_before = not_before
        self._next_start = 0.0
        self._on_park = on_park

    @property
    def wait_s(self) -> float:
        """Seconds that the lane has asked us to stay away."""
        return max(0.0, self._not_before - time.time())

    def park(self, seconds: float) -> None:
        """Start nothing in this lane for so long (`Retry-After` is for the whole lane, not for one request)."""
        until = time.time() + seconds
        if until > self._not_before:
            self._not_before = until
            if self._on_park is not None:
                self._on_park(until)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and the right moment; the place is held during the block.

        Raises:
            RateLimited: the lane is parked for longer than `LONGEST_WAIT_S`, perhaps since we began to wait.
        """
        async with self._places:
            while True:
                parked_s = self.wait_s
                if parked_s > LONGEST_WAIT_S:
                    raise RateLimited(f"asked for {parked_s:.0f} s of silence", retry_after_s=parked_s)
                now = time.monotonic()
                pause = max(self._next_start - now, parked_s)
                if pause <= 0:
                    break
                await asyncio.sleep(pause)
            self._next_start = time.monotonic() + self._min_delay_s
            yield
