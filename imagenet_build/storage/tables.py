"""Parquet in and out. A table appears whole, on a disk and in an object store (`storage/places.py`)."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.errors import DataError
from imagenet_build.storage.places import Location, Place, source_of, unreadable
from imagenet_build.storage.schemas import SCHEMA_VERSION

ROWS_PER_GROUP = 8_000
READ_AT_ONCE = 16
Row = Mapping[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")


def write_rows(
    path: Location, schema: pa.Schema, rows: Iterable[Row], metadata: Mapping[str, str] | None = None
) -> int:
    """Write rows as one Parquet file, in their order; at most `ROWS_PER_GROUP` of them are held at a time.

    Args:
        path: the file; its folder is made if missing.
        schema: one of `storage/schemas.py`.
        rows: mappings with exactly the schema's keys.
        metadata: texts for the file's key-value metadata, beside the schema version.
    Returns:
        Number of rows.
    Raises:
        OSError: the disk refuses; the old file, if any, is untouched.
    """
    count = 0
    batch: list[Row] = []

    def write(out: IO[bytes]) -> None:
        nonlocal count
        full = {"imagenet_build.schema_version": SCHEMA_VERSION, **(metadata or {})}
        with pq.ParquetWriter(out, schema.with_metadata(full), compression="zstd") as writer:
            for row in rows:
                batch.append(row)
                count += 1
                if len(batch) == ROWS_PER_GROUP:
                    writer.write_table(pa.Table.from_pylist(batch, schema))
                    batch.clear()
            writer.write_table(pa.Table.from_pylist(batch, schema))

    write_whole(path, write)
    return count


def write_table(path: Location, table: pa.Table, metadata: Mapping[str, str] | None = None) -> None:
    """Write a table that is in memory; otherwise as `write_rows`."""
    full = {"imagenet_build.schema_version": SCHEMA_VERSION, **(metadata or {})}
    table = table.replace_schema_metadata(full)
    write_whole(path, lambda out: pq.write_table(table, out, compression="zstd", row_group_size=ROWS_PER_GROUP))


def write_whole(path: Location, write: Callable[[IO[bytes]], None]) -> None:
    """Make a file appear complete or not at all: written aside in the same folder, synced, renamed.

    In an object store it appears as a whole by itself; see `Place.write_whole`.
    """
    if isinstance(path, Place):
        path.write_whole(write)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_parquet(path: Location) -> pq.ParquetFile:
    """A Parquet file for reading row groups; from a store the columns of a group come in few requests.

    Raises:
        FileNotFoundError: there is none. OSError, pa.ArrowException: it cannot be read; see `places.unreadable`.
    """
    return pq.ParquetFile(source_of(path), pre_buffer=isinstance(path, Place))


def read(path: Location, schema: pa.Schema, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole table, or some columns of it.

    Raises:
        DataError: the file is missing, cut, or has other columns.
    """
    try:
        table = pq.read_table(source_of(path), columns=list(columns) if columns else None, partitioning=None)
    except FileNotFoundError:
        raise DataError(f"{path} is missing.", remedy="Run the build again to write it.") from None
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None
    wanted = list(columns) if columns else schema.names
    _check_columns(path, table.schema.names, wanted)
    return table.select(wanted)


def read_all(paths: Iterable[Location], schema: pa.Schema) -> Iterator[pa.Table]:
    """Read many small tables in their order; from a store `READ_AT_ONCE` at a time, for each one waits for answers.

    Raises:
        DataError: as `read`.
    """
    ordered = list(paths)
    if not any(isinstance(path, Place) for path in ordered):
        yield from (read(path, schema) for path in ordered)
        return
    with ThreadPoolExecutor(READ_AT_ONCE) as threads:
        for start in range(0, len(ordered), 4 * READ_AT_ONCE):
            yield from threads.map(lambda path: read(path, schema), ordered[start : start + 4 * READ_AT_ONCE])


def in_turn(read: Callable[[Item], Result], items: Iterable[Item], *, ahead: bool) -> Iterator[Result]:
    """Read one thing after the other.

    Args:
        read: what is done with each; with `ahead`, by several threads.
        items: in the order of the results.
        ahead: `READ_AT_ONCE` of them are read at a time: of a store, where each one waits for answers.
    """
    if not ahead:
        yield from map(read, items)
        return
    with ThreadPoolExecutor(READ_AT_ONCE) as threads:
        begun: deque[Future[Result]] = deque()
        try:
            for item in items:
                begun.append(threads.submit(read, item))
                if len(begun) == READ_AT_ONCE:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def _check_columns(path: Location, held: Sequence[str], wanted: Sequence[str]) -> None:
    if not set(wanted) <= set(held):
        raise DataError(f"{path} has other columns than this version writes: {', '.join(held)}.")


def by_synset(
    path: Location, schema: pa.Schema, columns: Sequence[str] | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """Stream a table that is sorted by wnid: (wnid, its rows), holding one synset and one row group at a time.

    Raises:
        DataError: the file cannot be read, or has other columns.
    """
    if not path.exists():
        raise DataError(f"{path} is missing.", remedy="Run the build again to write it.")
    wanted = list(columns) if columns else schema.names
    held: list[pa.Table] = []
    current: str | None = None
    try:
        with open_parquet(path) as file:
            _check_columns(path, file.schema_arrow.names, wanted)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=wanted)
                for wnid, part in runs_of_synsets(table):
                    if wnid != current and current is not None:
                        yield current, pa.concat_tables(held)
                        held = []
                    current = wnid
                    held.append(part)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None
    if current is not None:
        yield current, pa.concat_tables(held)


def runs_of_synsets(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split a table sorted by wnid: (wnid, its rows), without copying."""
    if table.num_rows == 0:
        return
    encoded = table["wnid"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    starts = [0, *((codes[1:] != codes[:-1]).nonzero()[0] + 1).tolist(), table.num_rows]
    for start, end in itertools.pairwise(starts):
        yield encoded.dictionary[int(codes[start])].as_py(), table.slice(start, end - start)


def metadata(path: Location) -> dict[str, str]:
    """The texts in a Parquet file's key-value metadata.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        found = pq.read_schema(source_of(path)).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, "") from None
    return {key.decode(): value.decode() for key, value in found.items() if not key.startswith(b"ARROW")}


def row_count(path: Location) -> int:
    """Rows of a Parquet file, from its footer; 0 if there is no file.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return int(pq.read_metadata(source_of(path)).num_rows) if path.exists() else 0
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, "") from None


def digest(*tables: pa.Table) -> str:
    """A digest of the rows of tables: equal rows in equal order, equal digest."""
    total = hashlib.sha256()
    for table in tables:
        for batch in table.combine_chunks().to_batches():
            # rebuilding the batch drops the offsets of a slice, which would otherwise reach the serialised form
            total.update(
                pa.RecordBatch.from_arrays(
                    [pa.concat_arrays([column]) for column in batch.columns], schema=batch.schema.remove_metadata()
                ).serialize()
            )
        total.update(b"|")
    return total.hexdigest()[:32]
