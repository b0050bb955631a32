"""One host's lane: requests under way together, distance between starts, silence that it asked for or needs."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType

from imagenet_build.config.models import HostRule
from imagenet_build.errors import DeadlinePassed, HostResting
from imagenet_build.network.circuit_breaker import CircuitBreaker
from imagenet_build.network.host_rate import HostRate
from imagenet_build.network.lane_state import LaneState
from imagenet_build.network.retry import retry_after_s

PATIENCE_S = 5.0
"""Longest pause that is waited for; a lane that must be silent for longer says so at once."""
_THROTTLED = frozenset({429, 503})


class HostLane:
    """One host's places and pace."""

    __slots__ = (
        "__weakref__",
        "_breaker",
        "_held",
        "_keep",
        "_kept",
        "_next_start_s",
        "_not_before",
        "_queue",
        "_rate",
        "_seen",
        "_unseen",
        "_why",
        "host",
    )

    def __init__(
        self, host: str, rule: HostRule, state: LaneState | None, keep: Callable[[str, LaneState], None]
    ) -> None:
        """`state`: what an earlier process or an earlier use left behind."""
        self.host, state = host, state or LaneState()
        self._rate = HostRate(
            rule.min_delay_s, rule.concurrency, adapted_delay_s=state.delay_s, adapted_places=state.places
        )
        self._breaker = CircuitBreaker(state.failures, state.rests)
        self._not_before = state.not_before
        self._why = "is left in peace since before"
        self._keep = keep
        self._kept = state
        self._held = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._next_start_s = 0.0
        self._unseen, self._seen = 0, asyncio.Event()

    @property
    def until(self) -> float:
        """Seconds since 1970 before which nothing is sent; may lie in the past."""
        return self._not_before

    @property
    def is_on_trial(self) -> bool:
        """It has failed too often: one request at a time finds out whether it is well again."""
        return not self._breaker.is_closed

    @property
    def is_idle(self) -> bool:
        """Nobody holds or wants a place, and the next start need not wait."""
        return self.is_unused and self._next_start_s <= time.monotonic()

    @property
    def is_unused(self) -> bool:
        """Nobody holds or wants a place."""
        return not self._held and not self._queue

    @property
    def next_start_in_s(self) -> float:
        """Seconds until the pace allows the next start; at least 0."""
        return max(0.0, self._next_start_s - time.monotonic())

    def delay_start(self, seconds: float) -> None:
        """Start nothing for so long, because of a start that another process made."""
        self._next_start_s = max(self._next_start_s, time.monotonic() + seconds)

    def adopt(self) -> Turn:
        """A turn that was given elsewhere, by a process that is gone: it holds a place here until it ends."""
        self._held += 1
        turn = Turn(self, PATIENCE_S)
        turn.began_s = time.monotonic()
        return turn

    def start_is_unseen(self) -> None:
        """A start that was allowed happens in another process: the next waits until it is heard of."""
        self._unseen += 1
        self._seen.clear()

    def start_was_seen(self) -> None:
        """It has happened by now."""
        self._unseen -= 1
        self.delay_start(self._rate.delay_s)
        if not self._unseen:
            self._seen.set()

    @property
    def places(self) -> int:
        """Requests under way together that are allowed now."""
        return self._rate.places if self._breaker.is_closed else 1

    @property
    def delay_s(self) -> float:
        """Seconds between two starts that are kept now."""
        return self._rate.delay_s

    def state(self) -> LaneState:
        """What must outlive the lane."""
        rate, breaker = self._rate, self._breaker
        slowed = (0.0, 0) if rate.is_full else (rate.delay_s, rate.places)
        return LaneState(self._not_before, breaker.failures, breaker.rests, *slowed)

    def keep(self) -> None:
        """Hand the state to the memory, unless it has it already."""
        state = self.state()
        if state != self._kept:
            self._kept = state
            self._keep(self.host, state)

    def turn(self, patience_s: float = PATIENCE_S) -> Turn:
        """A place at the right moment, as an async context manager.

        Args:
            patience_s: longest distance between two starts that is waited for; a silence that the host has asked for
                or needs is never waited for beyond `PATIENCE_S`.
        Raises:
            HostResting: on entering, at once, if the wait would be longer.
        """
        return Turn(self, patience_s)

    def park(self, seconds: float, why: str = "has asked for silence") -> None:
        """Start nothing for so long: `Retry-After` is for the whole host, not for one request."""
        until = time.time() + seconds
        if until > self._not_before:
            self._not_before = until
            self._why = why
            self.keep()

    def outcome(self, well: bool, began_s: float) -> None:
        """Count one address that was dealt with, once, however many attempts it took.

        Args:
            well: false if it failed for a reason that lies in the host (403, 429, 5xx, no connection, no answer).
            began_s: monotonic clock, when it was last asked for.
        """
        if well:
            if self._breaker.succeeded():
                self.keep()
                self._wake()
            return
        rest_s = self._breaker.failed(began_s, time.monotonic())
        if rest_s:
            self._not_before = max(self._not_before, time.time() + rest_s)
            self._why = "failed every time"
            self.keep()

    # for Turn

    def answered(self, began_s: float, status: int, headers: Mapping[str, str], after_s: float | None) -> bool:
        """Learn from an answer's head. Returns whether it asks for a pause."""
        now_s = time.monotonic()
        if status < 400:
            if self._rate.success(began_s, now_s - began_s if after_s is None else after_s, now_s):
                self.keep()
                self._wake()
            return False
        changed = status in _THROTTLED and self._rate.trouble(began_s, now_s)
        pause_s = retry_after_s(headers, now_s=time.time()) if "retry-after" in headers else None
        if pause_s is not None:
            self.park(pause_s)
        elif changed:
            self.keep()
        return pause_s is not None

    def unanswered(self, began_s: float) -> None:
        """Learn that no answer began in time."""
        if self._rate.trouble(began_s, time.monotonic()):
            self.keep()

    def start_now(self) -> float:
        """Take a place if one is free and the moment is right. Returns the start on the monotonic clock; 0: not now."""
        if self._held >= self.places or self._queue:
            return 0.0
        now_s = time.monotonic()
        if now_s < self._next_start_s or (self._not_before and time.time() < self._not_before):
            return 0.0
        if self._unseen and self._rate.delay_s:
            return 0.0
        self._held += 1
        self._next_start_s = now_s + self._rate.delay_s
        return now_s

    async def start(self, patience_s: float) -> float:
        """Wait for a place, then for the right moment. Returns the start on the monotonic clock."""
        self._check_rest()
        await self._take_place()
        try:
            while True:
                if self._unseen and self._rate.delay_s:
                    await self._seen.wait()
                    continue
                self._check_rest()
                now_s = time.monotonic()
                pace_s = self._next_start_s - now_s
                if pace_s > patience_s:
                    message = f"{self.host} may be asked again in {pace_s:.0f} s"
                    raise HostResting(message, source=self.host, until=time.time() + pace_s)
                pause_s = max(pace_s, self._not_before - time.time())
                if pause_s <= 0:
                    self._next_start_s = now_s + self._rate.delay_s
                    return now_s
                await asyncio.sleep(pause_s)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._held -= 1
        if self._queue:
            self._wake()

    def _check_rest(self) -> None:
        if self._not_before and self._not_before - time.time() > PATIENCE_S:
            raise HostResting(f"{self.host} {self._why}", source=self.host, until=self._not_before)

    async def _take_place(self) -> None:
        if self._held < self.places and not self._queue:
            self._held += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was ours already
                self.leave()
            raise

    def _wake(self) -> None:
        while self._queue and self._held < self.places:
            place = self._queue.popleft()
            if not place.done():
                self._held += 1
                place.set_result(None)


class Turn:
    """One request's place in a lane; held while it is entered."""

    __slots__ = ("_lane", "_patience_s", "began_s", "has_parked", "status")

    def __init__(self, lane: HostLane, patience_s: float) -> None:
        self._lane = lane
        self._patience_s = patience_s
        self.began_s = 0.0
        """Monotonic clock, when the place and the moment were there; 0 before."""
        self.status = 0
        """Of the answer; 0 before it begins."""
        self.has_parked = False
        """The answer asked for a pause."""

    async def __aenter__(self) -> Turn:
        """Wait for both. Raises HostResting."""
        self.began_s = self._lane.start_now() or await self._lane.start(self._patience_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place back."""
        self.end(is_late=not self.status and isinstance(error, DeadlinePassed))

    def end(self, *, is_late: bool) -> None:
        """Give the place back; `is_late`: no answer began in time."""
        if is_late:
            self._lane.unanswered(self.began_s)
        self._lane.leave()

    def answered(self, status: int, headers: Mapping[str, str], after_s: float | None = None) -> None:
        """An answer has begun.

        Args:
            status: of the answer.
            headers: with lower-case names.
            after_s: seconds after the request was sent, if that was in another process.
        """
        self.status = status
        self.has_parked = self._lane.answered(self.began_s, status, headers, after_s)
