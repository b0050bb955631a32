"""Random access by synset to tables sorted by wnid: what the units of a stage read, one synset after the other.

Reading a synset costs one row group; consecutive synsets of a row group cost nothing more. So a stage that walks
through its synsets in order reads each table once, in whatever process it runs.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import pyarrow as pa

from imagenet_build.errors import DataError
from imagenet_build.storage.places import Location, unreadable, version_of
from imagenet_build.storage.tables import open_parquet, runs_of_synsets

OPEN_TABLES = 16
"""Tables kept open per process, each with one row group."""


class SynsetReader:
    """One table."""

    def __init__(self, path: Location) -> None:
        """Raises DataError if the file is missing or damaged."""
        try:
            self._file = open_parquet(path)
        except FileNotFoundError:
            raise DataError(f"{path} is missing.", remedy="Run the build again to write it.") from None
        except (pa.ArrowException, OSError) as error:
            raise unreadable(path, error) from None
        self._path = path
        column = self._file.schema_arrow.names.index("wnid")
        self._last: list[str] = []
        """The last wnid of each row group with rows; ascending."""
        self._first: list[str] = []
        for group in range(self._file.num_row_groups):
            if self._file.metadata.row_group(group).num_rows:
                bounds = self._file.metadata.row_group(group).column(column).statistics
                self._first.append(bounds.min)
                self._last.append(bounds.max)
        self._held: tuple[int, dict[str, pa.Table]] = (-1, {})

    def rows(self, wnid: str) -> pa.Table:
        """All rows of one synset, in the table's order; an empty table if it has none."""
        parts = []
        group = bisect_left(self._last, wnid)
        while group < len(self._last) and self._first[group] <= wnid:
            part = self._group(group).get(wnid)
            if part is not None:
                parts.append(part)
            group += 1
        return pa.concat_tables(parts) if parts else self._file.schema_arrow.empty_table()

    def _group(self, number: int) -> dict[str, pa.Table]:
        if self._held[0] != number:
            try:
                table = self._file.read_row_group(number)
            except (pa.ArrowException, OSError) as error:
                raise unreadable(self._path, error) from None
            self._held = (number, dict(runs_of_synsets(table)))
        return self._held[1]


@lru_cache(maxsize=OPEN_TABLES)
def _reader(path: Location, _version: tuple[Any, ...]) -> SynsetReader:
    return SynsetReader(path)


def rows_of(path: Location, schema: pa.Schema, wnid: str) -> pa.Table:
    """One synset's rows of a table sorted by wnid, with the schema's columns.

    Raises:
        DataError: the file is missing, damaged, or has other columns.
    """
    try:
        version = version_of(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing.", remedy="Run the build again to write it.") from None
    found = _reader(path, version).rows(wnid)
    if [name for name in schema.names if name not in found.schema.names]:
        raise DataError(f"{path} has other columns than this version writes: {', '.join(found.schema.names)}.")
    return found.select(schema.names)
