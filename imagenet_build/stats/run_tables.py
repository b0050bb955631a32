"""EDGE: a run's tables, streamed: one synset, and of its tiny pictures a thousand, are held at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.stats.average_image import Pictures, tiny_pictures
from imagenet_build.stats.pictures import LICENSE, PICTURE_COLUMNS
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import manifest_wnids
from imagenet_build.storage.places import Location, Place, source_of, unreadable
from imagenet_build.storage.schemas import SYNSETS
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder
from imagenet_build.verify.votes import Decision

CANDIDATE_COLUMNS = (
    *("candidate_id", "kept", "group_id", "duplicate_reason", "leak", "queries", LICENSE),
    *PICTURE_COLUMNS,
)
_DECISIONS = [Decision.REJECTED.value, Decision.ACCEPTED.value, Decision.UNDECIDED.value]
REJECTED, ACCEPTED, UNDECIDED, UNASKED = 0, 1, 2, -1
_BATCH_ROWS = 8_000
_READ_BYTES = 1 << 20
_TINY_ROWS = 1_000
"""Rows whose tiny pictures are held at a time: 3 MB."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The manifests of one synset or of several."""

    table: pa.Table
    """CANDIDATE_COLUMNS."""
    verdicts: NDArray[np.int8] | None
    """(rows,): REJECTED, ACCEPTED, UNDECIDED or UNASKED; None: nothing was judged in this run."""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One synset's manifest, without its tiny pictures."""

    wnid: str
    counts: dict[str, int]
    """seen, kept, duplicates, refused, waiting, as the manifest's metadata says."""
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class RunSynset:
    """A row of SYNSETS, as far as statistics need it."""

    name: str
    parents: tuple[str, ...] = field(default=())
    depth: int = 0


def read_synsets(layout: RunLayout) -> dict[str, RunSynset]:
    """wnid -> synset, in wnid order; none where the run has not come that far.

    Raises:
        DataError: the table cannot be read.
    """
    if not layout.synsets.exists():
        return {}
    rows = tables.read(layout.synsets, SYNSETS, columns=["wnid", "name", "hypernyms", "depth"]).to_pylist()
    return {row["wnid"]: RunSynset(row["name"], tuple(row["hypernyms"]), row["depth"]) for row in rows}


def has_verdicts(layout: RunLayout) -> bool:
    """Whether anything of the run was judged."""
    return next(verdicts_folder(layout).glob("n*.parquet"), None) is not None


def manifests(layout: RunLayout) -> Iterator[ManifestFile]:
    """Every manifest in wnid order, with what was decided about its rows.

    Raises:
        DataError: a manifest or a table of verdicts cannot be read.
    """
    judged = has_verdicts(layout)
    wnids = manifest_wnids(layout)
    return tables.in_turn(lambda wnid: _manifest(layout, wnid, judged=judged), wnids, ahead=_is_stored(layout))


def _manifest(layout: RunLayout, wnid: str, *, judged: bool) -> ManifestFile:
    path = layout.manifest(wnid)
    try:
        with _opened(path) as file:
            table = file.read(columns=list(CANDIDATE_COLUMNS))
            said = file.schema_arrow.metadata or {}
        counts = json.loads(said.get(b"imagenet_build.counts", b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error, _AGAIN) from None
    if table.num_columns != len(CANDIDATE_COLUMNS):
        raise DataError(f"{path} has other columns than this version writes.", remedy=_AGAIN)
    verdicts = _verdicts(layout, wnid, table["candidate_id"]) if judged else None
    return ManifestFile(wnid, counts, Candidates(table, verdicts))


def _is_stored(layout: RunLayout) -> bool:
    """Whether the run lies in an object store."""
    return isinstance(layout.root, Place)


def _verdicts(layout: RunLayout, wnid: str, candidates: pa.ChunkedArray) -> NDArray[np.int8]:
    found = np.full(len(candidates), UNASKED, np.int8)
    path = verdicts_folder(layout) / f"{wnid}.parquet"
    if path.exists() and len(candidates):
        said = tables.read(path, VERDICTS, columns=["image", "verdict"])
        place = pc.fill_null(pc.index_in(candidates, said["image"].combine_chunks()), -1).to_numpy()
        decision = pc.fill_null(pc.index_in(said["verdict"], pa.array(_DECISIONS)), UNASKED).to_numpy()
        found[place >= 0] = decision[place[place >= 0]]
    return found


def in_batches(files: Iterable[ManifestFile]) -> Iterator[tuple[list[ManifestFile], Candidates]]:
    """Small manifests together, so that each synset does not pay for itself: (the files, their rows)."""
    held: list[ManifestFile] = []
    rows = 0
    for file in files:
        held.append(file)
        rows += file.candidates.table.num_rows
        if rows >= _BATCH_ROWS:
            yield held, _joined([one.candidates for one in held])
            held, rows = [], 0
    if held:
        yield held, _joined([one.candidates for one in held])


def _joined(parts: list[Candidates]) -> Candidates:
    verdicts = [part.verdicts for part in parts if part.verdicts is not None]
    table = pa.concat_tables([part.table for part in parts])
    return Candidates(table, np.concatenate(verdicts) if verdicts else None)


def kept_pictures(layout: RunLayout, wnid: str) -> Iterator[Pictures]:
    """The tiny pictures of a synset's kept rows, some at a time: (n, 32, 32, 3), uint8.

    Raises:
        DataError: the manifest cannot be read.
    """
    path = layout.manifest(wnid)
    try:
        with _opened(path) as file:
            for batch in _batches(file, ("kept", "tiny")):
                yield _tiny(batch.column("tiny").filter(batch.column("kept")))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, _AGAIN) from None


def pictures_in_turn(layout: RunLayout, wnids: Iterable[str]) -> Iterator[Iterable[Pictures]]:
    """`kept_pictures` of some synsets. Of a store those of `tables.READ_AT_ONCE` synsets are held at a time.

    Raises:
        DataError: a manifest cannot be read.
    """
    if _is_stored(layout):
        return tables.in_turn(lambda wnid: list(kept_pictures(layout, wnid)), wnids, ahead=True)
    return (kept_pictures(layout, wnid) for wnid in wnids)


def stored_images(layout: RunLayout) -> Iterator[tuple[pa.Table, Pictures]]:
    """The rows of IMAGES, some at a time: (wnid and PICTURE_COLUMNS, the tiny pictures).

    Raises:
        DataError: the table cannot be read.
    """
    path = layout.images
    try:
        with _opened(path) as file:
            for batch in _batches(file, ("wnid", *PICTURE_COLUMNS, "tiny")):
                yield pa.table(batch).drop_columns(["tiny"]), _tiny(batch.column("tiny"))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, _AGAIN) from None


def _batches(file: pq.ParquetFile, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Some rows with tiny pictures at a time; of a file in a store no more than one row group is read ahead."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(_TINY_ROWS, row_groups=[group], columns=list(columns))


def _tiny(column: pa.Array) -> Pictures:
    pictures = pc.drop_null(column)
    if not len(pictures):
        return tiny_pictures(b"")
    width = pictures.type.byte_width
    data = memoryview(pictures.buffers()[1])[pictures.offset * width : (pictures.offset + len(pictures)) * width]
    return tiny_pictures(data)


def whole_synsets(path: Location, schema: pa.Schema, columns: Iterable[str]) -> Iterator[pa.Table]:
    """A table sorted by wnid in pieces of some thousand rows that break no synset apart."""
    held: list[pa.Table] = []
    rows = 0
    for _, part in tables.by_synset(path, schema, list(columns)):
        held.append(part)
        rows += part.num_rows
        if rows >= _BATCH_ROWS:
            yield pa.concat_tables(held)
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held)


def column_batches(path: Location, columns: Iterable[str]) -> Iterator[pa.Table]:
    """Some columns of a table, in pieces; nothing where there is no such table.

    Raises:
        DataError: the table cannot be read.
    """
    if not path.exists():
        return
    try:
        with _opened(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, _AGAIN) from None


def _opened(path: Location) -> pq.ParquetFile:
    """A file on a disk of which a page is read at a time, and no row group ahead: a tenth of the memory."""
    if isinstance(path, Place):
        return tables.open_parquet(path)  # a request for each page would take longer than all else
    return pq.ParquetFile(source_of(path), pre_buffer=False, buffer_size=_READ_BYTES)


_AGAIN = "Delete it and run the build again."
