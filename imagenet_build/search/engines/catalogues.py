"""Pure: what the adapters of museums, libraries and archives share."""

from __future__ import annotations

import re
from collections.abc import Collection

from imagenet_build.errors import QueryRefused, SourceError
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import ENGLISH, Query
from imagenet_build.search.engines.json_answers import failure_by_status, no_object, object_or_none, start_of

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


def catalogue_failure(answer: HttpAnswer, source: str, said: str = "") -> SourceError | None:
    """As `failure_by_status`; but a 404 with JSON is about the query, only without it the address is wrong."""
    if answer.status == 200:
        return no_object(answer, source)
    if answer.status == 404 and object_or_none(answer.body) is not None:
        return QueryRefused(f"{source} answered 404: {said or start_of(answer.body)}", source=source)
    return failure_by_status(answer, source, said)
