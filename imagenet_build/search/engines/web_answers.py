"""Pure: what the answers of keyed JSON services have in common, read the same way in every adapter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.retry import retry_after_s
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.search.engine import RETRY_STATUSES, RefusedItem
from imagenet_build.search.engines.fields import picture_url, pixels_of, text_of

MAX_SAID = 200
"""Characters of a service's own words that a message repeats."""


class WebPicture(NamedTuple):
    """One item of an answer; URL and sizes as they came."""

    url: object
    width: object
    height: object
    credit: Credit


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        ValueError: it is no JSON, or nested deeper than any answer is.
        TypeError: it is no object.
    """
    try:
        answer = json.loads(body)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(answer, dict):
        raise TypeError(f"a JSON object was expected, not {type(answer).__name__}")
    return answer


def object_or_none(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body is; None if it is none."""
    try:
        return json_object(body)
    except (ValueError, TypeError):
        return None


def items_of(value: object, name: str) -> list[dict[str, Any]]:
    """A list of objects, or TypeError."""
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a list, not {type(value).__name__}")
    return [object_of(item, name) for item in value]


def object_of(value: object, name: str) -> dict[str, Any]:
    """An object, or TypeError."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} must hold an object, not {type(value).__name__}")
    return value


def text_at(answer: object, *path: str) -> str:
    """The text or number that nested objects hold at a path, on one line and cut; empty where there is none.

    >>> text_at({"error": {"code": 404}}, "error", "code")
    '404'
    """
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return " ".join(str(answer).split())[:MAX_SAID] if isinstance(answer, (str, int, float)) else ""


def start_of(body: bytes) -> str:
    """The start of a body for a message; of a web page only that it is one."""
    text = " ".join(body[: 4 * MAX_SAID].decode("utf-8", "replace").split())[:MAX_SAID]
    return "a web page" if text.startswith("<") else text or "nothing"


def unreadable(engine: str, answer: HttpAnswer) -> Unreachable:
    """A 200 that is not the documented JSON: a portal's page or a body cut short says nothing about the query."""
    return Unreachable(f"{engine} answered 200, but no JSON object: {start_of(answer.body)}", source=engine)


def engine_refused(engine: str, said: str, keys: Iterable[str]) -> EngineRefused:
    """A key that is missing, wrong, or not allowed this."""
    return EngineRefused(
        f"{engine} refuses the key: {said}",
        source=engine,
        remedy=f"Check the environment variable {' and '.join(keys)}.",
    )


def failure_by_status(
    engine: str, answer: HttpAnswer, said: str, keys: Iterable[str], *, wait_s: float | None = None
) -> SourceError:
    """What a status other than 200 means where the body says nothing more definite.

    Args:
        engine: its name.
        answer: any status but 200.
        said: the service's own words; the start of the body where empty.
        keys: environment variables that hold its keys.
        wait_s: a pause in seconds that the answer asks for elsewhere than in Retry-After; the longer one counts.
    """
    message = f"{engine} answered {answer.status}: {said or start_of(answer.body)}"
    if answer.status in RETRY_STATUSES:
        asked = [seconds for seconds in (retry_after_s(answer.headers), wait_s) if seconds is not None]
        return RateLimited(message, source=engine, retry_after_s=max(asked, default=None))
    if answer.status in (401, 403):
        return engine_refused(engine, f"{answer.status}, {said or start_of(answer.body)}", keys)
    if answer.status == 402:
        return EngineRefused(message, source=engine, remedy="The account needs a payment or another plan.")
    if answer.status in (301, 302, 307, 308, 404, 405, 410):
        return EngineRefused(message, source=engine, remedy="Check base_url: this address has no such service.")
    return QueryRefused(message, source=engine)


def address_id(url: str) -> str:
    """An id for a picture of an engine that has none of its own: 32 hex digits of its canonical address' sha256."""
    return hashlib.sha256(canonical_key(url).encode()).hexdigest()[:32]


def read_pictures(
    pictures: Iterable[WebPicture], query: Query, engine: str, first_rank: int
) -> tuple[tuple[Hit, ...], tuple[RefusedItem, ...]]:
    """Hits and refused items of one page, in its order; `first_rank` is the first item's."""
    hits: list[Hit] = []
    refused: list[RefusedItem] = []
    for rank, (given, width, height, credit) in enumerate(pictures, start=first_rank):
        url = picture_url(given)
        if isinstance(url, str):
            sizes = pixels_of(width), pixels_of(height)
            hits.append(Hit(query, engine, rank, url, address_id(url), *sizes, credit))
        else:
            refused.append(RefusedItem("", text_of(given), url))
    return tuple(hits), tuple(refused)
