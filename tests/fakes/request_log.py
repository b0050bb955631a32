"""What a fake server was asked, and when: so that tests can count requests and measure politeness."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(slots=True)
class Call:
    """One request. Times are seconds of the monotonic clock."""

    number: int
    """From 1, over all paths."""
    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    start_s: float
    end_s: float | None = None
    """None while the answer is under way."""
    status: int | None = None
    """None if the connection was dropped."""


@dataclass
class RequestLog:
    """All calls in the order of their starts."""

    calls: list[Call] = field(default_factory=list)
    _grew: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def begin(self, method: str, host: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Call:
        with self._grew:
            call = Call(len(self.calls) + 1, method, host, path, query, headers, time.monotonic())
            self.calls.append(call)
            self._grew.notify_all()
        return call

    def wait_for(self, count: int, path: str | None = None, longest_s: float = 30.0) -> None:
        """Block until so many calls have begun; not from the event loop itself (`asyncio.to_thread`)."""
        with self._grew:
            if not self._grew.wait_for(lambda: self.count(path) >= count, longest_s):
                raise TimeoutError(f"{self.count(path)} of {count} calls after {longest_s:g} s")

    def on(self, path: str | None = None) -> list[Call]:
        """The calls of one path, or all."""
        return [call for call in self.calls if path is None or call.path == path]

    def count(self, path: str | None = None) -> int:
        return len(self.on(path))

    def counts(self) -> Counter[str]:
        """Calls per path."""
        return Counter(call.path for call in self.calls)

    def gaps_s(self, path: str | None = None) -> list[float]:
        """Seconds between the starts of successive calls."""
        starts = [call.start_s for call in self.on(path)]
        return [later - earlier for earlier, later in pairwise(starts)]

    def most_at_once(self, path: str | None = None) -> int:
        """Most calls under way at one moment; one that has not ended counts to the end."""
        events = []
        for call in self.on(path):
            events.append((call.start_s, 1))
            events.append((call.end_s if call.end_s is not None else float("inf"), -1))
        running = most = 0
        for _, step in sorted(events):  # at equal times an end (-1) comes first
            running += step
            most = max(most, running)
        return most

    def clear(self) -> None:
        self.calls.clear()
