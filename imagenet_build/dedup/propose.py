"""Pure: hashes -> pairs of images that may show the same picture. Exact: no pair within the radius is missed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
_BLOCK = 2048
"""Rows compared at once: 2048 x 2048 distances are 4 MB."""
_BITS_OF_BYTE = np.array([bin(value).count("1") for value in range(256)], dtype=np.uint8)


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """Hamming distances of all pairs.

    Args:
        left: (n,) 64-bit hashes.
        right: (m,) 64-bit hashes.
    Returns:
        (n, m), bits that differ, 0 to 64.

    >>> distances(np.array([0b1011], dtype=np.uint64), np.array([0b0001, 0b1011], dtype=np.uint64)).tolist()
    [[2, 0]]
    """
    differing = left[:, None] ^ right[None, :]
    octets = np.ascontiguousarray(differing).view(np.uint8).reshape(*differing.shape, 8)
    counted: npt.NDArray[np.uint8] = _BITS_OF_BYTE[octets].sum(axis=2, dtype=np.uint8)
    return counted


def propose_pairs(hashes: Hashes, radius_bits: int) -> Iterator[tuple[int, int]]:
    """All pairs (i, j), i < j, whose hashes differ in at most `radius_bits` bits.

    Args:
        hashes: (n,) 64-bit DCT hashes.
        radius_bits: 0 to 64.
    """
    for first in range(0, len(hashes), _BLOCK):
        rows = hashes[first : first + _BLOCK]
        for second in range(first, len(hashes), _BLOCK):
            close = distances(rows, hashes[second : second + _BLOCK]) <= radius_bits
            for row, column in np.argwhere(close):
                i, j = first + int(row), second + int(column)
                if i < j:
                    yield i, j
