"""All pairs of 64-bit hashes within a small radius, among millions: exact, and in bounded memory.

Equal hashes stand for one another: pairs are of distinct hashes, each named by the first place where it stands. The
pictures of a pair are those of the one hash with those of the other (`same_hash`). A join in parts that can be anywhere
is that of `join_spread`.

Time grows little faster than the number of hashes as long as keys can be found that few of them share (`join_blocks`).
Files are used when `memory_bytes` does not suffice: about 32 bytes per hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imagenet_build.dedup.hamming import IntArray
from imagenet_build.dedup.join_distinct import HashSource, distinct_sides
from imagenet_build.dedup.join_search import Found, close_hashes
from imagenet_build.dedup.join_store import BYTES_PER_HASH, Room
from imagenet_build.dedup.propose import PAIRS_PER_BLOCK, in_blocks

MEMORY_BYTES = 2_000_000_000


def join(
    hashes: HashSource,
    radius_bits: int,
    *,
    new_from: int = 0,
    memory_bytes: int = MEMORY_BYTES,
    folder: Path | None = None,
) -> Iterator[IntArray]:
    """All pairs of distinct hashes that differ in 1 to `radius_bits` bits, each once.

    Args:
        hashes: an array, or its pieces; pieces are written to `folder`.
        radius_bits: bits that may differ, 0 to 64; made for 0 to 8.
        new_from: place of the first new hash: only pairs of which one hash at least stands there or later are looked
            for, at a cost that grows with the number of all hashes, but not with the pairs of old ones.
        memory_bytes: working memory, about, without the array that is given.
        folder: for temporary files if that is not enough; they are removed at the end.
    Yields:
        (m, 2), m > 0, pairs of places i < j, each the first of its hash; about `PAIRS_PER_BLOCK` at once. The order is
        that of the search: the same for the same hashes and limits.
    Raises:
        ConfigError: temporary files are needed and there is no folder.

    >>> hashes = np.array([0b0000, 0b1111, 0b0001, 0b0000], dtype=np.uint64)
    >>> [block.tolist() for block in join(hashes, 1)]
    [[[0, 2]]]
    """
    return in_blocks(_joined(hashes, radius_bits, new_from, _room(memory_bytes, folder)), PAIRS_PER_BLOCK)


def join_between(
    left: HashSource,
    right: HashSource,
    radius_bits: int,
    *,
    memory_bytes: int = MEMORY_BYTES,
    folder: Path | None = None,
) -> Iterator[IntArray]:
    """All pairs of a distinct hash of one list and one of the other that differ in at most `radius_bits` bits.

    For pictures and listed ones; for hashes and those of the mirrored pictures, where a picture may be found with
    itself, and two pictures both ways round. It takes longest for the longer list, so a short list is no burden.

    Args:
        left: an array, or its pieces.
        right: an array, or its pieces.
        radius_bits: bits that may differ, 0 to 64; made for 0 to 8.
        memory_bytes: working memory, about, without the arrays that are given.
        folder: for temporary files if that is not enough; they are removed at the end.
    Yields:
        (m, 2), m > 0: the first place of a hash on the left, and of one on the right.
    Raises:
        ConfigError: temporary files are needed and there is no folder.

    >>> one, other = np.array([7, 0, 0], dtype=np.uint64), np.array([1, 0], dtype=np.uint64)
    >>> sorted(np.concatenate(list(join_between(one, other, 1))).tolist())
    [[1, 0], [1, 1]]
    """
    return in_blocks(_joined_between(left, right, radius_bits, _room(memory_bytes, folder)), PAIRS_PER_BLOCK)


def _room(memory_bytes: int, folder: Path | None) -> Room:
    return Room(max(1, memory_bytes // BYTES_PER_HASH), folder)


def _joined(hashes: HashSource, radius_bits: int, new_from: int, room: Room) -> Iterator[IntArray]:
    with distinct_sides(hashes, new_from, room) as (old, new):
        for found in close_hashes((new,), radius_bits, room):
            yield np.sort(_pairs(found), axis=1)
        for found in close_hashes((old, new), radius_bits, room):
            yield np.sort(_pairs(found), axis=1)


def _joined_between(left: HashSource, right: HashSource, radius_bits: int, room: Room) -> Iterator[IntArray]:
    with distinct_sides(left, 0, room) as (_, one), distinct_sides(right, 0, room) as (_, other):
        for found in close_hashes((one, other), radius_bits, room):
            yield _pairs(found)


def _pairs(found: Found) -> IntArray:
    return np.stack([found.left, found.right], axis=1)
