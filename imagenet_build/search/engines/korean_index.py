"""Pure: what Naver and Kakao share: a Korean index without a language parameter, and pictures behind proxies."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qs, urlsplit

from imagenet_build.records import ENGLISH, Query, Rejection
from imagenet_build.search.engines.fields import picture_url

LANGUAGES = frozenset({"kor", ENGLISH})
"""ISO 639-3. Korean pages name many things in English too; other languages hardly occur in the index."""
LANGUAGES_TEXT = "Korean, and English as Korean pages use it; no parameter, so other languages are not asked"

_OPERATORS = re.compile(r'["|]|(?<!\S)[-+]+')
"""What both read as syntax; a lemma is meant literally."""

ProxyRule = Callable[[SplitResult], "str | None"]
"""Takes a URL apart: the address behind a proxy, "" for a thumbnail that does not tell it, None for any other URL."""


def literal(text: str) -> str:
    """A query's text without operators.

    >>> literal('"진돗개" -개')
    '진돗개 개'
    """
    return " ".join(_OPERATORS.sub(" ", text).split()) or text


def skip_reason(query: Query, source: str) -> str:
    """Why the index is not asked this query; empty: it is asked."""
    return "" if query.language in LANGUAGES else f"{source} searches a Korean index, not {query.language}"


def original_url(given: object, thumbnail: object, rule: ProxyRule) -> str | Rejection:
    """The picture's own address, taken out of a proxy's where necessary; the thumbnail may hold it if `given` does not.

    Raises:
        TypeError: one of them is neither a text nor null.
    """
    url = picture_url(_behind(given, rule))
    if isinstance(url, str):
        return url
    behind = _behind(thumbnail, rule)
    # A thumbnail that is no proxy's address is only a small copy.
    inner = picture_url(behind) if behind != thumbnail else url
    return inner if isinstance(inner, str) else url


def argument(parts: SplitResult, name: str) -> str:
    """The first value of a URL's parameter, decoded; empty without one."""
    return parse_qs(parts.query).get(name, [""])[0]


def _behind(value: object, rule: ProxyRule) -> object:
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value if "//" in value else f"//{value}")
        inner = rule(parts)
    except ValueError:  # not a URL: picture_url says so
        return value
    return value if inner is None else inner
