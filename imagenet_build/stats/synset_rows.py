"""Pure: what any counted table has, of a run or not: the synsets in numbers, subtrees, depths and heights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imagenet_build.records import offset_of, wnid_of
from imagenet_build.stats.document import SynsetRow
from imagenet_build.stats.hierarchy_shape import DeepHierarchy, heights, hierarchy_shape
from imagenet_build.stats.sections import HierarchyShape, SubtreeRow
from imagenet_build.stats.subtrees import Category, subtree_rows


@dataclass(frozen=True, slots=True)
class Placed:
    """A table of (wnid, images) in its hierarchy."""

    synsets: tuple[SynsetRow, ...]
    """By wnid; with images, and nothing else that a run knows."""
    subtrees: tuple[SubtreeRow, ...]
    shape: HierarchyShape
    unknown: tuple[str, ...]
    """wnids that the hierarchy does not have: their images count, but stand nowhere."""


def placed(
    tree: DeepHierarchy,
    images: Mapping[str, int],
    categories: Iterable[Category],
    accepted: Mapping[str, int] | None = None,
) -> Placed:
    """Put a table of (wnid, images) into its hierarchy.

    Args:
        tree: the hierarchy, usually WordNet 3.0.
        images: wnid -> images, 0 or more.
        categories: what the subtree table shows, if it holds a synset.
        accepted: wnid -> accepted images, if anything was judged.
    """
    counts = {offset_of(wnid): number for wnid, number in images.items()}
    known = {offset: number for offset, number in counts.items() if offset in tree}
    height_of = heights(tree, known)
    good = None if accepted is None else {offset_of(wnid): number for wnid, number in accepted.items()}
    return Placed(
        synsets=tuple(_row(tree, offset, number, height_of) for offset, number in sorted(counts.items())),
        subtrees=subtree_rows(tree, known, categories, good),
        shape=hierarchy_shape(tree, known, height_of),
        unknown=tuple(wnid_of(offset) for offset in sorted(counts.keys() - known.keys())),
    )


def _row(tree: DeepHierarchy, offset: int, images: int, height_of: Mapping[int, int]) -> SynsetRow:
    if offset not in tree:
        return SynsetRow(wnid_of(offset), "", (), None, None, images)
    parents = tuple(wnid_of(parent) for parent in tree.parents(offset))
    return SynsetRow(wnid_of(offset), tree.name(offset), parents, tree.depth(offset), height_of[offset], images)
