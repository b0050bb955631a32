"""How many URLs of a download queue are in which state, kept up to date, so that nobody counts 10^8 rows to know it."""

from __future__ import annotations

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS tallies (
    state INTEGER NOT NULL, reason TEXT NOT NULL, urls INTEGER NOT NULL, PRIMARY KEY (state, reason)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS urls_tallied AFTER UPDATE OF state, reason ON urls
    WHEN new.state IS NOT old.state OR new.reason IS NOT old.reason
BEGIN
    UPDATE tallies SET urls = urls - 1 WHERE state = old.state AND reason = ifnull(old.reason, '');
    INSERT INTO tallies VALUES (new.state, ifnull(new.reason, ''), 1)
        ON CONFLICT (state, reason) DO UPDATE SET urls = urls + 1;
END;
"""
"""A trigger follows every change of a URL. New ones are added up batch by batch: a second trigger would be slower."""
Tallies = dict[tuple[int, str], int]
"""(state, reason; empty: none) -> URLs, those with any."""


def begin(database: sqlite3.Connection) -> None:
    """Count once what a queue of an older version holds; before anything changes there."""
    if _has(database, "tallies") or not _has(database, "urls"):
        return
    with database:
        database.executemany("INSERT INTO tallies VALUES (?, ?, ?)", [(*key, urls) for key, urls in count(database)])


def add_new(database: sqlite3.Connection, urls: int) -> None:
    """So many URLs were added; in the transaction that added them."""
    database.execute(
        "INSERT INTO tallies VALUES (0, '', ?) ON CONFLICT (state, reason) DO UPDATE SET urls = urls + excluded.urls",
        (urls,),
    )


def read(database: sqlite3.Connection) -> Tallies:
    """What the tallies say; of a queue of an older version, by counting."""
    known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'tallies'").fetchone()[0]
    if not known or not _has(database, "tallies"):
        return dict(count(database))
    rows = database.execute("SELECT state, reason, urls FROM tallies WHERE urls != 0")
    return {(state, reason): urls for state, reason, urls in rows}


def count(database: sqlite3.Connection) -> list[tuple[tuple[int, str], int]]:
    """The same by looking at every URL."""
    rows = database.execute("SELECT state, ifnull(reason, ''), count(*) FROM urls GROUP BY state, ifnull(reason, '')")
    return [((state, reason), urls) for state, reason, urls in rows]


def _has(database: sqlite3.Connection, table: str) -> bool:
    return database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None
