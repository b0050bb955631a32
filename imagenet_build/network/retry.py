"""Pure: how long to wait before the next attempt (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

BASE_S = 1.0
CAP_S = 300.0
LEAST_S = 0.5
"""Pause even after `Retry-After: 0` or a date in the past: the server did just refuse."""
MOST_S = 7 * 24 * 3600.0
"""Nobody parks us for longer at once: a server that means it can say so again in a week."""


def retry_after_s(headers: Mapping[str, str], *, now_s: float | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for, in either of its two forms; None without a readable one.

    Args:
        headers: lower-case names; repeated headers joined with newlines, of which the longest pause counts.
        now_s: seconds since 1970, used for the date form when the answer has no `Date` of its own.
    Returns:
        `LEAST_S` to `MOST_S`, or None.

    >>> retry_after_s({"retry-after": "37"})
    37.0
    >>> retry_after_s({"retry-after": "Fri, 31 Dec 2027 23:59:59 GMT", "date": "Fri, 31 Dec 2027 23:59:29 GMT"})
    30.0
    """
    date = _http_date_s(headers.get("date", ""))
    now = now_s if date is None else date
    asked = [_asked_s(value.strip(), now) for value in headers.get("retry-after", "").split("\n")]
    readable = [seconds for seconds in asked if seconds is not None]
    return min(MOST_S, max(LEAST_S, *readable)) if readable else None


def _asked_s(value: str, now_s: float | None) -> float | None:
    if value.isascii() and value.isdigit():
        return float(value)
    then = _http_date_s(value)
    return None if then is None or now_s is None else then - now_s


def _http_date_s(value: str) -> float | None:
    """Seconds since 1970 of an HTTP date in any of its three forms; None if it is none."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def backoff_s(attempt: int, rng: random.Random, *, base_s: float = BASE_S, cap_s: float = CAP_S) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): exponential with full jitter.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    return rng.uniform(0.0, min(cap_s, base_s * 2.0 ** min(attempt - 1, 60)))
