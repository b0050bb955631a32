"""Pure: what the adapters of museums, libraries and archives share."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from imagenet_build.errors import EngineRefused, SourceError, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import ENGLISH, Query
from imagenet_build.search.engine import Cursor, standard_failure
from imagenet_build.search.engines.fields import pixels_of, text_of

_OPERATORS = re.compile(r'["~*?\\:^|&()\[\]{}<>=/]|(?<!\S)[-!+]+')
"""What the query parsers of Lucene, Solr and Elasticsearch read as syntax."""
_WORD_OPERATORS = re.compile(r"(?<!\S)(?:AND|OR|NOT|TO)(?!\S)")


def literal_words(text: str) -> str:
    """A text without anything that a Lucene-like query parser takes for syntax; a lemma is meant literally.

    >>> literal_words('jack-o\\'-lantern -cat "NOT" title:(dog) NOT x')
    "jack-o'-lantern cat not title dog not x"
    """
    spaced = " ".join(_OPERATORS.sub(" ", text).split())
    return _WORD_OPERATORS.sub(lambda found: found[0].lower(), spaced)


def other_language(query: Query, title: str, known: Collection[str] = (ENGLISH,)) -> str:
    """Why a catalogue kept in a few languages is not asked in another; empty if it is kept in the query's.

    Args:
        query: what would be asked.
        title: the catalogue's name, for the message.
        known: ISO 639-3 codes of what its records are written in.
    """
    if query.language in known:
        return ""
    return f"the records of {title} are written in {', '.join(known)}, not in {query.language}"


def is_json_object(body: bytes) -> bool:
    """Whether a body begins and ends like a JSON object: enough to tell it from a web page or a cut-off body."""
    text = body.strip()
    return text.startswith(b"{") and text.endswith(b"}")


def not_json(answer: HttpAnswer, source: str) -> Unreachable | None:
    """The error that a good status without JSON stands for (a portal's page, a cut-off body); None for JSON."""
    if is_json_object(answer.body):
        return None
    start = answer.body[:60].decode("utf-8", "replace").strip()
    return Unreachable(f"{source} answered {answer.status} without JSON: {start!r}", source=source)


def catalogue_failure(answer: HttpAnswer, source: str, base_url: str) -> SourceError | None:
    """As `standard_failure`; a good answer must be JSON, and a 404 without JSON says that the address is wrong."""
    if answer.status == 200:
        return not_json(answer, source)
    if answer.status == 404 and not is_json_object(answer.body):
        return EngineRefused(
            f"{source} answered 404: {base_url} is not its API.", source=source, remedy="Check base_url."
        )
    return standard_failure(answer, source)


def key_refused(answer: HttpAnswer, source: str, env: str, code: str = "") -> EngineRefused:
    """A key that is missing, wrong, or not allowed to do this. `code` must not be what may repeat the key."""
    said = f" ({code})" if code else ""
    return EngineRefused(
        f"{source} answered {answer.status}: the key is not accepted{said}.",
        source=source,
        remedy=f"Check the key in {env}; it is free.",
    )


def number_in(cursor: Cursor | None, name: str, first: int) -> int:
    """A cursor's entry that counts; `first` where there is none."""
    return int((cursor or {}).get(name, first))


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a page holds.

    Raises:
        ValueError, TypeError: it holds something else, or is nested deeper than can be read.
    """
    try:
        return object_of(json.loads(body), "the answer")
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def list_of(value: object, what: str) -> list[object]:
    """A JSON list; anything else is not the documented form."""
    if not isinstance(value, list):
        raise TypeError(f"{what} must be a list, not {type(value).__name__}")
    return value


def object_of(value: object, what: str) -> dict[str, Any]:
    """A JSON object; anything else is not the documented form."""
    if not isinstance(value, dict):
        raise TypeError(f"{what} must be an object, not {type(value).__name__}")
    return value


def first_text(value: object) -> str:
    """The first text of a field that may hold one text, a list of them, or nothing."""
    if isinstance(value, list):
        return text_of(value[0]) if value else ""
    return text_of(value)


def pixels_in(value: object) -> int | None:
    """As `pixels_of`, but also of a number written as text.

    >>> pixels_in("900"), pixels_in(900), pixels_in("n/a"), pixels_in(None)
    (900, 900, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return pixels_of(int(value))
    return pixels_of(value)
