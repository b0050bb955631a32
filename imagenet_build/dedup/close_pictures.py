"""EDGE: pairs of pictures of a whole run, or of a run and a list, whose hashes are close and whose pixels agree.

Hashes are joined in memory or through files; what they propose is decided in parts, so that only a part's tiny images
are held at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.join import join, join_between
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.shapes import shapes_of

Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_PART = 20_000
"""Pairs that are decided together: 600 MB at most."""
_MOST_OF_A_HASH = 300
"""A hash that more pictures share says nothing about them: one colour, a drawing on white. Its first ones stand for
all of them."""
_log = logging.getLogger(__name__)


class Close(NamedTuple):
    """Pairs that show the same picture: (m,) each."""

    left: Indices
    right: Indices
    mirrored: NDArray[np.bool_]
    distance: NDArray[np.float32]

    def joined(self, other: Close) -> Close:
        """These, then those."""
        return Close(
            np.concatenate([self.left, other.left]),
            np.concatenate([self.right, other.right]),
            np.concatenate([self.mirrored, other.mirrored]),
            np.concatenate([self.distance, other.distance]),
        )


def close_within(
    dct: Hashes,
    mirrored: Hashes,
    radius_bits: int,
    worth: Callable[[Indices, Indices], NDArray[np.bool_]],
    folder: Path,
) -> tuple[Indices, Indices]:
    """Pairs i < j of different pictures whose hashes are close, one of the two mirrored or not.

    Args:
        dct, mirrored: (n,), of different pictures.
        radius_bits: 0 to 8.
        worth: of many pairs (i, j) of pictures, which ones are wanted.
        folder: for temporary files, where memory does not suffice.
    """
    straight, crossed = _Shared(dct), _Shared(mirrored)
    found = [np.zeros((0, 2), np.int64)]
    found.extend(_wanted(straight.pairs_within(), worth))
    for block in join(straight.values, radius_bits, folder=folder):
        found.extend(_wanted(straight.pairs(straight, block), worth))
    for block in join_between(straight.values, crossed.values, radius_bits, folder=folder):
        found.extend(_wanted(straight.pairs(crossed, block), worth))
    every = np.unique(np.concatenate(found), axis=0)
    return every[:, 0], every[:, 1]


def close_between(
    dct: Hashes, listed: Hashes, listed_mirrored: Hashes, radius_bits: int, folder: Path
) -> tuple[Indices, Indices]:
    """Pairs of a picture and a listed one whose hashes are close, one of the two mirrored or not."""
    pictures = _Shared(dct)
    found = [np.zeros((0, 2), np.int64)]
    for hashes in (listed, listed_mirrored):
        others = _Shared(hashes)
        for block in join_between(pictures.values, others.values, radius_bits, folder=folder):
            found.extend(pictures.pairs(others, block))
    every = np.unique(np.concatenate(found), axis=0)
    return every[:, 0], every[:, 1]


def decided(
    left: Indices,
    right: Indices,
    looks: Callable[[Indices, Indices], tuple[Looks, Indices, Indices]],
    config: DedupConfig,
) -> Close:
    """Those of many pairs that show the same picture.

    Args:
        left, right: (m,).
        looks: of some pairs, what is to be compared, and the pairs as indices into it.
        config: thresholds.
    """
    nothing = np.zeros(0, np.int64)
    kept = [Close(nothing, nothing, np.zeros(0, np.bool_), np.zeros(0, np.float32))]
    for start in range(0, len(left), _PART):
        part = slice(start, start + _PART)
        seen, i, j = looks(left[part], right[part])
        found = decide(seen, shapes_of(seen), i, j, config)
        same = found.same
        kept.append(Close(left[part][same], right[part][same], found.mirrored[same], found.distance[same]))
    return reduce(Close.joined, kept)


def _wanted(blocks: Iterator[Indices], worth: Callable[[Indices, Indices], NDArray[np.bool_]]) -> Iterator[Indices]:
    for block in blocks:
        pairs = np.sort(block[block[:, 0] != block[:, 1]], axis=1)
        yield pairs[worth(pairs[:, 0], pairs[:, 1])]


class _Shared:
    """Hashes, each once, and the pictures that have it."""

    def __init__(self, hashes: Hashes) -> None:
        self.values, place = np.unique(hashes, return_inverse=True)
        self._order = np.argsort(place, kind="stable")
        self._starts = np.searchsorted(place[self._order], np.arange(len(self.values) + 1))
        crowded = int((np.diff(self._starts) > _MOST_OF_A_HASH).sum())
        if crowded:
            _log.warning("%d hashes are shared by more than %d pictures each", crowded, _MOST_OF_A_HASH)

    def pictures(self, at: int) -> Indices:
        """Those with one hash, the first ones of very many."""
        return self._order[self._starts[at] : min(self._starts[at + 1], self._starts[at] + _MOST_OF_A_HASH)]

    def pairs(self, other: _Shared, block: Indices) -> Iterator[Indices]:
        """Pairs of pictures of pairs of hashes."""
        single = (np.diff(self._starts)[block[:, 0]] == 1) & (np.diff(other._starts)[block[:, 1]] == 1)
        ones = block[single]
        yield np.stack([self._order[self._starts[ones[:, 0]]], other._order[other._starts[ones[:, 1]]]], axis=1)
        for left, right in block[~single].tolist():
            yield _product(self.pictures(left), other.pictures(right))

    def pairs_within(self) -> Iterator[Indices]:
        """Pairs of pictures of one hash."""
        for at in np.flatnonzero(np.diff(self._starts) > 1).tolist():
            here = self.pictures(at)
            yield _product(here, here)


def _product(left: Indices, right: Indices) -> Indices:
    return np.stack([np.repeat(left, len(right)), np.tile(right, len(left))], axis=1)
