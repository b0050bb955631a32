"""Every distinct URL of a run and what became of it, and the journal of the shards: SQLite, one writer.

The queue is on disk, so memory does not grow with the number of URLs. Bytes that several URLs share are stored once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagenet_build.records import ImageFacts, Rejection, RejectReason, ShardRef
from imagenet_build.storage.schemas import BYTES_PLACE
from imagenet_build.storage.sqlite_files import open_database

WAITING, DONE, REFUSED = 0, 1, 2
MOST_DETAIL = 1000
"""Characters of a rejection's detail that are kept; details quote servers, and servers may say anything."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS urls (
    key TEXT PRIMARY KEY, url TEXT NOT NULL, host TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, sha256 TEXT, reason TEXT, detail TEXT, at REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS urls_by_host ON urls (host, state, key);
CREATE TABLE IF NOT EXISTS images (
    sha256 TEXT PRIMARY KEY, shard TEXT NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL,
    pixel_sha256 TEXT NOT NULL, format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    has_alpha INTEGER NOT NULL, frames INTEGER NOT NULL, orientation INTEGER NOT NULL, dct_hash BLOB NOT NULL,
    gradient_hash BLOB NOT NULL, tiny BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS images_by_place ON images (shard, offset);
CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, not_before REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class QueuedUrl:
    """A URL waiting to be fetched."""

    key: str
    url: str


class DownloadQueue:
    """The queue of one run. Every call that returns is committed."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._db = open_database(path, _SCHEMA, read_only=read_only)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def add(self, urls: Iterable[tuple[str, str, str]]) -> None:
        """Add (key, url, host) triples; known keys keep what they have."""
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO urls (key, url, host) VALUES (?, ?, ?)", urls)

    def waiting_hosts(self) -> list[tuple[str, int]]:
        """(host, URLs waiting), sorted by host."""
        return list(self._db.execute("SELECT host, count(*) FROM urls WHERE state = 0 GROUP BY host ORDER BY host"))

    def waiting(self, host: str, after_key: str, limit: int) -> list[QueuedUrl]:
        """The next waiting URLs of a host in key order, beginning behind `after_key`."""
        rows = self._db.execute(
            "SELECT key, url FROM urls WHERE state = 0 AND host = ? AND key > ? ORDER BY key LIMIT ?",
            (host, after_key, limit),
        )
        return [QueuedUrl(*row) for row in rows]

    def place_of(self, sha256: str) -> ShardRef | None:
        """Where bytes of this digest already lie."""
        row = self._db.execute("SELECT shard, offset, size FROM images WHERE sha256 = ?", (sha256,)).fetchone()
        return ShardRef(*row) if row else None

    def record_image(self, key: str, attempts: int, facts: ImageFacts, place: ShardRef) -> None:
        """A URL gave an image whose bytes are in a shard: this row is the shard's journal entry."""
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    facts.sha256,
                    place.shard,
                    place.offset,
                    place.size,
                    facts.pixel_sha256,
                    facts.format,
                    facts.width,
                    facts.height,
                    facts.has_alpha,
                    facts.frames,
                    facts.orientation,
                    facts.dct_hash.to_bytes(8, "big"),  # SQLite's integers are signed
                    facts.gradient_hash.to_bytes(8, "big"),
                    facts.tiny,
                ),
            )
            self._db.execute(
                "UPDATE urls SET state = 1, attempts = attempts + ?, sha256 = ?, reason = NULL, detail = NULL, at = ?"
                " WHERE key = ?",
                (attempts, facts.sha256, time.time(), key),
            )

    def record_rejection(self, key: str, attempts: int, rejection: Rejection) -> None:
        """A URL was refused."""
        detail = rejection.detail[:MOST_DETAIL].encode("utf-8", "replace").decode()  # half surrogates cannot be stored
        with self._db:
            self._db.execute(
                "UPDATE urls SET state = 2, attempts = attempts + ?, reason = ?, detail = ?, at = ? WHERE key = ?",
                (attempts, rejection.reason.value, detail, time.time(), key),
            )

    def retry(self, reasons: Sequence[RejectReason]) -> int:
        """Put URLs refused for these reasons back in the queue; returns how many."""
        marks = ", ".join("?" for _ in reasons)
        with self._db:
            changed = self._db.execute(
                f"UPDATE urls SET state = 0 WHERE state = 2 AND reason IN ({marks})",
                [reason.value for reason in reasons],
            )
        return changed.rowcount

    def image_of(self, key: str) -> dict[str, Any] | None:
        """The IMAGES columns of a URL that gave an image (without wnid and url_key); None for any other."""
        row = self._db.execute(
            "SELECT u.url, i.sha256, i.pixel_sha256, i.shard, i.offset, i.size, i.format, i.width, i.height,"
            " i.has_alpha, i.frames, i.orientation, i.dct_hash, i.gradient_hash, i.tiny, u.at"
            " FROM urls u JOIN images i ON i.sha256 = u.sha256 WHERE u.key = ? AND u.state = 1",
            (key,),
        ).fetchone()
        if row is None:
            return None
        names = ["url", *(column.name for column in BYTES_PLACE)]
        found = dict(zip(names, row, strict=True))
        found["has_alpha"] = bool(found["has_alpha"])
        found["dct_hash"] = int.from_bytes(found["dct_hash"], "big")
        found["gradient_hash"] = int.from_bytes(found["gradient_hash"], "big")
        found["fetched_at"] = int(found["fetched_at"] * 1000)
        return found

    def rejection_of(self, key: str) -> dict[str, Any] | None:
        """The REJECTIONS columns of a refused URL (without wnid and url_key); None for any other."""
        row = self._db.execute(
            "SELECT url, reason, detail, attempts, at FROM urls WHERE key = ? AND state = 2", (key,)
        ).fetchone()
        if row is None:
            return None
        found = dict(zip(("url", "reason", "detail", "attempts", "refused_at"), row, strict=True))
        found["refused_at"] = int(found["refused_at"] * 1000)
        return found

    def shard_ends(self) -> dict[str, int]:
        """For each shard, the offset where its last journalled member's data ends, in bytes."""
        return dict(self._db.execute("SELECT shard, max(offset + size) FROM images GROUP BY shard"))

    def drop_beyond(self, shard: str, file_bytes: int) -> int:
        """Forget images that a shard no longer holds (a power cut took its tail) and queue their URLs again."""
        with self._db:
            lost = "SELECT sha256 FROM images WHERE shard = ? AND offset + size > ?"
            back = self._db.execute(
                f"UPDATE urls SET state = 0, sha256 = NULL WHERE state = 1 AND sha256 IN ({lost})", (shard, file_bytes)
            )
            self._db.execute("DELETE FROM images WHERE shard = ? AND offset + size > ?", (shard, file_bytes))
        return back.rowcount

    def not_before(self) -> dict[str, float]:
        """Hosts that asked not to be called, and until when (seconds since 1970)."""
        return dict(self._db.execute("SELECT host, not_before FROM hosts WHERE not_before > ?", (time.time(),)))

    def park(self, host: str, until: float) -> None:
        """Remember, across restarts, when a host may be called again (seconds since 1970)."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO hosts VALUES (?, ?)", (host, until))

    def counts(self) -> dict[int, int]:
        """Number of URLs by state (WAITING, DONE, REFUSED)."""
        return dict(self._db.execute("SELECT state, count(*) FROM urls GROUP BY state"))

    def host_counts(self, host: str) -> dict[str, int]:
        """URLs of one host, over all sessions: kept and refused."""
        states = dict(self._db.execute("SELECT state, count(*) FROM urls WHERE host = ? GROUP BY state", (host,)))
        return {"kept": states.get(DONE, 0), "refused": states.get(REFUSED, 0)}

    def refused_by_reason(self) -> Iterator[tuple[str, int]]:
        """(reason, URLs), most first."""
        return iter(
            self._db.execute(
                "SELECT reason, count(*) FROM urls WHERE state = 2 GROUP BY reason ORDER BY count(*) DESC, reason"
            )
        )
