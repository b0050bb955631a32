"""A folder of pictures -> what is compared of each: digests, hashes and tiny images.

Each picture is decoded once, in processes of their own (`DecodePool`): a file that kills the decoder costs that file
only. What comes out stands in the order of the names, whatever the number of processes.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from imagenet_build.config.models import DownloadConfig
from imagenet_build.dedup.picture_files import UNREADABLE, PictureFile, Refused, find_pictures
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from imagenet_build.storage.schemas import BYTES_PLACE
from imagenet_build.storage.tables import ROWS_PER_GROUP

_OF_IMAGES = {field.name: field.with_nullable(False) for field in BYTES_PLACE}
_FACTS = ("sha256", "pixel_sha256", "width", "height", "size", "format")
_LOOKS = ("dct_hash", "mirrored_hash", "gradient_hash", "tiny")
FINGERPRINTS = pa.schema(
    [
        pa.field(
            "name", pa.string(), nullable=False, metadata={"about": "path below the folder, with forward slashes"}
        ),
        *(_OF_IMAGES[name] for name in (*_FACTS, *_LOOKS)),
    ]
)
"""One row per picture, ascending by name; the columns are those of IMAGES."""

MOST_FILE_BYTES = 300_000_000
"""Larger files are refused unread. Scans of maps and paintings have such sizes, pictures for training do not."""
_MOST_UNDER_WAY = 128
_MOST_HELD_BYTES = 64_000_000
"""Files in memory at once; a larger one is alone there."""
_DEFAULTS = DownloadConfig()


def fingerprint_folder(
    folder: Path,
    *,
    workers: int = 0,
    formats: Collection[str] = _DEFAULTS.formats,
    max_pixels: int = _DEFAULTS.max_pixels,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[dict[str, Any] | Refused]:
    """Look at every picture below a folder.

    Args:
        folder: see `find_pictures` for what of it counts.
        workers: processes that decode; 0: one per core.
        formats: allowed, in Pillow's names.
        max_pixels: width times height, at most.
        advance: told after each file; its argument is 1.
    Yields:
        Ascending by name: a row of FINGERPRINTS, or why there is none.
    Raises:
        DataError: the folder cannot be read.
        BuildError: no process can be started.
    """
    entries = find_pictures(folder).entries
    return fingerprint_files(entries, workers=workers, formats=formats, max_pixels=max_pixels, advance=advance)


def fingerprint_files(
    entries: Iterable[PictureFile | Refused],
    *,
    workers: int = 0,
    formats: Collection[str] = _DEFAULTS.formats,
    max_pixels: int = _DEFAULTS.max_pixels,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[dict[str, Any] | Refused]:
    """As `fingerprint_folder`, of the files that `find_pictures` found, in their order."""
    config = DownloadConfig.model_validate(
        {
            "formats": tuple(formats),
            "min_side_px": 1,
            "max_pixels": max_pixels,
            "decode_memory_bytes": _DEFAULTS.decode_memory_bytes + MOST_FILE_BYTES,
        }
    )
    pool = DecodePool(config, workers)
    loop = asyncio.new_event_loop()
    under_way: deque[tuple[asyncio.Task[dict[str, Any] | Refused], int]] = deque()
    held_bytes = 0
    try:
        for entry in entries:
            size = _size_of(entry)
            while under_way and (len(under_way) >= _MOST_UNDER_WAY or held_bytes + size > _MOST_HELD_BYTES):
                task, freed = under_way.popleft()
                yield loop.run_until_complete(task)
                held_bytes -= freed
                advance(1)
            under_way.append((loop.create_task(_looked_at(entry, pool)), size))
            held_bytes += size
        while under_way:
            yield loop.run_until_complete(under_way.popleft()[0])
            advance(1)
    finally:
        pool.close()
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
        loop.close()


def table_of(
    found: Iterable[dict[str, Any] | Refused],
) -> tuple[pa.Table, list[Refused]]:
    """What `fingerprint_folder` yields, as one table and the rest; rows are not held as Python objects for long."""
    batches: list[pa.RecordBatch] = []
    rows: list[dict[str, Any]] = []
    refused: list[Refused] = []

    def pack() -> None:
        batches.append(pa.RecordBatch.from_pylist(rows, FINGERPRINTS))
        rows.clear()

    for each in found:
        if isinstance(each, Refused):
            refused.append(each)
            continue
        rows.append(each)
        if len(rows) == ROWS_PER_GROUP:
            pack()
    pack()
    return pa.Table.from_batches(batches, FINGERPRINTS), refused


async def _end(left: Collection[asyncio.Task[Any]]) -> None:
    """After an error, an interruption, or when nobody wants the rest."""
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


def _size_of(entry: PictureFile | Refused) -> int:
    """Bytes to be read; what cannot be read says so when it is."""
    if isinstance(entry, Refused):
        return 0
    try:
        size = os.stat(entry.path).st_size  # noqa: PTH116 (a path object for each file costs more than this)
    except OSError:
        return 0
    return size if size <= MOST_FILE_BYTES else 0


async def _looked_at(entry: PictureFile | Refused, pool: DecodePool) -> dict[str, Any] | Refused:
    if isinstance(entry, Refused):
        return entry
    loop = asyncio.get_running_loop()
    try:
        data = await loop.run_in_executor(None, _read, entry.path)
    except OSError as error:
        return Refused(entry.name, UNREADABLE, error.strerror or str(error))
    if data is None:
        why = f"the limit is {MOST_FILE_BYTES} bytes"
        return Refused(entry.name, RejectReason.TOO_MANY_BYTES.value, why)
    found = await pool.inspect(data)
    if isinstance(found, Rejection):
        return Refused(entry.name, found.reason.value, found.detail)
    return _row(entry.name, len(data), found)


def _read(path: str) -> bytes | None:
    """The file; None: it is too large."""
    with open(path, "rb") as file:  # noqa: PTH123 (a path object for each file costs more than this)
        if os.fstat(file.fileno()).st_size > MOST_FILE_BYTES:
            return None
        return file.read(MOST_FILE_BYTES)


def _row(name: str, size: int, facts: ImageFacts) -> dict[str, Any]:
    known = {key: getattr(facts, key) for key in (*_FACTS, *_LOOKS) if key != "size"}
    return {"name": name, **known, "size": size}
