"""Pure: pictures by their hashes: each hash once, and the pictures that have it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray

MOST_OF_A_HASH = 300
"""A hash that more pictures share says nothing about them: one colour, a drawing on white. Its first ones stand for
all of them."""


class SameHash:
    """Pictures by their hashes."""

    def __init__(self, hashes: Hashes, pictures: IntArray) -> None:
        """`hashes`: (n,), of `pictures`: (n,), ascending."""
        self.values, place = np.unique(hashes, return_inverse=True)
        order = np.argsort(place, kind="stable")
        self._pictures = pictures[order]
        self._starts = np.searchsorted(place[order], np.arange(len(self.values) + 1))
        self.crowded = int((np.diff(self._starts) > MOST_OF_A_HASH).sum())
        """Hashes that more pictures share than are looked at."""

    def pairs(self, other: SameHash, close: IntArray) -> Iterator[IntArray]:
        """Pairs of pictures, (m, 2), of pairs of hashes: indices into `values` of both, (k, 2)."""
        single = (np.diff(self._starts)[close[:, 0]] == 1) & (np.diff(other._starts)[close[:, 1]] == 1)
        ones = close[single]
        yield np.stack([self._pictures[self._starts[ones[:, 0]]], other._pictures[other._starts[ones[:, 1]]]], axis=1)
        for left, right in close[~single].tolist():
            yield _product(self._first(left), other._first(right))

    def pairs_within(self) -> Iterator[IntArray]:
        """Pairs of pictures of one hash, both ways round, and each with itself."""
        for at in np.flatnonzero(np.diff(self._starts) > 1).tolist():
            here = self._first(at)
            yield _product(here, here)

    def _first(self, at: int) -> IntArray:
        return self._pictures[self._starts[at] : min(self._starts[at + 1], self._starts[at] + MOST_OF_A_HASH)]


def _product(left: IntArray, right: IntArray) -> IntArray:
    return np.stack([np.repeat(left, len(right)), np.tile(right, len(left))], axis=1)
