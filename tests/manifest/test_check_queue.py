"""The audit of a run over a list of URLs: nothing on a good one, and each fault that is planted."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.download.url_list import UrlList
from imagenet_build.manifest.check import CODES, check_run
from imagenet_build.manifest.findings import Finding
from imagenet_build.pipeline import fetch
from imagenet_build.records import RejectReason
from imagenet_build.storage import tables
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import IMAGES, REJECTIONS
from tests.fakes.image_server import ImageServer
from tests.fakes.pictures import photo
from tests.manifest.conftest import Quiet

Rows = list[dict[str, Any]]
CONFIG = BuildConfig.model_validate(
    {
        "network": {"allow_addresses": ["127.0.0.0/8"]},
        "download": {"default_host": {"min_delay_s": 0, "concurrency": 4}, "hosts": {}, "shard_bytes": 20_000},
        "execution": {"workers": 1},
    }
)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody may write to."""
    folder = tmp_path_factory.mktemp("fetched")
    with ImageServer() as server:
        urls = [server.serve(f"/{number}.jpg", photo(number, 96, 80)) for number in range(8)]
        urls += [server.serve("/again.jpg", photo(0, 96, 80))]
        urls += [server.url(f"/gone/{number}.jpg") for number in range(3)]
        (folder / "urls.txt").write_text("\n".join([*urls, "no url", "ftp://a.example.org/a.jpg"]))
        assert fetch(CONFIG, folder / "run", UrlList(folder / "urls.txt"), Quiet()).problems == {}
    return folder / "run"


@pytest.fixture
def run(fetched: Path, tmp_path: Path) -> RunContext:
    """A copy for this test alone."""
    shutil.copytree(fetched, tmp_path / "run")
    return RunContext(RunLayout(tmp_path / "run"), CONFIG)


def found(run: RunContext, **options: bool) -> list[Finding]:
    findings = list(check_run(run, **options))
    assert all(finding.code in CODES and finding.where and finding.detail for finding in findings)
    return findings


def codes(run: RunContext, **options: bool) -> list[str]:
    return [finding.code for finding in found(run, **options)]


def images(run: RunContext) -> Rows:
    return list(tables.read(run.layout.images, IMAGES).to_pylist())


def change(run: RunContext, table: str, how: Callable[[Rows], Rows]) -> None:
    path, schema = {"images": (run.layout.images, IMAGES), "rejections": (run.layout.rejections, REJECTIONS)}[table]
    tables.write_rows(path, schema, how(tables.read(path, schema).to_pylist()))


def in_queue(run: RunContext, statement: str) -> None:
    database = sqlite3.connect(run.layout.download_queue)
    with database:
        assert database.execute(statement).rowcount > 0
    database.close()


def test_nothing_is_found_on_a_good_run_and_nothing_is_written(run):
    def state() -> dict[str, tuple[int, int]]:
        files = (path for path in run.layout.root.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

    before = state()
    assert len(images(run)) == 9
    assert len({row["shard"] for row in images(run)}) > 1
    assert found(run) == []
    assert found(run, bytes_too=False) == []
    assert {path: state()[path] for path in before} == before


@pytest.mark.parametrize("table", ["images", "rejections"])
def test_a_row_that_is_missing_is_named(run, table):
    lost: Rows = []

    def without_the_second(rows: Rows) -> Rows:
        lost.append(rows[1])
        return [rows[0], *rows[2:]]

    change(run, table, without_the_second)
    (finding,) = found(run)
    assert (finding.code, finding.where) == ("Q102", f"{table}.parquet")
    assert finding.detail == f"1 rows: {lost[0]['url']}"


def test_many_missing_rows_are_one_finding(run):
    change(run, "images", lambda rows: rows[:1])
    (finding,) = found(run)
    assert finding.code == "Q102"
    assert finding.detail.startswith("8 rows: ")
    assert finding.detail.endswith(" and 5 more")


@pytest.mark.parametrize("table", ["images", "rejections"])
def test_a_row_of_no_url_of_the_queue(run, table):
    strange = {"url": "https://x.example.org/a.jpg", "url_key": "//x.example.org/a.jpg"}
    change(run, table, lambda rows: [*rows, {**rows[0], **strange}])
    assert "Q103" in codes(run)


def test_a_row_twice(run):
    change(run, "images", lambda rows: [rows[0], *rows])
    assert codes(run) == ["Q103"]


def test_rows_in_another_order(run):
    change(run, "images", lambda rows: rows[::-1])
    assert set(codes(run)) == {"Q102", "Q103"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("wnid", "n00000001"),
        ("url", "https://elsewhere.example.org/a.jpg"),
        ("final_url", "https://elsewhere.example.org/a.jpg"),
        ("pixel_sha256", "0" * 64),
        ("width", 97),
        ("dct_hash", 1),
        ("tiny", bytes(3072)),
        ("fetched_at", 0),
    ],
)
def test_a_changed_value(run, column, value):
    change(run, "images", lambda rows: [{**rows[0], column: value}, *rows[1:]])
    (finding,) = found(run)
    assert finding.code == "Q104"
    assert finding.detail.endswith(f"in {column}")


@pytest.mark.parametrize(
    ("column", "value"), [("reason", "timeout"), ("detail", "x"), ("attempts", 9), ("refused_at", 0)]
)
def test_a_changed_refusal(run, column, value):
    change(run, "rejections", lambda rows: [{**rows[0], column: value}, *rows[1:]])
    (finding,) = found(run)
    assert (finding.code, finding.where) == ("Q104", "rejections.parquet")


def test_a_url_that_is_kept_in_one_place_and_refused_in_the_other(run):
    in_queue(
        run,
        "UPDATE urls SET state = 2, reason = 'timeout', detail = ''"
        " WHERE key = (SELECT max(key) FROM urls WHERE state = 1)",
    )
    assert codes(run) == ["Q103", "Q102"]


def test_a_url_in_no_known_state(run):
    in_queue(run, "UPDATE urls SET state = 7 WHERE key = (SELECT max(key) FROM urls WHERE state = 2)")
    assert sorted(codes(run)) == ["Q101", "Q103"]


def test_a_kept_url_without_an_image(run):
    in_queue(run, "UPDATE urls SET image = 999 WHERE key = (SELECT max(key) FROM urls WHERE state = 1)")
    assert sorted(codes(run)) == ["Q101", "Q103"]


def test_waiting_urls_are_no_fault_but_tables_from_before_are_said_to_be(run):
    queue = DownloadQueue(run.layout.download_queue)
    queue.add([("//h/new", "https://h/new", "h")])
    queue.close()
    assert found(run) == []
    queue = DownloadQueue(run.layout.download_queue)
    assert queue.retry([RejectReason.HTTP_ERROR], 12) == (3, 0)
    queue.close()
    (finding,) = found(run)
    assert (finding.code, finding.where) == ("Q103", "rejections.parquet")


@pytest.mark.parametrize("table", ["images", "rejections"])
@pytest.mark.parametrize("harm", ["missing", "cut", "text"])
def test_a_damaged_table(run, table, harm):
    path = getattr(run.layout, table)
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.write_text("this is no table")
    assert {(finding.code, finding.where) for finding in found(run)} == {("T101", path.name)}


def test_a_lost_shard(run):
    shard = images(run)[0]["shard"]
    (run.layout.shards / shard).unlink()
    (finding,) = found(run)
    assert (finding.code, finding.where) == ("S101", shard)


def test_a_cut_shard(run):
    last = max(images(run), key=lambda row: (row["shard"], row["offset"]))
    os.truncate(run.layout.shards / last["shard"], last["offset"] + last["size"] - 1)
    assert codes(run, bytes_too=False) == ["S102"]


def flip(run: RunContext, row: dict[str, Any], place: int) -> None:
    path = run.layout.shards / row["shard"]
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_bit_in_an_image(run, place):
    row = images(run)[3]
    flip(run, row, row["offset"] + int(place * (row["size"] - 1)))
    (finding,) = found(run)
    assert finding.code == "S103"
    assert row["sha256"][:16] in finding.detail
    assert codes(run, bytes_too=False) == []


@pytest.mark.parametrize("place", [0, 63, 124, 135])
def test_a_flipped_bit_in_a_members_header(run, place):
    row = images(run)[3]
    flip(run, row, row["offset"] - 512 + place)
    (finding,) = found(run)
    assert finding.code == "S104"


def test_headers_that_are_sound_but_name_others(run):
    one, other = [row for row in images(run) if row["shard"] == images(run)[0]["shard"]][:2]
    path = run.layout.shards / one["shard"]
    data = bytearray(path.read_bytes())
    heads = [slice(row["offset"] - 512, row["offset"]) for row in (one, other)]
    data[heads[0]], data[heads[1]] = data[heads[1]], data[heads[0]]
    path.write_bytes(data)
    assert codes(run) == ["S104", "S104"]


def test_tallies_that_are_wrong(run):
    in_queue(run, "UPDATE tallies SET urls = urls + 1 WHERE state = 2")
    (finding,) = found(run)
    assert (finding.code, finding.where) == ("Q101", "download.sqlite")
