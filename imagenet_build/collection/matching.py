"""Pure: what is written into the full-text table for a caption, and the expression that finds it again.

The table has two columns of tokens, made here and not by SQLite:

- `english` holds every caption as if it were English, which is how Openverse reads its whole catalogue;
- `own` holds it as its own language reads it, each token led by the language: a posting list serves one language.

A run of an unspaced script is written as its overlapping pairs of characters, in order, and then as single characters.
A run in a query is the phrase of its pairs (or its one character), so any part of a caption's run finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from imagenet_build.collection.languages import UNKNOWN_LANGUAGE
from imagenet_build.collection.words import Words, stem, words_of
from imagenet_build.records import ENGLISH

RULES = 1
"""Goes up whenever the tokens of the same caption change: an index made by other rules must be made again."""
FULL_TEXT_TABLE = "CREATE VIRTUAL TABLE words USING fts5(english, own, content='', tokenize='ascii')"
"""The tokens hold no ASCII but letters and digits, and FTS5's `ascii` tokenizer takes every other character as it is
(https://www.sqlite.org/fts5.html#ascii_tokenizer): it splits at the spaces written here and does nothing else."""
MAX_QUERY_CHARACTERS = 500
"""What stands beyond is not read: no lemma is so long, and an expression has a limit."""

_GAP = "␟"
"""A token of no text, between two runs: no phrase of pairs reaches from one into the next."""
_LED = "␟"
"""Between the language and the token; a symbol, so no part of any word."""


def indexed_columns(words: Words, language: str) -> tuple[str, str]:
    """The two columns of one caption: `english` and `own`."""
    english = _stream(words, ENGLISH)
    own = english if language == ENGLISH else _stream(words, language)
    lead = language + _LED
    return " ".join(english), " ".join(lead + token for token in own)


def _stream(words: Words, language: str) -> Iterable[str]:
    tokens = [stem(word, language) for word in words.spaced]
    for run in words.runs:
        tokens.append(_GAP)
        tokens.extend(_pairs(run))
        tokens.extend(sorted(set(run)))
    return tokens


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def match_expression(text: str, language: str | None) -> str:
    """The FTS5 expression for a query; empty if the text holds no word.

    Every word of the query must be in one caption. Nothing of the text but letters, digits and marks gets into the
    expression, and they stand inside quotes: no text is syntax.

    Args:
        text: anything.
        language: ISO 639-3: captions in it, stems alike, and captions of unknown language with the words as they are.
            None: captions of any language, read as English.

    >>> match_expression('dogs" OR *', "eng")
    'own : (("eng␟dog" AND "eng␟or") OR ("und␟dogs" AND "und␟or"))'
    >>> match_expression("牧羊犬", None)
    'english : ("牧羊 羊犬")'
    """
    words = words_of(text[:MAX_QUERY_CHARACTERS])
    if not words:
        return ""
    if language is None:
        return f"english : {_all_of(words, ENGLISH, '')}"
    ways = [_all_of(words, language, language + _LED)]
    if language != UNKNOWN_LANGUAGE:
        ways.append(_all_of(words, UNKNOWN_LANGUAGE, UNKNOWN_LANGUAGE + _LED))
    return f"own : ({' OR '.join(ways)})"


def _all_of(words: Words, language: str, lead: str) -> str:
    singles = ([stem(word, language)] for word in words.spaced)
    phrases = (_pairs(run) or [run] for run in words.runs)
    terms = dict.fromkeys('"' + " ".join(lead + token for token in tokens) + '"' for tokens in chain(singles, phrases))
    return f"({' AND '.join(terms)})"
