"""What a download queue knows for `download.previews_first`: who wants a URL, its preview, and how kept pictures look.

Without that switch these tables stay empty, and nothing here is asked per URL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from imagenet_build.records import RejectReason
from imagenet_build.storage.queue_view import key_digest

_SPARED = f"state = 2 AND reason = '{RejectReason.KNOWN_PREVIEW.value}'"


class QueuePreviews:
    """Part of a `DownloadQueue`, in its file; what `kept`, `looked_at` and `spared` are told is written by `write`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.in_use = db.execute("SELECT 1 FROM wanted LIMIT 1").fetchone() is not None
        """Whether any URL was added here."""
        self._kept: list[tuple[bytes, int]] = []
        self._counts: list[tuple[int, int, int, int, int]] = []

    def add(self, wnid: str, previews: Iterable[tuple[str, str | None]]) -> None:
        """A synset wants these URLs: (key, preview's URL or None). Adding twice changes nothing.

        A URL that is new to the synset and was refused for its preview waits again, for this synset may have no such
        picture; one that was kept is among the synset's looks from now on.
        """
        wanted: dict[bytes, str | None] = {}
        for url_key, preview in previews:
            key = key_digest(url_key)
            wanted[key] = wanted.get(key) or preview or None
        self.in_use = self.in_use or bool(wanted)
        db = self._db
        begun = db.execute("SELECT 1 FROM hosts WHERE kept > 0 OR refused > 0 LIMIT 1").fetchone() is not None
        with db:
            for key, preview in sorted(wanted.items()):
                if db.execute("INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)", (key, wnid, preview)).rowcount == 0:
                    if preview is not None:
                        fill = "UPDATE wanted SET preview = ? WHERE key = ? AND wnid = ? AND preview IS NULL"
                        db.execute(fill, (preview, key, wnid))
                elif begun:
                    db.execute(
                        "INSERT OR REPLACE INTO looks SELECT ?, u.key, i.dct_hash FROM urls u"
                        " JOIN images i ON i.id = u.image WHERE u.key = ? AND u.state = 1",
                        (wnid, key),
                    )
                    self._ask_again(key)

    def _ask_again(self, key: bytes) -> None:
        found = self._db.execute(f"SELECT host FROM urls WHERE key = ? AND {_SPARED}", (key,)).fetchone()
        if found is not None:
            self._db.execute("UPDATE urls SET state = 0 WHERE key = ?", (key,))
            self._db.execute("UPDATE hosts SET refused = refused - 1 WHERE id = ?", found)
            self._db.execute("UPDATE previews SET spared = spared - 1 WHERE host = ?", found)

    def retry(self, which: str, values: Iterable[object]) -> None:
        """Of these rows of `urls`, those refused for their preview are to be fetched without looking at it again.

        Call it, within a transaction, before the rows are changed.
        """
        chosen = (f"{which} AND {_SPARED}", tuple(values))
        by_host = self._db.execute(f"SELECT count(*), host FROM urls WHERE {chosen[0]} GROUP BY host", chosen[1])
        self._db.executemany("UPDATE previews SET spared = spared - ? WHERE host = ?", by_host.fetchall())
        keys = f"SELECT key FROM urls WHERE {chosen[0]}"
        self._db.execute(f"UPDATE wanted SET preview = '' WHERE key IN ({keys})", chosen[1])  # '': none, now and later

    # what is asked before a picture is fetched

    def wanted(self, key: bytes) -> list[tuple[str, str]]:
        """(wnid, preview's URL) of all synsets that want a URL, in wnid order; an empty URL: no preview."""
        rows = self._db.execute("SELECT wnid, preview FROM wanted WHERE key = ? ORDER BY wnid", (key,))
        return [(wnid, preview or "") for wnid, preview in rows]

    def has_looks(self, wnid: str) -> bool:
        """Whether any picture was kept for a synset."""
        return self._db.execute("SELECT 1 FROM looks WHERE wnid = ? LIMIT 1", (wnid,)).fetchone() is not None

    def looks(self, wnid: str) -> list[tuple[bytes, int]]:
        """(key, DCT hash) of the pictures kept for a synset, with some that are not kept any more: see `kept_url`."""
        rows = self._db.execute("SELECT key, dct_hash FROM looks WHERE wnid = ?", (wnid,))
        return [(key, int.from_bytes(dct_hash, "big")) for key, dct_hash in rows]

    def kept_url(self, key: bytes) -> str | None:
        """The URL with this key if its picture is kept: it may have turned out a placeholder, or a disk lost it."""
        row = self._db.execute("SELECT url FROM urls WHERE key = ? AND state = 1", (key,)).fetchone()
        return row[0] if row else None

    # what became of it

    def kept(self, key: bytes, image: int) -> None:
        """A URL gave an image, by its number: that is how it looks."""
        self._kept.append((key, image))

    def looked_at(self, host: int, size: int | None) -> None:
        """The preview of a picture of this host came, of so many bytes; None: it did not."""
        self._counts.append((host, int(size is not None), int(size is None), size or 0, 0))

    def spared(self, host: int) -> None:
        """A picture of this host was refused for its preview."""
        self._counts.append((host, 0, 0, 0, 1))

    def write(self) -> None:
        """Put what was told into the tables, within the transaction that the queue's own outcomes are part of."""
        if self._kept:
            self._db.executemany(
                "INSERT OR REPLACE INTO looks SELECT w.wnid, w.key, i.dct_hash FROM wanted w, images i"
                " WHERE w.key = ? AND i.id = ?",
                self._kept,
            )
        if self._counts:
            self._db.executemany(
                "INSERT INTO previews VALUES (?, ?, ?, ?, ?) ON CONFLICT (host) DO UPDATE SET"
                " fetched = fetched + excluded.fetched, failed = failed + excluded.failed,"
                " bytes = bytes + excluded.bytes, spared = spared + excluded.spared",
                self._counts,
            )

    def written(self) -> None:
        """Forget what was told: it is committed."""
        self._kept.clear()
        self._counts.clear()

    def counts(self, host: str) -> dict[str, int]:
        """Previews of one host's pictures over all sessions, and what they saved; empty if there were none.

        `bytes_saved_by_estimate` is the number of pictures not fetched times the mean size of those in the shards so
        far: nobody knows how large the others are.
        """
        row = self._db.execute(
            "SELECT fetched, failed, bytes, spared FROM previews JOIN hosts ON id = host WHERE name = ?", (host,)
        ).fetchone()
        if row is None:
            return {}
        names = ("previews_fetched", "previews_failed", "bytes_of_previews", "pictures_not_fetched")
        found: dict[str, int] = dict(zip(names, row, strict=True))
        stored = "SELECT (SELECT sum(end) FROM shards), (SELECT max(id) FROM images)"  # counting would read them all
        held, pictures = self._db.execute(stored).fetchone()
        found["bytes_saved_by_estimate"] = round(row[3] * (held or 0) / (pictures or 1))
        return found
