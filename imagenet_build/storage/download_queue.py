"""Every distinct URL of a run, what became of it, and the journal of the shards: one SQLite file, on disk at any size.

URLs are known by a digest of their key, so a host's URLs come in an order that has nothing to do with their names. What
is recorded is gathered and committed together; what is not yet committed was, for whoever resumes the run, in flight.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagenet_build.records import ImageFacts, Rejection, RejectReason, ShardRef
from imagenet_build.storage import queue_tallies
from imagenet_build.storage.queue_previews import QueuePreviews
from imagenet_build.storage.queue_schema import IMAGE_COLUMNS, WAITING_INDEX, image_values
from imagenet_build.storage.queue_view import DONE, REFUSED, QueuedUrl, QueueView, key_digest

MOST_DETAIL = 1000
"""Characters of a rejection's detail that are kept; details quote servers, and servers may say anything."""
_ADDED_TOGETHER = 200_000
_MARKS = 1 << 22
_SAMPLE = 512


@dataclass(slots=True)
class _Pending:
    """Outcomes not yet committed."""

    images: list[tuple[Any, ...]]
    urls: list[tuple[Any, ...]]
    shards: dict[str, tuple[int, int]]
    """Shard -> (first new image, end)."""
    kept: Counter[int]
    refused: Counter[int]
    numbers: dict[bytes, int]
    """sha256 -> new image."""


class DownloadQueue(QueueView):
    """The queue of one run; one process writes it. What `record_...` was told is durable after `flush`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, read_only=False)
        # the log is copied into the file, which waits for the disk, every 32 MB instead of every 4
        self._db.execute("PRAGMA wal_autocheckpoint = 8000")
        self._db.execute("PRAGMA cache_size = -65536")
        self._host_ids: dict[str, int] = {}
        self._placeholders = set(self._db.execute("SELECT host, image FROM placeholders"))
        newest = self._db.execute("SELECT max(id) FROM images").fetchone()[0]
        self._image_ids = itertools.count((newest or 0) + 1)
        self._pending = _nothing_pending()
        self._marks = bytearray(_MARKS // 8)
        """A bit for each `_mark` of bytes that were kept."""
        self._may_have_any = newest is not None
        """Those of an earlier session, or of another process, may have had any mark."""
        self.previews = QueuePreviews(self._db)
        """What `download.previews_first` needs to know."""

    def close(self) -> None:
        """Commit what is pending and release the file."""
        try:
            self.flush()
        finally:
            super().close()

    # what is to be fetched

    def add(self, urls: Iterable[tuple[str, str, str]]) -> None:
        """Add (key, url, host) triples; known keys keep what they have."""
        is_new = self._db.execute("SELECT 1 FROM urls LIMIT 1").fetchone() is None
        if is_new:  # an index is made much faster at the end than kept up to date row by row
            self._db.execute("DROP INDEX urls_waiting")
        for batch in _in_batches(urls, _ADDED_TOGETHER):
            with self._db:
                rows = sorted((key_digest(key), url, self._host_id(host)) for key, url, host in batch)
                made = self._db.executemany("INSERT OR IGNORE INTO urls (key, url, host) VALUES (?, ?, ?)", rows)
                queue_tallies.add_new(self._db, made.rowcount)
        if is_new:  # where a kill prevents it, opening the file again does it
            self._db.execute(WAITING_INDEX)

    def is_added(self, source: str) -> bool:
        """Whether all URLs of a source, by its digest, were added before."""
        return self._db.execute("SELECT 1 FROM sources WHERE digest = ?", (source,)).fetchone() is not None

    def set_added(self, source: str) -> None:
        """Remember that all URLs of a source were added."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO sources VALUES (?)", (source,))

    # what became of it

    def may_have(self, data: bytes) -> bool:
        """Whether these bytes may have been kept before: no digest need be made of those that cannot."""
        mark = _mark(data)
        return self._may_have_any or bool(self._marks[mark >> 3] >> (mark & 7) & 1)

    def image_with(self, sha256: str) -> int | None:
        """The number of the image with these bytes, if they were kept before."""
        digest = bytes.fromhex(sha256)
        pending = self._pending.numbers.get(digest)
        if pending is not None:
            return pending
        row = self._db.execute("SELECT id FROM images WHERE sha256 = ?", (digest,)).fetchone()
        return row[0] if row else None

    def add_image(self, facts: ImageFacts, data: bytes | None, place: ShardRef) -> int:
        """Bytes new to the run are in a shard: this row is the shard's journal entry. Returns the image's number.

        `data` is None if another process stored them.
        """
        if data is not None:
            mark = _mark(data)
            self._marks[mark >> 3] |= 1 << (mark & 7)
        else:
            self._may_have_any = True
        pending = self._pending
        image = next(self._image_ids)
        pending.images.append(image_values(image, facts, place))
        first, end = pending.shards.get(place.shard, (image, 0))
        pending.shards[place.shard] = (first, max(end, place.offset + place.size))
        pending.numbers[bytes.fromhex(facts.sha256)] = image
        return image

    def record_image(self, queued: QueuedUrl, attempts: int, final_url: str, image: int) -> None:
        """A URL gave an image, by its number."""
        host = self._host_id(queued.host)
        moved = final_url if final_url != queued.url else None
        if (host, image) in self._placeholders:
            self._finished(queued, host, REFUSED, attempts, RejectReason.PLACEHOLDER.value, _AGAIN, image, moved)
        else:
            self._finished(queued, host, DONE, attempts, None, None, image, moved)
            if self.previews.in_use:
                self.previews.kept(queued.key, image)

    def record_rejection(self, queued: QueuedUrl, attempts: int, rejection: Rejection, final_url: str = "") -> None:
        """A URL was refused."""
        detail = rejection.detail[:MOST_DETAIL].encode("utf-8", "replace").decode()  # half surrogates cannot be stored
        moved = final_url if final_url and final_url != queued.url else None
        host = self._host_id(queued.host)
        self._finished(queued, host, REFUSED, attempts, rejection.reason.value, detail, None, moved)
        if rejection.reason is RejectReason.KNOWN_PREVIEW:
            self.previews.spared(host)

    def record_preview(self, queued: QueuedUrl, size: int | None) -> None:
        """The preview of a URL came, of so many bytes; None: it did not. Committed with the URL's own outcome."""
        self.previews.looked_at(self._host_id(queued.host), size)

    def host_counts(self, host: str) -> dict[str, int]:
        """URLs of one host, over all sessions: kept and refused; and what its previews saved, if there were any."""
        counts = super().host_counts(host)
        return {**counts, **self.previews.counts(host)} if self.previews.in_use else counts

    def _finished(self, queued: QueuedUrl, host: int, state: int, attempts: int, *more: Any) -> None:
        (self._pending.kept if state == DONE else self._pending.refused)[host] += 1
        self._pending.urls.append((state, attempts, *more, time.time(), queued.key))

    def flush(self) -> None:
        """Commit what was recorded. What could not be committed is kept, and goes with the next commit."""
        if not self._pending.urls:
            return
        pending = self._pending
        with self._db:
            marks = ", ".join("?" * (1 + len(IMAGE_COLUMNS)))
            self._db.executemany(f"INSERT INTO images VALUES ({marks})", pending.images)
            self._db.executemany(
                "INSERT INTO shards VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET end = max(end, excluded.end)",
                [(name, first, end) for name, (first, end) in pending.shards.items()],
            )
            self._db.executemany(
                "UPDATE urls SET state = ?, attempts = attempts + ?, reason = ?, detail = ?, image = ?, final_url = ?,"
                " at = ? WHERE key = ?",
                pending.urls,
            )
            self._db.executemany(
                "UPDATE hosts SET kept = kept + ?, refused = refused + ? WHERE id = ?",
                [(pending.kept[host], pending.refused[host], host) for host in pending.kept | pending.refused],
            )
            self.previews.write()
        self.previews.written()
        self._pending = _nothing_pending()

    def retry(self, reasons: Sequence[RejectReason], dead_after: int) -> tuple[int, int]:
        """Put URLs refused for these reasons back in the queue; (how many, how many not: tried too often)."""
        self.flush()
        wanted = f"state = 2 AND reason IN ({', '.join('?' for _ in reasons)})"
        values = [*(reason.value for reason in reasons), dead_after]
        alive = f"{wanted} AND attempts < ?"
        with self._db:
            (dead,) = self._db.execute(f"SELECT count(*) FROM urls WHERE {wanted} AND attempts >= ?", values).fetchone()
            by_host = self._db.execute(
                f"SELECT count(*), host FROM urls WHERE {alive} GROUP BY host", values
            ).fetchall()
            self._db.executemany("UPDATE hosts SET refused = refused - ? WHERE id = ?", by_host)
            if self.previews.in_use:
                self.previews.retry(alive, values)
            back = self._db.execute(f"UPDATE urls SET state = 0, image = NULL WHERE {alive}", values)
        return back.rowcount, dead

    # placeholders

    def learn_placeholders(self, which: Callable[[Mapping[int, int]], Iterable[int]], least: int) -> int:
        """Refuse what hosts show instead of pictures, now and whenever they show it again.

        Args:
            which: gets, of one host, number of URLs -> pictures that were the answer to so many, and says for which
                numbers they are placeholders.
            least: hosts that never gave one picture for so many URLs are not looked at.
        Returns:
            The URLs refused.
        """
        self.flush()
        with self._db:
            self._db.execute(
                "CREATE TEMP TABLE answers AS SELECT host, image, count(*) AS urls FROM urls WHERE image IS NOT NULL"
                " GROUP BY host, image"
            )
            for (host,) in self._db.execute("SELECT DISTINCT host FROM answers WHERE urls >= ?", (least,)).fetchall():
                rows = self._db.execute("SELECT urls, count(*) FROM answers WHERE host = ? GROUP BY urls", (host,))
                self._db.executemany(
                    "INSERT OR IGNORE INTO placeholders SELECT host, image FROM answers WHERE host = ? AND urls = ?",
                    [(host, urls) for urls in which(dict(rows))],
                )
            found = "state = 1 AND (host, image) IN (SELECT host, image FROM placeholders)"
            by_host = self._db.execute(f"SELECT count(*), host FROM urls WHERE {found} GROUP BY host").fetchall()
            self._db.executemany("UPDATE hosts SET kept = kept - ?1, refused = refused + ?1 WHERE id = ?2", by_host)
            self._db.execute(
                "UPDATE urls SET state = 2, reason = ?, detail = (SELECT 'the same bytes for ' || a.urls ||"
                " ' URLs of this host' FROM answers a WHERE a.host = urls.host AND a.image = urls.image)"
                f" WHERE {found}",
                (RejectReason.PLACEHOLDER.value,),
            )
            self._db.execute("DROP TABLE answers")
        self._placeholders = set(self._db.execute("SELECT host, image FROM placeholders"))
        return sum(urls for urls, _ in by_host)

    # the journal of the shards

    def drop_beyond(self, shard: str, file_bytes: int) -> int:
        """Forget images that a shard no longer holds (a power cut took its tail) and queue their URLs again."""
        values = {"shard": shard, "held": file_bytes}
        lost = (
            "SELECT id FROM images WHERE id >= (SELECT first_image FROM shards WHERE name = :shard)"
            " AND shard = :shard AND offset + size > :held"
        )
        with self._db:
            by_host = self._db.execute(
                f"SELECT sum(state = 1), sum(state = 2), host FROM urls WHERE image IN ({lost}) GROUP BY host", values
            ).fetchall()
            self._db.executemany("UPDATE hosts SET kept = kept - ?, refused = refused - ? WHERE id = ?", by_host)
            back = self._db.execute(f"UPDATE urls SET state = 0, image = NULL WHERE image IN ({lost})", values)
            self._db.execute(f"DELETE FROM placeholders WHERE image IN ({lost})", values)
            self._db.execute(f"DELETE FROM images WHERE id IN ({lost})", values)
            (end,) = self._db.execute("SELECT max(offset + size) FROM images WHERE shard = ?", (shard,)).fetchone()
            if end is None:
                self._db.execute("DELETE FROM shards WHERE name = ?", (shard,))
            else:
                self._db.execute("UPDATE shards SET end = ? WHERE name = ?", (end, shard))
        return back.rowcount

    # the lanes' memory

    def keep_lane(self, host: str, state: str) -> None:
        """Keep, across restarts, what a host's lane must remember."""
        with self._db:
            self._db.execute(
                "INSERT INTO hosts (name, lane) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET lane = excluded.lane",
                (host, state),
            )

    def _host_id(self, host: str) -> int:
        """The number of a host, new or known; a new one is committed with what follows."""
        found = self._host_ids.get(host)
        if found is None:
            if len(self._host_ids) >= _ADDED_TOGETHER:
                self._host_ids.clear()
            self._db.execute("INSERT OR IGNORE INTO hosts (name) VALUES (?)", (host,))
            found = int(self._db.execute("SELECT id FROM hosts WHERE name = ?", (host,)).fetchone()[0])
            self._host_ids[host] = found
        return found


_AGAIN = "the bytes that this host gives for many URLs"


def _mark(data: bytes) -> int:
    """A number below `_MARKS`, equal for equal bytes: of their length, beginning, middle and end."""
    middle = len(data) // 2
    return hash((len(data), data[:_SAMPLE], data[middle : middle + _SAMPLE], data[-_SAMPLE:])) % _MARKS


def _nothing_pending() -> _Pending:
    return _Pending([], [], {}, Counter(), Counter(), {})


def _in_batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    source = iter(items)
    while batch := list(itertools.islice(source, size)):
        yield batch
