"""Pure: grey pixels -> the 64-bit hashes of a picture, and of the same picture mirrored.

A picture in full is brought to the hashes' grids by Pillow, as `imagehash` does it: the hashes are then equal to
`imagehash.phash` and `imagehash.dhash`. A picture that a JPEG decoder has already reduced cannot be equal, only near;
its grids come from two products with matrices that are kept, which takes a tenth of the time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from imagenet_build.errors import DataError

Bytes2D = NDArray[np.uint8]
Floats2D = NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels, from the top left corner; fractions of pixels count."""

DCT_POINTS = 32
_GRADIENT_ROWS, _GRADIENT_COLUMNS = 8, 9
_LOW = 8
_LOBES = 3.0
"""Of Lanczos's kernel, as Pillow's `LANCZOS` has it."""
_MOST_MATRIX_PX, _KEPT_MATRICES = 512, 512
"""Longer sides go through Pillow: the kept matrices take 10 MB with the usual sizes, 43 MB with the worst."""
_NOISE_DECIMALS = 6
"""Coefficients that are equal, or zero, in exact arithmetic differ by some 1e-11 in floating point."""

_FREQUENCY, _POINT = np.arange(_LOW)[:, None], np.arange(DCT_POINTS)[None, :]
_COSINES = 2.0 * np.cos(np.pi * _FREQUENCY * (2 * _POINT + 1) / (2 * DCT_POINTS))
"""(8, 32): the eight lowest rows of the DCT of type II, without a norm (Ahmed, Natarajan and Rao 1974)."""
_MIRROR = np.where(np.arange(_LOW) % 2, -1.0, 1.0)
"""Odd horizontal frequencies change their sign in a mirror."""


class Grids(NamedTuple):
    """What the hashes are computed from."""

    square: Bytes2D
    """(32, 32), grey, 0 to 255."""
    gradient: Bytes2D
    """(8, 9), grey, 0 to 255."""


def grids_of(grey: PillowImage.Image) -> Grids:
    """The grids of a picture in full, of mode L: the very numbers that `imagehash` computes with."""
    return _grids_by_pillow(grey, None)


def grids_of_reduced(grey: PillowImage.Image, box: Box) -> Grids:
    """The grids of a picture, mode L, that a decoder has reduced.

    Args:
        grey: the reduced picture; its last row and column may reach beyond the picture.
        box: where the picture lies in it.
    """
    if max(grey.size) > _MOST_MATRIX_PX:
        return _grids_by_pillow(grey, box)
    across = _kernels(grey.width, box[0], box[2], (DCT_POINTS, _GRADIENT_COLUMNS))
    down = _kernels(grey.height, box[1], box[3], (DCT_POINTS, _GRADIENT_ROWS))
    found = np.rint(down @ np.asarray(grey).astype(np.float32) @ across.T).clip(0.0, 255.0).astype(np.uint8)
    return Grids(found[:DCT_POINTS, :DCT_POINTS], found[DCT_POINTS:, DCT_POINTS:])


def dct_hashes(square: Bytes2D) -> tuple[int, int]:
    """64-bit hash of a (32, 32) grid, and the one that the picture has when mirrored left to right.

    A bit says whether a low coefficient of the DCT is above the median of the 64; row by row, first bit highest, as
    `str(imagehash.phash(…))` has them. Coefficients that differ by rounding only count as equal, so that the bits of
    flat and of symmetric pictures are the same on every machine.

    >>> [f"{each:016x}" for each in dct_hashes(np.full((32, 32), 9, np.uint8))]
    ['8000000000000000', '8000000000000000']
    """
    if square.shape != (DCT_POINTS, DCT_POINTS):
        raise DataError(f"a grid of {square.shape} where ({DCT_POINTS}, {DCT_POINTS}) is wanted")
    coefficients = np.round(_COSINES @ square @ _COSINES.T, _NOISE_DECIMALS)
    return _above_median(coefficients), _above_median(coefficients * _MIRROR)


def gradient_hash(gradient: Bytes2D) -> int:
    """64-bit hash of an (8, 9) grid: whether each pixel is brighter than its left neighbour, as `imagehash.dhash`.

    >>> gradient_hash(np.tile(np.arange(9, dtype=np.uint8), (8, 1))) == 2**64 - 1
    True
    """
    if gradient.shape != (_GRADIENT_ROWS, _GRADIENT_COLUMNS):
        raise DataError(f"a grid of {gradient.shape} where ({_GRADIENT_ROWS}, {_GRADIENT_COLUMNS}) is wanted")
    return _as_int(gradient[:, 1:] > gradient[:, :-1])


def _above_median(coefficients: Floats2D) -> int:
    ordered = np.sort(coefficients, axis=None)
    middle = len(ordered) // 2
    return _as_int(coefficients > (ordered[middle - 1] + ordered[middle]) / 2.0)


def _as_int(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _grids_by_pillow(grey: PillowImage.Image, box: Box | None) -> Grids:
    if grey.mode != "L":
        raise DataError(f"a picture of mode {grey.mode} where L is wanted")
    square = grey.resize((DCT_POINTS, DCT_POINTS), PillowImage.Resampling.LANCZOS, box=box)
    gradient = grey.resize((_GRADIENT_COLUMNS, _GRADIENT_ROWS), PillowImage.Resampling.LANCZOS, box=box)
    return Grids(np.asarray(square), np.asarray(gradient))


@lru_cache(maxsize=_KEPT_MATRICES)
def _kernels(size: int, start: float, stop: float, counts: tuple[int, ...]) -> NDArray[np.float32]:
    """(sum of counts, size): each row weighs a line of `size` pixels for one point of one of the grids."""
    return np.concatenate([_lanczos(size, start, stop, count) for count in counts]).astype(np.float32)


def _lanczos(size: int, start: float, stop: float, count: int) -> NDArray[np.float64]:
    """(count, size); rows sum to 1. Widened when shrinking, so that every pixel counts (Duchon 1979)."""
    step = (stop - start) / count
    wide = max(step, 1.0)
    centres = start + (np.arange(count)[:, None] + 0.5) * step
    away = (np.arange(size)[None, :] + 0.5 - centres) / wide
    away[away == 0.0] = 1e-9
    sine = np.sin(np.pi / _LOBES * away)  # of a third of the angle; sin 3a = 3 sin a - 4 sin^3 a
    weights = np.where(np.abs(away) < _LOBES, sine * (3.0 * sine - 4.0 * sine**3) / away**2, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
