"""Pure: numbers of synsets that borrow from their parents until they have evidence of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imagenet_build.verify.votes import FloatArray, IntArray


@dataclass(frozen=True)
class Lineage:
    """The asked synsets and those above them; one without a parent borrows from all of them together."""

    parent: IntArray
    """(N,), index of the parent, -1 without one. The first S nodes are the asked synsets, in their order."""
    depth: IntArray
    """(N,), steps below a node without a parent."""
    asked: int

    def pooled(self, counts: FloatArray, strength: float, base: FloatArray | None = None) -> FloatArray:
        """Shares of each synset, drawn towards those of its parent's whole subtree.

        Args:
            counts: (S, D), how often each of D things was seen in each asked synset, not negative.
            strength: how many observations a parent's shares are worth to its child, above 0.
            base: (D,), what synsets without a parent are drawn towards; None for the shares of all together.
        Returns:
            (S, D); rows sum to 1. A synset without observations has its parent's shares.

        >>> lineage_of(["cat", "dog"], {}).pooled(np.array([[8.0, 0.0], [0.0, 0.0]]), 4.0).tolist()
        [[1.0, 0.0], [1.0, 0.0]]
        """
        below = np.zeros((len(self.parent), counts.shape[1]))
        below[: self.asked] = counts
        for depth in range(int(self.depth.max(initial=0)), 0, -1):
            here = np.flatnonzero(self.depth == depth)
            np.add.at(below, self.parent[here], below[here])
        if base is None:
            total = counts.sum()
            base = np.full(counts.shape[1], 1.0 / counts.shape[1]) if total == 0 else counts.sum(0) / total
        shares = np.empty_like(below)
        for depth in range(int(self.depth.max(initial=0)) + 1):
            here = np.flatnonzero(self.depth == depth)
            above = base if depth == 0 else shares[self.parent[here]]
            shares[here] = (below[here] + strength * above) / (below[here].sum(1, keepdims=True) + strength)
        return shares[: self.asked]


def lineage_of(wnids: Sequence[str], parents: Mapping[str, str]) -> Lineage:
    """The lines above the asked synsets.

    Args:
        wnids: the asked synsets.
        parents: wnid -> wnid of one parent; synsets that are missing have none. A circle is cut where it closes.
    """
    names = list(wnids)
    place = {wnid: index for index, wnid in enumerate(names)}
    parent: list[int] = []
    while len(parent) < len(names):
        above = parents.get(names[len(parent)], "")
        if above and above not in place:
            place[above] = len(names)
            names.append(above)
        parent.append(place[above] if above else -1)
    depth = [-1] * len(names)
    for start in range(len(names)):
        line = [start]
        while depth[line[-1]] < 0 and parent[line[-1]] >= 0:
            above_it = parent[line[-1]]
            if above_it in line:
                parent[line[-1]] = -1
            else:
                line.append(above_it)
        steps = max(0, depth[line[-1]])
        for node in reversed(line):
            depth[node] = steps
            steps += 1
    return Lineage(np.array(parent, np.int64), np.array(depth, np.int64), len(wnids))
