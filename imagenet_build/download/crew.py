"""Fetching by processes elsewhere: which of them has which host, and what becomes of the work of one that is lost.

A host is given to one member for as long as URLs of it are being fetched; then its lane comes back. Members that a
redirect leads to a host of somebody else ask for a turn here; whoever has the host gives it (`network/away_lanes.py`).
What is recorded, and where bytes go, is decided by the session: so a lost member costs what it had in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType

from imagenet_build.contracts import Crew, Post
from imagenet_build.download.crew_messages import (
    CloseHost,
    Failed,
    FetchUrl,
    Found,
    HostClosed,
    LaneChanged,
    OpenHost,
    Resting,
    ToSession,
)
from imagenet_build.download.crew_post import GATHER_S
from imagenet_build.download.crew_seat import Seat
from imagenet_build.download.crew_turns import CrewTurns
from imagenet_build.errors import BuildError, HostResting, MemberLost, SourceError
from imagenet_build.network.host_lanes import HostLanes, LaneMemory, LaneState
from imagenet_build.records import Rejection, RejectReason
from imagenet_build.storage.queue_view import QueuedUrl

_LOG = logging.getLogger(__name__)
GRACE_S = 3.0
"""A host whose member was lost is left alone for so long: a process takes a moment to notice that it is cut off."""
HIRE_AGAIN_S = 2.0
"""How often a replacement is tried."""
NO_MEMBER_S = 60.0
"""How long a session without any member waits for one."""
TOGETHER_S = 15.0
"""How long the first member of a session waits for the others."""
MOST_LOSSES = 5
"""A URL that so many members were lost with is refused: it may be what they died of."""
_UNUSED_LOOK_S = 0.01


class CrewFetcher:
    """Fetches URLs by the members of a crew. An async context manager."""

    def __init__(self, crew: Crew, make: Callable[[str], Post], lanes: HostLanes, memory: LaneMemory) -> None:
        """What it works with.

        Args:
            crew: where members come from.
            make: what they run: a `FetchPost`.
            lanes: of the hosts that no member has.
            memory: what must outlive the lanes.
        """
        self._crew = crew
        self._make = make
        self._lanes = lanes
        self._memory = memory
        self._seats: list[Seat] = []
        self._seat_of: dict[str, asyncio.Future[Seat]] = {}
        """Who has a host, or will have it."""
        self._quiet_until: dict[str, float] = {}  # hosts of lost members; the monotonic clock
        self._turns = CrewTurns(lanes, self._home_of)
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_news = asyncio.Event()  # a member has come, or nothing can be done any more
        self._failure: BuildError | None = None

    async def __aenter__(self) -> CrewFetcher:
        """Hire the members; one is enough to begin.

        Raises:
            SourceError: there is none. BuildError: they cannot work.
        """
        for _ in range(self._crew.size):
            self._do(self._hire())
        try:
            await self._someone()
            await self._all_together()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Dismiss them."""
        while self._tasks:  # more than once: a cancellation can be lost on its way (wait_for before Python 3.12)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=1.0)
        await self._turns.close()
        await asyncio.gather(*(seat.member.dismiss() for seat in self._seats), return_exceptions=True)

    @asynccontextmanager
    async def having(self, host: str) -> AsyncIterator[None]:
        """Fetch URLs of this host within the block; its lane is here again afterwards, unless the block has failed."""
        yield
        seat = self._home_of(host)
        if seat is not None:
            await self._take_back(host, seat)

    async def fetch(self, queued: QueuedUrl) -> Found:
        """Fetch, inspect and store one URL's picture, as `HostWork` does with one that is fetched here.

        Raises:
            HostResting: as there. SourceError: no member is left. BuildError: a member cannot work.
        """
        for _ in range(MOST_LOSSES):
            seat = await self._seat_for(queued.host)
            number = next(self._numbers)
            answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
            seat.asked[number] = (queued.host, answer)
            seat.send(FetchUrl(number, queued.url))
            try:
                return await answer
            except MemberLost:
                continue  # nothing of it was recorded
            finally:
                seat.asked.pop(number, None)
        lost = Rejection(RejectReason.DECODER_FAILED, f"{MOST_LOSSES} processes that had it in hand were lost")
        return Found(-1, lost, None, MOST_LOSSES, queued.url)

    # which member has which host

    async def _seat_for(self, host: str) -> Seat:
        if self._failure is not None:
            raise self._failure
        held = self._seat_of.get(host)
        if held is None:
            held = self._seat_of[host] = asyncio.get_running_loop().create_future()
            self._do(self._give_out(host, held))
        return await asyncio.shield(held)

    async def _give_out(self, host: str, held: asyncio.Future[Seat]) -> None:
        lane = self._lanes.lane(host)
        self._turns.begin_move(host)
        await asyncio.sleep(self._quiet_until.pop(host, 0.0) - time.monotonic())
        while not self._seats or not lane.is_unused or self._turns.uses(host):
            await (asyncio.sleep(_UNUSED_LOOK_S) if self._seats else self._someone())
        seat = min(self._seats, key=lambda each: (len(each.hosts), each.member.name))
        lane.keep()
        self._lanes.forget(host)
        seat.hosts.add(host)
        seat.send(OpenHost(host, lane.state(), lane.next_start_in_s))
        held.set_result(seat)
        self._turns.end_move(host)

    async def _take_back(self, host: str, seat: Seat) -> None:
        closed = asyncio.get_running_loop().create_future()
        seat.closing[host] = closed
        self._turns.begin_move(host)
        seat.send(CloseHost(host))
        with contextlib.suppress(MemberLost):
            await closed

    def _home_of(self, host: str) -> Seat | None:
        held = self._seat_of.get(host)
        return held.result() if held is not None and held.done() and held.exception() is None else None

    # members come and go

    async def _someone(self) -> None:
        """Wait for a member. Raises SourceError if none comes, and what stands in the way of all."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + NO_MEMBER_S
        while not self._seats:
            if self._failure is not None:
                raise self._failure
            if loop.time() >= ends_at:
                raise _nobody()
            self._has_news.clear()
            timer = loop.call_at(ends_at, self._has_news.set)
            try:
                await self._has_news.wait()
            finally:
                timer.cancel()

    async def _all_together(self) -> None:
        """Give the others a while to come: a host stays with whom it is given to."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(TOGETHER_S, self._has_news.set)
        ends_at = loop.time() + TOGETHER_S
        try:
            while len(self._seats) < self._crew.size and loop.time() < ends_at and self._failure is None:
                self._has_news.clear()
                await self._has_news.wait()
        finally:
            timer.cancel()

    async def _hire(self) -> None:
        while True:
            try:
                member = await self._crew.hire(self._make)
            except MemberLost:
                await asyncio.sleep(HIRE_AGAIN_S)
                continue
            break
        seat = Seat(member)
        self._seats.append(seat)
        self._has_news.set()
        self._do(self._listen(seat))
        self._do(self._speak(seat))

    async def _listen(self, seat: Seat) -> None:
        try:
            while not seat.is_lost:
                for message in await seat.member.hear():
                    self._heard(seat, message)
        except MemberLost as error:
            self._lost(seat, error)

    async def _speak(self, seat: Seat) -> None:
        try:
            while not seat.is_lost:
                await seat.has_mail.wait()
                if mail := seat.mail():
                    await seat.member.tell(mail)
                    await asyncio.sleep(GATHER_S)
        except MemberLost as error:
            self._lost(seat, error)

    def _lost(self, seat: Seat, error: MemberLost) -> None:
        """What it had in hand is done again, by others, after a moment."""
        if seat.is_lost:
            return
        seat.is_lost = True
        self._seats.remove(seat)
        seat.has_mail.set()
        grace_s = max(GRACE_S, error.stays_s)
        loop = asyncio.get_running_loop()
        for host in seat.hosts:
            self._seat_of.pop(host, None)
            self._quiet_until[host] = time.monotonic() + grace_s
            self._turns.begin_move(host)  # who is led there waits, however long that is: the host wants no rest
            loop.call_later(grace_s, self._end_grace, host)
        self._turns.lost(seat, grace_s)
        seat.leave(error)
        self._do(self._replace(seat))

    def _end_grace(self, host: str) -> None:
        if host not in self._seat_of:  # else it is on its way to another member
            self._turns.end_move(host)

    async def _replace(self, seat: Seat) -> None:
        with contextlib.suppress(Exception):
            await seat.member.dismiss()
        await self._hire()

    # what they say

    def _heard(self, seat: Seat, message: ToSession) -> None:
        if seat.is_lost:
            return
        if isinstance(message, Found):
            seat.settle(message.number, message)
        elif isinstance(message, Resting):
            seat.settle(message.number, HostResting(message.message, until=message.until))
        elif isinstance(message, LaneChanged):
            self._memory.keep_lane_state(message.host, message.state)
        elif isinstance(message, HostClosed):
            self._closed(seat, message)
        elif isinstance(message, Failed):
            self._fail(message.error)
        else:
            self._turns.heard(seat, message)

    def _closed(self, seat: Seat, message: HostClosed) -> None:
        seat.hosts.discard(message.host)
        self._seat_of.pop(message.host, None)
        if message.state != (self._memory.lane_state(message.host) or LaneState()):
            self._memory.keep_lane_state(message.host, message.state)
        self._lanes.lane(message.host).delay_start(message.pause_s)
        self._turns.end_move(message.host)
        closed = seat.closing.pop(message.host, None)
        if closed is not None and not closed.done():
            closed.set_result(None)

    def _fail(self, error: BuildError) -> None:
        """Nothing can be fetched any more: whoever waits is told."""
        self._failure = self._failure or error
        self._has_news.set()
        for held in self._seat_of.values():
            if not held.done():
                held.set_exception(error)
                held.exception()
        for seat in self._seats:
            seat.leave(error)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.debug("a task of the crew has ended", exc_info=error)
            self._fail(error if isinstance(error, BuildError) else BuildError(f"The crew cannot go on: {error!r}"))


def _nobody() -> SourceError:
    return SourceError(
        "No process of the cluster is left that could fetch.",
        remedy="Look at `ray status`; the same command goes on where this one stopped.",
    )
