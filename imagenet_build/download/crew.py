"""Fetching by processes elsewhere: which of them has which host, and what becomes of the work of one that is lost.

A host is given to one member for as long as URLs of it are being fetched; then its lane comes back. Members that a
redirect leads to a host of somebody else ask for a turn here; whoever has the host gives it (`network/away_lanes.py`).
What is recorded, and where bytes go, is decided by the session: so a lost member costs what it had in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType

from imagenet_build.contracts import Crew, Member, Post
from imagenet_build.download.crew_messages import (
    CloseHost,
    Failed,
    FetchUrl,
    Found,
    HostClosed,
    LaneChanged,
    OpenHost,
    Resting,
    ToMember,
    ToSession,
)
from imagenet_build.download.fetch import Fetched
from imagenet_build.errors import BuildError, HostResting, MemberLost, SourceError
from imagenet_build.network.away_lanes import (
    CountOutcome,
    EndTurn,
    LaneHome,
    Park,
    Token,
    TurnGiven,
    TurnRefused,
    WantTurn,
)
from imagenet_build.network.host_lanes import HostLanes, LaneMemory
from imagenet_build.storage.queue_view import QueuedUrl

GRACE_S = 3.0
"""A host whose member was lost is left alone for so long: a process takes a moment to notice that it is cut off."""
HIRE_AGAIN_S = 2.0
"""How often a replacement is tried."""
NO_MEMBER_S = 60.0
"""How long a session without any member waits for one."""
_UNUSED_LOOK_S = 0.01


@dataclass(eq=False)
class _Seat:
    """A member, and what it has in hand."""

    member: Member
    hosts: set[str] = field(default_factory=set)
    asked: dict[int, tuple[str, asyncio.Future[Fetched]]] = field(default_factory=dict)
    closing: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    outbox: list[ToMember] = field(default_factory=list)
    has_mail: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False

    def send(self, message: ToMember) -> None:
        """Put a message on its way."""
        self.outbox.append(message)
        self.has_mail.set()


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
        self._desk = LaneHome(lanes, self._answer)
        self._seats: dict[str, _Seat] = {}
        self._seat_of: dict[str, asyncio.Future[_Seat]] = {}
        self._wanted: dict[Token, WantTurn] = {}
        self._home_of: dict[Token, _Seat | None] = {}
        """Who gave, or was asked for, a turn; None: this process."""
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_seat = asyncio.Event()
        self._failure: BaseException | None = None

    async def __aenter__(self) -> CrewFetcher:
        """Hire the members; one is enough to begin. Raises SourceError if there is none."""
        for _ in range(self._crew.size):
            self._do(self._hire())
        try:
            await asyncio.wait_for(self._has_seat.wait(), NO_MEMBER_S)
        except asyncio.TimeoutError:
            await self.__aexit__(None, None, None)
            raise _nobody() from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Dismiss them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(seat.member.dismiss() for seat in self._seats.values()), return_exceptions=True)

    @asynccontextmanager
    async def having(self, host: str) -> AsyncIterator[None]:
        """Fetch URLs of this host within the block; afterwards its lane is here again."""
        try:
            yield
        finally:
            held = self._seat_of.get(host)
            if held is not None and held.done() and not held.cancelled() and held.exception() is None:
                await self._take_back(host, held.result())

    async def fetch(self, queued: QueuedUrl) -> Fetched:
        """Fetch and inspect one URL, as `Fetcher.fetch` and the decoders do.

        Raises:
            HostResting: as there. SourceError: no member is left. BuildError: a member cannot work.
        """
        while True:
            seat = await self._seat_for(queued.host)
            number = next(self._numbers)
            answer: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
            seat.asked[number] = (queued.host, answer)
            seat.send(FetchUrl(number, queued.url))
            try:
                return await answer
            except MemberLost:
                continue  # nothing of it was recorded
            finally:
                seat.asked.pop(number, None)

    # which member has which host

    async def _seat_for(self, host: str) -> _Seat:
        if self._failure is not None:
            raise self._failure
        held = self._seat_of.get(host)
        if held is None:
            held = self._seat_of[host] = asyncio.get_running_loop().create_future()
            self._do(self._give_out(host, held))
        return await asyncio.shield(held)

    async def _give_out(self, host: str, held: asyncio.Future[_Seat]) -> None:
        try:
            lane = self._lanes.lane(host)
            while not lane.is_unused or self._desk.uses(host):
                await asyncio.sleep(_UNUSED_LOOK_S)
            if not self._has_seat.is_set():
                await asyncio.wait_for(self._has_seat.wait(), NO_MEMBER_S)
            while not lane.is_unused or self._desk.uses(host):
                await asyncio.sleep(_UNUSED_LOOK_S)
        except asyncio.TimeoutError:
            self._fail(_nobody())
            return
        seat = min(self._alive(), key=lambda each: (len(each.hosts), each.member.name))
        lane.keep()
        self._lanes.forget(host)
        seat.hosts.add(host)
        seat.send(OpenHost(host, lane.state(), lane.next_start_in_s))
        if not held.done():
            held.set_result(seat)

    async def _take_back(self, host: str, seat: _Seat) -> None:
        if seat.is_lost or host not in seat.hosts:
            return
        closed = asyncio.get_running_loop().create_future()
        seat.closing[host] = closed
        seat.send(CloseHost(host))
        with contextlib.suppress(MemberLost):
            await closed

    def _alive(self) -> list[_Seat]:
        return [seat for seat in self._seats.values() if not seat.is_lost]

    def _home(self, host: str) -> _Seat | None:
        held = self._seat_of.get(host)
        return held.result() if held is not None and held.done() else None

    # members come and go

    async def _hire(self) -> None:
        while True:
            try:
                member = await self._crew.hire(self._make)
            except MemberLost:
                await asyncio.sleep(HIRE_AGAIN_S)
                continue
            break
        seat = self._seats[member.name] = _Seat(member)
        self._has_seat.set()
        self._do(self._listen(seat))
        self._do(self._speak(seat))

    async def _listen(self, seat: _Seat) -> None:
        try:
            while not seat.is_lost:
                for message in await seat.member.hear():
                    self._heard(seat, message)
        except MemberLost:
            self._lost(seat)

    async def _speak(self, seat: _Seat) -> None:
        try:
            while not seat.is_lost:
                await seat.has_mail.wait()
                seat.has_mail.clear()
                mail, seat.outbox = seat.outbox, []
                if mail:
                    await seat.member.tell(mail)
        except MemberLost:
            self._lost(seat)

    def _lost(self, seat: _Seat) -> None:
        """What it had in hand is done again, by others, after a moment."""
        if seat.is_lost:
            return
        seat.is_lost = True
        name = seat.member.name
        if not self._alive():
            self._has_seat.clear()
        for host in seat.hosts:
            self._seat_of.pop(host, None)
            self._lanes.lane(host).delay_start(GRACE_S)
        seat.hosts.clear()
        self._desk.ends_for(name)
        for token, home in list(self._home_of.items()):
            if token[0] == name:
                self._wanted.pop(token, None)
                del self._home_of[token]
                if home is not None and not home.is_lost:
                    home.send(EndTurn(token))
            elif home is seat:
                del self._home_of[token]
                wanted = self._wanted.get(token)
                if wanted is not None:
                    self._want(wanted)
        gone = MemberLost(f"{name} is lost")
        for _, answer in seat.asked.values():
            if not answer.done():
                answer.set_exception(gone)
        for closed in seat.closing.values():
            if not closed.done():
                closed.set_exception(gone)
        self._do(self._replace(seat))

    async def _replace(self, seat: _Seat) -> None:
        with contextlib.suppress(Exception):
            await seat.member.dismiss()
        await self._hire()

    # what they say

    def _heard(self, seat: _Seat, message: ToSession) -> None:
        if seat.is_lost:
            return
        if isinstance(message, Found):
            fetched = Fetched(message.result, message.attempts, message.final_url, message.facts)
            self._settle(seat, message.number, lambda answer, _: answer.set_result(fetched))
        elif isinstance(message, Resting):
            self._settle(
                seat,
                message.number,
                lambda answer, host: answer.set_exception(
                    HostResting(message.message, source=host, until=message.until)
                ),
            )
        elif isinstance(message, LaneChanged):
            self._memory.keep_lane_state(message.host, message.state)
        elif isinstance(message, HostClosed):
            self._closed(seat, message)
        elif isinstance(message, Failed):
            self._fail(BuildError(f"{seat.member.name}: {message.message}"))
        else:
            self._pass_on(message)

    def _settle(self, seat: _Seat, number: int, how: Callable[[asyncio.Future[Fetched], str], None]) -> None:
        host, answer = seat.asked.pop(number, ("", None))
        if answer is not None and not answer.done():
            how(answer, host)

    def _closed(self, seat: _Seat, message: HostClosed) -> None:
        seat.hosts.discard(message.host)
        self._seat_of.pop(message.host, None)
        if message.state != (self._memory.lane_state(message.host) or type(message.state)()):
            self._memory.keep_lane_state(message.host, message.state)
        self._lanes.lane(message.host).delay_start(message.pause_s)
        closed = seat.closing.pop(message.host, None)
        if closed is not None and not closed.done():
            closed.set_result(None)

    def _pass_on(self, message: WantTurn | TurnGiven | TurnRefused | EndTurn | CountOutcome | Park) -> None:
        """Between who wants something of a lane and where it lives."""
        if isinstance(message, WantTurn):
            self._wanted[message.token] = message
            self._want(message)
        elif isinstance(message, TurnGiven | TurnRefused):
            self._answer(message)
        elif isinstance(message, EndTurn):
            self._wanted.pop(message.token, None)
            home = self._home_of.pop(message.token, None)
            self._desk.heard(message) if home is None else home.send(message)
        else:
            home = self._home(message.host)
            self._desk.heard(message) if home is None else home.send(message)

    def _want(self, message: WantTurn) -> None:
        home = self._home_of[message.token] = self._home(message.host)
        self._desk.heard(message) if home is None else home.send(message)

    def _answer(self, message: TurnGiven | TurnRefused) -> None:
        asker = self._seats.get(message.token[0])
        self._wanted.pop(message.token, None)
        if isinstance(message, TurnRefused):
            self._home_of.pop(message.token, None)
        if asker is not None and not asker.is_lost:
            asker.send(message)

    def _fail(self, error: BuildError) -> None:
        """Nothing can be fetched any more: whoever waits is told."""
        self._failure = error
        for held in self._seat_of.values():
            if not held.done():
                held.set_exception(error)
        for seat in self._seats.values():
            for _, answer in seat.asked.values():
                if not answer.done():
                    answer.set_exception(error)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            self._fail(error if isinstance(error, BuildError) else BuildError(f"The crew cannot go on: {error!r}"))


def _nobody() -> SourceError:
    return SourceError(
        "No process of the cluster is left that could fetch.",
        remedy="Look at `ray status`; the same command goes on where this one stopped.",
    )
