"""Pure: how fast a host may be asked, from how it answered; never faster than its rule. Times are passed in.

Source of the scheme (halve at trouble, add a little at every success): D.-M. Chiu and R. Jain 1989, "Analysis of the
increase and decrease algorithms for congestion avoidance in computer networks", Computer Networks 17(1), 1-14.
"""

from __future__ import annotations

FLOOR_DELAY_S = 0.1
"""Seconds between two starts after the first trouble of a host whose rule knows no delay."""
MOST_DELAY_S = 60.0
"""A host is never slowed down beyond this, unless its rule is slower: longer pauses are the circuit breaker's."""
STEP = 0.02
"""Part of the full rate that a success gives back."""
STEPS_PER_PLACE = 50
"""Successes at the full rate that give back one of the requests under way together."""
SLOW_TIMES = 5.0
"""An answer is slow if its first byte takes so many times the host's usual time, ..."""
SLOW_LEAST_S = 1.0
"""... and at least so long: a loaded host shows in seconds, not in milliseconds."""
SLOW_IN_A_ROW = 3
"""So many slow answers one after the other count as trouble; a single one may be a picture that lay deep."""
USUAL_AFTER = 16
"""Answers until a host's usual time is known."""
_WEIGHT = 1 / 16
_MOST_TIMES = 4.0


class HostRate:
    """The delay between starts and the requests under way together that a host gets at the moment."""

    __slots__ = (
        "_answers",
        "_base_s",
        "_rule_delay_s",
        "_rule_places",
        "_share",
        "_slow",
        "_slowed_at_s",
        "_steps",
        "_usual_s",
        "delay_s",
        "places",
    )

    def __init__(self, delay_s: float, places: int, *, adapted_delay_s: float = 0.0, adapted_places: int = 0) -> None:
        """What the rule says, and how far an earlier process had slowed down (0: not at all).

        Args:
            delay_s: seconds between two starts, at least 0.
            places: requests under way together, at least 1.
            adapted_delay_s: as `delay_s` was when it was kept.
            adapted_places: as `places` was.
        """
        self._rule_delay_s = delay_s
        self._rule_places = places
        self._base_s = max(delay_s, FLOOR_DELAY_S / 2)
        self._share = min(1.0, self._base_s / adapted_delay_s) if adapted_delay_s > delay_s else 1.0
        self._steps = 0
        self._usual_s = 0.0
        self._answers = 0
        self._slow = 0
        self._slowed_at_s = float("-inf")
        self.places = min(places, adapted_places) if adapted_places else places
        """Requests under way together, 1 to the rule's number."""
        self.delay_s = delay_s
        """Seconds between two starts, at least the rule's."""
        self._set_delay()

    @property
    def is_full(self) -> bool:
        """Nothing is held back: the rule alone counts."""
        return self._share == 1.0 and self.places == self._rule_places

    def trouble(self, began_s: float, now_s: float) -> bool:
        """Halve the rate and take one place away: the host said 429 or 503, or nothing at all in time.

        Args:
            began_s: when the request was sent; what was sent before the last slowing down says nothing new.
            now_s: the same clock, now.
        Returns:
            Whether anything has changed.
        """
        if began_s < self._slowed_at_s:
            return False
        self._slowed_at_s = now_s
        self._slow = self._steps = 0
        least = self._base_s / max(MOST_DELAY_S, self._base_s)
        self._share = max(self._share / 2, least)
        self.places = max(1, self.places - 1)
        self._set_delay()
        return True

    def success(self, began_s: float, first_byte_s: float, now_s: float) -> bool:
        """Take note of a good answer: a little faster, unless the host has become much slower than it was.

        Args:
            began_s: when the request was sent.
            first_byte_s: seconds until the answer began.
            now_s: the same clock as `began_s`, now.
        Returns:
            Whether something has changed that should outlive the process: slower, or at full rate again.
        """
        self._answers += 1
        usual_s = self._usual_s
        if self._answers <= USUAL_AFTER:
            self._usual_s += (first_byte_s - usual_s) / self._answers
        else:  # a few slow answers must not become the usual before they are noticed
            self._usual_s += (min(first_byte_s, _MOST_TIMES * usual_s) - usual_s) * _WEIGHT
        if first_byte_s >= SLOW_LEAST_S and self._answers > USUAL_AFTER and first_byte_s > SLOW_TIMES * usual_s:
            self._slow += 1
            return self._slow >= SLOW_IN_A_ROW and self.trouble(began_s, now_s)
        self._slow = 0
        return not self.is_full and self._step()

    def _step(self) -> bool:
        if self._share < 1.0:
            share = self._share + STEP
            self._share = share if share < 1.0 - STEP / 2 else 1.0
            self._set_delay()
        else:
            self._steps += 1
            if self._steps >= STEPS_PER_PLACE:
                self._steps = 0
                self.places += 1
        return self.is_full

    def _set_delay(self) -> None:
        self.delay_s = self._rule_delay_s if self._share == 1.0 else self._base_s / self._share
