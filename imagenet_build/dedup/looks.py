"""What is compared of pictures: their digests, hashes and tiny images, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagenet_build.dedup.align import luminance

TINY_SHAPE = (32, 32, 3)
COLUMNS = ("sha256", "pixel_sha256", "dct_hash", "mirrored_hash", "gradient_hash", "tiny")
_CELLS = 32 * 32
_LEVELS_PER_BIN, _BINS = 8, 32
_SHARES = np.arange(1, _CELLS + 1) / _CELLS
_ENTROPY_OF_COUNT = np.concatenate([[0.0], -_SHARES * np.log2(_SHARES)])


_ROWS = 1024


def smooth(levels: NDArray[Any]) -> NDArray[np.float32]:
    """A quarter of each neighbour and half of itself, along both axes; edges are continued.

    An edge that another resizing put half a pixel further then does not count.

    Args:
        levels: (m, height, width, 3).
    Returns: (m, 3, height * width).
    """
    channels = np.ascontiguousarray(np.moveaxis(levels, 3, 1), np.float32)
    down, across = _smoothing(channels.shape[2]), _smoothing(channels.shape[3])
    made: NDArray[np.float32] = np.matmul(np.matmul(down, channels), across.T)
    return made.reshape(len(levels), 3, -1)


def contrast_of(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviation of the smoothed picture around its mean colour, 0 to 128. (m, height, width, 3) -> (m,)"""
    channels = smooth(levels)
    apart = channels - channels.mean(2, keepdims=True)
    return np.asarray(np.sqrt((apart * apart).mean(2).mean(1)), np.float64)


@cache
def _smoothing(size: int) -> NDArray[np.float32]:
    """(size, size): quarters and halves, which float32 holds exactly."""
    made = np.zeros((size, size), np.float32)
    for row in range(size):
        for neighbour, weight in ((row - 1, 0.25), (row, 0.5), (row + 1, 0.25)):
            made[row, min(max(neighbour, 0), size - 1)] += weight
    return made


@dataclass(frozen=True, eq=False)
class Looks:
    """Pictures by index, 0 to n - 1."""

    sha256: Sequence[str]
    pixel_sha256: Sequence[str]
    dct: NDArray[np.uint64]
    """(n,), 64 bits each; so are the other hashes."""
    mirrored: NDArray[np.uint64]
    gradient: NDArray[np.uint64]
    tiny: NDArray[np.uint8]
    """(n, 32, 32, 3), RGB."""

    def __len__(self) -> int:
        return len(self.dct)

    @staticmethod
    def of_table(images: pa.Table) -> Looks:
        """From a table with the columns `COLUMNS`, none of them null."""
        tiny = b"".join(images["tiny"].to_pylist())
        dct, mirrored, gradient = (
            images[name].to_numpy().astype(np.uint64) for name in ("dct_hash", "mirrored_hash", "gradient_hash")
        )
        return Looks(
            images["sha256"].to_pylist(),
            images["pixel_sha256"].to_pylist(),
            dct,
            mirrored,
            gradient,
            np.frombuffer(tiny, np.uint8).reshape(-1, *TINY_SHAPE),
        )

    def take(self, places: NDArray[Any]) -> Looks:
        """Those at some indices, in that order."""
        return Looks(
            [self.sha256[place] for place in places],
            [self.pixel_sha256[place] for place in places],
            self.dct[places],
            self.mirrored[places],
            self.gradient[places],
            self.tiny[places],
        )

    def joined(self, other: Looks) -> Looks:
        """These, then those."""
        return Looks(
            [*self.sha256, *other.sha256],
            [*self.pixel_sha256, *other.pixel_sha256],
            np.concatenate([self.dct, other.dct]),
            np.concatenate([self.mirrored, other.mirrored]),
            np.concatenate([self.gradient, other.gradient]),
            np.concatenate([self.tiny, other.tiny]),
        )

    @cached_property
    def luminance(self) -> NDArray[np.float32]:
        """(n, 32, 32), 0 to 255."""
        return luminance(self.tiny)

    @cached_property
    def richness(self) -> NDArray[np.float64]:
        """(n,): entropy of the brightness in steps of 8 levels, in bits, 0 to 5.

        One colour has 0, a letter about 2, most photographs have between 3.4 and 4.7.
        """
        bins = (self.luminance.reshape(-1, _CELLS).astype(np.int64)) // _LEVELS_PER_BIN
        counted = np.bincount(
            (bins + np.arange(len(self))[:, None] * _BINS).ravel(), minlength=len(self) * _BINS
        ).reshape(-1, _BINS)
        return np.asarray(_ENTROPY_OF_COUNT[counted].sum(1))

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        """(n,): see `contrast_of`."""
        parts = [contrast_of(self.tiny[start : start + _ROWS]) for start in range(0, len(self), _ROWS)]
        return np.concatenate([np.zeros(0), *parts])

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """(n,): place in the order of the digests, which has nothing to do with the order of arrival."""
        order = sorted(range(len(self)), key=lambda place: (self.pixel_sha256[place], self.sha256[place]))
        found = np.empty(len(self), np.int64)
        found[order] = np.arange(len(self))
        return found
