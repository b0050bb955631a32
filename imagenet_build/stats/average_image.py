"""Pure: the average picture of a synset, and how it becomes a file that pages show."""

from __future__ import annotations

import io
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from imagenet_build.errors import DataError

SIDE_PX = 32
CHANNELS = 3
TINY_BYTES = SIDE_PX * SIDE_PX * CHANNELS
"""Of one picture in the column `tiny` of manifests."""

Pictures: TypeAlias = NDArray[np.uint8]


def tiny_pictures(rows: bytes | memoryview | list[bytes]) -> Pictures:
    """The column `tiny` as an array.

    Args:
        rows: one after the other, or as a list; each `TINY_BYTES` long: 32 x 32, RGB, row by row.
    Returns:
        (n, 32, 32, 3), uint8; read-only.
    Raises:
        DataError: the bytes are no whole number of pictures.

    >>> tiny_pictures([bytes(3072), bytes(3072)]).shape
    (2, 32, 32, 3)
    """
    joined = b"".join(rows) if isinstance(rows, list) else rows
    if len(joined) % TINY_BYTES:
        raise DataError(f"{len(joined):,} bytes are no whole number of tiny pictures of {TINY_BYTES} bytes.")
    return np.frombuffer(joined, np.uint8).reshape(-1, SIDE_PX, SIDE_PX, CHANNELS)


def average_image(pictures: Pictures) -> Pictures:
    """The mean of each pixel and channel over all pictures.

    Sums are integers, so neither the order of the pictures nor the machine matters; a half is rounded up.

    Args:
        pictures: (n, height, width, 3), uint8, n at least 1.
    Returns:
        (height, width, 3), uint8.
    Raises:
        DataError: there is no picture, or the array has another shape or type.
    Source:
        Deng et al., CVPR 2009, section 2, Figure 5.

    >>> two = np.stack([np.full((1, 1, 3), 4, np.uint8), np.full((1, 1, 3), 7, np.uint8)])
    >>> average_image(two).tolist()
    [[[6, 6, 6]]]
    """
    check_pictures(pictures)
    return rounded_mean(pictures.sum(axis=0, dtype=np.int64), len(pictures))


def rounded_mean(total: NDArray[np.int64], count: int) -> Pictures:
    """Sums of `count` values in [0, 255] as their mean, a half rounded up; uint8 of the same shape."""
    return ((2 * total + count) // (2 * count)).astype(np.uint8)


def check_pictures(pictures: Pictures) -> None:
    """Refuse what is no stack of RGB pictures.

    Raises:
        DataError: not uint8, not (n, height, width, 3), or n is 0.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != CHANNELS:
        raise DataError(
            f"Pictures must be uint8 of shape (n, height, width, 3), not {pictures.dtype} of shape {pictures.shape}."
        )
    if not len(pictures):
        raise DataError("There is no picture to average.", remedy="Leave out synsets without pictures.")


def png_bytes(picture: Pictures, scale: int = 1) -> bytes:
    """A picture as a PNG file, for pages; its bytes may differ between versions of zlib, its pixels never.

    Args:
        picture: (height, width, 3), uint8.
        scale: every pixel becomes a square of this side.

    >>> png_bytes(np.zeros((32, 32, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    large = np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)
    out = io.BytesIO()
    PillowImage.fromarray(large).save(out, "PNG", optimize=True)
    return out.getvalue()
