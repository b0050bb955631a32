"""EDGE: the images table of a run by pieces and by rows, whatever its size and whichever process reads.

A row is named by its number in the table; an image of another synset that shows the same picture is a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.storage.places import Location, unreadable, version_of
from imagenet_build.storage.schemas import IMAGES
from imagenet_build.storage.tables import open_parquet

Indices = NDArray[np.int64]
GROUPS_PER_PIECE = 16
"""Row groups that are read together: 128,000 rows."""


@dataclass(frozen=True, slots=True)
class ImagePiece:
    """Consecutive row groups."""

    path: Location
    first_group: int
    groups: int
    first_row: int

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Columns of all its rows. Raises DataError."""
        return _read(self.path, range(self.first_group, self.first_group + self.groups), columns)


@dataclass(frozen=True, eq=False)
class ImageRows:
    """Where the rows of the table are."""

    path: Location
    starts: Indices
    """(row groups + 1,): the first row of each, and how many there are."""

    def pieces(self, groups_per_piece: int = GROUPS_PER_PIECE) -> list[ImagePiece]:
        """The whole table."""
        last = len(self.starts) - 1
        firsts = range(0, last, groups_per_piece)
        return [ImagePiece(self.path, at, min(groups_per_piece, last - at), int(self.starts[at])) for at in firsts]

    def groups_of(self, rows: Indices) -> Indices:
        """(n,): the row group of each row."""
        return np.asarray(self.starts.searchsorted(rows, "right") - 1, np.int64)

    def read_rows(self, rows: Indices, columns: Sequence[str]) -> pa.Table:
        """Columns of some rows, in their order; each row group that holds some is read once. Raises DataError."""
        wanted, places = np.unique(rows, return_inverse=True)
        groups = self.groups_of(wanted)
        parts = [IMAGES.empty_table().select(list(columns))]
        for group in np.unique(groups).tolist():
            here = wanted[groups == group] - self.starts[group]
            parts.append(_read(self.path, [group], columns).take(pa.array(here)))
        return pa.concat_tables(parts).take(pa.array(places.ravel()))


def image_rows(path: Location) -> ImageRows:
    """Find out where they are.

    Raises:
        DataError: the table is missing or damaged.
    """
    said = _file(path).metadata
    sizes = [said.row_group(group).num_rows for group in range(said.num_row_groups)]
    return ImageRows(path, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64))


def _read(path: Location, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    try:
        table = _file(path).read_row_groups(list(groups), columns=list(columns)).select(list(columns))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise unreadable(path, error) from None
    return table.replace_schema_metadata(None).cast(IMAGES.empty_table().select(list(columns)).schema)


def _file(path: Location) -> pq.ParquetFile:
    """Raises DataError."""
    try:
        return _opened(path, version_of(path))
    except FileNotFoundError:
        raise DataError(f"{path} is missing.", remedy="Run the build again to write it.") from None
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None


@lru_cache(maxsize=2)  # the footer of a large table takes a second to read
def _opened(path: Location, _version: tuple[Any, ...]) -> pq.ParquetFile:
    return open_parquet(path)
