"""The lanes of all hosts, by host[:port] in lower case.

Lanes that nobody uses are forgotten, the longest unused first; what must outlive them goes to a `LaneMemory`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from imagenet_build.config.models import HostRule
from imagenet_build.network.client import HopTurn
from imagenet_build.network.host_lane import HostLane
from imagenet_build.network.lane_state import LaneState

__all__ = ["HostLanes", "Lane", "LaneMemory", "LaneState", "LaneTurn", "Lanes", "host_of"]

MOST_LANES = 4096
"""Lanes remembered though nobody uses them."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def host_of(url: str) -> str:
    """The lane of a URL: its host, and its port unless it is the scheme's own.

    >>> host_of("https://me@Example.org:443/a.jpg")
    'example.org'
    >>> host_of("http://example.org:8080/a.jpg")
    'example.org:8080'
    """
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":"))


class LaneMemory(Protocol):
    """Where lanes keep their states. Called when a state changes in a way that matters, never per request."""

    def lane_state(self, host: str) -> LaneState | None:
        """What was kept last."""

    def keep_lane_state(self, host: str, state: LaneState) -> None:
        """Keep it."""


class LaneTurn(HopTurn, Protocol):
    """One request's place in a lane, as an async context manager; see `host_lane.Turn`."""

    began_s: float
    status: int
    has_parked: bool


class Lane(Protocol):
    """One host's lane, wherever it lives; see `host_lane.HostLane`."""

    @property
    def until(self) -> float:
        """Seconds since 1970 before which nothing is sent."""

    @property
    def is_on_trial(self) -> bool:
        """It has failed too often."""

    def turn(self, patience_s: float = ...) -> LaneTurn:
        """A place at the right moment."""

    def park(self, seconds: float, why: str = ...) -> None:
        """Start nothing for so long."""

    def outcome(self, well: bool, began_s: float) -> None:
        """Count one address that was dealt with."""


class Lanes(Protocol):
    """Where lanes are found: `HostLanes`, or lanes of which some live in other processes."""

    def lane(self, host: str) -> Lane:
        """A host's lane; `host` as `host_of` gives it."""


class HostLanes:
    """The lanes of all hosts."""

    def __init__(self, rule_of: Callable[[str], HostRule], memory: LaneMemory) -> None:
        """`rule_of` gets a lane's key."""
        self._rule_of = rule_of
        self._memory = memory
        # two lanes of one host must never live at the same time: whoever uses one keeps it findable
        self._alive: WeakValueDictionary[str, HostLane] = WeakValueDictionary()
        self._recent: OrderedDict[str, HostLane] = OrderedDict()

    def rule(self, host: str) -> HostRule:
        """What a host's lane keeps to at its fastest."""
        return self._rule_of(host)

    def lane(self, host: str) -> HostLane:
        """A host's lane; `host` as `host_of` gives it."""
        lane = self._recent.get(host)
        if lane is not None:
            self._recent.move_to_end(host)
            return lane
        lane = self._alive.get(host)
        if lane is None:
            lane = HostLane(host, self._rule_of(host), self._memory.lane_state(host), self._memory.keep_lane_state)
            self._alive[host] = lane
        self._recent[host] = lane
        while len(self._recent) > MOST_LANES:
            self._forget_one()
        return lane

    def forget(self, host: str) -> None:
        """A host's lane has its home elsewhere from now on."""
        self._recent.pop(host, None)
        self._alive.pop(host, None)

    def _forget_one(self) -> None:
        """The longest unused lane; one in use, or with a start to wait for, only if many others are too."""
        for _ in range(64):
            host, lane = next(iter(self._recent.items()))
            if lane.is_idle:
                break
            self._recent.move_to_end(host)
        _, lane = self._recent.popitem(last=False)
        lane.keep()
