"""Pure: finding synsets by a word in any language of a run, by a wnid, or by a word of the gloss."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.records import ENGLISH
from imagenet_build.web.explorer.run_tree import RunTree

_UNMARKED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "_": " ", "-": " ", "‐": " "})
_ACCENTS = re.compile("[\u0300-\u036f]")
_WNID = re.compile(r"n?(\d{1,8})")
MOST_WORDS = 8
NAME, WORD, GLOSS = 0, 1, 2
"""Kinds of texts: a synonym or its translation; another text that was searched for; the gloss."""
_EXACT, _START, _WORD_START, _INSIDE, _SCATTERED = range(5)
_SCORES = {
    (NAME, _EXACT): 0,
    (NAME, _START): 1,
    (WORD, _EXACT): 2,
    (NAME, _WORD_START): 3,
    (WORD, _START): 4,
    (WORD, _WORD_START): 5,
    (NAME, _INSIDE): 6,
    (GLOSS, _START): 7,
    (GLOSS, _WORD_START): 7,
    (GLOSS, _EXACT): 7,
    (WORD, _INSIDE): 8,
    (GLOSS, _INSIDE): 9,
}
_SCATTERED_SCORE = 10
_SHORT = 3
"""Letters: shorter texts of an alphabet are looked for at the beginning of words only; of Chinese, anywhere."""


class Found(NamedTuple):
    """A synset that answers."""

    number: int
    text: str
    """What matched, as it is written."""
    language: str
    """ISO 639-3; empty for a wnid."""
    kind: int


def folded(text: str) -> str:
    """A text as it is compared: without case and accents, with plain blanks.

    >>> folded("Crème_Brûlée"), folded("STRAẞE"), folded("が")
    ('creme brulee', 'strasse', 'が')
    """
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return " ".join(unicodedata.normalize("NFC", bare).translate(_UNMARKED).split())


class SearchIndex:
    """All texts of a run, folded, to be looked through: a few milliseconds for a hundred thousand."""

    def __init__(self, tree: RunTree, queries: Iterable[tuple[int, str, str, bool]]) -> None:
        """`queries`: (synset's number, text, language, whether it is a name rather than a combination of words)."""
        self._tree = tree
        rows: dict[tuple[int, str], tuple[str, str, int]] = {}
        for number, words in enumerate(tree.words):
            for word in words:
                rows.setdefault((number, folded(word)), (word, ENGLISH, NAME))
        for number, text, language, is_name in queries:
            rows.setdefault((number, folded(text)), (text, language, NAME if is_name else WORD))
        for number, gloss in enumerate(tree.glosses):
            rows.setdefault((number, folded(gloss)), (gloss, ENGLISH, GLOSS))
        self._numbers = np.array([number for number, _ in rows], np.int64)
        self._texts = pa.array([f" {text}" for _, text in rows], pa.large_string())
        """Each behind a blank: a word begins where a blank stands before it."""
        self._written = pa.array([text for text, _, _ in rows.values()], pa.large_string())
        self._languages = pa.array([language for _, language, _ in rows.values()]).dictionary_encode()
        self._kinds = np.array([kind for _, _, kind in rows.values()], np.int64)

    def find(self, asked: str, weights: NDArray[np.int64], most: int) -> tuple[list[Found], int]:
        """The synsets that answer best.

        Args:
            asked: words in any language, or a wnid, or its beginning.
            weights: (N,), of synsets that answer equally well, those with more come first.
            most: how many.
        Returns:
            them, best first; and how many answer at all.
        """
        wanted = folded(asked)
        if not wanted:
            return [], 0
        by_wnid = self._wnids(asked.strip())
        if by_wnid:
            return by_wnid[:most], len(by_wnid)
        rows, scores = self._phrase(wanted)
        words = wanted.split()[:MOST_WORDS]
        if len(words) > 1:
            more = self._scattered(words)
            rows, scores = np.concatenate([rows, more]), np.concatenate([scores, np.full(len(more), _SCATTERED_SCORE)])
        numbers = self._numbers[rows]
        order = np.lexsort((rows, -weights[numbers], scores))
        _, firsts = np.unique(numbers[order], return_index=True)
        best = order[np.sort(firsts)]
        return [self._found(int(rows[place])) for place in best[:most]], len(best)

    def _found(self, row: int) -> Found:
        written, language = self._written[row].as_py(), self._languages[row].as_py()
        return Found(int(self._numbers[row]), written, language, int(self._kinds[row]))

    def _wnids(self, asked: str) -> list[Found]:
        given = _WNID.fullmatch(asked.lower())
        if given is None or (len(given[1]) < _SHORT and not asked.lower().startswith("n")):
            if "." not in asked:
                return []
            named = [number for number, name in enumerate(self._tree.synset_names) if name == asked.lower()]
        else:
            begin = f"n{given[1]}"
            named = [number for number, wnid in enumerate(self._tree.wnids) if wnid.startswith(begin)]
        return [Found(number, self._tree.wnids[number], "", NAME) for number in named]

    def _phrase(self, wanted: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows that hold the text as it is, and how well."""
        anywhere = len(wanted) >= _SHORT or not wanted.isascii()
        rows = self._holding(wanted if anywhere else f" {wanted}")
        texts = self._texts.take(pa.array(rows))
        found = pc.find_substring(texts, f" {wanted}").to_numpy()
        place = np.select([found == 0, found > 0], [_START, _WORD_START], _INSIDE)
        is_whole = pc.binary_length(texts).to_numpy() == len(f" {wanted}".encode())
        place[(found == 0) & is_whole] = _EXACT
        lookup = np.array([[_SCORES[kind, where] for where in range(_SCATTERED)] for kind in (NAME, WORD, GLOSS)])
        return rows, lookup[self._kinds[rows], place]

    def _scattered(self, words: list[str]) -> NDArray[np.int64]:
        """A row of each synset whose texts together hold all words, at the beginning of words."""
        common: NDArray[np.int64] | None = None
        first = self._holding(f" {words[0]}")
        for word in words:
            numbers = np.unique(self._numbers[self._holding(f" {word}" if word.isascii() else word)])
            common = numbers if common is None else np.intersect1d(common, numbers)
        return first[np.isin(self._numbers[first], common if common is not None else [])]

    def _holding(self, text: str) -> NDArray[np.int64]:
        return np.flatnonzero(_mask(pc.match_substring(self._texts, text))).astype(np.int64)


def _mask(found: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)
