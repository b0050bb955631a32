"""Pure: which words of a hierarchy occur in a gloss, inflections included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_WORD_OR_BREAK = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]|_")
_POSSESSIVE = re.compile(r"['’]s$")
BREAK = ""
"""Stands for punctuation in a list of tokens: a term of several words does not reach across it."""

Tokens = tuple[frozenset[str], ...]
"""A text's words in order, each as the set of base forms that it may have (itself included), case-folded."""


class Tokenizer:
    """Splits texts into words with their base forms, and remembers both.

    Args:
        base_forms: the nouns that a lower-case word may be a form of (`WordNet.morphy`).
    """

    def __init__(self, base_forms: Callable[[str], Iterable[str]]) -> None:
        self._base_forms = base_forms
        self._forms: dict[str, frozenset[str]] = {}

    def __call__(self, text: str) -> Tokens:
        """A hyphenated compound is one word; a possessive ending is dropped; punctuation is a `BREAK`.

        >>> [sorted(word) for word in Tokenizer(lambda word: [word.rstrip("s")])("Dogs, dog-like")]
        [['dog', 'dogs'], [''], ['dog-like']]
        """
        return tuple([self._forms_of(word) for word in _WORD_OR_BREAK.findall(text)])

    def _forms_of(self, word: str) -> frozenset[str]:
        forms = self._forms.get(word)
        if forms is None:
            plain = _POSSESSIVE.sub("", word.casefold())
            forms = frozenset({plain, *self._base_forms(plain)}) if plain[0].isalnum() else frozenset({BREAK})
            self._forms[word] = forms
        return forms


class Mentions:
    """Where words stand in one text."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._places: dict[str, list[int]] = {}
        for place, forms in enumerate(tokens):
            for form in forms:
                if form != BREAK:
                    self._places.setdefault(form, []).append(place)

    def lacks_all(self, forms: frozenset[str]) -> bool:
        """Whether no word of the text has any of these base forms."""
        return self._places.keys().isdisjoint(forms)

    def first(self, term: Tokens) -> int | None:
        """Index of the word at which a term first stands as whole words, in any inflection; None if nowhere."""
        if not term or self.lacks_all(term[0]):
            return None
        starts = sorted({place for form in term[0] for place in self._places.get(form, ())})
        length = len(term)
        for start in starts:
            window = self._tokens[start : start + length]
            if len(window) == length and all(map(frozenset.__and__, term, window)):
                return start
        return None
