"""Turns in the lanes of hosts that somebody else has: who asked, who holds one, and which process gives it.

Whoever asks is led to the lane's home: a member, or this process. While a lane moves from one to the other nobody new
gets a turn, and those who wait for one ask again at the new home.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from imagenet_build.download.crew_seat import Seat
from imagenet_build.network.away_lanes import (
    CountOutcome,
    EndTurn,
    LaneHome,
    OfTurn,
    Park,
    Token,
    TurnGiven,
    TurnRefused,
    WantTurn,
)
from imagenet_build.network.host_lanes import HostLanes

TurnMessage = WantTurn | TurnGiven | TurnRefused | OfTurn | CountOutcome | Park


@dataclass
class _Asked:
    """A turn that is wanted or held."""

    want: WantTurn
    asker: Seat
    home: Seat | None = None
    """Where it was asked for last; None: in this process."""
    waits_here: bool = True
    """Nobody was asked yet: the lane is on the move."""
    is_given: bool = False


class CrewTurns:
    """Leads what members say of turns to the lanes that it is about."""

    def __init__(self, lanes: HostLanes, home_of: Callable[[str], Seat | None]) -> None:
        """Where lanes live.

        Args:
            lanes: those of this process.
            home_of: the member that has a host; None: this process.
        """
        self._desk = LaneHome(lanes, self._answer)
        self._home_of = home_of
        self._asked: dict[Token, _Asked] = {}
        self._moving: set[str] = set()

    def heard(self, seat: Seat, message: TurnMessage) -> None:
        """A member asks, answers or reports."""
        if isinstance(message, WantTurn):
            asked = self._asked[message.token] = _Asked(message, seat)
            self._lead(asked)
        elif isinstance(message, TurnGiven | TurnRefused):
            self._answer(message)
        elif isinstance(message, CountOutcome | Park):
            self._to(self._home_of(message.host), message)
        else:
            self._of_turn(message)

    async def close(self) -> None:
        """Nobody gets a turn any more."""
        await self._desk.close()

    def uses(self, host: str) -> bool:
        """Whether somebody holds a turn of a host of this process, or waits for one."""
        return self._desk.uses(host)

    def begin_move(self, host: str) -> None:
        """The lane is about to leave its home: it gives no turns any more to those who ask by message."""
        self._moving.add(host)
        self._desk.withdraw(host)
        for asked in self._asked.values():
            if asked.want.host == host and not asked.is_given:
                asked.waits_here = True

    def end_move(self, host: str) -> None:
        """It has arrived."""
        self._moving.discard(host)
        for asked in list(self._asked.values()):
            if asked.want.host == host and asked.waits_here:
                self._lead(asked)

    def lost(self, seat: Seat, stays_s: float) -> None:
        """A member is gone, and its hosts are here again. It may still be at its requests for `stays_s`."""
        for token, asked in list(self._asked.items()):
            if asked.asker is seat:
                if asked.is_given:
                    asyncio.get_running_loop().call_later(stays_s, self._of_turn, EndTurn(token))
                else:
                    self._of_turn(EndTurn(token))
                    continue
            if asked.home is seat:
                asked.home = None
                if asked.is_given:
                    self._desk.adopt(token, asked.want.host)
                else:
                    self._lead(asked)

    def _lead(self, asked: _Asked) -> None:
        asked.waits_here = asked.want.host in self._moving
        if not asked.waits_here:
            asked.home = self._home_of(asked.want.host)
            self._to(asked.home, asked.want)

    def _answer(self, message: TurnGiven | TurnRefused) -> None:
        asked = self._asked.get(message.token)
        if asked is None:
            return  # not wanted any more: whoever has given it was told
        if isinstance(message, TurnRefused):
            del self._asked[message.token]
        else:
            asked.is_given = True
            asked.waits_here = False
        asked.asker.send(message)

    def _of_turn(self, message: OfTurn) -> None:
        asked = self._asked.get(message.token)
        if asked is None:
            return
        if isinstance(message, EndTurn):
            del self._asked[message.token]
        self._to(asked.home, message)

    def _to(self, home: Seat | None, message: WantTurn | OfTurn | CountOutcome | Park) -> None:
        if home is None:
            self._desk.heard(message)
        elif not home.is_lost:
            home.send(message)
