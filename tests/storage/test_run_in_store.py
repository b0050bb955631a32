"""Whole builds into a bucket: the same rows as on a disk, whatever the store and the machines do meanwhile."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place, files_in, place_of
from imagenet_build.storage.schemas import MANIFEST
from imagenet_build.storage.shards import read_member
from tests.fakes import pictures
from tests.fakes.image_server import picture
from tests.fakes.s3_server import Request, S3Server
from tests.program_here import run_here
from tests.world import VOLATILE, World, assert_same_rows, kill, manifest_rows, run

URL = "s3://bucket/runs/x"
OFTEN = ("--set", "storage.snapshot_s=0.5", "--set", "storage.lease_s=4")


def _words(world: World, work: Path, *more: str) -> list[str]:
    return ["build", str(world.config), "--out", URL, "--work", str(work), *OFTEN, *more]


def _build(world: World, work: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run(world.command(*_words(world, work, *more)))


def _build_here(world: World, work: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run_here(*_words(world, work, *more))


def _start(world: World, work: Path) -> subprocess.Popen[bytes]:
    command = world.command(*_words(world, work))
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def _layout(tmp_path: Path) -> RunLayout:
    """As a reader on another machine sees the run now."""
    root = place_of(URL, tmp_path / "reader")
    assert isinstance(root, Place)
    return RunLayout(root)


def _rows(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    paths = files_in(_layout(tmp_path).manifests, "*.parquet")
    return {path.stem: tables.read(path, MANIFEST).drop_columns(list(VOLATILE)).to_pylist() for path in paths}


class Reader:
    """Looks at the bucket all the time, as a program that knows nothing of the writer."""

    def __init__(self, s3: S3Server) -> None:
        self._client = s3.client
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.states: list[dict[str, str]] = []
        self.faults: list[str] = []

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            published = self._get("published.json")
            if published is None:
                continue
            stages: dict[str, str] = json.loads(published)["stages"]
            if self.states and stages == self.states[-1]:
                continue
            problem = self._check(stages)
            if problem and self._get("published.json") == published:
                self.faults.append(problem)
            self.states.append(stages)

    def _check(self, stages: dict[str, str]) -> str:
        for key in stages.values():
            record = self._get(key)
            if record is None:
                return f"{key} is missing"
            for name, (file, size, digest) in json.loads(record)["files"].items():
                data = self._get(file)
                if data is None or len(data) != size or hashlib.sha256(data).hexdigest()[:16] != digest:
                    return f"{name} is not what its record says"
                pq.ParquetFile(io.BytesIO(data)).read()
        return ""

    def _get(self, key: str) -> bytes | None:
        try:
            data: bytes = self._client.get_object(Bucket="bucket", Key=f"runs/x/{key}")["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return data


def test_a_build_into_a_bucket_has_the_rows_of_one_on_a_disk(world: World, s3: S3Server, tmp_path: Path) -> None:
    rng = random.Random(8)

    def sometimes(request: Request) -> str:
        return rng.choice(("InternalError", "SlowDown")) if request.is_ours and rng.random() < 0.03 else ""

    small = ("--set", "queries.languages=[spa]")
    assert world.build_here(tmp_path / "disk", *small).returncode == 0
    s3.refuse = sometimes
    with Reader(s3) as reader:
        made = _build(world, tmp_path / "work", *small)
        assert made.returncode == 0, made.stderr
        assert_same_rows(manifest_rows(tmp_path / "disk"), _rows(tmp_path))
        grown = _build(world, tmp_path / "work", "--set", "execution.workers=2")
        assert grown.returncode == 0, grown.stderr
    assert reader.faults == []
    assert len(reader.states) > 5  # stages, and the second build
    assert sum(bool(request.fault) for request in s3.requests) > 5
    s3.refuse = lambda _: ""
    assert world.build_here(tmp_path / "disk").returncode == 0
    assert_same_rows(manifest_rows(tmp_path / "disk"), _rows(tmp_path))
    versions = s3.stored("runs/x/manifest/")
    assert len(versions) == len(_rows(tmp_path))  # what was replaced is gone
    assert s3.unfinished() == []
    said = "".join(s3.data(key).decode() for key in s3.stored() if key.endswith((".json", ".yaml")))
    assert "testing-secret" not in said

    for command in (("status", URL), ("check", URL), ("duplicates", URL)):
        looked = run_here(*command, "--work", str(tmp_path / "elsewhere"))
        assert looked.returncode == 0, (command, looked.stdout, looked.stderr)
    status = run_here("status", URL, "--work", str(tmp_path / "elsewhere"), "--json", "--synsets")
    on_disk = run_here("status", str(tmp_path / "disk"), "--json", "--synsets")
    for name in ("refused", "synsets"):
        assert json.loads(status.stdout)[name] == json.loads(on_disk.stdout)[name]
    before = world.requests()
    asked = len(s3.requests)
    again = _build(world, tmp_path / "work")
    assert again.returncode == 0, again.stderr
    assert world.requests() == before
    stored = {request.key for request in s3.requests[asked:] if request.method in ("PUT", "POST")}
    assert not any(key.endswith((".parquet", ".tar")) for key in stored)


def test_one_picture_is_one_range_request_of_its_size(world: World, s3: S3Server, tmp_path: Path) -> None:
    assert _build_here(world, tmp_path / "work", "--until", "download").returncode == 0
    layout = _layout(tmp_path)
    rows = tables.read(layout.images, tables.open_parquet(layout.images).schema_arrow).to_pylist()
    rows = [row for row in rows if row["url"].endswith(("/0/0.jpg", "/1/0.jpg"))]
    before = len(s3.requests)
    found = {row["url"]: read_member(layout.shards, ShardRef(row["shard"], row["offset"], row["size"])) for row in rows}
    asked = s3.requests[before:]
    assert {Path(url).parent.name: data for url, data in found.items()} == {
        "0": pictures.photo(0, 320, 240),
        "1": pictures.photo(10, 320, 240),
    }
    ranges = [request.range for request in asked if request.method == "GET"]
    assert ranges == [f"bytes={row['offset']}-{row['offset'] + row['size'] - 1}" for row in rows]
    assert len([request for request in asked if request.method == "HEAD"]) <= 1  # the shard's length, once


@pytest.mark.parametrize("moment", ["images/0001-w0/", "manifest/", "snapshot.json"])
def test_kill_in_the_middle_of_an_upload(world: World, s3: S3Server, tmp_path: Path, moment: str) -> None:
    process: list[subprocess.Popen[bytes]] = []
    reached = threading.Event()

    def hold(request: Request) -> str:
        """An upload of this kind never ends: its writer is killed while it waits for the answer."""
        if request.method == "PUT" and request.key.startswith(f"runs/x/{moment}") and not reached.is_set():
            counts[moment] = counts.get(moment, 0) + 1
            if counts[moment] >= least:
                reached.set()
                process[0].wait(60)
                return "InternalError"
        return ""

    counts: dict[str, int] = {}
    least = 1 if moment.startswith("images") else 3
    s3.refuse = hold
    process.append(_start(world, tmp_path / "work"))
    assert reached.wait(100)
    kill(process[0])
    s3.refuse = lambda _: ""
    if moment == "manifest/":
        assert _rows(tmp_path) == {}
    resumed = _build(world, tmp_path / "work")  # at once: the directory is its own
    assert resumed.returncode == 0, resumed.stderr
    repeated = {url: times for url, times in world.requests().items() if times > 1}
    assert sum(times - 1 for times in repeated.values()) <= 7
    assert world.build_here(tmp_path / "disk").returncode == 0
    assert_same_rows(manifest_rows(tmp_path / "disk"), _rows(tmp_path))
    checked = run_here("check", URL, "--work", str(tmp_path / "elsewhere"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_another_machine_goes_on_from_the_snapshot(world: World, s3: S3Server, tmp_path: Path) -> None:
    # one picture is not answered before `release`: so the first build is there for as long as it must be
    world.images.serve("/19/0.jpg", replace(picture(pictures.photo(190, 320, 240)), mode="wait"))
    process = _start(world, tmp_path / "lost")
    try:
        world.images.log.wait_for(20)
        _wait_for_snapshot(s3)
        second = _build(world, tmp_path / "new")
        assert second.returncode == 3
        assert "is being written by" in second.stderr
        assert "wait" in second.stderr
    finally:
        kill(process)
        world.images.release()
    shutil.rmtree(tmp_path / "lost")
    asked = world.requests()
    for _ in range(30):  # until the lease of the dead one ends, by the store's clock
        resumed = _build(world, tmp_path / "new")
        if "is being written by" not in resumed.stderr:
            break
    assert resumed.returncode == 0, resumed.stderr
    searches = {url: times for url, times in world.requests().items() if "/v1/images" in url and times > 1}
    assert len(searches) < len([url for url in asked if "/v1/images" in url])
    assert world.build_here(tmp_path / "disk").returncode == 0
    assert_same_rows(manifest_rows(tmp_path / "disk"), _rows(tmp_path))
    checked = run_here("check", URL, "--work", str(tmp_path / "elsewhere"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _wait_for_snapshot(s3: S3Server) -> None:
    """Until one was made that knows the download queue."""
    for _ in range(600):
        if "runs/x/snapshot.json" in s3.stored() and b"download.sqlite" in s3.data("runs/x/snapshot.json"):
            return
        threading.Event().wait(0.05)
    raise AssertionError("no snapshot")


def test_votes_and_verdicts_of_a_run_in_a_bucket(world: World, s3: S3Server, tmp_path: Path) -> None:
    assert _build_here(world, tmp_path / "work").returncode == 0
    rows = [row for found in _rows(tmp_path).values() for row in found if row["kept"]]
    lines = [f"{row['candidate_id']},{row['wnid']},{who},yes" for row in rows for who in ("Ada", "Grace", "Mary")]
    (tmp_path / "votes.csv").write_text("image,wnid,worker,answer\n" + "\n".join(lines) + "\n")
    work = ("--work", str(tmp_path / "work"))
    imported = run_here("verify", "import", URL, str(tmp_path / "votes.csv"), "--format", "csv", *work)
    assert imported.returncode == 0, imported.stderr
    elsewhere = ("--work", str(tmp_path / "elsewhere"))
    decided = run_here("verify", "run", URL, "--json", *elsewhere)
    assert decided.returncode == 0, decided.stderr
    assert json.loads(decided.stdout)["summary"]["votes_used"] == len(lines)
    layout = _layout(tmp_path)
    assert len(files_in(layout.votes, "n*.parquet")) == len(files_in(layout.verdicts, "n*.parquet")) > 10
    assert json.loads((layout.verdicts / "report.json").read_text())["summary"]["votes_used"] == len(lines)


def test_retry_and_fetch_in_a_bucket(world: World, s3: S3Server, tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(world.images.url(path) + "\n" for path in ("/0/0.jpg", "/1/0.jpg", "/bad/missing.jpg")))
    work = ("--work", str(tmp_path / "work"))
    allowed = ("--set", "network.allow_addresses=[127.0.0.1]")
    fetched = run_here("fetch", str(listed), "--out", URL, *work, *allowed)
    assert fetched.returncode == 0, fetched.stderr
    assert "2 kept + 1 refused" in fetched.stdout
    world.images.serve("/bad/missing.jpg", pictures.photo(77))
    back = run_here("retry", URL, "--reason", "http_error", "--json", *work)
    assert json.loads(back.stdout) == {"queued": 1, "dead": 0}
    elsewhere = ("--work", str(tmp_path / "elsewhere"))  # what `retry` did went with it
    again = run_here("fetch", "--out", URL, *elsewhere)
    assert again.returncode == 0, again.stderr
    assert "3 kept + 0 refused" in again.stdout
    checked = run_here("check", URL, *elsewhere)
    assert checked.returncode == 0, checked.stdout
    assert world.requests()["/0/0.jpg?{}"] == 1


def test_a_missing_bucket_ends_with_3(world: World, s3: S3Server, tmp_path: Path) -> None:
    command = world.command("build", str(world.config), "--out", "s3://nowhere/x", "--work", str(tmp_path / "work"))
    refused = run(command)
    assert refused.returncode == 3
    assert "no bucket 'nowhere'" in refused.stderr
    assert "Traceback" not in refused.stderr
    looked = run_here("status", "s3://nowhere/x", "--work", str(tmp_path / "reader"))
    assert (looked.returncode, "no bucket 'nowhere'" in looked.stderr) == (3, True)
