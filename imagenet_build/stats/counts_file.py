"""EDGE: any table of wnids and images -> images of each synset. Read in pieces, so a row per image is no matter."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from imagenet_build.errors import ConfigError, DataError
from imagenet_build.records import WNID_PATTERN

COUNT_NAMES = ("images", "image_count", "num_images", "n_images", "count", "counts", "n", "total")
_WHOLE = re.compile(r"\s*\d+\s*")
_HOW = "Two columns, wnid and images (n02084071,1603), or one row per image with its wnid."


@dataclass(frozen=True, slots=True)
class CountsFile:
    """What a table says."""

    images: dict[str, int]
    """wnid -> images, in wnid order; a wnid with 0 images belongs to it."""
    counted: str
    """How: the column that was added up, or that each row is an image."""
    sha256: str


@dataclass(frozen=True, slots=True)
class _Columns:
    """Places of the columns that matter, from 0."""

    names: list[str]
    wnid: int
    images: int | None


def read_counts(path: Path) -> CountsFile:
    """Read a table: CSV (comma, tab or semicolon; gzip too; with a header or none), or Parquet.

    The column of wnids is the first one whose first value is a wnid. Images are the column of one of `COUNT_NAMES`; or
    the other column where there are two and it holds whole numbers; else each row is one image. Rows of one wnid are
    added up.

    Raises:
        ConfigError: the file is missing, or has no column of wnids.
        DataError: it is damaged, or a value is no wnid or no whole number.
    """
    try:
        digest = _sha256(path)
        is_parquet = path.suffix.lower() in (".parquet", ".pq")
        columns, batches = _parquet(path) if is_parquet else _csv(path)
        images = _added_up(path, columns, batches)
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy=_HOW) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", remedy=_HOW) from None
    counted = "each row is one image" if columns.images is None else f"images: column {columns.names[columns.images]!r}"
    return CountsFile(dict(sorted(images.items())), counted, digest)


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    return total.hexdigest()


def _chosen(path: Path, names: list[str], first: Sequence[object]) -> _Columns:
    """The columns that matter, by their names and the first row of values."""
    wnid = next((place for place, value in enumerate(first) if WNID_PATTERN.fullmatch(str(value).strip())), None)
    if wnid is None:
        shown = ", ".join(map(str, first)) or "nothing"
        raise ConfigError(f"{path} has no column of wnids: its first row holds {shown[:120]}.", remedy=_HOW)
    images = next((place for place, name in enumerate(names) if name.strip().lower() in COUNT_NAMES), None)
    if images is None and len(names) == 2 and _WHOLE.fullmatch(str(first[1 - wnid])):
        images = 1 - wnid
    return _Columns(names, wnid, images)


def _parquet(path: Path) -> tuple[_Columns, Iterator[pa.RecordBatch]]:
    file = pq.ParquetFile(path)
    head = next(file.iter_batches(batch_size=1), None)
    first = [column[0].as_py() for column in head.columns] if head is not None and head.num_rows else []
    columns = _chosen(path, file.schema_arrow.names, first)
    wanted = [columns.names[place] for place in (columns.wnid, columns.images) if place is not None]
    return columns, (batch.select(wanted) for batch in file.iter_batches(columns=wanted))


def _csv(path: Path) -> tuple[_Columns, Iterator[pa.RecordBatch]]:
    with pa.input_stream(str(path), compression="detect") as stream:
        head = bytes(stream.read(1 << 16)).decode("utf-8-sig", "replace").splitlines()[:2]
    delimiter = next((mark for mark in ",\t;" if head and mark in head[0]), ",")
    rows = list(csv.reader(head, delimiter=delimiter))
    has_header = bool(rows) and not any(WNID_PATTERN.fullmatch(cell.strip()) for cell in rows[0])
    first = (rows[1:] if has_header else rows)[:1] or [[]]
    names = rows[0] if has_header else [f"column {place}" for place in range(1, len(first[0]) + 1)]
    columns = _chosen(path, names, first[0])
    unique = [f"{place} {name}" for place, name in enumerate(names)]  # names may repeat
    wanted = [unique[place] for place in (columns.wnid, columns.images) if place is not None]
    reader = pyarrow.csv.open_csv(
        pa.input_stream(str(path), compression="detect"),
        read_options=pyarrow.csv.ReadOptions(column_names=unique, skip_rows=int(has_header)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(wanted, (pa.string(), pa.int64()), strict=False)), include_columns=wanted
        ),
    )
    return columns, iter(reader)


def _added_up(path: Path, columns: _Columns, batches: Iterator[pa.RecordBatch]) -> Counter[str]:
    images: Counter[str] = Counter()
    for batch in batches:
        wnids = pc.utf8_trim_whitespace(batch.column(0).cast(pa.string()))
        if columns.images is None:
            numbers = pa.repeat(pa.scalar(1, pa.int64()), len(wnids))
        else:
            numbers = _whole_numbers(path, batch.column(1))
        table = pa.table({"wnid": wnids, "images": numbers}).group_by("wnid").aggregate([("images", "sum")])
        for wnid, count in zip(table["wnid"].to_pylist(), table["images_sum"].to_pylist(), strict=True):
            if wnid is None or not WNID_PATTERN.fullmatch(wnid):
                raise DataError(f"{path} holds {wnid!r} where a wnid should stand.", remedy=_HOW)
            images[wnid] += count
    return images


def _whole_numbers(path: Path, column: pa.Array) -> pa.Array:
    if not pa.types.is_integer(column.type):
        column = column.cast(pa.int64())
    if column.null_count or (len(column) and pc.min(column).as_py() < 0):
        raise DataError(f"{path} holds a number of images that is missing or below 0.", remedy=_HOW)
    return column.cast(pa.int64())
