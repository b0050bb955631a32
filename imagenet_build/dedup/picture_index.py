"""EDGE: all pictures of a run, each once, with the rows of the images table that hold it: 60 bytes of memory a row.

Hashes stay in memory; tiny images are read again from the table for those few pictures that are looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagenet_build.dedup.looks import COLUMNS, Looks
from imagenet_build.storage import tables
from imagenet_build.storage.places import Location
from imagenet_build.storage.schemas import IMAGES

Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_DIGEST = np.dtype("V16")
"""Half of a SHA-256: a chance of 1 in 10 to the 24th that two of ten million pictures share it."""


@dataclass(frozen=True, eq=False)
class PictureIndex:
    """Rows are counted as in the images table, pictures by the digest of their pixels."""

    path: Location
    synsets: list[str]
    """In their order in the table."""
    synset_of_row: NDArray[np.int32]
    picture_of_row: Indices
    first_row: Indices
    """(pictures,)"""
    dct: Hashes
    """(pictures,)"""
    mirrored: Hashes

    def rows_of(self, pictures: Indices) -> tuple[Indices, Indices]:
        """All rows that hold some pictures: (row, its picture), by picture, then by row."""
        order = np.argsort(self.picture_of_row, kind="stable")
        starts = np.searchsorted(self.picture_of_row[order], pictures, "left")
        stops = np.searchsorted(self.picture_of_row[order], pictures, "right")
        rows = [order[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        return (
            np.concatenate([np.zeros(0, np.int64), *rows]),
            np.repeat(pictures, stops - starts),
        )

    def only_synset(self) -> NDArray[np.int32]:
        """(pictures,): the synset that alone holds a picture; -1 if several do."""
        least = np.full(len(self.dct), len(self.synsets), np.int32)
        most = np.full(len(self.dct), -1, np.int32)
        np.minimum.at(least, self.picture_of_row, self.synset_of_row)
        np.maximum.at(most, self.picture_of_row, self.synset_of_row)
        return np.where(least == most, least, np.int32(-1))

    def looks(self, pictures: Indices) -> Looks:
        """Everything about some pictures, ascending; 4 kB of memory for each."""
        table = self._read(self.first_row[pictures], list(COLUMNS))
        order = np.argsort(np.argsort(self.first_row[pictures], kind="stable"), kind="stable")
        return Looks.of_table(table.take(order))

    def keys(self, rows: Indices) -> list[str]:
        """The url_key of some rows, ascending."""
        found: list[str] = self._read(rows, ["url_key"])["url_key"].to_pylist()
        return found

    def files(self, rows: Indices) -> list[str]:
        """The sha256 of some rows, ascending."""
        found: list[str] = self._read(rows, ["sha256"])["sha256"].to_pylist()
        return found

    def _read(self, rows: Indices, columns: list[str]) -> pa.Table:
        """Columns of some rows in ascending order; only row groups that hold some are read."""
        wanted = np.sort(rows)
        parts = [IMAGES.empty_table().select(columns)]
        with tables.open_parquet(self.path) as file:
            start = 0
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                here = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, stop)] - start
                if len(here):
                    parts.append(file.read_row_group(group, columns=columns).select(columns).take(here))
                start = stop
        return pa.concat_tables([part.replace_schema_metadata(None).cast(parts[0].schema) for part in parts])


def index_pictures(path: Location) -> PictureIndex:
    """Read the images table of a run once.

    Raises:
        DataError: the table is missing or damaged.
    """
    synsets: list[str] = []
    counts: list[int] = []
    digests, dct, mirrored = [np.zeros(0, _DIGEST)], [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for wnid, images in _streamed(path):
        synsets.append(wnid)
        counts.append(len(images))
        said = b"".join(bytes.fromhex(digest)[:16] for digest in images["pixel_sha256"].to_pylist())
        digests.append(np.frombuffer(said, _DIGEST))
        dct.append(images["dct_hash"].to_numpy().astype(np.uint64))
        mirrored.append(images["mirrored_hash"].to_numpy().astype(np.uint64))
    _, first, picture = np.unique(np.concatenate(digests), return_index=True, return_inverse=True)
    return PictureIndex(
        path,
        synsets,
        np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        picture.astype(np.int64),
        first.astype(np.int64),
        np.concatenate(dct)[first],
        np.concatenate(mirrored)[first],
    )


def _streamed(path: Location) -> Iterator[tuple[str, Any]]:
    yield from tables.by_synset(path, IMAGES, ["wnid", "pixel_sha256", "dct_hash", "mirrored_hash"])
