"""Pure: from values to places on an axis, and where its ticks stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_FEW_DECADES = 2


def nice_step(span: float, ticks: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that needs no more than `ticks` steps.

    Source: after Heckbert, "Nice numbers for graph labels", Graphics Gems (1990).

    >>> nice_step(97, 5), nice_step(0.4, 4)
    (20.0, 0.1)
    """
    raw = span / max(1, ticks)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in _NICE if step * power >= raw * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: values from `low` to `high` lie at places from `start` to `end`, user units."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """The place of a value; values outside lie on the axis' ends."""
        low, high, here = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, here = math.log10(low), math.log10(high), math.log10(here)
        return self.start + (here - low) / (high - low) * (self.end - self.start)


def linear_scale(
    values: Iterable[float], start: float, end: float, *, from_zero: bool = True, ticks: int = 5, whole: bool = False
) -> Scale:
    """An axis that begins and ends at a tick.

    Args:
        values: what must have a place; none: 0 to 1.
        from_zero: the axis begins at zero (bars must).
        ticks: about how many steps.
        whole: ticks are whole numbers (counts).
    """
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(found), max(found)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    if low == high:
        low, high = (low, low + 1.0) if from_zero or low == 0 else (low - abs(low) / 2, low + abs(low) / 2)
    step = nice_step(high - low, ticks)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    first, last = first - (_clean(first * step) > low), last + (_clean(last * step) < high)
    at = tuple(_clean(number * step) for number in range(first, last + 1))
    return Scale(at[0], at[-1], start, end, False, at)


def log_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """An axis of decades, with 2 and 5 between them where there are few; only values above zero have a place."""
    found = [value for value in values if value > 0 and math.isfinite(value)] or [1.0, 10.0]
    first, last = math.floor(math.log10(min(found)) + 1e-9), math.ceil(math.log10(max(found)) - 1e-9)
    last = max(last, first + 1)
    between: Sequence[int] = (1, 2, 5) if last - first <= _FEW_DECADES else (1,)
    every = max(1, math.ceil((last - first) / 7))
    at = [_clean(many * 10.0**power) for power in range(first, last, every) for many in between]
    return Scale(10.0**first, 10.0**last, start, end, True, (*at, 10.0**last))


def bounded_scale(low: float, high: float, start: float, end: float, ticks: int = 5) -> Scale:
    """An axis from exactly `low` to `high`; the ticks that lie between."""
    step = nice_step(high - low, ticks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    at = tuple(_clean(number * step) for number in range(first, last + 1))
    return Scale(low, high, start, end, False, at)


def _clean(value: float) -> float:
    """Without the last bits that multiplying has spoilt."""
    return float(f"{value:.12g}")
