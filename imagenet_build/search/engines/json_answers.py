"""Pure: reading answers of engines that speak JSON, the same way in every adapter, whole or broken."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.search.engines.fields import pixels_of

SHOWN = 300
"""Characters of an answer that a message repeats."""

_KEY_LIKE = re.compile(r"[A-Za-z0-9_-]{20,}")
_DIGITS = re.compile(r"[0-9]{1,9}")


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body holds; None if it holds anything else, or is cut off.

    >>> json_object(b'{"a": 1}'), json_object(b'{"a": '), json_object(b"<html>")
    ({'a': 1}, None, None)
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # a body of brackets alone exhausts the stack before it is no JSON
        return None
    return value if isinstance(value, dict) else None


def no_object(answer: HttpAnswer, source: str) -> Unreachable | None:
    """What a 200 without a JSON object stands for: a body cut short, or a portal's page; worth another try."""
    if answer.status != 200 or json_object(answer.body) is not None:
        return None
    return Unreachable(f"{source} answered 200, but no JSON object: {start_of(answer.body)}", source=source)


def start_of(body: bytes) -> str:
    """What a message shows of a body."""
    return shown(body[: 4 * SHOWN].decode("utf-8", "replace"))


def shown(said: object) -> str:
    """A service's own words as a message may repeat them: one line, not too long, and no key (some send ours back).

    >>> shown("wrong appKey(0123456789abcdef0123456789abcdef)  format")
    'wrong appKey(…) format'
    """
    return " ".join(_KEY_LIKE.sub("…", str(said)).split())[:SHOWN]


def items_of(answer: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key.

    Raises:
        KeyError, TypeError: there is none, or something else.
    """
    items = answer[key]
    if not isinstance(items, list):
        raise TypeError(f"{key} must be a list, not {type(items).__name__}")
    return items


def count_of(answer: Mapping[str, Any], key: str) -> int:
    """The whole number under a key, written as a number or as a text.

    Raises:
        KeyError, TypeError: there is none, or something else (JSON knows numbers that no int can hold).
    """
    value = answer[key]
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} must be a whole number, not {value!r:.50}")
    return value


def pixels_in(value: object) -> int | None:
    """A width or height in pixels that may be written as a text.

    >>> pixels_in("1200"), pixels_in(800), pixels_in("0"), pixels_in("wide"), pixels_in(None)
    (1200, 800, None, None, None)
    """
    return pixels_of(int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value)
