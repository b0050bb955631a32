"""Pure: the synsets of a run as a tree to walk, with sums over everything below a synset, each synset counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
MOST_PATHS = 8
"""Ways up to a root that are shown; a few synsets have dozens."""


class RunTree:
    """N synsets by number, sorted by wnid. Parents that are not in the run are left away."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """`rows`: wnid, name, lemmas, gloss, hypernyms, depth, as in the table SYNSETS.

        Rows with `is_extra` are not of the run: they hold nothing and are not counted.
        """
        rows = sorted(rows, key=lambda row: str(row["wnid"]))
        self.wnids: list[str] = [row["wnid"] for row in rows]
        self.number: dict[str, int] = {wnid: number for number, wnid in enumerate(self.wnids)}
        self.synset_names: list[str] = [row["name"] for row in rows]
        self.words: list[tuple[str, ...]] = [
            tuple(lemma.replace("_", " ") for lemma in row["lemmas"]) or (row["wnid"],) for row in rows
        ]
        self.glosses: list[str] = [row["gloss"] for row in rows]
        self.depths: list[int] = [row["depth"] for row in rows]
        self.parents: list[tuple[int, ...]] = [
            tuple(dict.fromkeys(self.number[above] for above in row["hypernyms"] if above in self.number))
            for row in rows
        ]
        self.children: list[list[int]] = [[] for _ in rows]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                self.children[parent].append(child)
        for children in self.children:
            children.sort(key=self._by_name)
        self.roots = sorted((number for number, above in enumerate(self.parents) if not above), key=self._by_name)
        self._above, self._below = self._pairs()
        self.is_extra = np.array([bool(row.get("is_extra")) for row in rows], np.bool_)
        """(N,)."""
        self.sizes = self.sums(np.ones(len(rows), np.int64) - self.is_extra)
        """(N,), synsets of the run at or below each."""

    def __len__(self) -> int:
        return len(self.wnids)

    def name(self, number: int) -> str:
        """The first synonym."""
        return self.words[number][0]

    def _by_name(self, number: int) -> tuple[str, str]:
        return self.name(number).casefold(), self.wnids[number]

    def _pairs(self) -> tuple[IntArray, IntArray]:
        """All (synset, itself or something below it), each pair once, however many ways lead down."""
        above: list[int] = []
        below: list[int] = []
        for number in range(len(self.wnids)):
            found = {number}
            queue = [number]
            for one in queue:  # grows while it is walked
                for parent in self.parents[one]:
                    if parent not in found:
                        found.add(parent)
                        queue.append(parent)
            above.extend(queue)
            below.extend([number] * len(queue))
        return np.array(above, np.int64), np.array(below, np.int64)

    def sums(self, values: IntArray) -> IntArray:
        """Sums over each synset and everything below it.

        Args:
            values: (N,).
        Returns:
            (N,); a synset that stands below another in two ways counts once.
        """
        return np.bincount(self._above, weights=values[self._below], minlength=len(self)).astype(np.int64)

    def histograms(self, bins: IntArray, count: int) -> IntArray:
        """How many synsets at or below each fall into each bin.

        Args:
            bins: (N,), the bin of each synset, in [0, count).
        Returns:
            (N, count).
        """
        counted = ~self.is_extra[self._below]
        flat = np.bincount((self._above * count + bins[self._below])[counted], minlength=len(self) * count)
        return flat.reshape(len(self), count).astype(np.int64)

    def paths(self, number: int, most: int = MOST_PATHS) -> list[list[int]]:
        """Ways from a root down to a synset, both included, the shortest first; at most so many."""
        found: list[list[int]] = []
        queue = [[number]]
        for way in queue:  # breadth first; grows while it is walked
            parents = [parent for parent in self.parents[way[0]] if parent not in way]
            if not parents:
                found.append(way)
                if len(found) == most:
                    break
            queue.extend([parent, *way] for parent in parents)
        return found

    def drawn_children(self, number: int) -> list[int]:
        """The children whose first parent this is: a picture of the tree shows each synset in one place."""
        return [child for child in self.children[number] if self.parents[child][0] == number]
