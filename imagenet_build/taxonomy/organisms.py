"""Pure: which synsets are living things, which engines of natural history know; all others they do not."""

from __future__ import annotations

from imagenet_build.taxonomy.tree import steps_below
from imagenet_build.taxonomy.wordnet import WordNet

ORGANISM = ("organism", "being")
"""The first two lemmas of organism.n.01; a sense number alone would mean something else in another WordNet."""


def organisms(wordnet: WordNet) -> frozenset[int]:
    """Offsets of organism.n.01 and of everything below it, individuals included; none where WordNet has no such synset.

    Fruits, nuts and seeds are not among them: WordNet takes them for parts of plants.
    """
    for offset in wordnet.senses(ORGANISM[0]):
        if wordnet.lemmas(offset)[:2] == ORGANISM:
            return frozenset(steps_below(wordnet, offset, instances=True))
    return frozenset()
