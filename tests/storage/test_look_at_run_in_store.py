"""Commands that look at a run in a bucket: they say what they say of the same run on a disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from imagenet_build.cli.synset_pictures import sizes_of
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import manifest_wnids
from imagenet_build.storage.places import Location, place_of
from imagenet_build.storage.publication import PUBLISHED, parse_version
from imagenet_build.storage.snapshots import database_files
from imagenet_build.verify.run_pictures import load_pictures
from imagenet_build.web.explorer.app import explore
from imagenet_build.web.explorer.run_view import RunView
from tests.cli.commands import program, refused, said
from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.s3_server import Request, S3Server
from tests.web.explore_process import ExploreProcess
from tests.world import make_world

URL = "s3://bucket/runs/x"
_SMALL = ("--set", "taxonomy.roots=[dog.n.01]", "--set", "queries.languages=[spa]")
_OF_THE_BUCKET = ("records/", "snapshot", "lock/", PUBLISHED)
_COMMANDS = (["stats"], ["stats", "sample"], ["stats", "precision"], ["report"], ["serve", "--port", "0"])


@dataclass
class Stored:
    """A run in a bucket, and a copy of it on this disk."""

    s3: S3Server
    disk: Path

    def without_manifests(self) -> bytes:
        """Publish the run as it was before its last stages; returns what was published."""
        whole = self.s3.data(f"runs/x/{PUBLISHED}")
        held = json.loads(whole)
        held["stages"] = {name: held["stages"][name] for name in ("taxonomy", "queries", "search", "download")}
        self.publish(json.dumps(held).encode())
        return whole

    def publish(self, data: bytes) -> None:
        self.s3.client.put_object(Bucket="bucket", Key=f"runs/x/{PUBLISHED}", Body=data)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("stored")
    with (
        S3Server() as s3,
        OpenverseServer() as openverse,
        ImageServer() as images,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        world = make_world(folder, openverse, images)
        work = folder / "work"
        made = program("build", world.config, "--out", URL, "--work", work, *_SMALL)
        assert made.exit_code == 0, made.output
        _vote(RunLayout(place_of(URL, folder / "voter")), folder / "votes.csv")
        for words in (["import", URL, folder / "votes.csv", "--format", "csv"], ["run", URL]):
            done = program("verify", *words, "--work", work)
            assert done.exit_code == 0, done.output
        yield Stored(s3, _copied(s3, work, folder / "x"))


def _vote(layout: RunLayout, path: Path) -> None:
    """Yes to most pictures."""
    lines = ["image,wnid,worker,answer"]
    for wnid in manifest_wnids(layout):
        for number, image in enumerate(load_pictures(layout, wnid).ids):
            lines += [f"{image},{wnid},{who},{'no' if number == 1 else 'yes'}" for who in ("Ada", "Grace", "Mary")]
    path.write_text("\n".join(lines) + "\n")


def _copied(s3: S3Server, work: Path, disk: Path) -> Path:
    """The same run as a directory."""
    for key in s3.stored("runs/x/"):
        name = parse_version(key.removeprefix("runs/x/"))[0]
        if not name.startswith(_OF_THE_BUCKET):
            (disk / name).parent.mkdir(parents=True, exist_ok=True)
            (disk / name).write_bytes(s3.data(key))
    for path in database_files(work):
        (disk / path.relative_to(work)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, disk / path.relative_to(work))
    return disk


def _at(tmp_path: Path) -> tuple[str, ...]:
    return "--work", str(tmp_path / "reader")


def _listed(requests: list[Request]) -> list[str]:
    """Listings of more than the run's own folder."""
    return [one.query for one in requests if "list-type" in one.query and "manifest" in one.query]


def test_the_statistics_are_those_of_a_disk(stored: Stored, tmp_path: Path) -> None:
    before = len(stored.s3.requests)
    found = said("stats", URL, *_at(tmp_path))
    assert _listed(stored.s3.requests[before:]) == []
    assert found == said("stats", stored.disk)
    assert found["totals"]["accepted"] > found["totals"]["rejected"] > 0
    here = tmp_path / "reader" / "stats"
    assert (
        json.loads(stored.s3.data("runs/x/stats/stats.json")) == json.loads((here / "stats.json").read_text()) == found
    )
    assert (here / "diversity.parquet").exists() == (stored.disk / "stats" / "diversity.parquet").exists()
    assert said("status", URL, *_at(tmp_path))["stages"]
    assert program("check", URL, *_at(tmp_path)).exit_code == 0


def test_who_may_only_read_has_the_numbers_too(stored: Stored, tmp_path: Path) -> None:
    stored.s3.refuse = lambda request: "AccessDenied" if request.method in ("PUT", "POST", "DELETE") else ""
    try:
        done = program("stats", URL, *_at(tmp_path))
    finally:
        stored.s3.refuse = lambda _: ""
    assert done.exit_code == 0, done.output
    assert "Not stored beside the run" in done.stderr
    assert str(tmp_path / "reader" / "stats" / "stats.json") in done.stdout


def test_the_report_is_that_of_a_disk(stored: Stored, tmp_path: Path) -> None:
    pages = []
    for place, page, options in (
        (URL, tmp_path / "reader" / "report.html", _at(tmp_path)),
        (str(stored.disk), stored.disk / "report.html", ()),
    ):
        done = program("report", place, *options)
        assert done.exit_code == 0, done.output
        pages.append(page.read_text().replace(place, "RUN"))
    assert pages[0].replace(" ".join(_at(tmp_path)), "") == pages[1]
    assert "data:image/jpeg;base64," in pages[0]


def test_a_report_beside_one_in_a_bucket(stored: Stored, tmp_path: Path) -> None:
    counted = tmp_path / "reader" / "stats" / "stats.json"
    assert program("stats", URL, *_at(tmp_path)).exit_code == 0
    done = program(
        "report", stored.disk, "--against", URL, "--stats", counted, "--html", tmp_path / "page.html", *_at(tmp_path)
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "page.html").stat().st_size > 50_000


def test_a_sample_is_that_of_a_disk(stored: Stored, tmp_path: Path) -> None:
    for of in ("kept", "accepted"):
        drawn = said("stats", "sample", URL, "--of", of, *_at(tmp_path))
        assert drawn.pop("file") == str(tmp_path / "reader" / "precision" / "sample.parquet")
        on_disk = said("stats", "sample", stored.disk, "--of", of, "--out", tmp_path / "sample.parquet")
        assert drawn == {name: value for name, value in on_disk.items() if name != "file"}
    votes = stored.disk.parent / "votes.csv"
    rows = said("stats", "precision", URL, "--votes", votes, *_at(tmp_path))["rows"]
    assert rows == said("stats", "precision", tmp_path / "sample.parquet", "--votes", votes)["rows"]


async def test_the_explorer_shows_what_it_shows_of_a_disk(stored: Stored, tmp_path: Path) -> None:
    before = len(stored.s3.requests)
    async with aiohttp.ClientSession() as session, explore(RunLayout(stored.disk), port=0) as serving:
        with ExploreProcess(URL, *_at(tmp_path)) as other:
            urls = other.url, f"http://127.0.0.1:{serving.port}"
            one, two = [await _all_read(session, url) for url in urls]
            assert one["totals"] == two["totals"]
            assert one["totals"]["refused_by_reason"]
            assert (one["name"], one["problem"]) == (two["name"], "")
            assert [stage["state"] for stage in one["stages"]] == [stage["state"] for stage in two["stages"]]
            wnids = manifest_wnids(RunLayout(stored.disk))
            for wnid in wnids[:6]:
                seen = [await _synset(session, url, wnid) for url in urls]
                assert seen[0] == seen[1]
    asked = stored.s3.requests[before:]
    assert _listed(asked) == []
    looked_at = {one.key for one in asked if one.key.startswith("runs/x/manifest/")}
    assert len(looked_at) == 6  # the counts of all others come from the index


async def _all_read(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = await _said(session, f"{url}/api/run?version=-1")
        if found["reading"] is None and found.get("stages") and found["totals"]["manifests"]:
            return found


async def _said(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        assert response.status == 200, await response.text()
        is_json = response.content_type == "application/json"
        return await response.json() if is_json else await response.read()


async def _synset(session: aiohttp.ClientSession, url: str, wnid: str) -> dict[str, Any]:
    """Everything about one synset, with the bytes of a picture, its row and the tiny ones."""
    about = await _said(session, f"{url}/api/synset/{wnid}")
    page = await _said(session, f"{url}/api/synset/{wnid}/pictures")
    mark = page.pop("mark")
    found = {
        "about": about,
        "page": page,
        "queries": await _said(session, f"{url}/api/synset/{wnid}/queries"),
        "sheet": await _said(session, f"{url}/sheets/{wnid}?rows=0,1&of={mark}"),
        "cover": await _said(session, f"{url}/pictures/{wnid}/cover"),
    }
    image = page["tiles"][0]["id"]
    found["row"] = await _said(session, f"{url}/api/synset/{wnid}/pictures/{image}")
    for size in ("", "/whole"):
        found[f"picture{size}"] = await _said(session, f"{url}/pictures/{wnid}/{image}{size}")
    return found


def test_the_explorer_follows_what_is_published(stored: Stored, tmp_path: Path) -> None:
    whole = stored.without_manifests()
    view = RunView(RunLayout(place_of(URL, tmp_path / "reader")))
    try:
        view.open()
        assert (view.settled().totals["manifests"], view.snapshot.problem) == (0, "")
        assert view.snapshot.totals["synsets"] > 10
        stored.publish(whole)
        assert view.settled().totals["manifests"] == len(manifest_wnids(RunLayout(stored.disk)))
    finally:
        stored.publish(whole)
        view.close()


def test_a_run_without_manifests_is_shown_as_far_as_it_has_come(stored: Stored, tmp_path: Path) -> None:
    whole = stored.without_manifests()
    try:
        found = said("stats", URL, *_at(tmp_path))
        assert (found["totals"]["kept"], found["totals"]["candidates"] > 10) == (None, True)
        assert "images_per_synset" in {row["section"] for row in found["absent"]}
        code, words = refused("stats", "sample", URL, *_at(tmp_path))
        assert (code, "has no manifests yet" in words) == (3, True)
    finally:
        stored.publish(whole)


@pytest.mark.parametrize("command", _COMMANDS, ids=" ".join)
def test_a_missing_bucket_or_run_is_said(stored: Stored, tmp_path: Path, command: list[str]) -> None:
    for place, words in (("s3://nowhere/x", "no bucket 'nowhere'"), ("s3://bucket/runs/none", "is not a run")):
        code, told = refused(*command, place, *_at(tmp_path))
        assert (code, words in told) == (3, True), told


def test_a_treemap_has_the_sizes_of_a_disk(stored: Stored, tmp_path: Path) -> None:
    assert sizes_of(place_of(URL, tmp_path / "reader")) == sizes_of(stored.disk)
    assert sum(sizes_of(stored.disk).values()) > 10


def test_a_table_is_no_place_in_a_bucket(stored: Stored, tmp_path: Path) -> None:
    missing: Location = place_of("s3://bucket/counts.csv", tmp_path / "reader")
    code, told = refused("report", stored.disk, "--against", str(missing), *_at(tmp_path))
    assert (code, "is not a run" in told) == (3, True)
