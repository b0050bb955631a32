"""Pairs of distinct hashes within a small radius, and which bits they differ in, by the keys of `join_blocks`.

One side is compared with itself, or two sides with each other. What does not fit in memory is divided by the first
block of the keys, and by the next if that does not do; what fits is divided into parts that stay in a core's cache. In
a part, only hashes whose key another one has too are sorted and compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray, close_cells
from imagenet_build.dedup.join_blocks import LARGE_GROUP, Blocks, choose_blocks
from imagenet_build.dedup.join_store import (
    Held,
    Room,
    Side,
    empty_files,
    held_parts,
    parts_needed,
    pieces_of,
    sample_of,
    slots,
    spill_parts,
)

PART_HASHES = 1 << 15
"""Hashes of a part in cache; keys, slots and their counts are 2 MB."""
CELLS_COMPARED = 1 << 23
"""So many pairs are compared sooner than divided: 20 ms."""
_DEEPEST = 8
"""Divisions within divisions. Each takes bits away, so that only what no division can tell apart gets here."""


class Found(NamedTuple):
    """Pairs within the radius: (m,) each."""

    left: IntArray
    right: IntArray
    """Places in what the caller gave."""
    differing: Hashes
    """Their exclusive or."""


Sides = tuple[Side] | tuple[Side, Side]
"""One side, compared with itself, or two, compared with each other."""


def close_hashes(sides: Sides, radius_bits: int, room: Room, depth: int = 0) -> Iterator[Found]:
    """All pairs within the radius, each once.

    Args:
        sides: distinct hashes each; a hash may stand on both sides, and is then found at distance 0.
        radius_bits: bits that may differ, 0 to 64; it is quick for 0 to 8.
        room: what fits in memory.
        depth: how often these hashes have been divided by other keys before.
    """
    left, right = len(sides[0]), len(sides[-1])
    if not left or not right:
        return
    blocks = None
    if left * right > CELLS_COMPARED and depth < _DEEPEST:
        most = min(1 << 14, max(1 << 10, max(left, right) // 8))
        blocks = choose_blocks(sample_of(sides, most), (left, right), radius_bits)
    if blocks is None:
        yield from _compared(sides, radius_bits)
    else:
        yield from Search(blocks, radius_bits, room, depth).below(sides, ())


class Search:
    """The keys of one division, one after the other."""

    def __init__(self, blocks: Blocks, radius_bits: int, room: Room, depth: int = 0) -> None:
        """See `close_hashes`."""
        self.blocks, self.radius_bits, self.room, self.depth = blocks, radius_bits, room, depth

    def below(self, sides: Sides, begun: tuple[int, ...], known_bits: int = 0) -> Iterator[Found]:
        """What the keys that start with the blocks `begun` report.

        Args:
            sides: of one part; those that were not divided by `begun` are elsewhere.
            begun: the blocks by which they have been divided.
            known_bits: how many bits of their slots for `begun` they have in common.
        """
        count = sum(len(side) for side in sides)
        if not all(map(len, sides)):
            return
        if self.room.holds(count):
            yield from self.in_memory(_loaded(sides), begun, known_bits)
        elif len(begun) == self.blocks.agreeing:
            yield from self.large_group(sides, begun)
        else:
            for longer in self.blocks.longer(begun):
                with self.room.spill() as folder:
                    number = parts_needed(count, self.room)
                    divided = [empty_files(folder, f"side{place}", number) for place in range(len(sides))]
                    for side, files in zip(sides, divided, strict=True):
                        spill_parts(pieces_of(side, self.room.rows()), self.blocks.mask(longer), files)
                    for part in zip(*divided, strict=True):
                        yield from self.below(part, longer, number.bit_length() - 1)

    def in_memory(self, sides: tuple[Held, ...], begun: tuple[int, ...], known_bits: int) -> Iterator[Found]:
        """The same, of what fits: divided by the first block, unless it has been, into parts that fit in cache."""
        count = sum(len(side) for side in sides)
        if count <= PART_HASHES:
            for key in self.blocks.keys(begun):
                yield from self.by_key(sides, key)
            return
        bits = min(16, (count // PART_HASHES).bit_length())
        for longer in [begun] if begun else self.blocks.longer(begun):
            mask = self.blocks.mask(longer)
            for part in zip(*(held_parts(side, mask, bits, known_bits) for side in sides), strict=True):
                if all(map(len, part)):
                    for key in self.blocks.keys(longer):
                        yield from self.by_key(part, key)

    def large_group(self, sides: Sides, key: tuple[int, ...]) -> Iterator[Found]:
        """Many hashes with (nearly all) the same key: they are divided by their other bits."""
        if self.spared(sides, key):
            return
        for found in close_hashes(sides, self.radius_bits, self.room, self.depth + 1):
            yield from self.reported(found, key)

    def spared(self, sides: Sides, key: tuple[int, ...]) -> bool:
        """Whether all agree in an earlier block as well, so that all their pairs are reported by another key."""
        earlier = [self.blocks.masks[block] for block in range(key[-1]) if block not in key]
        if not earlier or not all(isinstance(side, Held) for side in sides):
            return False
        one = cast("Held", sides[0]).values[0]
        varying = 0
        for side in cast("tuple[Held, ...]", sides):
            varying |= int(np.bitwise_or.reduce(side.values ^ one))
        return any(mask & varying == 0 for mask in earlier)

    def reported(self, found: Found, key: tuple[int, ...]) -> Iterator[Found]:
        """Those that no other key reports."""
        which = np.flatnonzero(self.blocks.reports(key, found.differing))
        if len(which):
            yield Found(found.left.take(which), found.right.take(which), found.differing.take(which))

    def by_key(self, sides: tuple[Held, ...], key: tuple[int, ...]) -> Iterator[Found]:
        """What one key reports of hashes in memory."""
        mask = self.blocks.mask(key)
        if len(sides) == 1:
            yield from self.within(*_shared(sides[0], mask), key)
        else:
            yield from self.between(*_in_both(sides[0], sides[1], mask), key)

    def within(self, side: Held, slot: IntArray, key: tuple[int, ...]) -> Iterator[Found]:
        """Pairs of equal keys of one side: first neighbours, then next but one, and so on, as far as a group goes."""
        if not len(side):
            return
        bounds = _bounds(slot)
        sizes = np.diff(bounds)
        large = sizes > LARGE_GROUP
        if large.any():
            for group in np.flatnonzero(large).tolist():
                yield from self.large_group((side.read(int(bounds[group]), int(bounds[group + 1])),), key)
            side = side.take(np.flatnonzero(np.repeat(~large, sizes)))
            sizes = sizes[~large]
        after = np.repeat(np.cumsum(sizes), sizes) - np.arange(1, len(side) + 1)  # members of the group that follow
        for step in range(1, int(sizes.max(initial=0))):
            one = np.flatnonzero(after >= step)
            yield from self.compare(side, one, side, one + step, key)

    def between(
        self, left: Held, left_slot: IntArray, right: Held, right_slot: IntArray, key: tuple[int, ...]
    ) -> Iterator[Found]:
        """Pairs of equal keys of two sides: each of the right with the first of its group on the left, the second …"""
        if not len(left) or not len(right):
            return
        bounds = _bounds(right_slot)
        group_slots, sizes = right_slot[bounds[:-1]], np.diff(bounds)
        begin, end = (left_slot.searchsorted(group_slots, edge) for edge in ("left", "right"))
        large = (end > begin) & (np.maximum(end - begin, sizes) > LARGE_GROUP)
        for group in np.flatnonzero(large).tolist():
            left_group = left.read(int(begin[group]), int(end[group]))
            right_group = right.read(int(bounds[group]), int(bounds[group + 1]))
            yield from self.large_group((left_group, right_group), key)
        partners = np.repeat(np.where(large, 0, end - begin), sizes)
        first = np.repeat(begin, sizes)
        for step in range(int(partners.max(initial=0))):
            which = np.flatnonzero(partners > step)
            yield from self.compare(left, first.take(which) + step, right, which, key)

    def compare(
        self, left: Held, left_which: IntArray, right: Held, right_which: IntArray, key: tuple[int, ...]
    ) -> Iterator[Found]:
        """Pairs with equal keys, compared in full."""
        differing = left.values.take(left_which) ^ right.values.take(right_which)
        close = np.flatnonzero(np.bitwise_count(differing) <= self.radius_bits)
        if len(close):
            found = Found(
                left.places.take(left_which.take(close)),
                right.places.take(right_which.take(close)),
                differing.take(close),
            )
            yield from self.reported(found, key)


def _loaded(sides: Sides) -> tuple[Held, ...]:
    """The same in memory."""
    return tuple(side.read(0, len(side)) for side in sides)


def _slot_bits(count: int) -> int:
    """Four slots for each hash: a fifth of those alone with their key then share a slot with another key."""
    return max(8, min(24, (4 * count - 1).bit_length()))


def _shared(side: Held, mask: int) -> tuple[Held, IntArray]:
    """Hashes whose key may not be theirs alone, sorted by their slots, and the slots."""
    bits = _slot_bits(len(side))
    slot = slots(side.values, mask, bits)
    return _sorted_by_slot(side, slot, np.flatnonzero(np.bincount(slot, minlength=1 << bits).take(slot) > 1))


def _in_both(left: Held, right: Held, mask: int) -> tuple[Held, IntArray, Held, IntArray]:
    """Hashes whose key may stand on the other side too, sorted by their slots, and the slots, of both sides."""
    bits = _slot_bits(min(len(left), len(right)))
    left_slot, right_slot = slots(left.values, mask, bits), slots(right.values, mask, bits)
    taken = np.zeros((2, 1 << bits), np.bool_)
    taken[0, left_slot] = taken[1, right_slot] = True
    return (
        *_sorted_by_slot(left, left_slot, np.flatnonzero(taken[1].take(left_slot))),
        *_sorted_by_slot(right, right_slot, np.flatnonzero(taken[0].take(right_slot))),
    )


def _sorted_by_slot(side: Held, slot: IntArray, which: IntArray) -> tuple[Held, IntArray]:
    """Some hashes of a side, sorted by their slots, and the slots.

    Sorting by slots and not by keys costs a fifth, because numpy sorts 16 bits by counting. Now and then two keys share
    a slot; then some pairs more are compared.
    """
    slot = slot.take(which)
    order = slot.astype(np.uint16).argsort(kind="stable")
    order = order.take((slot >> 16).take(order).astype(np.uint8).argsort(kind="stable"))
    return side.take(which.take(order)), slot.take(order)


def _bounds(slot: IntArray) -> IntArray:
    """Where each group of equal slots begins, and at last the end."""
    inner = np.flatnonzero(slot[1:] != slot[:-1]) + 1
    return np.concatenate([[0], inner, [len(slot)]]).astype(np.int64)


def _compared(sides: Sides, radius_bits: int) -> Iterator[Found]:
    """All pairs, compared one by one; a piece of each side at a time."""
    rows = 1 << 12
    for row, left in enumerate(pieces_of(sides[0], rows)):
        columns = pieces_of(sides[-1], rows)
        for column, right in enumerate(columns):
            if len(sides) == 1 and column < row:
                continue
            for i, j in close_cells(left.values, right.values, radius_bits):
                if len(sides) == 1 and column == row:
                    above = np.flatnonzero(i < j)
                    i, j = i.take(above), j.take(above)
                if len(i):
                    yield Found(left.places.take(i), right.places.take(j), left.values.take(i) ^ right.values.take(j))
