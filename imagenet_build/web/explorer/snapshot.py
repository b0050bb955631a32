"""Pure: what is known of a run at one moment, as arrays over its synsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from imagenet_build.web.explorer.manifest_counts import KINDS, ManifestFooter
from imagenet_build.web.explorer.picture_bins import LABELS, bins_of
from imagenet_build.web.explorer.run_tree import IntArray, RunTree
from imagenet_build.web.explorer.search_index import SearchIndex

VERDICTS = ("accepted", "rejected", "undecided")
SO_FAR = ("hits", "images")
"""What the stages before the manifests count for each synset."""


@dataclass(frozen=True)
class Concepts:
    """The synsets of a run, and what is asked for them: it changes only at a build's beginning."""

    tree: RunTree
    index: SearchIndex
    queries: pa.Table
    """The table QUERIES, sorted by wnid."""


@dataclass(frozen=True)
class Snapshot:
    """All that the tree, the search and the treemap show. Never changed, only replaced."""

    version: int
    """Another one: something changed."""
    concepts: Concepts
    own: dict[str, IntArray]
    """Kind of count (KINDS, VERDICTS, SO_FAR) -> (N,)."""
    below: dict[str, IntArray]
    """The same, with everything below."""
    histograms: IntArray
    """(N, 8): synsets at or below each with so many pictures (`picture_bins`)."""
    footers: Mapping[str, ManifestFooter]
    measure: str
    """The latest of the counts that there is: kept, images or hits; empty: none yet."""
    reading: tuple[int, int] | None
    """Manifests read, of how many; None: all are read."""
    status: dict[str, Any] = field(default_factory=dict)
    """Stages, and whether a build is at work (`live`)."""
    refused_by_reason: Mapping[str, int] = field(default_factory=dict)
    """Of manifests whose footers were not asked for it."""
    problem: str = ""
    """Why the run cannot be looked at."""

    @cached_property
    def languages(self) -> list[str]:
        """Of its queries, ISO 639-3, sorted."""
        return sorted(self.concepts.queries["language"].unique().to_pylist())

    def row(self, number: int) -> dict[str, Any]:
        """A synset as a line of the tree."""
        tree = self.concepts.tree
        kind = self.measure or "kept"
        footer = self.footers.get(tree.wnids[number])
        return {
            "wnid": tree.wnids[number],
            "name": tree.name(number),
            "more_names": list(tree.words[number][1:3]),
            "children": len(tree.children[number]),
            "parents": len(tree.parents[number]),
            "synsets": int(tree.sizes[number]),
            "own": int(self.own[kind][number]),
            "below": int(self.below[kind][number]),
            "accepted": int(self.below["accepted"][number]),
            "histogram": self.histograms[number].tolist(),
            "damaged": bool(footer and footer.problem),
            "is_extra": bool(tree.is_extra[number]),
        }

    @cached_property
    def totals(self) -> dict[str, Any]:
        """The whole run in a few numbers; a synset counts once."""
        held = self.own["kept"]
        reasons: Counter[str] = Counter(self.refused_by_reason)
        for footer in self.footers.values():
            reasons.update(footer.refused_by_reason or {})
        return {
            "synsets": int((~self.concepts.tree.is_extra).sum()),
            "manifests": len(self.footers),
            "non_empty": int((held > 0).sum()),
            **{kind: int(values.sum()) for kind, values in self.own.items()},
            "histogram": np.bincount(bins_of(held[~self.concepts.tree.is_extra]), minlength=len(LABELS)).tolist(),
            "refused_by_reason": dict(reasons.most_common()),
            "damaged": sorted(wnid for wnid, footer in self.footers.items() if footer.problem),
        }


def counts_of(
    tree: RunTree,
    footers: Mapping[str, ManifestFooter],
    verdicts: Mapping[str, Mapping[str, int]],
    so_far: Mapping[str, Mapping[str, int]],
) -> dict[str, IntArray]:
    """Own counts of each synset.

    Args:
        footers: by wnid. verdicts: wnid -> verdict -> pictures. so_far: wnid -> kind -> number, of unfinished stages.
    Returns:
        kind -> (N,); 0 where nothing is known.
    """
    own = {kind: np.zeros(len(tree), np.int64) for kind in (*KINDS, *VERDICTS, *SO_FAR)}
    sources: list[tuple[Mapping[str, Mapping[str, int]], tuple[str, ...]]] = [
        ({wnid: footer.counts for wnid, footer in footers.items()}, KINDS),
        (verdicts, VERDICTS),
        (so_far, SO_FAR),
    ]
    for source, kinds in sources:
        for wnid, counts in source.items():
            number = tree.number.get(wnid)
            if number is not None:
                for kind in kinds:
                    own[kind][number] = counts.get(kind, 0)
    return own


def latest_measure(own: Mapping[str, IntArray], has_manifests: bool) -> str:
    """Which count says most of a run that may still be at work."""
    if has_manifests:
        return "kept"
    return next((kind for kind in ("images", "hits") if own[kind].any()), "")


def fullest_below(now: Snapshot, number: int) -> int:
    """A synset with pictures at or below another one, where most of them lie."""
    kept = now.own["kept"]
    while not kept[number] and now.concepts.tree.children[number]:
        number = max(now.concepts.tree.children[number], key=lambda child: int(now.below["kept"][child]))
    return number
