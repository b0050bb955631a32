"""Hashes as they come -> distinct hashes, each with the first place where it stands.

Many pictures may have the same hash (one colour, an icon): 100,000 of them would be 5,000,000,000 pairs. So pairs are
looked for among distinct hashes only; which pictures share a hash is told by `same_hash.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray
from imagenet_build.dedup.join_store import Held, Room, Side, empty_files, pieces_of, spill_parts

HashSource = Hashes | Iterable[Hashes]
"""(n,) uint64, a `np.memmap` for one, or its pieces in their order."""
ALL_BITS = 2**64 - 1
PARTS = 256
"""Files into which a stream is divided; it is not known how long it is."""


class Standing(NamedTuple):
    """Distinct hashes, ascending, and where they stand."""

    values: Hashes
    first: IntArray
    last: IntArray


def standing(side: Held) -> Standing:
    """Where each hash stands first and last; the places of equal hashes must ascend."""
    order = side.values.argsort(kind="stable")
    values, places = side.values.take(order), side.places.take(order)
    begins = np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1]]))
    ends = np.append(begins[1:], len(values)) - 1 if len(values) else begins
    return Standing(values.take(begins), places.take(begins), places.take(ends))


def parts_of(hashes: HashSource, room: Room) -> Iterator[Side]:
    """Divide what is given so that equal hashes are in the same part: one part in memory, or temporary files.

    Args:
        hashes: an array, or its pieces in their order; pieces go to files.
        room: what fits in memory.
    """
    if isinstance(hashes, np.ndarray) and room.holds(len(hashes)):
        yield Held(np.asarray(hashes, np.uint64), np.arange(len(hashes)))
        return
    with room.spill() as folder:
        files = empty_files(folder, "all", PARTS)
        spill_parts(_pieces(hashes, room.rows()), ALL_BITS, files)
        for file in files:
            yield file
            file.path.unlink(missing_ok=True)


@contextmanager
def distinct_sides(hashes: HashSource, new_from: int, room: Room) -> Iterator[tuple[Side, Side]]:
    """Distinct hashes that stand only before `new_from`, and the others; each with its first place.

    Files are there as long as the `with` lasts.

    Args:
        hashes: an array, or its pieces in their order.
        new_from: the first new place.
        room: what fits in memory.
    """
    if isinstance(hashes, np.ndarray) and room.holds(len(hashes)):
        [part] = parts_of(hashes, room)
        yield _by_age(standing_of(part, room), new_from)
        return
    with room.spill() as folder:
        old, new = empty_files(folder, "distinct", 2)
        for part in parts_of(hashes, room):
            for side, found in zip((old, new), _by_age(standing_of(part, room), new_from), strict=True):
                side.append(found)
        yield old, new


def standing_of(part: Side, room: Room) -> Standing:
    """As `standing`; in a file one hash may stand more often than fits in memory."""
    pieces = (standing(piece) for piece in pieces_of(part, len(part) if isinstance(part, Held) else room.rows()))
    found = next(pieces, standing(Held(np.empty(0, np.uint64), np.empty(0, np.int64))))
    for more in pieces:
        values = np.concatenate([found.values, more.values])
        first = standing(Held(values, np.concatenate([found.first, more.first])))
        last = standing(Held(values, np.concatenate([found.last, more.last])))
        found = Standing(first.values, first.first, last.last)
    return found


def _pieces(hashes: HashSource, rows: int) -> Iterator[Held]:
    """What is given, with places; at most so many hashes at once."""
    place = 0
    for piece in [hashes] if isinstance(hashes, np.ndarray) else hashes:
        for begin in range(0, len(piece), rows):
            values = np.array(piece[begin : begin + rows], np.uint64)
            yield Held(values, np.arange(place, place + len(values)))
            place += len(values)


def _by_age(found: Standing, new_from: int) -> tuple[Held, Held]:
    """Those that stand only before `new_from`, and the others."""
    side = Held(found.values, found.first)
    if not new_from:
        return side.read(0, 0), side
    return side.take(np.flatnonzero(found.last < new_from)), side.take(np.flatnonzero(found.last >= new_from))
