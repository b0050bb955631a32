"""iNaturalist's open data: the tables taxa, observations and photos, and observers if it is there.

Source: https://github.com/inaturalist/inaturalist-open-data; the tables are tab-separated, without quotes.

A photo gets two captions: its taxon's scientific name, and the names of that taxon's ancestors, so that a genus, family
or order finds its species. Their language is unknown (`und`), not Latin: queries come in the languages of people, and
a caption of unknown language is found by its exact words in any of them. Whoever gives `--language` for these tables
gives that up. A word that is also a Latin name ("cancer", a genus of crabs) finds organisms, too.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path

from imagenet_build.collection.readers.columns import MAX_SIDE_PX, clean
from imagenet_build.collection.readers.inaturalist_taxa import Taxa
from imagenet_build.collection.readers.named_columns import rows_of, whole_number
from imagenet_build.collection.readers.record import Caption, PictureRecord, Rows, SkippedRow, SkipReason
from imagenet_build.errors import DiskUnusable

PHOTO_URL = "https://inaturalist-open-data.s3.amazonaws.com/photos/{photo}/large.{extension}"
"""The rendering of at most 1024 px, which the inaturalist engine takes as well."""
OBSERVATION_URL = "https://www.inaturalist.org/observations/{observation}"
OBSERVER_URL = "https://www.inaturalist.org/users/{observer}"

PHOTO_COLUMNS = ("photo_id", "observation_uuid", "extension", "license")
OBSERVATION_COLUMNS = ("observation_uuid", "taxon_id", "quality_grade")
OBSERVER_COLUMNS = ("observer_id", "login", "name")

_RESEARCH_GRADE = frozenset({"research", "research grade", "research_grade"})
_NO_LICENSE = frozenset({"", "\\n", "null"})
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,5}")
_CACHE_KIB = 32 * 1024
_KEPT_TAXA = 1 << 15
_KEPT_OBSERVERS = 1 << 15

_TABLES = """
CREATE TABLE observations (uuid BLOB NOT NULL, taxon INTEGER NOT NULL);
CREATE TABLE observers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
"""
_OBSERVATIONS_BY_UUID = "CREATE INDEX observations_by_uuid ON observations (uuid, taxon)"
_TAXON = "SELECT taxon FROM observations WHERE uuid = ? LIMIT 1"


class INaturalistTables:
    """A folder with `taxa.csv`, `observations.csv`, `photos.csv`, each possibly `.gz`; `observers.csv` gives creators.

    Only photos of research-grade observations are taken, and only of taxa that are in `taxa`: a shortened `taxa` table
    (with the ancestors in it) makes an index of a part of the tree. Memory grows with `taxa` alone; observations and
    observers go to a temporary SQLite file in `SQLITE_TMPDIR`, `TMPDIR` or `/var/tmp`: about 60 bytes each, 100
    while they are sorted; it is gone with the process. Width and height are those of the original photo.
    """

    looks_like = "a folder with iNaturalist's open-data tables (taxa.csv, observations.csv, photos.csv, also .gz)"

    def fits(self, source: Path) -> bool:
        """Whether the three tables are there, by name."""
        return all(_table(source, name) for name in ("taxa", "observations", "photos"))

    def base(self, source: Path) -> Path:
        """The folder itself; the tables name no files."""
        return source

    def read(self, source: Path) -> Rows:
        """One row per photo, in the order of the table `photos`.

        Raises:
            ConfigError: a table lacks a column that is needed.
            DataError: a table is empty, damaged or cut off.
            DiskUnusable: the temporary file has no room.
        """
        taxa = Taxa(_path(source, "taxa"))
        photos = _path(source, "photos")
        with _temporary_database() as database:
            database.execute("BEGIN")
            _keep_observations(database, _path(source, "observations"), taxa)
            observers = _table(source, "observers")
            if observers:
                _keep_observers(database, observers)
            database.execute("COMMIT")
            read_photo = _Photos(database, taxa).read
            for number, row in enumerate(rows_of(photos, PHOTO_COLUMNS, ("width", "height", "observer_id")), start=1):
                yield read_photo(row, f"{photos.name} row {number}")


def _table(folder: Path, name: str) -> Path | None:
    return next((path for ending in (".csv", ".csv.gz") if (path := folder / f"{name}{ending}").is_file()), None)


def _path(folder: Path, name: str) -> Path:
    return _table(folder, name) or folder / f"{name}.csv.gz"


@contextmanager
def _temporary_database() -> Iterator[sqlite3.Connection]:
    """A database on disk that SQLite deletes itself (https://www.sqlite.org/inmemorydb.html#temp_db)."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA temp_store = FILE")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.executescript(_TABLES)
        try:
            yield database
        except sqlite3.OperationalError as error:
            raise DiskUnusable(
                f"The temporary file for iNaturalist's observations cannot be written: {error}.",
                source="sqlite3",
                remedy="Set SQLITE_TMPDIR to a folder with more room.",
            ) from None


def _keep_observations(database: sqlite3.Connection, table: Path, taxa: Taxa) -> None:
    """Observation -> taxon. The index is made at the end: sorting once is quicker than keeping a large tree sorted."""
    database.executemany("INSERT INTO observations VALUES (?, ?)", _observations(table, taxa))
    database.execute(_OBSERVATIONS_BY_UUID)


def _observations(table: Path, taxa: Taxa) -> Iterator[tuple[bytes, int]]:
    for row in rows_of(table, OBSERVATION_COLUMNS):
        if row is None or row[2].strip().lower() not in _RESEARCH_GRADE:
            continue
        uuid, taxon = _uuid(row[0]), whole_number(row[1])
        if uuid and taxon is not None and taxon in taxa:
            yield uuid, taxon


def _keep_observers(database: sqlite3.Connection, table: Path) -> None:
    """Observer -> personal name, or login where there is none; of an id that is there twice the first row counts."""
    rows = (
        (number, name)
        for row in rows_of(table, OBSERVER_COLUMNS)
        if row and (number := whole_number(row[0])) is not None and (name := clean(row[2][:500]) or clean(row[1][:500]))
    )
    database.executemany("INSERT OR IGNORE INTO observers VALUES (?, ?)", rows)


def _uuid(text: str) -> bytes:
    """16 bytes; none if it is no UUID."""
    return bytes.fromhex(text.replace("-", "")) if _UUID.fullmatch(text) else b""


class _Photos:
    """Turns rows of `photos` into records."""

    def __init__(self, database: sqlite3.Connection, taxa: Taxa) -> None:
        self._database = database
        self._taxa = taxa
        self._captions = lru_cache(_KEPT_TAXA)(self._captions_of)
        self._creator = lru_cache(_KEPT_OBSERVERS)(self._creator_of)

    def read(self, row: list[str] | None, where: str) -> PictureRecord | SkippedRow:
        if row is None:
            return SkippedRow(SkipReason.UNREADABLE_ROW, where)
        photo, observation, extension, license_name, width, height, observer = row
        if not photo or not extension:
            return SkippedRow(SkipReason.NO_PICTURE, where)
        if whole_number(photo) is None or not _EXTENSION.fullmatch(extension):
            return SkippedRow(SkipReason.BAD_URL, f"{where}: {photo[:40]!r}, {extension[:40]!r}")
        uuid = _uuid(observation)
        found = self._database.execute(_TAXON, (uuid,)).fetchone() if uuid else None
        if not found:
            return SkippedRow(SkipReason.NOT_IDENTIFIED, f"{where}: observation {observation[:40]}")
        captions = self._captions(found[0])
        if not captions:
            return SkippedRow(SkipReason.NO_CAPTION, f"{where}: observation {observation[:40]}")
        code = license_name.strip()
        if code.lower() in _NO_LICENSE:
            code = "arr"
        observer_id = whole_number(observer)
        return PictureRecord(
            captions=captions,
            url=PHOTO_URL.format(photo=photo, extension=extension),
            width=_side_px(width),
            height=_side_px(height),
            page_url=OBSERVATION_URL.format(observation=observation.lower()),
            license=code,
            license_version="4.0" if code.lower().startswith("cc-by") else "",
            creator="" if observer_id is None else self._creator(observer_id),
            creator_url="" if observer_id is None else OBSERVER_URL.format(observer=observer_id),
            title=captions[0].text,
        )

    def _captions_of(self, taxon: int) -> tuple[Caption, ...]:
        name = self._taxa.name(taxon)
        if not name:
            return ()
        above = ", ".join(self._taxa.ancestors(taxon))
        return (Caption(name), Caption(above)) if above else (Caption(name),)

    def _creator_of(self, observer: int) -> str:
        found = self._database.execute("SELECT name FROM observers WHERE id = ?", (observer,)).fetchone()
        return str(found[0]) if found else ""


def _side_px(text: str) -> int | None:
    number = whole_number(text)
    return number if number and number <= MAX_SIDE_PX else None
