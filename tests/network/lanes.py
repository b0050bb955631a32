"""Lanes for tests: their rule, and a memory that can be looked into."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagenet_build.config.models import HostRule
from imagenet_build.network.host_lanes import HostLanes, LaneState


@dataclass
class Memory:
    """A `LaneMemory` that also counts how often it is given something."""

    states: dict[str, LaneState] = field(default_factory=dict)
    kept: int = 0

    def lane_state(self, host: str) -> LaneState | None:
        return self.states.get(host)

    def keep_lane_state(self, host: str, state: LaneState) -> None:
        self.states[host] = state
        self.kept += 1


def lanes_of(memory: Memory | None = None, *, min_delay_s: float = 0.0, concurrency: int = 1) -> HostLanes:
    """Lanes that all have the same rule."""
    rule = HostRule(min_delay_s=min_delay_s, concurrency=concurrency)
    return HostLanes(lambda host: rule, Memory() if memory is None else memory)
