"""Which units are done: SQLite, written by the one process that owns the run, read by `status` at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagenet_build.storage.sqlite_files import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS units (
    stage TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, counts TEXT NOT NULL, problem TEXT NOT NULL,
    ended_at REAL NOT NULL, PRIMARY KEY (stage, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stages (
    stage TEXT PRIMARY KEY, token TEXT NOT NULL, planned INTEGER NOT NULL, seconds REAL NOT NULL,
    ended_at REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What is known of a unit that ran."""

    fingerprint: str
    counts: dict[str, int]
    problem: str


@dataclass(frozen=True, slots=True)
class UnitTotals:
    """All units of one stage that ran."""

    units: int
    counts: dict[str, int]
    """Sums."""
    problems: dict[str, int]
    """What kept units from being done, with their number."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage that was published."""

    token: str
    """Digest of all its units; empty while something is open."""
    planned: int
    """Units in its plan."""
    seconds: float
    """Wall-clock time spent in it so far, over all sessions."""


class RunState:
    """The state of one run. Every call is one transaction: what returned is on disk, whatever happens next."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._db = open_database(path, _SCHEMA, read_only=read_only)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def units(self, stage: str) -> dict[str, UnitRecord]:
        """Every unit of a stage that ran, by key."""
        rows = self._db.execute("SELECT key, fingerprint, counts, problem FROM units WHERE stage = ?", (stage,))
        return {key: UnitRecord(fingerprint, json.loads(counts), problem) for key, fingerprint, counts, problem in rows}

    def totals(self, stage: str) -> UnitTotals:
        """What the units of a stage add up to, without reading each of them here."""
        units, problems = 0, {}
        for problem, count in self._db.execute(
            "SELECT problem, count(*) FROM units WHERE stage = ? GROUP BY problem ORDER BY min(key)", (stage,)
        ):
            units += count
            if problem:
                problems[problem] = count
        counts = self._db.execute(
            "SELECT said.key, sum(said.value) FROM units, json_each(units.counts) AS said WHERE stage = ?"
            " GROUP BY said.key ORDER BY min(said.id), said.key",
            (stage,),
        )
        return UnitTotals(units, dict(counts.fetchall()), problems)

    def record_unit(self, stage: str, key: str, fingerprint: str, counts: Mapping[str, int], problem: str) -> None:
        """Remember what became of a unit."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO units VALUES (?, ?, ?, ?, ?, ?)",
                (stage, key, fingerprint, json.dumps(dict(counts)), problem, time.time()),
            )

    def forget_units_except(self, stage: str, keys: set[str]) -> None:
        """Drop units that are no longer planned, so that counts speak of today's plan."""
        gone = [
            (stage, key)
            for (key,) in self._db.execute("SELECT key FROM units WHERE stage = ?", (stage,))
            if key not in keys
        ]
        with self._db:
            self._db.executemany("DELETE FROM units WHERE stage = ? AND key = ?", gone)

    def forget_units_ending(self, stage: str, ending: str) -> None:
        """Drop units whose keys end so: they are planned again."""
        with self._db:
            self._db.execute(
                "DELETE FROM units WHERE stage = ? AND substr(key, -length(?)) = ?", (stage, ending, ending)
            )

    def stage(self, name: str) -> StageRecord | None:
        """The record of a stage; None if it never came to its end."""
        row = self._db.execute("SELECT token, planned, seconds FROM stages WHERE stage = ?", (name,)).fetchone()
        return StageRecord(*row) if row else None

    def record_stage(self, name: str, token: str, planned: int, seconds: float) -> None:
        """Remember that a stage was published; `seconds` are added to its total."""
        before = self.stage(name)
        total = seconds + (before.seconds if before else 0.0)
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?, ?)", (name, token, planned, total, time.time())
            )
