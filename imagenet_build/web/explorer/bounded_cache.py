"""What was read lately, as much of it as is allowed. For several threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """Forgets what was not asked for longest, once the weights sum to more than the limit.

    >>> cache = BoundedCache[str, str](4, len)
    >>> for text in ("a", "bb", "cc"):
    ...     _ = cache.get(text, lambda: text)
    >>> cache.weight, "a" in cache
    (4, False)
    """

    def __init__(self, most: int, weigh: Callable[[Value], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()
        self.weight = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def held(self, key: Key) -> Value | None:
        """What is held; None if it is not."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key]

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """What is held, or is made now; two threads may make the same thing at the same time."""
        known = self.held(key)
        if known is not None:
            return known
        made = make()
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self.weight += self._weigh(made)
            while self.weight > self._most and len(self._held) > 1:
                _, gone = self._held.popitem(last=False)
                self.weight -= self._weigh(gone)
        return made
