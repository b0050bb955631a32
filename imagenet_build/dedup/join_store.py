"""Hashes and their places, in memory or in a temporary file, and how they are divided into parts that fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray
from imagenet_build.errors import ConfigError

BYTES_PER_HASH = 160
"""What one hash in memory takes at most, measured: itself, its place, their copies in parts, keys and their order."""
_MOST_PARTS = 256
_MIX = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio, odd: multiplied with it, every bit of a key reaches the highest bits."""


@dataclass(frozen=True, slots=True)
class Held:
    """Distinct hashes in memory."""

    values: Hashes
    """(n,)"""
    places: IntArray
    """(n,): where each stands in what the caller gave."""

    def __len__(self) -> int:
        return len(self.values)

    def read(self, begin: int, end: int) -> Held:
        """Those from `begin` to before `end`."""
        return Held(self.values[begin:end], self.places[begin:end])

    def take(self, which: IntArray) -> Held:
        """Those at the places `which`, in that order."""
        return Held(self.values.take(which), self.places.take(which))


@dataclass(slots=True)
class Spilled:
    """Hashes in a file of 16 bytes each: the hash and its place."""

    path: Path
    count: int = 0

    def __len__(self) -> int:
        return self.count

    def read(self, begin: int, end: int) -> Held:
        """Those from `begin` to before `end`, in memory."""
        rows = max(0, min(end, self.count) - begin)
        records = np.fromfile(self.path, np.uint64, 2 * rows, offset=16 * begin) if rows else np.empty(0, np.uint64)
        records = records.reshape(-1, 2)
        return Held(records[:, 0].copy(), records[:, 1].astype(np.int64))

    def append(self, more: Held) -> None:
        """Write at the end."""
        if len(more):
            with self.path.open("ab") as file:
                np.stack([more.values, more.places.astype(np.uint64)], axis=1).tofile(file)
            self.count += len(more)


Side = Held | Spilled


@dataclass(frozen=True, slots=True)
class Room:
    """How many hashes may be in memory at once, and where the others go."""

    hashes: int
    folder: Path | None

    def holds(self, count: int) -> bool:
        """Whether so many may be in memory."""
        return count <= self.hashes

    @contextmanager
    def spill(self) -> Iterator[Path]:
        """A new folder for temporary files, removed with what is in it when the `with` ends.

        Raises:
            ConfigError: there is no folder to put it into.
        """
        if self.folder is None:
            raise ConfigError(
                f"More than {self.hashes:,} hashes are to be compared, which is what fits in the memory allowed.",
                remedy="Name a folder for temporary files, or allow more memory.",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="hash-join-", dir=self.folder) as name:
            yield Path(name)

    def rows(self) -> int:
        """How many are read at once while they go from file to file."""
        return max(1, self.hashes // 4)


def empty_files(folder: Path, name: str, number: int) -> list[Spilled]:
    """So many files to be filled."""
    return [Spilled(folder / f"{name}-{part}") for part in range(number)]


def slots(values: Hashes, mask: int, bits: int, known_bits: int = 0) -> IntArray:
    """Keys -> numbers of `bits` bits, evenly spread; equal keys have equal numbers, different ones seldom.

    Args:
        values: (n,) hashes.
        mask: which of their bits are the key.
        bits: 1 to 63.
        known_bits: so many bits are left out before, as all have them in common.
    """
    mixed = values & np.uint64(mask)
    mixed *= np.uint64(_MIX)
    mixed <<= np.uint64(known_bits)
    mixed >>= np.uint64(64 - bits)
    numbers: IntArray = mixed.view(np.int64)
    return numbers


def held_parts(side: Held, mask: int, bits: int, known_bits: int = 0) -> Iterator[Held]:
    """Divide by key into 2^bits parts, some of them empty; the hashes of a part stay in their order. See `slots`."""
    slot = slots(side.values, mask, bits, known_bits)
    ends = np.cumsum(np.bincount(slot, minlength=1 << bits))
    sorted_side = side.take(slot.astype(np.uint16 if bits <= 16 else np.int64).argsort(kind="stable"))
    for begin, end in zip(np.concatenate([[0], ends[:-1]]).tolist(), ends.tolist(), strict=True):
        yield sorted_side.read(begin, end)


def spill_parts(pieces: Iterable[Held], mask: int, files: list[Spilled]) -> None:
    """Divide by key into so many files, a power of two; the hashes of a file stay in their order."""
    bits = len(files).bit_length() - 1
    for piece in pieces:
        for file, part in zip(files, held_parts(piece, mask, bits) if bits else [piece], strict=True):
            file.append(part)


def pieces_of(side: Side, rows: int) -> Iterator[Held]:
    """All hashes of a side in their order, so many at once."""
    return (side.read(begin, begin + rows) for begin in range(0, len(side), max(1, rows)))


def parts_needed(count: int, room: Room) -> int:
    """Into how many files that many hashes go so that one fits in memory with half of it to spare; a power of two."""
    wanted = -(-2 * count // max(1, room.hashes))
    return min(_MOST_PARTS, 1 << max(0, wanted - 1).bit_length())


def sample_of(sides: Iterable[Side], most: int) -> Hashes:
    """Some hashes of all sides, evenly from their whole length."""
    found: list[Hashes] = []
    for side in sides:
        if isinstance(side, Held):
            found.append(side.values[:: max(1, -(-len(side) // most))])
        elif len(side):
            records = np.memmap(side.path, np.uint64, "r", shape=(len(side), 2))
            found.append(np.array(records[:: -(-len(side) // most), 0]))
    return np.concatenate(found)
