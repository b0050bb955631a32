"""Which reader fits a source: the one table to extend for a new format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imagenet_build.collection.readers.folder import Folder
from imagenet_build.collection.readers.inaturalist_tables import INaturalistTables
from imagenet_build.collection.readers.jsonl import JsonLines
from imagenet_build.collection.readers.parquet import Parquet
from imagenet_build.collection.readers.record import Reader, Source
from imagenet_build.collection.readers.table import Table
from imagenet_build.errors import ConfigError

TABLES: tuple[Reader, ...] = (JsonLines(), Table(), Parquet())
FOLDER: Reader = Folder()
INATURALIST: Reader = INaturalistTables()


def sources_of(paths: Iterable[Path]) -> list[Source]:
    """The tables and picture folders that paths stand for, in the given order.

    A folder with iNaturalist's open-data tables is read as a whole; one with a `metadata` table is that table (Hugging
    Face's image folders); one with pictures is read by itself; any other stands for the tables directly in it, by name.

    Raises:
        ConfigError: a path does not exist, or nothing readable is there; the message lists the formats.
    """
    return [source for path in paths for source in _sources_of(path)]


def _sources_of(path: Path) -> list[Source]:
    if not path.exists():
        raise ConfigError(f"There is no file or folder {path}.")
    if path.is_dir():
        if INATURALIST.fits(path):
            return [Source(path, INATURALIST, INATURALIST.base(path))]
        tables = [found for beside in sorted(path.iterdir()) if (found := _table(beside))]
        described = [table for table in tables if table.path.name.lower().split(".")[0] == "metadata"]
        if described:
            return described
        if FOLDER.fits(path):
            return [Source(path, FOLDER, FOLDER.base(path))]
        if tables:
            return tables
        raise ConfigError(f"The folder {path} holds no picture and no table of captions.", remedy=_supported())
    table = _table(path)
    if table is None:
        raise ConfigError(f"{path} is of no format that is read here.", remedy=_supported())
    return [table]


def _table(path: Path) -> Source | None:
    for reader in TABLES:
        if reader.fits(path):
            return Source(path, reader, reader.base(path))
    return None


def _supported() -> str:
    return f"Supported: {'; '.join(reader.looks_like for reader in (FOLDER, INATURALIST, *TABLES))}."
