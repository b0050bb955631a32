"""Pure: English texts beyond the paper's rule: Latin names, other spellings, a widely known category's word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagenet_build.queries.basic_level import BasicLevel, Category
from imagenet_build.queries.latin_names import LatinNames
from imagenet_build.queries.spelling_variants import Compounds, other_side
from imagenet_build.queries.words import Mentions, Tokenizer
from imagenet_build.records import Origin, Synset, offset_of
from imagenet_build.taxonomy.spelling import english_text, text_key
from imagenet_build.taxonomy.tree import ancestors
from imagenet_build.taxonomy.wordnet import WordNet

MAX_EXTRA = 10
"""Texts of one synset beyond the paper's, so that no synset of many synonyms takes an engine's whole day.

The synsets of the paper's twelve subtrees have 3.7 English queries by its rule and 4.8 with these, on average.
"""

LATIN, OTHER_SIDE, AMBIGUOUS_CATEGORY, CATEGORY, JOINED, HYPHENATED = range(6)
"""Ranks, best first. A Latin name means one thing everywhere; the other side of the Atlantic tags other pictures; a
category helps most where a synonym has several senses; a compound's other form finds little that is new, and nothing
in an engine that cuts texts at hyphens."""


class WideWords:
    """Makes the further English texts of synsets.

    Args:
        wordnet: the nouns.
        tokens: splits texts into words with their base forms.
    """

    def __init__(self, wordnet: WordNet, tokens: Tokenizer) -> None:
        self._wordnet = wordnet
        self._tokens = tokens
        self._latin = LatinNames(wordnet)
        self._basic = BasicLevel(wordnet)
        self._compounds = Compounds(wordnet.index.keys())

    def texts(self, synset: Synset) -> list[tuple[str, Origin]]:
        """Texts that the synset's lemmas do not spell already, each with its origin: at most `MAX_EXTRA`, best first.

        A text that means another synset, and not this one, is left out.
        """
        offset = offset_of(synset.wnid)
        names = [english_text(lemma) for lemma in synset.lemmas]
        ranked = [(LATIN, name, Origin.LATIN) for name in self._latin.of(offset, synset.lemmas)]
        common = [name for name in names if not self._latin.is_species(name)]
        categories = self._basic.categories(offset)
        heads = self._heads(offset)
        for name in common:
            ranked += self._spelled(name, heads)
            ranked += self._with_category(name, categories)
        ranked.sort(key=lambda found: found[0])  # stable: WordNet's order of synonyms within a rank
        known = {text_key(name) for name in names}
        found: dict[str, tuple[str, Origin]] = {}
        for _, text, origin in ranked:
            if text_key(text) not in known and not self._means_another(text, offset):
                found.setdefault(text_key(text), (text, origin))
        return list(found.values())[:MAX_EXTRA]

    def _spelled(self, name: str, heads: list[str]) -> Iterator[tuple[int, str, Origin]]:
        if other := other_side(name):
            yield OTHER_SIDE, other, Origin.SPELLING
        for spelling, is_told_apart in self._compounds.spellings(name, heads):
            yield JOINED if is_told_apart else HYPHENATED, spelling, Origin.SPELLING

    def _with_category(self, name: str, categories: Sequence[Category]) -> Iterator[tuple[int, str, Origin]]:
        """The nearest category's word behind a name; a name that holds one needs none, unless it has several senses."""
        lacking = [word for word, names in categories if not any(self._holds(name, held) for held in names)]
        is_ambiguous = len(self._wordnet.senses(name)) > 1
        if lacking and (len(lacking) == len(categories) or is_ambiguous):
            yield AMBIGUOUS_CATEGORY if is_ambiguous else CATEGORY, f"{name} {lacking[0]}", Origin.BASIC_LEVEL

    def _holds(self, name: str, word: str) -> bool:
        """Whether a name holds a word, in any inflection, or ends with it as `sheepdog` does with dog."""
        plain = name.replace("-", " ")
        return (
            text_key(name).endswith(text_key(word))
            or Mentions(self._tokens(plain)).first(self._tokens(word)) is not None
        )

    def _heads(self, offset: int) -> list[str]:
        """The one-word names of the synsets above, nearest first."""
        lemmas = (lemma for above in ancestors(self._wordnet, offset) for lemma in self._wordnet.lemmas(above))
        return [lemma for lemma in dict.fromkeys(lemmas) if lemma.isalpha() and lemma.islower()]

    def _means_another(self, text: str, offset: int) -> bool:
        senses = self._wordnet.senses(text)
        return bool(senses) and offset not in senses and not self._is_taxon_of(senses, offset)

    def _is_taxon_of(self, senses: tuple[int, ...], offset: int) -> bool:
        return not set(senses).isdisjoint(self._wordnet.groups(offset))
