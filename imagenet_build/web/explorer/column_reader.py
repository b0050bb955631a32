"""EDGE: some columns of a table, or of one synset's rows in a table sorted by wnid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imagenet_build.errors import DataError
from imagenet_build.storage.places import Location, Place, source_of, unreadable
from imagenet_build.web.explorer.file_mark import Mark, file_mark

_OPEN_FOOTERS = 8
_AFTER_ALL = "~"
"""Sorts behind every wnid."""


def synset_columns(path: Location, wnid: str, columns: Sequence[str]) -> pa.Table | None:
    """The rows of one synset; None if there is no such file (yet).

    Raises:
        DataError: the file is damaged, or has other columns.
    """
    mark = file_mark(path)
    if mark is None:
        return None
    try:
        footer = _footer(path, mark)
        groups = [group for group, (first, last) in enumerate(footer.bounds) if first <= wnid <= last]
        with pq.ParquetFile(source_of(path), metadata=footer.metadata, pre_buffer=isinstance(path, Place)) as file:
            wanted = file.read_row_groups(groups, columns=["wnid", *columns], use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if not set(columns) <= set(wanted.schema.names):
        raise DataError(f"{path} has other columns than this version writes: {', '.join(wanted.schema.names)}.")
    return wanted.filter(pc.equal(wanted["wnid"], wnid)).select(list(columns))


def whole_columns(path: Location, columns: Sequence[str]) -> pa.Table:
    """Some columns of a whole table, read by this thread into the memory pool that the server has chosen.

    Raises:
        DataError: the file is missing, damaged, or has other columns.
    """
    try:
        with pq.ParquetFile(source_of(path), pre_buffer=isinstance(path, Place)) as file:
            found = file.read(columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if not set(columns) <= set(found.schema.names):
        raise DataError(f"{path} has other columns than this version writes: {', '.join(found.schema.names)}.")
    return found.select(list(columns))


class _Footer(NamedTuple):
    metadata: pq.FileMetaData
    bounds: list[tuple[str, str]]
    """The least and the greatest wnid of each row group."""


@lru_cache(_OPEN_FOOTERS)
def _footer(path: Location, _mark: Mark) -> _Footer:
    metadata = pq.read_metadata(source_of(path))
    column = metadata.schema.names.index("wnid")
    bounds = []
    for group in range(metadata.num_row_groups):
        said = metadata.row_group(group).column(column).statistics
        known = said is not None and said.has_min_max
        bounds.append((said.min, said.max) if known else ("", _AFTER_ALL))
    return _Footer(metadata, bounds)
