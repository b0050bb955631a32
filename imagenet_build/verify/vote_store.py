"""EDGE: the journal of a run's votes. Nothing in it is ever changed or deleted; what stands follows from its rows.

A page is answered by a submission with an id that whoever sends it has made: sent again, it is recognised. An undo is a
submission too. Of one page and worker, the latest submission counts.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from imagenet_build.errors import DataError
from imagenet_build.storage.sqlite_files import open_database

JOURNAL = "journal.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages (
  page TEXT PRIMARY KEY, worker TEXT NOT NULL, wnid TEXT NOT NULL, source TEXT NOT NULL, given_at REAL NOT NULL,
  images TEXT NOT NULL, gold TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS pages_by_worker ON pages (worker, given_at);
CREATE TABLE IF NOT EXISTS submissions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, submission TEXT NOT NULL UNIQUE, task TEXT NOT NULL, worker TEXT NOT NULL,
  source TEXT NOT NULL, time REAL NOT NULL, is_undo INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS submissions_by_task ON submissions (task, worker, number);
CREATE TABLE IF NOT EXISTS votes (
  number INTEGER NOT NULL, position INTEGER NOT NULL, image TEXT NOT NULL, wnid TEXT NOT NULL, answer TEXT NOT NULL,
  milliseconds INTEGER, time REAL NOT NULL, gold TEXT NOT NULL, PRIMARY KEY (number, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS votes_by_synset ON votes (wnid);
CREATE VIEW IF NOT EXISTS standing AS
  SELECT votes.*, task, worker, source FROM votes JOIN submissions AS own USING (number) WHERE NOT EXISTS (
    SELECT 1 FROM submissions AS later
    WHERE later.task = own.task AND later.worker = own.worker AND later.number > own.number);
"""

_COLUMNS = "image, wnid, worker, answer, source, task, position, milliseconds, time, gold"


class StoredVote(NamedTuple):
    """One standing answer: a row of `votes/<wnid>.parquet`."""

    image: str
    """candidate_id."""
    wnid: str
    """The synset that was asked about."""
    worker: str
    answer: str
    """yes, no, unsure."""
    source: str
    """web, mturk, label-studio, or the name given to an import."""
    task: str
    """The page, or the import."""
    position: int
    """Place on the page, from 0."""
    milliseconds: int | None
    """From the page's showing to the answer as it stood when the page was sent."""
    time: float
    """Seconds since 1970."""
    gold: str
    """What was known of the picture when it was shown: yes, no, likely no; empty: nothing."""


@dataclass(frozen=True)
class TaskPage:
    """Pictures of one synset that were given to somebody."""

    page: str
    """A random name."""
    worker: str
    """Empty for pages that several workers answer elsewhere."""
    wnid: str
    images: tuple[str, ...]
    """candidate_ids in the order shown."""
    gold: Mapping[int, str]
    """Position -> yes, no, likely no."""
    given_at: float
    source: str = "web"


class Journal:
    """One connection, for one thread. Every method that writes ends with one synced commit."""

    def __init__(self, folder: Path) -> None:
        """Open or make `<folder>/journal.sqlite`; raises DataError if it is damaged."""
        self.path = folder / JOURNAL
        self._database = open_database(self.path, _SCHEMA)
        # a power cut must not lose an answer that the page was told is safe
        self._database.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def setting(self, name: str, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> str:
        """A value that stays with the run, made at its first use."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, make()))
        row = self._database.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def give(self, pages: Iterable[TaskPage]) -> None:
        """Write down pages before anybody sees them."""
        with self._database:
            self._database.executemany(
                "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        page.page,
                        page.worker,
                        page.wnid,
                        page.source,
                        page.given_at,
                        json.dumps(page.images),
                        json.dumps(page.gold),
                    )
                    for page in pages
                ),
            )

    def page(self, page: str) -> TaskPage | None:
        """A page by its name."""
        return next(self._pages("WHERE page = ?", page), None)

    def open_pages(self, since: float) -> list[TaskPage]:
        """Pages of the annotator given since then whose answers do not stand, oldest first."""
        return list(
            self._pages(
                "WHERE source = 'web' AND given_at >= ? AND coalesce((SELECT is_undo FROM submissions AS s"
                " WHERE s.task = pages.page AND s.worker = pages.worker ORDER BY number DESC LIMIT 1), 1)"
                " ORDER BY given_at, page",
                since,
            )
        )

    def last_page(self, worker: str) -> TaskPage | None:
        """The newest page of a worker."""
        return next(self._pages("WHERE worker = ? ORDER BY given_at DESC LIMIT 1", worker), None)

    def submit(
        self,
        submission: str,
        page: TaskPage,
        worker: str,
        answers: Sequence[str],
        milliseconds: Sequence[int | None],
        time: float,
    ) -> bool:
        """Take in the answers to a page.

        Args:
            submission: the sender's id of this submission.
            answers, milliseconds: one for each picture of the page; an empty answer is no vote.
            time: seconds since 1970.
        Returns:
            False if this submission is known already; nothing is written then.
        """
        rows = [
            (position, image, page.wnid, answer, spent, time, page.gold.get(position, ""))
            for position, (image, answer, spent) in enumerate(zip(page.images, answers, milliseconds, strict=True))
            if answer
        ]
        return self._add(submission, page.page, worker, page.source, time, rows)

    def undo(self, submission: str, page: TaskPage, time: float) -> bool:
        """Take back the answers to a page; False if this undo is known already."""
        with self._database:
            made = self._database.execute(
                "INSERT OR IGNORE INTO submissions VALUES (NULL, ?, ?, ?, ?, ?, 1)",
                (submission, page.page, page.worker, page.source, time),
            )
        return made.rowcount == 1

    def import_votes(self, votes: Sequence[StoredVote]) -> int:
        """Add votes from elsewhere; those that stand in the journal already are left out. Returns how many were new."""
        workers = sorted({vote.worker for vote in votes})
        known: set[tuple[str, str, str, str, float]] = set()
        for worker in workers:
            known.update(
                self._database.execute(
                    "SELECT image, wnid, worker, answer, time FROM standing WHERE worker = ?", (worker,)
                )
            )
        new = [vote for vote in votes if (vote.image, vote.wnid, vote.worker, vote.answer, vote.time) not in known]
        by_task: dict[tuple[str, str, str], list[StoredVote]] = {}
        for vote in new:
            by_task.setdefault((vote.task, vote.worker, vote.source), []).append(vote)
        with self._database:
            for (task, worker, source), part in by_task.items():
                # a task of its own for each import: what was imported before goes on standing
                own_task = f"{task}#{hashlib.sha256(repr(part).encode()).hexdigest()[:16]}"
                rows = [
                    (place, vote.image, vote.wnid, vote.answer, vote.milliseconds, vote.time, vote.gold)
                    for place, vote in enumerate(part)
                ]
                self._insert(own_task, own_task, worker, source, part[-1].time, rows)
        return len(new)

    def answers_of(self, page: str, worker: str) -> dict[int, str]:
        """The answers last given to a page by position, whether they stand or were taken back."""
        return dict(
            self._database.execute(
                "SELECT position, answer FROM votes WHERE number = (SELECT max(number) FROM submissions"
                " WHERE task = ? AND worker = ? AND NOT is_undo)",
                (page, worker),
            )
        )

    def standing(self, wnid: str | None = None) -> Iterator[StoredVote]:
        """The votes that count, of one synset or all, in the order in which they came."""
        where, values = ("", ()) if wnid is None else (" WHERE wnid = ?", (wnid,))
        for row in self._database.execute(f"SELECT {_COLUMNS} FROM standing{where} ORDER BY number, position", values):
            yield StoredVote(*row)

    def tasks(self) -> set[str]:
        """Every task that was ever answered, also those whose answers were taken back."""
        return {task for (task,) in self._database.execute("SELECT DISTINCT task FROM submissions")}

    def wnids(self) -> list[str]:
        """The synsets that votes were ever given about, sorted."""
        return [wnid for (wnid,) in self._database.execute("SELECT DISTINCT wnid FROM votes ORDER BY wnid")]

    def counts_by_worker(self, workers: Collection[str] | None = None) -> dict[str, int]:
        """Standing votes of each worker, or of some of them."""
        if workers is None:
            return dict(self._database.execute("SELECT worker, count(*) FROM standing GROUP BY worker ORDER BY worker"))
        one = "SELECT count(*) FROM standing WHERE worker = ?"
        return {worker: int(self._database.execute(one, (worker,)).fetchone()[0]) for worker in workers}

    def _add(
        self, submission: str, task: str, worker: str, source: str, time: float, rows: Sequence[tuple[object, ...]]
    ) -> bool:
        with self._database:
            return self._insert(submission, task, worker, source, time, rows)

    def _insert(
        self, submission: str, task: str, worker: str, source: str, time: float, rows: Sequence[tuple[object, ...]]
    ) -> bool:
        made = self._database.execute(
            "INSERT OR IGNORE INTO submissions VALUES (NULL, ?, ?, ?, ?, ?, 0)",
            (submission, task, worker, source, time),
        )
        if made.rowcount != 1:
            return False
        number = made.lastrowid
        self._database.executemany(
            "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ((number, *row) for row in rows)
        )
        return True

    def _pages(self, where: str, *values: object) -> Iterator[TaskPage]:
        columns = "page, worker, wnid, images, gold, given_at, source"
        try:
            rows = self._database.execute(f"SELECT {columns} FROM pages {where}", values).fetchall()
        except sqlite3.DatabaseError as error:
            raise DataError(f"{self.path} cannot be read: {error}.") from None
        for page, worker, wnid, images, gold, given_at, source in rows:
            known = {int(position): truth for position, truth in json.loads(gold).items()}
            yield TaskPage(page, worker, wnid, tuple(json.loads(images)), known, given_at, source)
