"""One address on its way through the lanes of all hosts that it leads to, and what each of them is credited with."""

from __future__ import annotations

from imagenet_build.errors import BadAnswer, CutOff, HostUnknown, SourceError, TooSlow, Unreachable
from imagenet_build.network.host_lane import PATIENCE_S
from imagenet_build.network.host_lanes import Lane, Lanes, LaneTurn, host_of

HOP_PATIENCE_S = 30.0
"""A redirect leads into a lane that others may be using: a longer distance between its starts is waited for."""
_NOT_THE_HOST = (HostUnknown, BadAnswer, CutOff, TooSlow)


class Visit:
    """One attempt at one address. Its method `turn` is what `HttpClient.send` asks for each hop."""

    __slots__ = ("_lanes", "_turn", "host", "own_host", "url")

    def __init__(self, lanes: Lanes, url: str) -> None:
        self._lanes = lanes
        self._turn: LaneTurn | None = None
        self.url = url
        """Of the hop that was reached last."""
        self.own_host = self.host = host_of(url)
        """Lanes of the address itself, and of the hop."""

    @property
    def lane(self) -> Lane:
        """The lane of the hop."""
        return self._lanes.lane(self.host)

    @property
    def has_asked_for_pause(self) -> bool:
        """The last answer said how long its host wants to be left in peace."""
        return self._turn is not None and self._turn.has_parked

    def reach(self, url: str) -> None:
        """Go on to a hop. A host that has led us on to another has done well."""
        if url == self.url:
            return
        host = host_of(url)
        if self._turn is not None and host != self.host:
            self.lane.outcome(True, self._turn.began_s)
            self._turn = None
        self.url, self.host = url, host

    def turn(self, url: str) -> LaneTurn:
        """The turn of a hop."""
        self.reach(url)
        self._turn = self.lane.turn(PATIENCE_S if self.host == self.own_host else HOP_PATIENCE_S)
        return self._turn

    def count(self, error: SourceError | None) -> None:
        """Credit the last hop's host with the outcome: once per address, after its last attempt.

        Args:
            error: what `HttpClient.send` raised.
        """
        turn = self._turn
        if turn is None or not turn.began_s:
            return
        if turn.status:
            self.lane.outcome(turn.status < 500 and turn.status not in (403, 429), turn.began_s)
        elif isinstance(error, Unreachable) and not isinstance(error, _NOT_THE_HOST):
            self.lane.outcome(False, turn.began_s)
