"""Makes a caption index: one SQLite file over any number of folders and tables of pictures with captions."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from imagenet_build.collection.lookup import CollectionIndex, Found, IndexedPicture, index_id_of
from imagenet_build.collection.readers.choose import sources_of
from imagenet_build.collection.readers.record import Defaults, Source
from imagenet_build.collection.schema import APPLICATION_ID
from imagenet_build.collection.writer import IndexWriter
from imagenet_build.errors import ConfigError, DataError, DiskUnusable, SourceError

__all__ = [
    "CollectionIndex",
    "Defaults",
    "Found",
    "IndexReport",
    "IndexedPicture",
    "build_index",
    "index_id_of",
]

REPORT_EVERY_ROWS = 200


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What became of the rows: rows == pictures + merged + the sum of skipped."""

    index: Path
    index_id: str
    rows: int
    pictures: int
    merged: int
    """Rows about a picture that an earlier row was about: their captions were added to it."""
    captions: dict[str, int]
    """ISO 639-3 language -> number of captions."""
    skipped: dict[str, int] = field(default_factory=dict)
    """`SkipReason` -> rows."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """`SkipReason` -> a few details."""


def build_index(
    sources: Sequence[Path],
    out: Path,
    *,
    defaults: Defaults | None = None,
    languages: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
) -> IndexReport:
    """Index pictures with captions. The file appears whole or not at all; an older index there is replaced.

    Args:
        sources: folders of pictures, JSONL, TSV, CSV or Parquet tables, folders of iNaturalist's open-data tables, in
            this order (`readers/choose.py`).
        out: the index file.
        defaults: language, licence, creator and page of pictures whose source says none.
        languages: take only captions in these (ISO 639-3), and those of unknown language; empty: all.
        progress: called with the number of rows read since the last call.
    Raises:
        ConfigError: a source does not exist or is of no known format, or `out` is a file of another kind.
        DataError: a source is damaged, or holds no usable picture at all.
        DiskUnusable: the index cannot be written.
    """
    chosen = sources_of(sources)
    out = out.absolute()
    _check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, aside_name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)
    except OSError as error:
        raise DiskUnusable(f"{out.parent} cannot be written: {error.strerror}.", source=str(out.parent)) from None
    os.close(handle)
    aside = Path(aside_name)
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as database:
            writer = IndexWriter(database, out, defaults or Defaults(), languages)
            for source in chosen:
                _index_source(source, writer, progress)
            if not writer.pictures:
                what = ", ".join(f"{reason} {count}" for reason, count in sorted(writer.skipped.items())) or "no rows"
                raise DataError(f"There is no usable picture in {', '.join(map(str, sources))}: {what}.")
            writer.finish()
        _publish(aside, out)
    except sqlite3.OperationalError as error:
        if "fts5" in str(error):
            raise SourceError(
                "This Python's SQLite has no FTS5.", source="sqlite3", remedy="Use another Python."
            ) from None
        raise DiskUnusable(f"{out} cannot be written: {error}.", source=str(out)) from None
    finally:
        aside.unlink(missing_ok=True)
    return IndexReport(
        index=out,
        index_id=index_id_of(out),
        rows=writer.rows,
        pictures=writer.pictures,
        merged=writer.merged,
        captions=dict(sorted(writer.captions.items())),
        skipped=dict(sorted(writer.skipped.items())),
        examples=writer.examples,
    )


def _check_replaceable(out: Path) -> None:
    """Refuse to replace anything but an index: `--out photos.jsonl` is a slip of the hand."""
    if not out.exists():
        return
    replaceable = False
    if out.is_file():
        with out.open("rb") as file:
            header = file.read(72)
        # The application id stands at byte 68 of an SQLite file (https://www.sqlite.org/fileformat.html).
        replaceable = not header or header[68:] == APPLICATION_ID.to_bytes(4, "big")
    if not replaceable:
        raise ConfigError(f"{out} exists and is no caption index.", remedy="Give --out another name.")


def _index_source(source: Source, writer: IndexWriter, progress: Callable[[int], None] | None) -> None:
    base = writer.add_base(source.base.resolve())
    reported = writer.rows
    for row in source.reader.read(source.path):
        writer.add(row, base)
        if progress and writer.rows - reported >= REPORT_EVERY_ROWS:
            progress(writer.rows - reported)
            reported = writer.rows
    if progress:
        progress(writer.rows - reported)


def _publish(aside: Path, out: Path) -> None:
    aside.chmod(0o644)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(out)
    folder = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
