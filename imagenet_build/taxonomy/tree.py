"""Pure: walking the hierarchy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Hierarchy(Protocol):
    """The two directions that a walk needs; `WordNet` has them."""

    def parents(self, offset: int) -> tuple[int, ...]:
        """Hypernyms and instance hypernyms."""

    def hyponyms(self, offset: int, *, instances: bool = False) -> tuple[int, ...]:
        """Children, individuals only if asked for."""


def steps_below(tree: Hierarchy, root: int, *, instances: bool = False) -> dict[int, int]:
    """The root and everything below it, once each -> fewest steps down from the root (0 for the root itself)."""
    steps = {root: 0}
    queue = [root]
    for offset in queue:  # grows while it is walked
        for child in tree.hyponyms(offset, instances=instances):
            if child not in steps:
                steps[child] = steps[offset] + 1
                queue.append(child)
    return steps


def subtree(tree: Hierarchy, roots: Iterable[int], *, instances: bool = False) -> list[int]:
    """The roots and everything below them, ascending; a synset with two parents counts once.

    Args:
        tree: the hierarchy.
        roots: offsets.
        instances: take individuals (Lassie, Mount Everest) too. A root is taken even if it is one.
    """
    found: set[int] = set()
    for root in roots:
        if root not in found:
            found.update(steps_below(tree, root, instances=instances))
    return sorted(found)


def ancestors(tree: Hierarchy, offset: int) -> list[int]:
    """Everything above a synset, nearest first, once each, without the synset itself."""
    found = dict.fromkeys(tree.parents(offset))
    queue = list(found)
    for above in queue:  # grows while it is walked
        for parent in tree.parents(above):
            if parent not in found:
                found[parent] = None
                queue.append(parent)
    return queue


def counts_below(tree: Hierarchy, offsets: Iterable[int]) -> dict[int, int]:
    """For each of the given synsets, how many of the others stand below it, at any depth."""
    counts = dict.fromkeys(offsets, 0)
    for offset in counts:
        for above in ancestors(tree, offset):
            if above in counts:
                counts[above] += 1
    return counts
