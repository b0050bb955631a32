"""What a download queue holds, read by whoever wants to know: URLs waiting, images, refusals, the shards' ends."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from imagenet_build.storage import queue_tallies
from imagenet_build.storage.disk_sort import disk_sorted
from imagenet_build.storage.queue_schema import IMAGE_COLUMNS, SCHEMA, image_row
from imagenet_build.storage.sqlite_files import open_database

WAITING, DONE, REFUSED = 0, 1, 2
_IMAGE = ", ".join(f"i.{name}" for name in IMAGE_COLUMNS)
_REFUSAL = "u.url, u.final_url, u.reason, u.detail, u.attempts, u.at"
# LIMIT -1, no limit, keeps SQLite from leaving out the order within a subquery; CROSS JOIN keeps the order of the join
_CHOSEN = "(SELECT key, place FROM chosen ORDER BY key LIMIT -1) c CROSS JOIN urls u ON u.key = c.key"


@dataclass(frozen=True, slots=True)
class QueuedUrl:
    """A URL waiting to be fetched."""

    key: bytes
    url: str
    host: str
    attempts: int = 0
    """Requests made for it in earlier sessions."""


def key_digest(url_key: str) -> bytes:
    """16 bytes that stand for a URL key: the host's part first, so that a host's rows lie close together."""
    host = url_key.removeprefix("//").partition("/")[0]
    return _host_digest(host) + hashlib.blake2b(url_key.encode("utf-8", "surrogatepass"), digest_size=12).digest()


@lru_cache(10_000)
def _host_digest(host: str) -> bytes:
    return hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=4).digest()


class QueueView:
    """The download queue of a run as it was last committed."""

    def __init__(self, path: Path, *, read_only: bool = True) -> None:
        """Raises DataError: the file is missing or damaged."""
        self._db = open_database(path, SCHEMA, read_only=read_only)
        self._folder = path.parent
        if not read_only:
            queue_tallies.begin(self._db)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def waiting_hosts(self) -> list[tuple[str, int]]:
        """(host, URLs waiting), sorted by host."""
        return list(
            self._db.execute(
                "SELECT name, waiting FROM hosts JOIN (SELECT host, count(*) AS waiting FROM urls WHERE state = 0"
                " GROUP BY host) ON id = host ORDER BY name"
            )
        )

    def waiting_of(self, host: str) -> int:
        """URLs waiting of one host."""
        row = self._db.execute(
            "SELECT count(*) FROM urls WHERE state = 0 AND host = (SELECT id FROM hosts WHERE name = ?)", (host,)
        ).fetchone()
        return int(row[0])

    def waiting(self, host: str, after_key: bytes, limit: int) -> list[QueuedUrl]:
        """The next waiting URLs of a host in the queue's order, beginning behind `after_key`."""
        rows = self._db.execute(
            "SELECT key, url, attempts FROM urls WHERE state = 0 AND host = (SELECT id FROM hosts WHERE name = ?)"
            " AND key > ? ORDER BY key LIMIT ?",
            (host, after_key, limit),
        )
        return [QueuedUrl(key, url, host, attempts) for key, url, attempts in rows]

    def images(self) -> Iterator[dict[str, Any]]:
        """The IMAGES columns (without wnid and url_key) of every URL that gave an image, in the queue's order."""
        for _, row in self._images("SELECT key AS place, image, url, final_url, at FROM urls WHERE state = 1"):
            yield row

    def rejections(self) -> Iterator[dict[str, Any]]:
        """The REJECTIONS columns (without wnid and url_key) of every refused URL, in the queue's order."""
        for row in self._db.execute(f"SELECT {_REFUSAL} FROM urls u WHERE state = 2 ORDER BY key"):
            yield _rejection_row(row)

    def choose(self, url_keys: Iterable[str]) -> None:
        """Whatever is asked of chosen URLs is about these, in this order. A key may come many times."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (key BLOB NOT NULL, place BLOB NOT NULL)")
        places = (place.to_bytes(8, "big") for place in itertools.count())
        with self._db:
            self._db.execute("DELETE FROM chosen")
            self._db.executemany(
                "INSERT INTO chosen VALUES (?, ?)", zip(map(key_digest, url_keys), places, strict=False)
            )

    def chosen_images(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(place among the chosen, from 0; as `images`) of the chosen URLs that gave an image, by place."""
        urls = f"SELECT c.place, u.image, u.url, u.final_url, u.at FROM {_CHOSEN} WHERE u.state = 1"
        for place, row in self._images(urls):
            yield int.from_bytes(place, "big"), row

    def chosen_rejections(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(place among the chosen, from 0; as `rejections`) of the chosen URLs that were refused, by place."""
        rows = self._db.execute(f"SELECT c.place, {_REFUSAL} FROM {_CHOSEN} WHERE u.state = 2 ORDER BY c.place")
        for place, *row in rows:
            yield int.from_bytes(place, "big"), _rejection_row(tuple(row))

    def _images(self, urls: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """(place, row) of the URLs (place, image, url, final_url, at) that a SELECT gives, by place.

        A picture fills a page of the file. Pages are read as they lie there and sorted afterwards, for those of one
        host lie far apart: whoever reads them host by host waits for the disk a million times.
        """
        in_the_file = self._db.execute(
            f"SELECT p.place, p.url, p.final_url, p.at, {_IMAGE} FROM ({urls} ORDER BY image, place LIMIT -1) p"
            " CROSS JOIN images i ON i.id = p.image"
        )
        for place, *row in disk_sorted(in_the_file, self._folder):
            yield place, image_row(tuple(row))

    def counts(self, *, by_looking: bool = False) -> dict[int, int]:
        """Number of URLs by state (WAITING, DONE, REFUSED); `by_looking` at each of them, for an audit."""
        tallies = dict(queue_tallies.count(self._db)) if by_looking else queue_tallies.read(self._db)
        found: Counter[int] = Counter()
        for (state, _), urls in sorted(tallies.items()):
            found[state] += urls
        return dict(found)

    def host_counts(self, host: str) -> dict[str, int]:
        """URLs of one host, over all sessions: kept and refused."""
        row = self._db.execute("SELECT kept, refused FROM hosts WHERE name = ?", (host,)).fetchone()
        return {"kept": row[0], "refused": row[1]} if row else {"kept": 0, "refused": 0}

    def refused_by_reason(self) -> list[tuple[str, int]]:
        """(reason, URLs), most first."""
        tallies = queue_tallies.read(self._db)
        found = [(reason, urls) for (state, reason), urls in tallies.items() if state == REFUSED]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def shard_ends(self) -> dict[str, int]:
        """For each shard, the offset where its last journalled member's data ends, in bytes."""
        return dict(self._db.execute("SELECT name, end FROM shards"))

    def lane(self, host: str) -> str:
        """What was kept for a host's lane; empty: nothing."""
        row = self._db.execute("SELECT lane FROM hosts WHERE name = ?", (host,)).fetchone()
        return row[0] if row else ""

    def lanes(self) -> Iterator[tuple[str, str]]:
        """(host, what its lane remembers) of all hosts that remember anything."""
        return iter(self._db.execute("SELECT name, lane FROM hosts WHERE lane != '' ORDER BY name").fetchall())


def _rejection_row(row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(("url", "final_url", "reason", "detail", "attempts", "refused_at"), row, strict=True))
    found["refused_at"] = int(found["refused_at"] * 1000)
    return found
