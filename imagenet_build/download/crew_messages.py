"""What a download session and the processes that fetch for it say to each other, beside `away_lanes.LaneMessage`."""

from __future__ import annotations

from typing import NamedTuple

from imagenet_build.errors import BuildError
from imagenet_build.network.away_lanes import LaneMessage
from imagenet_build.network.host_lanes import LaneState
from imagenet_build.records import ImageFacts, Rejection, ShardRef


class OpenHost(NamedTuple):
    """The lane of a host lives with you from now on."""

    host: str
    state: LaneState | None
    pause_s: float
    """Nothing is sent to it before so many seconds have passed."""


class CloseHost(NamedTuple):
    """Give a host's lane back as soon as nobody uses it."""

    host: str


class HostClosed(NamedTuple):
    """Here it is."""

    host: str
    state: LaneState
    pause_s: float


class LaneChanged(NamedTuple):
    """What must outlive the lane has changed."""

    host: str
    state: LaneState


class FetchUrl(NamedTuple):
    """Fetch and inspect one URL of a host that you have."""

    number: int
    url: str


class Found(NamedTuple):
    """What became of it."""

    number: int
    result: ShardRef | bytes | Rejection
    """Of a good picture, where its bytes are in a shard of the member's; or the bytes, if no disk is common to both."""
    facts: ImageFacts | None
    """Of a good picture."""
    attempts: int
    final_url: str


class Resting(NamedTuple):
    """Its host must be left in peace until then; there is nothing to record."""

    number: int
    until: float
    message: str


class Failed(NamedTuple):
    """The process cannot go on: no decoder can be started, say."""

    error: BuildError


ToMember = OpenHost | CloseHost | FetchUrl | LaneMessage
ToSession = HostClosed | LaneChanged | Found | Resting | Failed | LaneMessage
