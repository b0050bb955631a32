"""Pure: a tree of the synsets of a run or table, to draw and to walk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from imagenet_build.charts.nodes import Node

Parents = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Places:
    """A tree: each synset below one parent, the first that WordNet names."""

    children: Mapping[str, tuple[str, ...]]
    """wnid -> those below it; `""` -> the uppermost ones. Ascending."""
    own: frozenset[str]
    """The synsets themselves; the others only join them."""

    def below(self, wnid: str) -> Iterator[str]:
        """A synset and everything below it, parents first."""
        waiting = [wnid]
        while waiting:
            here = waiting.pop()
            yield here
            waiting += reversed(self.children.get(here, ()))

    def totals(self, values: Mapping[str, int]) -> dict[str, int]:
        """For each place the sum of the values at it and below it; `""` has that of all."""
        order = list(self.below(""))
        total: dict[str, int] = {}
        for wnid in reversed(order):
            total[wnid] = values.get(wnid, 0) + sum(total[child] for child in self.children.get(wnid, ()))
        return total

    def node(self, wnid: str, names: Callable[[str], str], values: Mapping[str, int]) -> Node:
        """A subtree to draw; siblings by size."""
        totals = self.totals(values)
        made: dict[str, Node] = {}
        for here in reversed(list(self.below(wnid))):
            below = sorted(self.children.get(here, ()), key=lambda child: (-totals[child], child))
            name = names(here) if here else ""
            made[here] = Node(here, name, float(values.get(here, 0)), "", tuple(made[child] for child in below))
        return made[wnid]


def places_of(wnids: Collection[str], parents: Parents) -> Places:
    """The tree that some synsets span; synsets between them that only pass on to a single one are left out.

    Args:
        wnids: the synsets.
        parents: of a synset, in WordNet's order; those of the synsets alone will do.
    """
    own = frozenset(wnids)
    parent_of: dict[str, str] = {}
    for wnid in sorted(own):
        here = wnid
        while here not in parent_of:
            above = next(iter(parents(here)), "")
            parent_of[here] = "" if above == here else above
            if not parent_of[here] or _is_above(here, parent_of):
                parent_of[here] = ""
                break
            here = parent_of[here]
    children = _children(parent_of.items())
    joined = {wnid for wnid, held in children.items() if wnid in own or len(held) > 1} | own | {""}
    kept = {}
    for wnid in own | joined:
        if wnid:
            above = parent_of[wnid]
            while above not in joined:
                above = parent_of[above]
            kept[wnid] = above
    return Places(_children(kept.items()), own)


def _is_above(wnid: str, parent_of: Mapping[str, str]) -> bool:
    """Whether the parents of a synset lead back to it, in data that is no hierarchy."""
    here = parent_of[wnid]
    while here:
        if here == wnid:
            return True
        here = parent_of.get(here, "")
    return False


def _children(links: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for child, parent in links:
        found.setdefault(parent, []).append(child)
    return {parent: tuple(sorted(held)) for parent, held in found.items()}


def best_branch(places: Places, top: str, totals: Mapping[str, int], *, least: int, most: int) -> list[str]:
    """A way from a synset down to one with nothing below it, as long as can be, through synsets with pictures.

    Args:
        places: the tree.
        top: where it begins.
        totals: images at and below each place.
        least: images that each synset on the way must have at or below it.
        most: synsets on the way; of a longer one both ends and evenly spaced ones between are taken. Synsets that only
            join others are passed over.
    """
    best: dict[str, tuple[int, int, str]] = {}  # own synsets below, images of the next, the next
    for wnid in reversed(list(places.below(top))):
        open_ones = [
            (best[child][0] + (child in places.own), totals[child], child)
            for child in places.children.get(wnid, ())
            if totals[child] >= least
        ]
        # the longest, then the one with most images, then the first wnid
        best[wnid] = max(open_ones, key=lambda item: (item[0], item[1], _reversed(item[2])), default=(0, 0, ""))
    way = [top]
    while best[way[-1]][2]:
        way.append(best[way[-1]][2])
    own = [wnid for wnid in way if wnid in places.own]
    if len(own) <= most:
        return own
    return [own[round(step * (len(own) - 1) / (most - 1))] for step in range(most)]


def _reversed(wnid: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in wnid)


def two_branches(
    places: Places, tops: Sequence[str], totals: Mapping[str, int], *, least: int, most: int
) -> list[list[str]]:
    """Two ways in subtrees that share nothing, both as long as can be; one where there are no two such subtrees.

    Args:
        places: the tree.
        tops: synsets that the ways may begin at.
        totals: images at and below each place.
        least: see `best_branch`.
        most: see `best_branch`.
    """
    ways = {
        top: best_branch(places, top, totals, least=least, most=most)
        for top in sorted(set(tops))
        if totals.get(top, 0) >= least
    }
    ways = {top: way for top, way in ways.items() if way}
    below = {top: set(places.below(top)) for top in ways}
    pairs = [(one, two) for one, two in combinations(ways, 2) if one not in below[two] and two not in below[one]]
    if not pairs:
        single = max(ways, key=lambda top: (len(ways[top]), totals[top], _reversed(top)), default=None)
        return [ways[single]] if single is not None else []
    chosen = max(
        pairs,
        key=lambda pair: (
            min(len(ways[top]) for top in pair),
            sum(len(ways[top]) for top in pair),
            min(totals[top] for top in pair),
            *(_reversed(top) for top in pair),
        ),
    )
    return [ways[top] for top in sorted(chosen, key=lambda top: (-len(ways[top]), -totals[top], top))]
