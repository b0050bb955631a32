"""What a host's lane leaves to the next one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneState:
    """What must outlive the process."""

    not_before: float = 0.0
    """Seconds since 1970; nothing is sent to the host before."""
    failures: int = 0
    """Addresses in a row that failed for reasons that lie in the host."""
    rests: int = 0
    """Rests that the circuit breaker has ordered since the last success."""
    delay_s: float = 0.0
    """Seconds between two starts, as far as the host has slowed us down; 0: as its rule says."""
    places: int = 0
    """Requests under way together, likewise."""
