"""Synsets above those of a run, so that a run of scattered synsets hangs together as a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.errors import BuildError
from imagenet_build.records import offset_of, wnid_of
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.taxonomy.tree import ancestors

MOST_ROOTS = 20
"""A run with more synsets that have no parent in it is no subtree but a list."""
Row = Mapping[str, Any]


class Wordnet(Protocol):
    """What is asked of WordNet."""

    def __contains__(self, offset: object) -> bool: ...

    def parents(self, offset: int) -> tuple[int, ...]:
        """Hypernyms and instance hypernyms."""

    def hyponyms(self, offset: int, *, instances: bool = False) -> tuple[int, ...]:
        """Children."""

    def lemmas(self, offset: int) -> tuple[str, ...]:
        """Synonyms."""

    def gloss(self, offset: int) -> str:
        """The definition."""

    def name(self, offset: int) -> str:
        """As NLTK writes it."""

    def depth(self, offset: int) -> int:
        """Steps to a synset without parents."""


def is_list(rows: Sequence[Row]) -> bool:
    """Whether the synsets of a run are scattered over WordNet."""
    held = {row["wnid"] for row in rows}
    return sum(not held.intersection(row["hypernyms"]) for row in rows) > MOST_ROOTS


def with_synsets_above(rows: Sequence[Row], wordnet: Wordnet) -> list[dict[str, Any]]:
    """The rows of a run, and rows with `is_extra` for synsets above them that join at least two branches.

    Parents of a run's synset are replaced by the nearest that are in the run or join branches; of those, one that
    stands above another is left away.
    """
    own = {offset_of(row["wnid"]) for row in rows}
    known = [offset for offset in own if offset in wordnet]
    above = {offset: ancestors(wordnet, offset) for offset in known}
    everything = own.union(*above.values())
    parents = {
        offset: tuple(parent for parent in wordnet.parents(offset) if parent in everything)
        for offset in everything
        if offset in wordnet
    }
    _contract(parents, own)
    made: list[dict[str, Any]] = []
    for row in rows:
        held = parents.get(offset_of(row["wnid"]), ())
        made.append({**row, "hypernyms": [wnid_of(parent) for parent in held], "is_extra": False})
    for offset in sorted(parents.keys() - own):
        made.append(
            {
                "wnid": wnid_of(offset),
                "name": wordnet.name(offset),
                "lemmas": wordnet.lemmas(offset),
                "gloss": wordnet.gloss(offset),
                "hypernyms": [wnid_of(parent) for parent in parents[offset]],
                "depth": wordnet.depth(offset),
                "is_extra": True,
            }
        )
    return made


def _contract(parents: dict[int, tuple[int, ...]], own: set[int]) -> None:
    """Take out what is not in the run and has one child only: the child gets its parents instead."""
    children: dict[int, set[int]] = {offset: set() for offset in parents}
    for child, held in parents.items():
        for parent in held:
            children[parent].add(child)
    waiting = sorted(parents.keys() - own)
    while waiting:
        again: set[int] = set()
        for offset in waiting:
            if offset not in parents or len(children[offset]) > 1:
                continue
            for child in children.pop(offset):
                joined = dict.fromkeys(
                    one for parent in parents[child] for one in (parents[offset] if parent == offset else (parent,))
                )
                kept = _nearest(tuple(joined), parents)
                again.update(_relinked(child, parents[child], kept, children))
                parents[child] = kept
            for parent in parents.pop(offset):
                if parent in children:
                    children[parent].discard(offset)
                    again.add(parent)
        waiting = sorted(again - own)


def _relinked(child: int, before: tuple[int, ...], after: tuple[int, ...], children: dict[int, set[int]]) -> set[int]:
    """Tell parents of a child's change; those that may have lost their last but one child."""
    for parent in after:
        children[parent].add(child)
    lost = {parent for parent in before if parent not in after and parent in children}
    for parent in lost:
        children[parent].discard(child)
    return lost


def _nearest(held: tuple[int, ...], parents: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Without those that stand above another of them."""
    if len(held) < 2:
        return held
    above: set[int] = set()
    for one in held:
        queue = list(parents[one])
        for parent in queue:  # grows while it is walked
            if parent not in above:
                above.add(parent)
                queue.extend(parents[parent])
    return tuple(one for one in held if one not in above)


def joined(rows: list[dict[str, Any]], config: TaxonomyConfig) -> list[dict[str, Any]]:
    """EDGE: the rows with the synsets above them, if they are a list and WordNet can be found; else as they are."""
    if not is_list(rows):
        return rows
    try:
        return with_synsets_above(rows, load_wordnet(config))
    except BuildError:
        return rows  # the run is shown without it: it may have come from another machine
