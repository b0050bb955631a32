"""Pure: leaves a host alone that fails every time, for longer and longer. Times are passed in.

Source of the pattern: M. Nygard 2007, "Release It!", chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_TO_OPEN = 10
"""Addresses that fail in a row, for reasons that lie in the host, until it is left alone."""
RESTS_S = (60.0, 600.0, 3600.0, 6 * 3600.0)
"""Seconds of rest: the first time, the second, ..., and the last for ever after."""


@dataclass(slots=True)
class CircuitBreaker:
    """Counts failures in a row. After a rest one request at a time tries the host, until one succeeds."""

    failures: int = 0
    """In a row, while closed."""
    rests: int = 0
    """Since the last success. Above 0: open, or half open once the rest is over."""
    opened_at_s: float = float("-inf")

    @property
    def is_closed(self) -> bool:
        """The host is asked as usual."""
        return self.rests == 0

    def failed(self, began_s: float, now_s: float) -> float:
        """Count one address that failed.

        Args:
            began_s: when it was last asked for; what was under way when the rest began says nothing about its end.
            now_s: the same clock, now.
        Returns:
            Seconds of rest that the host gets now; 0 if none.
        """
        if began_s < self.opened_at_s:
            return 0.0
        if self.is_closed:
            self.failures += 1
            if self.failures < FAILURES_TO_OPEN:
                return 0.0
        rest_s = RESTS_S[min(self.rests, len(RESTS_S) - 1)]
        self.rests += 1
        self.failures = 0
        self.opened_at_s = now_s
        return rest_s

    def succeeded(self) -> bool:
        """Count one address that did not fail. Returns whether this closed the breaker."""
        self.failures = 0
        was_closed = self.is_closed
        self.rests = 0
        return not was_closed
