from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from imagenet_build.storage import snapshots
from imagenet_build.storage.object_store import ObjectStore
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.snapshots import SnapshotWriter, forget_computed, read_snapshot, restore
from tests.fakes.s3_server import S3Server


def _fill(path: Path, rows: int, first: int = 0) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS units (stage TEXT, key INTEGER PRIMARY KEY, data BLOB)")
    with database:
        kind = ("download", "dedup", "manifest")
        rows_made = ((kind[key % 3], key, key.to_bytes(8, "big") * 128) for key in range(first, first + rows))
        database.executemany("INSERT INTO units VALUES (?, ?, ?)", rows_made)
    return database


def _save(writer: SnapshotWriter, tmp_path: Path) -> None:
    writer.store_copies(writer.copy_changed(tmp_path / "spool"))


def test_a_snapshot_brings_back_what_was_committed(store: ObjectStore, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    open_files = [_fill(here / name, 50) for name in ("state.sqlite", "search/openverse.sqlite", "download.sqlite")]
    writer = SnapshotWriter(store, here, 1)
    _save(writer, tmp_path)
    there.mkdir()
    restore(store, there, read_snapshot(store))
    for name in ("state.sqlite", "search/openverse.sqlite", "download.sqlite"):
        assert sqlite3.connect(there / name).execute("SELECT count(*) FROM units").fetchone() == (50,)
    forget_computed(there)
    stages = sqlite3.connect(there / "state.sqlite").execute("SELECT DISTINCT stage FROM units").fetchall()
    assert stages == [("download",)]
    for database in open_files:
        database.close()


def test_what_has_not_changed_is_not_sent_again(
    store: ObjectStore, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PIECE_BYTES", 65536)
    database = _fill(tmp_path / "download.sqlite", 2000)
    writer = SnapshotWriter(store, tmp_path, 1)
    _save(writer, tmp_path)
    pieces = {key for key in s3.stored() if "/snapshot/" in key}
    assert len(pieces) > 30
    before = len(s3.requests)
    _save(writer, tmp_path)
    assert len(s3.requests) == before
    _fill(tmp_path / "download.sqlite", 100, first=10_000_000).close()
    _save(writer, tmp_path)
    after = {key for key in s3.stored() if "/snapshot/" in key}
    assert len(pieces & after) > 25
    assert len(pieces - after) < 6  # the file's first page, its index, its end; what is replaced is removed
    database.close()


def test_what_lay_on_the_other_disk_is_made_again(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    state = RunState(tmp_path / "here" / "state.sqlite")
    for key in ("excluded", "n00000001"):
        state.record_unit("dedup", key, "f", {}, "")
    state.close()
    _save(SnapshotWriter(store, tmp_path / "here", 1), tmp_path)
    (tmp_path / "there").mkdir()
    restore(store, tmp_path / "there", read_snapshot(store))
    found = sqlite3.connect(tmp_path / "there" / "state.sqlite").execute("SELECT key FROM units").fetchall()
    assert found == [("n00000001",)]
