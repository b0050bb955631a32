"""Pure: a join of hashes in parts that know nothing of each other, so that they can be anywhere.

Every pair within the radius agrees in the first block of some key (`join_blocks`). So each hash goes, for every block
that a key may begin with, into the part of what it has there: two hashes of a pair meet in at least one part, and the
part of the first such block reports them. That is `radius + 1` copies of each hash, however many keys there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray
from imagenet_build.dedup.join_blocks import Blocks, choose_blocks
from imagenet_build.dedup.join_search import Found, Search, Sides, close_hashes
from imagenet_build.dedup.join_store import Room, slots


@dataclass(frozen=True, slots=True)
class Spread:
    """How hashes are dealt to parts."""

    radius_bits: int
    blocks: Blocks | None = None
    """None: all are in part 0."""
    bits: int = 0
    """Each first block has 2^bits parts."""

    def parts(self, hashes: Hashes) -> Iterator[IntArray]:
        """(n,), the part of each hash, for one first block after the other."""
        if self.blocks is None:
            yield np.zeros(len(hashes), np.int64)
            return
        for begun in self.blocks.longer(()):
            yield slots(hashes, self.blocks.mask(begun), self.bits) + (begun[0] << self.bits)

    def is_first(self, part: int) -> bool:
        """Whether the parts of this block hold every hash once: there equal hashes can be told."""
        return part >> self.bits == 0

    def search(self, sides: Sides, part: int, room: Room) -> Iterator[Found]:
        """The pairs that a part reports.

        Args:
            sides: distinct hashes of this part; see `close_hashes`.
            part: its number.
            room: what fits in memory.
        """
        if self.blocks is None:
            yield from close_hashes(sides, self.radius_bits, room)
        else:
            search = Search(self.blocks, self.radius_bits, room)
            yield from search.below(sides, (part >> self.bits,), self.bits)


def spread_over(sample: Hashes, count: int, radius_bits: int, hashes_per_part: int) -> Spread:
    """A way to deal so many hashes that a part holds about `hashes_per_part`, or fewer; one part if they are so few.

    Args:
        sample: (n,) some of them; it decides about speed only.
        count: how many there are.
        radius_bits: 0 to 8.
    """
    blocks = choose_blocks(sample, (count, count), radius_bits) if count > hashes_per_part else None
    if blocks is None:
        return Spread(radius_bits)
    return Spread(radius_bits, blocks, (-(-count // hashes_per_part) - 1).bit_length())
