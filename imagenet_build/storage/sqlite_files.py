"""How this project opens SQLite: a write-ahead log, so that a killed process loses nothing that was committed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from imagenet_build.errors import DataError


def open_database(path: Path, schema: str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open or make a database; `read_only` opens one that another process may be writing.

    `synchronous=NORMAL`: a commit survives `kill -9` at once; after a power cut the newest commits may be missing,
    never half there (https://www.sqlite.org/pragma.html#pragma_synchronous). What is missing is simply done again.

    Raises:
        DataError: the file is no database, or damaged; or there is none to read.
    """
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    database: sqlite3.Connection | None = None
    try:
        if read_only:
            database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)
            database.execute("SELECT count(*) FROM sqlite_master")  # nothing is opened before the first statement
        else:
            database = sqlite3.connect(path, timeout=60)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.executescript(schema)
    except sqlite3.DatabaseError as error:
        if database is not None:
            database.close()
        if not isinstance(error, sqlite3.OperationalError):
            raise DataError(f"{path} is damaged: {error}.", remedy="Move it away and run the build again.") from None
        if read_only and not path.exists():
            raise DataError(f"{path} is missing.", remedy="Run the build again to write it.") from None
        raise
    return database
