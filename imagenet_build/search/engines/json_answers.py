"""Pure: reading answers of engines that speak JSON, the same way in every adapter, whole or broken.

Two halves: values taken out of an answer, with errors that say what was wrong; and what an answer that brings no page
stands for. Messages repeat a service's own words only through `shown`, because some services send our keys back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.retry import retry_after_s
from imagenet_build.search.engines.fields import text_of
from imagenet_build.search.engines.quick_json import json_of

SHOWN = 200
"""Characters of a service's own words that a message repeats."""
RETRY_STATUSES = frozenset({408, 425, 429, 430, 500, 502, 503, 504})

_CODE = r"(?:[A-Z]{1,15}(?:[_-][A-Z]{1,15})+|[a-z]{1,15}(?:[_-][a-z]{1,15})+)(?![\w-])"
"""Words joined: `SUBSCRIPTION_TOKEN_INVALID`, `search-backend-error`."""
_KEY_LIKE = re.compile(rf"(?<![\w-])(?!{_CODE})[\w-]{{20,}}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        ValueError: it is no JSON, or nested deeper than any answer is.
        TypeError: it is no object.
    """
    try:
        return object_of(json_of(body), "the answer")
    except RecursionError:  # brackets alone exhaust the stack before they turn out to be no JSON
        raise ValueError("the answer is nested too deeply") from None


def object_or_none(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body is; None if it is none, or cut off.

    >>> object_or_none(b'{"a": 1}'), object_or_none(b'{"a": '), object_or_none(b"<html>")
    ({'a': 1}, None, None)
    """
    text = body.strip()
    if not (text.startswith(b"{") and text.endswith(b"}")):  # tells most of what is none apart without parsing it
        return None
    try:
        return json_object(body)
    except (ValueError, TypeError):
        return None


def object_of(value: object, what: str) -> dict[str, Any]:
    """A JSON object; anything else is not the documented form.

    Raises:
        TypeError: `value` is something else.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{what} must be an object, not {type(value).__name__}")
    return value


def list_of(value: object, what: str) -> list[Any]:
    """A JSON list, as `object_of`."""
    if not isinstance(value, list):
        raise TypeError(f"{what} must be a list, not {type(value).__name__}")
    return value


def items_of(value: object, what: str) -> list[dict[str, Any]]:
    """A JSON list of objects, as `object_of`."""
    return [object_of(item, f"an entry of {what}") for item in list_of(value, what)]


def count_of(value: object, what: str) -> int:
    """A whole number, written as a number or as a text.

    Raises:
        TypeError: `value` is something else (JSON knows numbers that no int can hold).
    """
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be a whole number, not {value!r:.50}")
    return value


def flag_of(value: object, what: str) -> bool:
    """True or false, as `object_of`."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be true or false, not {type(value).__name__}")
    return value


def first_text(value: object) -> str:
    """The first text of a field that may hold one text, a list of them, or nothing."""
    if isinstance(value, list):
        return text_of(value[0]) if value else ""
    return text_of(value)


def text_at(answer: object, *path: str) -> str:
    """The text or number that nested objects hold at a path, on one line; empty where there is none.

    >>> text_at({"error": {"code": 404}}, "error", "code")
    '404'
    """
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return " ".join(str(answer).split()) if isinstance(answer, (str, int, float)) else ""


def shown(said: object) -> str:
    """A service's own words as a message may repeat them: one line, not too long, and no key.

    >>> shown("wrong appKey(0123456789abcdef0123456789abcdef)  format: SUBSCRIPTION_TOKEN_INVALID")
    'wrong appKey(…) format: SUBSCRIPTION_TOKEN_INVALID'
    """
    return " ".join(_KEY_LIKE.sub("…", str(said)).split())[:SHOWN].rstrip()


def start_of(body: bytes) -> str:
    """What a message shows of a body; of a web page only that it is one."""
    text = shown(body[: 4 * SHOWN].decode("utf-8", "replace"))
    return "a web page" if text.startswith("<") else text or "nothing"


def no_object(answer: HttpAnswer, engine: str) -> Unreachable | None:
    """What a 200 without a whole JSON object stands for; None for one with, and for any other status.

    A body cut short, a portal's or a maintenance page say nothing about the query: it is worth another try.
    """
    if answer.status != 200 or object_or_none(answer.body) is not None:
        return None
    return unreadable(answer, engine)


def unreadable(answer: HttpAnswer, engine: str) -> Unreachable:
    """For a 200 that is already known to be no JSON object."""
    return Unreachable(f"{engine} answered {answer.status}, but no JSON object: {start_of(answer.body)}", source=engine)


def failure_by_status(
    answer: HttpAnswer,
    engine: str,
    said: str = "",
    *,
    keys: Iterable[str] = (),
    remedy: str = "",
    wait_s: float | None = None,
    else_s: float | None = None,
) -> SourceError:
    """What a status other than 200 means (RFC 9110 section 15, RFC 6585), where the body says nothing more definite.

    Args:
        answer: any status but 200.
        engine: its name.
        said: the service's own words; the start of the body where empty.
        keys: environment variables that hold its keys, for the remedy of 401 and 403.
        remedy: of 401 and 403, if there is a better one.
        wait_s, else_s: see `rate_limited`.
    """
    words = shown(said) or start_of(answer.body)
    message = f"{engine} answered {answer.status}: {words}"
    if answer.status in RETRY_STATUSES:
        return rate_limited(answer, engine, words, wait_s=wait_s, else_s=else_s)
    if answer.status in (401, 403):
        return EngineRefused(message, source=engine, remedy=remedy or _check(keys))
    if answer.status == 402:
        return EngineRefused(message, source=engine, remedy="The account needs a payment or another plan.")
    if answer.status in (301, 302, 307, 308, 404, 405, 410):
        return EngineRefused(message, source=engine, remedy="Check base_url: this address has no such service.")
    return QueryRefused(message, source=engine)


def rate_limited(
    answer: HttpAnswer, engine: str, said: str = "", *, wait_s: float | None = None, else_s: float | None = None
) -> RateLimited:
    """Too many requests, or a service that is down for a while.

    Args:
        answer: any status.
        engine: its name.
        said: the service's own words; the start of the body where empty.
        wait_s: a pause in seconds that the answer asks for elsewhere than in Retry-After; the longer one counts.
        else_s: the pause in seconds where the answer asks for none.
    """
    message = f"{engine} answered {answer.status}: {shown(said) or start_of(answer.body)}"
    asked = [seconds for seconds in (retry_after_s(answer.headers), wait_s) if seconds is not None]
    return RateLimited(message, source=engine, retry_after_s=max(asked, default=else_s))


def engine_refused(engine: str, said: str, keys: Iterable[str]) -> EngineRefused:
    """A key that is missing, wrong, or not allowed this, whatever the status."""
    return EngineRefused(f"{engine} refuses the key: {shown(said)}", source=engine, remedy=_check(keys))


def _check(keys: Iterable[str]) -> str:
    names = " and ".join(keys)
    return f"Check the environment variable {names}." if names else ""
