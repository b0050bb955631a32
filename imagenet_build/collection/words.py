"""Pure: text to the tokens it is found by.

Words are runs of letters, digits and marks, compared without case and compatibility differences (Unicode Standard
Annexes 15 and 29; toNFKC_Casefold). Scripts written without spaces have no such words: a run of theirs is found by any
part of it. Words of languages with a Snowball stemmer lose their endings, so that "dogs" finds "dog".
"""

from __future__ import annotations

import re
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from imagenet_build.records import ENGLISH

SNOWBALL = {
    "arb": "arabic",
    "dan": "danish",
    "deu": "german",
    ENGLISH: "english",
    "fin": "finnish",
    "fra": "french",
    "hun": "hungarian",
    "ita": "italian",
    "nld": "dutch",
    "nno": "norwegian",
    "nob": "norwegian",
    "por": "portuguese",
    "ron": "romanian",
    "rus": "russian",
    "spa": "spanish",
    "swe": "swedish",
}
"""ISO 639-3 code -> name of NLTK's SnowballStemmer; these need no data files."""

# Scripts written without spaces between words: Thai, Lao, Burmese, Khmer; Hangul, Kana, Bopomofo and Han in all blocks.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff\u3130-\u318f"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_PIECE = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Invisible characters that may stand inside a word: soft hyphen, joiners, zero-width space, variation selectors.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
_LAST_MARK_PLANE = 0x20000
_stemming = threading.Lock()


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of one text, in its order."""

    spaced: tuple[str, ...]
    """Words of scripts that put spaces between them."""
    runs: tuple[str, ...]
    """Unbroken runs of scripts that do not."""

    def __bool__(self) -> bool:
        return bool(self.spaced or self.runs)


def words_of(text: str) -> Words:
    """Split a text into tokens.

    >>> words_of("The Dog's ＢＯＮＥ; 德国牧羊犬 (T恤)")
    Words(spaced=('the', 'dog', 's', 'bone', 't'), runs=('德国牧羊犬', '恤'))
    """
    if text.isascii():
        return Words(tuple(_ASCII_WORD.findall(text.lower())), ())
    spaced: list[str] = []
    runs: list[str] = []
    for word in _word_pattern().findall(folded(text)):
        for piece in _PIECE.findall(word):
            (runs if _IS_UNSPACED.match(piece) else spaced).append(piece)
    return Words(tuple(spaced), tuple(runs))


def folded(text: str) -> str:
    """A text as it is compared: no case, no compatibility forms, no invisible characters."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def stem(word: str, language: str) -> str:
    """A folded word without its ending; the word itself in a language without a stemmer.

    Source: M. F. Porter's Snowball stemmers as NLTK implements them, http://snowballstem.org
    """
    return _stem(word, SNOWBALL[language]) if language in SNOWBALL else word


@lru_cache(maxsize=1 << 17)
def _stem(word: str, stemmer: str) -> str:
    with _stemming:  # some of the stemmers keep state while they work
        return str(_stemmer(stemmer).stem(word)) or word


@cache
def _stemmer(name: str) -> Any:
    with _without("scipy.stats"):  # for NLTK's statistics, which go without it; loading it takes a second
        from nltk.stem.snowball import SnowballStemmer

    return SnowballStemmer(name)


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Meanwhile whoever can go without a module that is not loaded yet does."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    try:
        yield
    finally:
        if absent and sys.modules.get(module) is None:
            sys.modules.pop(module, None)


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    """Letters, digits and, which `\\w` leaves out, the marks that Indic and Semitic vowels are written with."""
    marks = "".join(
        re.escape(chr(code)) for code in range(_LAST_MARK_PLANE) if unicodedata.category(chr(code)).startswith("M")
    )
    return re.compile(f"(?:[^\\W_]|[{marks}])+")
