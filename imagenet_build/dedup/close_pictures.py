"""EDGE: pairs of a picture and a listed one whose hashes are close and whose pixels agree.

Hashes are joined in memory or through files; what they propose is decided in parts, so that only a part's tiny images
are held at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.join import join_between
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.same_hash import SameHash
from imagenet_build.dedup.shapes import shapes_of

Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_PART = 20_000
"""Pairs that are decided together: 600 MB at most."""


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


def close_between(
    dct: Hashes, listed: Hashes, listed_mirrored: Hashes, radius_bits: int, folder: Path
) -> tuple[Indices, Indices]:
    """Pairs of a picture and a listed one whose hashes are close, one of the two mirrored or not."""
    pictures = SameHash(dct, np.arange(len(dct)))
    found = [np.zeros((0, 2), np.int64)]
    for hashes in (listed, listed_mirrored):
        others = SameHash(hashes, np.arange(len(hashes)))
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
