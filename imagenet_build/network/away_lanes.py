"""Lanes of hosts whose home is another process: a place is asked for by message, and given back by message.

A host's lane lives in one process at a time, so that its limits hold for all of them. Whoever is led there by a
redirect asks that process for a turn, as it would ask its own lane.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from imagenet_build.errors import DeadlinePassed, HostResting
from imagenet_build.network.host_lane import PATIENCE_S, HostLane, Turn
from imagenet_build.network.host_lanes import HostLanes
from imagenet_build.network.retry import retry_after_s

MOST_AWAY = 1024
"""Lanes elsewhere about which it is remembered what was told last."""
Token = tuple[str, int]
"""Who asks, and their how manyth turn."""


class WantTurn(NamedTuple):
    """Asks for a turn."""

    token: Token
    host: str
    patience_s: float


class TurnGiven(NamedTuple):
    """The turn has begun."""

    token: Token
    is_on_trial: bool


class TurnRefused(NamedTuple):
    """The host is left in peace until then (seconds since 1970)."""

    token: Token
    until: float
    message: str


class TurnBegun(NamedTuple):
    """The request is sent: the distance to the next start is counted from now."""

    token: Token


class TurnAnswered(NamedTuple):
    """An answer has begun, so many seconds after the request was sent."""

    token: Token
    status: int
    headers: Mapping[str, str]
    after_s: float


class EndTurn(NamedTuple):
    """The turn is over, or not wanted any more; `is_late`: no answer began in time."""

    token: Token
    is_late: bool = False


class CountOutcome(NamedTuple):
    """An address was dealt with; it was last asked for `ago_s` ago."""

    host: str
    is_well: bool
    ago_s: float


class Park(NamedTuple):
    """Start nothing there for so long."""

    host: str
    seconds: float
    why: str


OfTurn = TurnBegun | TurnAnswered | EndTurn
"""What the holder of a turn has to say of it."""
LaneMessage = WantTurn | TurnGiven | TurnRefused | OfTurn | CountOutcome | Park


class AwayLanes:
    """The lanes that this process may use: its own, and all others through their homes."""

    def __init__(self, name: str, own: HostLanes, is_own: Callable[[str], bool], say: Callable[[LaneMessage], None]):
        """Where the lanes are.

        Args:
            name: of this process; makes tokens unique.
            own: the lanes whose home is here.
            is_own: whether a host's is.
            say: sends a message to whoever knows the home.
        """
        self._name = name
        self._own = own
        self._is_own = is_own
        self._say = say
        self._numbers = itertools.count()
        self._away: OrderedDict[str, AwayLane] = OrderedDict()
        self._asked: dict[Token, asyncio.Future[TurnGiven]] = {}

    def lane(self, host: str) -> HostLane | AwayLane:
        """The lane to use for a host now."""
        if self._is_own(host):
            return self._own.lane(host)
        lane = self._away.setdefault(host, AwayLane(host, self))
        self._away.move_to_end(host)
        if len(self._away) > MOST_AWAY:
            self._away.popitem(last=False)
        return lane

    def heard(self, message: TurnGiven | TurnRefused) -> None:
        """An answer came."""
        asked = self._asked.pop(message.token, None)
        if asked is None or asked.done():
            if isinstance(message, TurnGiven):
                self._say(EndTurn(message.token))  # who wanted it has gone
        elif isinstance(message, TurnGiven):
            asked.set_result(message)
        else:
            asked.set_exception(HostResting(message.message, until=message.until))

    async def ask(self, host: str, patience_s: float) -> TurnGiven:
        """Wait for a turn. Raises HostResting."""
        token = (self._name, next(self._numbers))
        asked: asyncio.Future[TurnGiven] = asyncio.get_running_loop().create_future()
        self._asked[token] = asked
        self._say(WantTurn(token, host, patience_s))
        try:
            return await asked
        except HostResting as error:
            raise HostResting(str(error), source=host, until=error.until) from None
        except asyncio.CancelledError:
            self._asked.pop(token, None)
            self._say(EndTurn(token))
            raise

    def say(self, message: LaneMessage) -> None:
        """Send a message on its way."""
        self._say(message)


class AwayLane:
    """One host's lane, elsewhere. What it knows of the host is what it was last told."""

    def __init__(self, host: str, lanes: AwayLanes) -> None:
        self.host = host
        self._lanes = lanes
        self.until = 0.0
        """Seconds since 1970 before which nothing is sent, as far as is known here."""
        self.is_on_trial = False

    def turn(self, patience_s: float = PATIENCE_S) -> AwayTurn:
        """A place at the right moment, as an async context manager; as `HostLane.turn`."""
        return AwayTurn(self, self._lanes, patience_s)

    def park(self, seconds: float, why: str = "has asked for silence") -> None:
        """As `HostLane.park`."""
        self.until = max(self.until, time.time() + seconds)
        self._lanes.say(Park(self.host, seconds, why))

    def outcome(self, well: bool, began_s: float) -> None:
        """As `HostLane.outcome`."""
        self._lanes.say(CountOutcome(self.host, well, time.monotonic() - began_s))


class AwayTurn:
    """One request's place in a lane elsewhere."""

    def __init__(self, lane: AwayLane, lanes: AwayLanes, patience_s: float) -> None:
        self._lane = lane
        self._lanes = lanes
        self._patience_s = patience_s
        self._token: Token = ("", 0)
        self.began_s = 0.0
        self.status = 0
        self.has_parked = False

    async def __aenter__(self) -> AwayTurn:
        """Wait for it. Raises HostResting."""
        given = await self._lanes.ask(self._lane.host, self._patience_s)
        self._token = given.token
        self._lane.is_on_trial = given.is_on_trial
        self.began_s = time.monotonic()
        self._lanes.say(TurnBegun(self._token))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, with what was learnt."""
        self._lanes.say(EndTurn(self._token, not self.status and isinstance(error, DeadlinePassed)))

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """As `Turn.answered`."""
        self.status = status
        told = {name: headers[name] for name in ("retry-after",) if name in headers}
        self._lanes.say(TurnAnswered(self._token, status, told, time.monotonic() - self.began_s))
        pause_s = retry_after_s(told, now_s=time.time()) if told and status >= 400 else None
        if pause_s is not None:
            self.has_parked = True
            self._lane.until = max(self._lane.until, time.time() + pause_s)


@dataclass
class _Held:
    """A turn that was given by message."""

    host: str
    lane: HostLane
    turn: Turn
    is_begun: bool = False


class LaneHome:
    """Gives the turns of the lanes that live here to those who ask by message."""

    def __init__(self, lanes: HostLanes, reply: Callable[[TurnGiven | TurnRefused], None]) -> None:
        """`reply`: sends an answer on its way to who asked."""
        self._lanes = lanes
        self._reply = reply
        self._held: dict[Token, _Held] = {}
        self._waiting: dict[Token, tuple[str, asyncio.Task[None]]] = {}

    def heard(self, message: WantTurn | OfTurn | CountOutcome | Park) -> None:
        """Somebody asks, or reports."""
        if isinstance(message, WantTurn):
            task = asyncio.get_running_loop().create_task(self._give(message))
            self._waiting[message.token] = (message.host, task)
            task.add_done_callback(lambda ended: self._waits_no_more(message.token, ended))
        elif isinstance(message, TurnBegun | TurnAnswered | EndTurn):
            self._of_turn(message)
        elif isinstance(message, Park):
            self._lanes.lane(message.host).park(message.seconds, message.why)
        else:
            self._lanes.lane(message.host).outcome(message.is_well, time.monotonic() - message.ago_s)

    def adopt(self, token: Token, host: str) -> None:
        """A turn that was given by a process that is gone, to another that is still at it."""
        lane = self._lanes.lane(host)
        self._held[token] = _Held(host, lane, lane.adopt(), is_begun=True)

    def withdraw(self, host: str) -> None:
        """Whoever waits for a turn of this host gets none here: its lane moves away."""
        for waits_for, task in list(self._waiting.values()):
            if waits_for == host:
                task.cancel()

    async def close(self) -> None:
        """Nobody gets a turn any more."""
        tasks = [task for _, task in self._waiting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def uses(self, host: str) -> bool:
        """Whether somebody holds or wants a turn of a host here."""
        return any(held.host == host for held in self._held.values()) or any(
            waits_for == host for waits_for, _ in self._waiting.values()
        )

    def _waits_no_more(self, token: Token, ended: asyncio.Task[None]) -> None:
        if token in self._waiting and self._waiting[token][1] is ended:
            del self._waiting[token]

    async def _give(self, want: WantTurn) -> None:
        lane = self._lanes.lane(want.host)
        turn = lane.turn(want.patience_s)
        try:
            await turn.__aenter__()
        except HostResting as resting:
            self._reply(TurnRefused(want.token, resting.until, str(resting)))
            return
        lane.start_is_unseen()
        self._held[want.token] = _Held(want.host, lane, turn)
        self._reply(TurnGiven(want.token, lane.is_on_trial))

    def _of_turn(self, message: OfTurn) -> None:
        held = self._held.get(message.token)
        if held is None:
            waiting = self._waiting.get(message.token)
            if waiting is not None and isinstance(message, EndTurn):
                waiting[1].cancel()
            return
        if not held.is_begun:
            held.is_begun = True
            held.turn.began_s = time.monotonic()
            held.lane.start_was_seen()
        if isinstance(message, TurnAnswered):
            held.turn.answered(message.status, message.headers, message.after_s)
        elif isinstance(message, EndTurn):
            del self._held[message.token]
            held.turn.end(is_late=message.is_late)
