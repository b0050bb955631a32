"""Pure: at which depth and at which height of the hierarchy synsets and images stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from imagenet_build.stats.sections import HierarchyShape, LevelRow
from imagenet_build.taxonomy.tree import Hierarchy


class DeepHierarchy(Hierarchy, Protocol):
    """A hierarchy whose synsets know their depth; `WordNet` does."""

    def __contains__(self, offset: object) -> bool:
        """Whether it has a synset."""

    def depth(self, offset: int) -> int:
        """Fewest steps up to a synset without parents."""

    def name(self, offset: int) -> str:
        """As NLTK writes it, dog.n.01."""


class TableHierarchy:
    """The part of a hierarchy that a run's own synsets span, where WordNet cannot be read.

    Args:
        parents: offset -> offsets of its parents, of which some may be missing.
        depths: offset -> fewest steps up to a synset without parents, in the whole hierarchy.
        names: offset -> name.
    """

    def __init__(
        self, parents: Mapping[int, tuple[int, ...]], depths: Mapping[int, int], names: Mapping[int, str]
    ) -> None:
        self._parents = parents
        self._depths = depths
        self._names = names
        self._children: dict[int, list[int]] = {}
        for offset in sorted(parents):
            for parent in parents[offset]:
                self._children.setdefault(parent, []).append(offset)

    def __contains__(self, offset: object) -> bool:
        return offset in self._parents

    def parents(self, offset: int) -> tuple[int, ...]:
        """Those that the table names; none of a synset that is only named as a parent."""
        return self._parents.get(offset, ())

    def hyponyms(self, offset: int, *, instances: bool = False) -> tuple[int, ...]:  # noqa: ARG002
        """Children in the table; it does not tell individuals from kinds."""
        return tuple(self._children.get(offset, ()))

    def depth(self, offset: int) -> int:
        """As the table says."""
        return self._depths[offset]

    def name(self, offset: int) -> str:
        """As the table says."""
        return self._names[offset]


def heights(tree: Hierarchy, offsets: Iterable[int]) -> dict[int, int]:
    """For each of the given synsets, the most steps down to another of them; 0 where none of them stands below.

    Steps may lead through synsets that are not given. So a leaf has height 0, and a synset the length of the longest
    path down from it: the height that the hierarchical cost of Deng et al., "What does classifying more than 10,000
    image categories tell us?", ECCV 2010, is made of.
    """
    wanted = set(offsets)
    above: dict[int, tuple[int, ...]] = {}
    queue = list(wanted)
    while queue:
        offset = queue.pop()
        if offset not in above:
            above[offset] = tree.parents(offset)
            queue.extend(above[offset])
    children = dict.fromkeys(above, 0)
    for parents in above.values():
        for parent in parents:
            children[parent] += 1
    height = dict.fromkeys(above, 0)
    ready = [offset for offset, count in children.items() if not count]
    while ready:  # a synset's height is known when all its children's are
        offset = ready.pop()
        for parent in above[offset]:
            height[parent] = max(height[parent], height[offset] + 1)
            children[parent] -= 1
            if not children[parent]:
                ready.append(parent)
    return {offset: height[offset] for offset in wanted}


def level_rows(levels: Iterable[tuple[int, int]]) -> tuple[LevelRow, ...]:
    """Rows by level, from the least to the greatest that occurs, without gaps.

    Args:
        levels: (level, images) of each synset.

    >>> level_rows([(2, 10), (2, 0), (4, 5)])[1:]
    (LevelRow(level=3, synsets=0, nonempty=0, images=0), LevelRow(level=4, synsets=1, nonempty=1, images=5))
    """
    found: dict[int, list[int]] = {}
    for level, images in levels:
        row = found.setdefault(level, [0, 0, 0])
        row[0] += 1
        row[1] += images > 0
        row[2] += images
    return tuple(LevelRow(level, *found.get(level, (0, 0, 0))) for level in _from_least_to_greatest(found))


def _from_least_to_greatest(levels: Mapping[int, object]) -> Iterator[int]:
    yield from range(min(levels), max(levels) + 1) if levels else ()


def hierarchy_shape(tree: DeepHierarchy, counts: Mapping[int, int], height_of: Mapping[int, int]) -> HierarchyShape:
    """Synsets and images by depth and by height.

    Args:
        tree: the hierarchy; synsets that it lacks are left out.
        counts: offset -> images.
        height_of: what `heights` says of these synsets.
    Source:
        Deng et al., CVPR 2009, section 2, Figure 6: the distribution of labels over tree depth.
    """
    known = {offset: images for offset, images in counts.items() if offset in tree}
    return HierarchyShape(
        depths=level_rows((tree.depth(offset), images) for offset, images in known.items()),
        heights=level_rows((height_of[offset], images) for offset, images in known.items()),
    )
