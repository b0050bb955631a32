"""The tables of the download queue, and how an image's facts lie in them."""

from __future__ import annotations

from typing import Any

from imagenet_build.records import ImageFacts, ShardRef
from imagenet_build.storage import queue_tallies

WAITING_INDEX = "CREATE INDEX IF NOT EXISTS urls_waiting ON urls (host, key) WHERE state = 0"
SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS hosts (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kept INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0, lane TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS urls (
    key BLOB PRIMARY KEY, url TEXT NOT NULL, host INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, image INTEGER, reason TEXT, detail TEXT, final_url TEXT, at REAL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, shard TEXT NOT NULL, offset INTEGER NOT NULL,
    size INTEGER NOT NULL, pixel_sha256 BLOB NOT NULL, format TEXT NOT NULL, mode TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, has_alpha INTEGER NOT NULL, has_icc_profile INTEGER NOT NULL,
    frames INTEGER NOT NULL, orientation INTEGER NOT NULL, dct_hash BLOB NOT NULL, mirrored_hash BLOB NOT NULL,
    gradient_hash BLOB NOT NULL, tiny BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shards (
    name TEXT PRIMARY KEY, first_image INTEGER NOT NULL, end INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placeholders (
    host INTEGER NOT NULL, image INTEGER NOT NULL, PRIMARY KEY (host, image)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (
    key BLOB NOT NULL, wnid TEXT NOT NULL, preview TEXT, PRIMARY KEY (key, wnid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looks (
    wnid TEXT NOT NULL, key BLOB NOT NULL, dct_hash BLOB NOT NULL, PRIMARY KEY (wnid, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS previews (
    host INTEGER PRIMARY KEY, fetched INTEGER NOT NULL, failed INTEGER NOT NULL, bytes INTEGER NOT NULL,
    spared INTEGER NOT NULL);
"""
    + WAITING_INDEX
    + ";"
    + queue_tallies.SCHEMA
)
IMAGE_COLUMNS = (
    "sha256",
    "shard",
    "offset",
    "size",
    "pixel_sha256",
    "format",
    "mode",
    "width",
    "height",
    "has_alpha",
    "has_icc_profile",
    "frames",
    "orientation",
    "dct_hash",
    "mirrored_hash",
    "gradient_hash",
    "tiny",
)
"""Of the table `images`, behind its id; named as in the IMAGES table."""
_HASHES = ("dct_hash", "mirrored_hash", "gradient_hash")


def image_values(number: int, facts: ImageFacts, place: ShardRef) -> tuple[Any, ...]:
    """A row of the table `images`."""
    return (
        number,
        bytes.fromhex(facts.sha256),
        place.shard,
        place.offset,
        place.size,
        bytes.fromhex(facts.pixel_sha256),
        facts.format,
        facts.mode,
        facts.width,
        facts.height,
        facts.has_alpha,
        facts.has_icc_profile,
        facts.frames,
        facts.orientation,
        *(getattr(facts, name).to_bytes(8, "big") for name in _HASHES),  # SQLite's integers are signed
        facts.tiny,
    )


def image_row(row: tuple[Any, ...]) -> dict[str, Any]:
    """(url, final_url, at, the image's columns) as a row of IMAGES, without wnid and url_key."""
    url, final_url, at, *values = row
    found = {"url": url, "final_url": final_url, **dict(zip(IMAGE_COLUMNS, values, strict=True))}
    found["fetched_at"] = int(at * 1000)
    for name in ("sha256", "pixel_sha256"):
        found[name] = found[name].hex()
    for name in ("has_alpha", "has_icc_profile"):
        found[name] = bool(found[name])
    for name in _HASHES:
        found[name] = int.from_bytes(found[name], "big")
    return found
