"""Pure: which bits of a hash are compared first, so that few pairs are left to compare in full.

A hash is divided into b blocks of bits. Two hashes that differ in at most r bits differ in at most r blocks, so they
agree in b - r of them at least (the pigeonhole rule of multi-index hashing; Norouzi, Punjani and Fleet 2012,
"Fast Search in Hamming Space with Multi-Index Hashing", CVPR; with several blocks at once: Manku, Jain and Das Sarma
2007, "Detecting Near-Duplicates for Web Crawling", WWW). Every choice of b - r blocks is a key; hashes with equal keys
are compared. Many blocks make long keys, which few pairs share, and many keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from imagenet_build.dedup.hamming import Hashes

MOST_MORE_BLOCKS = 5
"""Blocks beyond radius + 1."""
MOST_KEYS = 500
LARGE_GROUP = 64
"""Hashes with the same key that are looked at by themselves; smaller groups go together."""
NS_PER_KEY = 50_000.0
"""What a key costs however few the hashes are: measured, as the next ones."""
NS_PER_HASH, NS_PER_COLLISION = 10.0, 30.0
"""For every hash on the left and on the right, and for every one whose key is not alone."""
NS_PER_PAIR, NS_PER_COMPARISON = 2.4, 1.0
"""For every pair of left x right with equal keys in a small group, and for one among many that are all compared."""
_KEYS_TRIED = 10
"""A choice of blocks is judged by so many of its keys."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """A division of 64 bits: `masks` are disjoint; a pair within the radius agrees in at least `agreeing` of them.

    >>> blocks = Blocks((0x0F, 0xF0, 0xF00), agreeing=2)
    >>> list(blocks.keys())
    [(0, 1), (0, 2), (1, 2)]
    >>> hex(blocks.mask((0, 2)))
    '0xf0f'
    """

    masks: tuple[int, ...]
    agreeing: int

    def keys(self, begun: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
        """Every choice of `agreeing` blocks that starts with those of `begun`, ascending."""
        after = begun[-1] + 1 if begun else 0
        for rest in combinations(range(after, len(self.masks)), self.agreeing - len(begun)):
            yield begun + rest

    def longer(self, begun: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """`begun` and one block more, of which keys are made."""
        after = begun[-1] + 1 if begun else 0
        for block in range(after, len(self.masks) - (self.agreeing - len(begun)) + 1):
            yield (*begun, block)

    def mask(self, key: tuple[int, ...]) -> int:
        """The bits of the blocks of a key."""
        return sum(self.masks[block] for block in key)

    def reports(self, key: tuple[int, ...], differing: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether it is this key that reports a pair: it is that of the first blocks in which the two agree.

        Args:
            key: of this division.
            differing: (n,), the exclusive or of each pair.
        Returns:
            (n,); true for exactly one key of each pair within the radius.
        """
        first = (differing & np.uint64(self.mask(key))) == 0
        for block in range(key[-1]):
            if block not in key:
                first &= (differing & np.uint64(self.masks[block])) != 0
        return np.asarray(first)


def choose_blocks(sample: Hashes, hashes: tuple[int, int], radius_bits: int) -> Blocks | None:
    """The division that costs least for hashes like these; None if it costs least to compare all pairs.

    Bits are dealt to the blocks by how much they tell, so that one dull block does not spoil its keys: hashes of
    photographs have bits that are nearly always the same, and neighbours that go together.

    Args:
        sample: (n,) some of the hashes.
        hashes: how many there are on the left and on the right (the same twice if they are compared with themselves).
        radius_bits: 0 to 64.
    """
    bits = _telling_bits(sample)
    best: Blocks | None = None
    least = NS_PER_COMPARISON * hashes[0] * hashes[1]
    for number in range(radius_bits + 1, min(len(bits), radius_bits + 1 + MOST_MORE_BLOCKS) + 1):
        agreeing = number - radius_bits
        if comb(number, agreeing) > MOST_KEYS:
            break
        blocks = Blocks(_dealt(bits, number), agreeing)
        cost = _cost(blocks, sample, hashes)
        if cost < least:
            best, least = blocks, cost
    return best


def _telling_bits(sample: Hashes) -> list[int]:
    """The bits that are not the same in all of the sample; those first that are set in nearest to half of it."""
    octets = np.ascontiguousarray(sample, dtype="<u8").view(np.uint8).reshape(-1, 8)
    set_in = np.unpackbits(octets, axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
    dullness = np.abs(2 * set_in - len(sample))
    return [int(bit) for bit in np.argsort(dullness, kind="stable") if 0 < set_in[bit] < len(sample)]


def _dealt(bits: list[int], number: int) -> tuple[int, ...]:
    """Bits dealt to so many blocks like cards, to and fro, so that the first block gets no more than the last."""
    masks = [0] * number
    for place, bit in enumerate(bits):
        turn, seat = divmod(place, number)
        masks[number - 1 - seat if turn % 2 else seat] |= 1 << bit
    return tuple(masks)


def _cost(blocks: Blocks, sample: Hashes, hashes: tuple[int, int]) -> float:
    """Nanoseconds, about: collisions are counted in the sample, under some of the keys."""
    keys = list(blocks.keys())
    tried = keys[:: -(-len(keys) // _KEYS_TRIED)]
    colliding = 0
    for key in tried:
        _, sizes = np.unique(sample & np.uint64(blocks.mask(key)), return_counts=True)
        colliding += int((sizes * (sizes - 1) // 2).sum())
    share = colliding / len(tried) / (len(sample) * (len(sample) - 1) / 2)
    left, right = hashes
    by_group = share * max(left, right) > LARGE_GROUP
    pairs = share * left * right * (NS_PER_COMPARISON if by_group else NS_PER_PAIR)
    colliding_hashes = sum(count * -np.expm1(-share * other) for count, other in ((left, right), (right, left)))
    per_key = NS_PER_KEY + NS_PER_HASH * (left + right) + NS_PER_COLLISION * colliding_hashes + pairs
    return float(len(keys) * per_key)
