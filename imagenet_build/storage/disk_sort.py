"""Sorting more rows than memory holds: sorted stretches in a file without a name, then merged.

Everything is written and read in long stretches, and a process that dies leaves nothing behind.
"""

from __future__ import annotations

import errno
import heapq
import marshal
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

STRETCH_BYTES = 16 << 20
"""Sorted at a time; fewer bytes in all never reach the disk."""
MERGED_BYTES = 8 << 20
"""In memory while stretches are merged, divided among them."""
_LEAST_READ = 16 << 10
_WRITTEN_TOGETHER = 1 << 20
_SIZE = 4
_Row = tuple[Any, ...]


def disk_sorted(
    rows: Iterable[_Row], folder: Path, *, stretch_bytes: int = STRETCH_BYTES, merged_bytes: int = MERGED_BYTES
) -> Iterator[_Row]:
    """Rows in the order of their first values, which are bytes; where these are equal, as they came.

    Args:
        rows: tuples of plain values (bytes, texts, numbers, None).
        folder: for the file, as large as all rows together; another folder is taken where this one cannot be written.
        stretch_bytes: sorted in memory at a time.
        merged_bytes: read ahead while merging, but never less than 16 kB of each stretch.
    Raises:
        OSError: the disk is full. From the first row on, as everything else here.

    >>> list(disk_sorted([(b"b", 1), (b"a", 2), (b"b", 3)], Path()))
    [(b'a', 2), (b'b', 1), (b'b', 3)]
    """
    held: list[tuple[bytes, bytes]] = []
    size = 0
    ends = [0]
    file: IO[bytes] | None = None
    try:
        for row in rows:
            packed = marshal.dumps(row)
            held.append((row[0], packed))
            size += len(packed)
            if size >= stretch_bytes:
                file = file or _file_in(folder)
                ends.append(_write(file, held))
                held, size = [], 0
        held.sort(key=itemgetter(0))
        last = (marshal.loads(packed) for _, packed in held)
        if file is None:
            yield from last
            return
        file.flush()
        at_a_time = max(_LEAST_READ, merged_bytes // len(ends))
        stretches = [_read(file.fileno(), start, end, at_a_time) for start, end in pairwise(ends)]
        yield from heapq.merge(*stretches, last, key=itemgetter(0))
    finally:
        if file is not None:
            file.close()


def _file_in(folder: Path) -> IO[bytes]:
    writable = folder if os.access(folder, os.W_OK) else None
    return tempfile.TemporaryFile(dir=writable, buffering=_WRITTEN_TOGETHER)


def _write(file: IO[bytes], rows: list[tuple[bytes, bytes]]) -> int:
    """Append a stretch; the file's length after it."""
    rows.sort(key=itemgetter(0))
    for _, packed in rows:
        file.write(len(packed).to_bytes(_SIZE, "little"))
        file.write(packed)
    return file.tell()


def _read(file: int, start: int, end: int, at_a_time: int) -> Iterator[_Row]:
    """The rows of one stretch."""
    rest = b""
    while start < end:
        more = os.pread(file, min(at_a_time, end - start), start)
        if not more:
            raise OSError(errno.EIO, "a temporary file is shorter than what was written to it")
        start += len(more)
        block = rest + more
        view = memoryview(block)
        place = 0
        while (data := place + _SIZE) <= len(block):
            following = data + int.from_bytes(view[place:data], "little")
            if following > len(block):
                break
            yield marshal.loads(view[data:following])
            place = following
        rest = block[place:]
