"""An engine's answered pages, kept as received before they are read, and the hits read from them.

Quota is never spent twice: a page that was answered is never asked for again, and a repaired adapter reads old pages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from imagenet_build.storage.schemas import HITS, SEARCH_REJECTIONS
from imagenet_build.storage.sqlite_files import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    request TEXT PRIMARY KEY, status INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL,
    answered_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS synsets (wnid TEXT PRIMARY KEY, hits BLOB NOT NULL, refused BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sent (at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS sent_at ON sent (at);
CREATE TABLE IF NOT EXISTS yields (
    wnid TEXT NOT NULL, language TEXT NOT NULL, origin TEXT NOT NULL, requests INTEGER NOT NULL,
    new_urls INTEGER NOT NULL,
    PRIMARY KEY (wnid, language, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lane (name TEXT PRIMARY KEY, not_before REAL NOT NULL);
"""
_ZSTD = pa.Codec("zstd")


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A status and a body as received."""

    status: int
    body: bytes


class PageStore:
    """One engine's SQLite file; one writer. Every call that returns is committed."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._db = open_database(path, _SCHEMA, read_only=read_only)
        if not read_only:  # the log is copied into the file, which waits for the disk, every 32 MB instead of every 4
            self._db.execute("PRAGMA wal_autocheckpoint = 8000")

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def page(self, request: str) -> KeptPage | None:
        """The kept answer to a request (its full URL); None if it was never answered."""
        row = self._db.execute("SELECT status, size, body FROM pages WHERE request = ?", (request,)).fetchone()
        if row is None:
            return None
        status, size, body = row
        return KeptPage(status, pa.decompress(body, size, codec="zstd", asbytes=True) if size else b"")

    def keep_page(self, request: str, answer: KeptPage) -> None:
        """Keep an answer as received, zstd-compressed."""
        body = _ZSTD.compress(answer.body, asbytes=True) if answer.body else b""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)",
                (request, answer.status, len(answer.body), body, time.time()),
            )

    def page_count(self) -> int:
        """Pages kept."""
        return int(self._db.execute("SELECT count(*) FROM pages").fetchone()[0])

    def keep_hits(
        self,
        wnid: str,
        hits: pa.Table,
        refused: pa.Table,
        yields: Mapping[tuple[str, str], tuple[int, int]] = MappingProxyType({}),
    ) -> None:
        """Replace what was read for one synset.

        Args:
            wnid: the synset.
            hits: a table of HITS.
            refused: a table of SEARCH_REJECTIONS.
            yields: (language, origin) -> first pages read, and new addresses that they brought.
        """
        rows = [(wnid, *kind, *brought) for kind, brought in yields.items()]
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO synsets VALUES (?, ?, ?)", (wnid, _packed(hits), _packed(refused)))
            self._db.execute("DELETE FROM yields WHERE wnid = ?", (wnid,))
            self._db.executemany("INSERT INTO yields VALUES (?, ?, ?, ?, ?)", rows)

    def yields_of(self, first: str, end: str) -> list[tuple[str, str, str, int, int]]:
        """What `keep_hits` was told of the synsets from `first` up to, but without, `end`.

        Returns:
            (wnid, language, origin, first pages read, new addresses that they brought), ordered by wnid.
        """
        wanted = "SELECT wnid, language, origin, requests, new_urls FROM yields WHERE wnid >= ? AND wnid < ? ORDER BY 1"
        return self._db.execute(wanted, (first, end)).fetchall()

    def count_request(self) -> None:
        """Remember that a request was sent now: quotas are kept across restarts."""
        with self._db:
            self._db.execute("INSERT INTO sent VALUES (?)", (time.time(),))

    def nth_newest_request(self, number: int) -> float | None:
        """When the request was sent that is `number` back from now (1: the newest); None if there are fewer."""
        row = self._db.execute("SELECT at FROM sent ORDER BY at DESC LIMIT 1 OFFSET ?", (number - 1,)).fetchone()
        return float(row[0]) if row else None

    def hits(self, wnid: str) -> tuple[pa.Table, pa.Table] | None:
        """The hits and refused items of one synset; None if it was not searched."""
        row = self._db.execute("SELECT hits, refused FROM synsets WHERE wnid = ?", (wnid,)).fetchone()
        return (_unpacked(row[0], HITS), _unpacked(row[1], SEARCH_REJECTIONS)) if row else None

    def wnids(self) -> Iterator[str]:
        """Synsets searched, sorted."""
        for (wnid,) in self._db.execute("SELECT wnid FROM synsets ORDER BY wnid"):
            yield wnid

    def not_before(self) -> float:
        """Seconds since 1970 before which the engine asked not to be called; 0 if it never did."""
        row = self._db.execute("SELECT not_before FROM lane WHERE name = 'engine'").fetchone()
        return float(row[0]) if row else 0.0

    def park(self, until: float) -> None:
        """Remember, across restarts, when the engine may be called again (seconds since 1970)."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO lane VALUES ('engine', ?)", (until,))


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(blob: bytes, schema: pa.Schema) -> pa.Table:
    table = pa.ipc.open_stream(blob).read_all()
    for column in schema:
        if column.nullable and column.name not in table.schema.names:  # kept by an earlier version
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table.select(schema.names)
