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
        DataError: the file is no database, or damaged.
    """
    if read_only:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=60)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(schema)
    except sqlite3.DatabaseError as error:
        database.close()
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise DataError(f"{path} is damaged: {error}.", remedy="Move it away and run the build again.") from None
    return database
