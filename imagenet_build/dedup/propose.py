"""Pure: hashes -> pairs of images that may show the same picture. Exact: no pair within the radius is missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from imagenet_build.dedup.hamming import CELLS, Hashes, IntArray, distances
from imagenet_build.errors import DataError

PAIRS_PER_BLOCK = 1 << 16
"""What is handed on at once, about; a block of pairs is 1 MB."""


def propose_pairs(left: Hashes, right: Hashes, radius_bits: int, new_from: int = 0) -> Iterator[IntArray]:
    """All pairs i < j, j >= new_from, for which left[i] and right[j], or right[i] and left[j], are within the radius.

    For one kind of hash give it twice. For mirrored pictures give the hashes and those of the mirrored pictures: the
    hash of a mirrored picture is not always exactly as far from another as the other way round, hence both ways.

    Args:
        left: (n,) 64-bit hashes.
        right: (n,) 64-bit hashes of the same images, of the same kind or of the mirrored pictures.
        radius_bits: bits that may differ, 0 to 64.
        new_from: place of the first new image, 0 to n; pairs of two older images are neither proposed nor computed.
    Yields:
        (m, 2), m > 0, pairs of places; ascending by i, then by j, over all blocks. At most about `PAIRS_PER_BLOCK` + n
        pairs at once; memory grows with n, not with n * n.
    Raises:
        DataError: `left` and `right` differ in length.

    >>> hashes = np.array([0b0000, 0b1111, 0b0001], dtype=np.uint64)
    >>> [block.tolist() for block in propose_pairs(hashes, hashes, 1)]
    [[[0, 2]]]
    """
    if len(left) != len(right):
        raise DataError(
            f"There are {len(left)} hashes of one kind and {len(right)} of the other.",
            remedy="Give both of every image, in the same order.",
        )
    return in_blocks(_close_pairs(left, right, radius_bits, new_from), PAIRS_PER_BLOCK)


def in_blocks(pieces: Iterable[IntArray], least: int) -> Iterator[IntArray]:
    """Put pieces together until they have at least so many rows; nothing is left out, nothing empty is handed on."""
    waiting: list[IntArray] = []
    rows = 0
    for piece in pieces:
        waiting.append(piece)
        rows += len(piece)
        if rows >= least:
            yield np.concatenate(waiting)
            waiting, rows = [], 0
    if rows:
        yield np.concatenate(waiting)


def _close_pairs(left: Hashes, right: Hashes, radius_bits: int, new_from: int) -> Iterator[IntArray]:
    """As `propose_pairs`, a block of rows at a time: the table's part right of the diagonal and of `new_from`."""
    same_kind = left is right or np.array_equal(left, right)
    first = 0
    while first < len(left):
        begin = max(first + 1, new_from)
        height = max(1, CELLS // max(1, len(left) - begin))
        rows = slice(first, first + height)
        close = distances(left[rows], right[begin:]) <= radius_bits
        if not same_kind:
            close |= distances(right[rows], left[begin:]) <= radius_bits
        cells = np.flatnonzero(close)
        if len(cells):
            i, j = np.divmod(cells, close.shape[1])
            pairs = np.stack([i + first, j + begin], axis=1)
            pairs = pairs[pairs[:, 0] < pairs[:, 1]]
            if len(pairs):
                yield pairs
        first += height
