"""Pure: the Latin names that WordNet has for animals and plants."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imagenet_build.taxonomy.spelling import english_text
from imagenet_build.taxonomy.wordnet import WordNet

_RANKED = re.compile(
    r"(?:(?:sub|super|infra)?(?:class|division|family|genus|kingdom|order|phylum|tribe)"
    r"|amphibian|bird|fish|mammal|reptile)_([A-Z]\w*)"
)
_SPECIES = re.compile(r"([A-Z][a-z]+)(?: [a-z-]+){1,2}")


class LatinNames:
    """Names of the taxa that synsets stand for.

    WordNet spells a taxon twice: as a synonym of its members (`Canis familiaris`), which is a query already, and as a
    synset of its own (`genus Castor`) that its members point to (`#m`). The name of a taxon is a name of its member
    where it has only one that is no taxon itself: all Castor are beavers, but not all Canis are wolves.
    """

    def __init__(self, wordnet: WordNet) -> None:
        self._wordnet = wordnet
        self._members: dict[int, list[int]] = {}
        for offset in wordnet.offsets:
            for taxon in wordnet.groups(offset):
                self._members.setdefault(taxon, []).append(offset)

    def of(self, offset: int, lemmas: Iterable[str]) -> list[str]:
        """Latin names of a synset that are not among its lemmas' own; none where a lemma names the species.

        Args:
            offset: the synset.
            lemmas: its synonyms, WordNet's spelling.
        """
        if any(self.is_species(english_text(lemma)) for lemma in lemmas):
            return []
        names = (self._name(taxon) for taxon in self._wordnet.groups(offset) if self._is_only_member(offset, taxon))
        return [name for name in dict.fromkeys(names) if name]

    def is_species(self, text: str) -> bool:
        """Whether a text is a species' or a breed's Latin name: its first word is a genus of WordNet's."""
        found = _SPECIES.fullmatch(text)
        return found is not None and bool(self._wordnet.senses(f"genus {found[1]}"))

    def _is_only_member(self, offset: int, taxon: int) -> bool:
        return [member for member in self._members[taxon] if not self._name(member)] == [offset]

    def _name(self, offset: int) -> str:
        """A taxon's first name, without its rank; empty for what is no taxon."""
        for lemma in self._wordnet.lemmas(offset):
            ranked = _RANKED.fullmatch(lemma)
            if ranked:
                return english_text(ranked[1])
        return ""
