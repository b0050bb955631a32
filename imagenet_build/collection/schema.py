"""The tables of a caption index: one SQLite file."""

from __future__ import annotations

from imagenet_build.collection.matching import FULL_TEXT_TABLE

APPLICATION_ID = 0x494D4349
"""Marks the file (PRAGMA application_id), so that nothing else is ever taken for an index or overwritten as one."""
FORMAT = 1
"""PRAGMA user_version; goes up whenever an old file could not be read any more."""

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE bases (
    number INTEGER PRIMARY KEY,
    folder TEXT NOT NULL,            -- absolute, as it was when the index was made
    from_index TEXT NOT NULL         -- the same, seen from the index's own folder: for both moved together
);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    path TEXT UNIQUE,                -- what the picture is called on this index's server
    base INTEGER,                    -- the folder that file is in
    file TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    page_url TEXT NOT NULL,
    license TEXT NOT NULL,
    license_version TEXT NOT NULL,
    license_url TEXT NOT NULL,
    creator TEXT NOT NULL,
    creator_url TEXT NOT NULL,
    title TEXT NOT NULL
);
CREATE TABLE captions (
    number INTEGER PRIMARY KEY,      -- the row of the full-text table too
    picture INTEGER NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL
);
{FULL_TEXT_TABLE};
"""
CAPTIONS_BY_PICTURE = "CREATE INDEX captions_by_picture ON captions (picture)"
