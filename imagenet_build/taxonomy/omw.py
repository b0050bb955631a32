"""Reads noun lemmas of the Open Multilingual Wordnet (OMW), for the wanted languages only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from imagenet_build.taxonomy.spelling import clean_lemma, text_key

_NOUN_LEMMA = re.compile(r"^(\d{8})-n\t(?:\w+:)?lemma\t([^\t\r\n]+)", re.MULTILINE)

Lemmas = dict[int, tuple[str, ...]]
"""Offset of WordNet 3.0 -> lemmas, cleaned, in the files' order, none twice."""


def read_lemmas(tab_files: Iterable[str]) -> Lemmas:
    """The noun lemmas of one language.

    Args:
        tab_files: texts of `wn-data-<lang>.tab` files, the preferred project first: its lemmas come first.

    >>> read_lemmas(["# Name\\tita\\n02084071-n\\tita:lemma\\tcane\\n02084071-n\\tlemma\\tGAP!\\n"])
    {2084071: ('cane',)}
    """
    found: dict[int, dict[str, str]] = {}
    for text in tab_files:
        for digits, raw in _NOUN_LEMMA.findall(text):
            lemma = clean_lemma(raw)
            if lemma:
                found.setdefault(int(digits), {}).setdefault(text_key(lemma), lemma)
    return {offset: tuple(lemmas.values()) for offset, lemmas in found.items()}


class Omw:
    """Lemmas of noun synsets in some languages; without any, it stands for an OMW that is not there."""

    def __init__(self, lemmas: Mapping[str, Lemmas] | None = None) -> None:
        self._lemmas = dict(lemmas or {})
        self._senses = {
            language: Counter(text_key(lemma) for of_synset in by_offset.values() for lemma in of_synset)
            for language, by_offset in self._lemmas.items()
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have lemmas."""
        return tuple(language for language, lemmas in self._lemmas.items() if lemmas)

    def __len__(self) -> int:
        """How many languages have lemmas."""
        return len(self.languages)

    def synset_count(self, language: str) -> int:
        """How many noun synsets have a lemma in a language."""
        return len(self._lemmas.get(language, {}))

    def lemmas(self, language: str, offset: int) -> tuple[str, ...]:
        """A synset's lemmas in a language, the wordnet's order."""
        return self._lemmas.get(language, {}).get(offset, ())

    def sense_count(self, language: str, text: str) -> int:
        """How many noun synsets share a text in a language's wordnet."""
        return self.sense_count_of_key(language, text_key(text))

    def sense_count_of_key(self, language: str, key: str) -> int:
        """The same for a text's key (`text_key`)."""
        senses = self._senses.get(language)
        return senses.get(key, 0) if senses else 0
