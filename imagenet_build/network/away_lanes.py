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


class EndTurn(NamedTuple):
    """The turn is over: what was answered, 0 for nothing; `is_late`: no answer began in time."""

    token: Token
    status: int = 0
    headers: Mapping[str, str] = {}
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


LaneMessage = WantTurn | TurnGiven | TurnRefused | EndTurn | CountOutcome | Park


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
            if asked.done() and not asked.cancelled() and asked.exception() is None:
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
        self._token: Token | None = None
        self._headers: Mapping[str, str] = {}
        self.began_s = 0.0
        self.status = 0
        self.has_parked = False

    async def __aenter__(self) -> AwayTurn:
        """Wait for it. Raises HostResting."""
        given = await self._lanes.ask(self._lane.host, self._patience_s)
        self._token = given.token
        self._lane.is_on_trial = given.is_on_trial
        self.began_s = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, with what was learnt."""
        assert self._token is not None
        is_late = not self.status and isinstance(error, DeadlinePassed)
        self._lanes.say(EndTurn(self._token, self.status, self._headers, is_late))

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """As `Turn.answered`; the lane's home learns it when the turn ends."""
        self.status = status
        self._headers = {name: headers[name] for name in ("retry-after",) if name in headers}
        pause_s = retry_after_s(headers, now_s=time.time()) if self._headers and status >= 400 else None
        if pause_s is not None:
            self.has_parked = True
            self._lane.until = max(self._lane.until, time.time() + pause_s)


class LaneHome:
    """Gives the turns of the lanes that live here to those who ask by message."""

    def __init__(self, lanes: HostLanes, reply: Callable[[TurnGiven | TurnRefused], None]) -> None:
        """`reply`: sends an answer on its way to who asked."""
        self._lanes = lanes
        self._reply = reply
        self._held: dict[Token, tuple[str, Turn]] = {}
        self._waiting: dict[Token, tuple[str, asyncio.Task[None]]] = {}

    def heard(self, message: WantTurn | EndTurn | CountOutcome | Park) -> None:
        """Somebody asks, or reports."""
        if isinstance(message, WantTurn):
            task = asyncio.get_running_loop().create_task(self._give(message))
            self._waiting[message.token] = (message.host, task)
            task.add_done_callback(lambda _: self._waiting.pop(message.token, None))
        elif isinstance(message, EndTurn):
            self._end(message)
        elif isinstance(message, Park):
            self._lanes.lane(message.host).park(message.seconds, message.why)
        else:
            self._lanes.lane(message.host).outcome(message.is_well, time.monotonic() - message.ago_s)

    def ends_for(self, name: str) -> None:
        """All that a process has asked for or holds is over: it is gone."""
        for token, (_, task) in list(self._waiting.items()):
            if token[0] == name:
                task.cancel()
        for token in [token for token in self._held if token[0] == name]:
            self._end(EndTurn(token))

    def uses(self, host: str) -> bool:
        """Whether somebody holds or wants a turn of a host here."""
        return any(held == host for held, _ in (*self._held.values(), *self._waiting.values()))

    async def _give(self, want: WantTurn) -> None:
        lane = self._lanes.lane(want.host)
        turn = lane.turn(want.patience_s)
        try:
            await turn.__aenter__()
        except HostResting as resting:
            self._reply(TurnRefused(want.token, resting.until, str(resting)))
            return
        self._held[want.token] = (want.host, turn)
        self._reply(TurnGiven(want.token, lane.is_on_trial))

    def _end(self, end: EndTurn) -> None:
        _, turn = self._held.pop(end.token, ("", None))
        if turn is None:
            waiting = self._waiting.get(end.token)
            if waiting is not None:
                waiting[1].cancel()
            return
        if end.status:
            turn.answered(end.status, end.headers)
        turn.end(is_late=end.is_late)
