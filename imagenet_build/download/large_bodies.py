"""Few large bodies at a time: memory is bounded by their number, not by that of the hosts under way."""

from __future__ import annotations

import asyncio

LARGE_BYTES = 1 << 20
"""Most pictures are smaller."""
AT_ONCE = 6


class LargeBodies:
    """The places of bodies that have grown beyond `LARGE_BYTES`, until they are decoded."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    def place(self) -> Place:
        """For one URL; nothing is taken yet."""
        return Place(self._places)


class Place:
    """One body's place; to be left when the body is let go of."""

    __slots__ = ("_is_taken", "_places")

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_taken = False

    async def take(self) -> None:
        """Wait for a place, unless this body has one."""
        if not self._is_taken:
            await self._places.acquire()
            self._is_taken = True

    def leave(self) -> None:
        """Give it back, if it was taken."""
        if self._is_taken:
            self._is_taken = False
            self._places.release()
