"""The whole job through the command line: real servers, real files, what a user sees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import yaml

from imagenet_build.records import ShardRef
from imagenet_build.storage.shards import read_member
from tests.fakes import pictures
from tests.program_here import run_here
from tests.world import World, assert_same_rows, manifest_rows, run


def test_a_build_brings_what_the_engines_hold(built: tuple[World, Path]) -> None:
    _, out = built
    stages = {stage["name"]: stage for stage in json.loads((out.parent / "outcome.json").read_text())["stages"]}
    counts = stages["manifest"]["counts"]
    assert counts["seen"] == counts["kept"] + counts["duplicates"] + counts["refused"] + counts["waiting"]
    assert counts["waiting"] == 0
    assert min(counts["kept"], counts["duplicates"], counts["refused"]) > 0

    synsets = pd.read_parquet(out / "synsets.parquet").set_index("name")
    dog = pd.read_parquet(out / "manifest" / f"{synsets.loc['dog.n.01', 'wnid']}.parquet")
    titles = set(dog[dog["kept"]]["title"])
    assert "dog 0" in titles
    assert "whippet" not in " ".join(titles) or "a whippet dog 1" in titles
    # a Spanish caption, found by the Spanish lemma, in a picture that lies on this disk
    spanish = dog[dog["queries"].map(lambda found: any(query["language"] == "spa" for query in found))]
    assert len(spanish) >= 1
    assert spanish.iloc[0]["url"].startswith("file:///")
    # the smaller copy points to the larger original
    copies = dog[dog["duplicate_of"].notna()]
    originals = dog.set_index("candidate_id")
    for _, copy in copies.iterrows():
        assert originals.loc[copy["duplicate_of"], "kept"]
        assert originals.loc[copy["duplicate_of"], "width"] >= copy["width"]
    # provenance
    first = dog[dog["title"] == "dog 0"].iloc[0]
    assert (first["license"], first["license_version"], first["creator"]) == ("by-sa", "2.0", "Example Person")
    assert first["queries"][0]["engine"] == "openverse"
    assert first["queries"][0]["origin"] == "synonym"


def test_bytes_are_kept_as_they_came(built: tuple[World, Path]) -> None:
    _, out = built
    rows = pq.read_table(out / "images.parquet").to_pylist()
    row = next(row for row in rows if row["url"].endswith("/0/0.jpg"))
    place = ShardRef(row["shard"], row["offset"], row["size"])
    assert read_member(out / "images", place) == pictures.photo(0, 320, 240)


def test_every_refusal_is_a_row(built: tuple[World, Path]) -> None:
    _, out = built
    refused = pd.read_parquet(out / "rejections.parquet")
    by_path = {Path(row["url"]).name: row["reason"] for _, row in refused.iterrows()}
    assert by_path == {
        "cut.jpg": "truncated",
        "small.gif": "one_pixel",
        "bomb.png": "too_many_pixels",
        "page.jpg": "html",
        "missing.jpg": "http_error",
    }


def test_each_url_is_fetched_once_and_a_second_build_asks_nothing(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out).returncode == 0
    first = world.requests()
    assert {url: times for url, times in first.items() if times != 1} == {}
    rows = manifest_rows(out)
    again = world.build(out)
    assert again.returncode == 0, again.stderr
    assert world.requests() == first
    assert_same_rows(rows, manifest_rows(out))


def test_two_builds_have_the_same_rows_whatever_the_number_of_workers(world: World, tmp_path: Path) -> None:
    assert world.build_here(tmp_path / "one").returncode == 0
    two = world.build(
        tmp_path / "two",
        *("--set", "execution.workers=2", "--set", "download.hosts={127.0.0.1: {min_delay_s: 0, concurrency: 1}}"),
    )
    assert two.returncode == 0, two.stderr
    assert_same_rows(manifest_rows(tmp_path / "one"), manifest_rows(tmp_path / "two"))


def test_another_language_and_another_root_only_add_work(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = ("--set", "queries.languages=[spa]", "--set", "taxonomy.roots=[animal.n.01]")
    assert world.build_here(out, *small).returncode == 0
    first = world.requests()
    grown = world.build(out, "--set", "queries.languages=[spa, ita, cmn, nld]")
    assert grown.returncode == 0, grown.stderr
    assert {url: times for url, times in world.requests().items() if times != 1} == {}
    assert world.requests().keys() > first.keys()
    assert world.build_here(tmp_path / "fresh", "--set", "queries.languages=[spa, ita, cmn, nld]").returncode == 0
    assert_same_rows(manifest_rows(out), manifest_rows(tmp_path / "fresh"))


def test_a_change_that_makes_old_rows_wrong_is_refused(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out, "--until", "queries").returncode == 0
    refused = world.build_here(out, "--set", "download.min_side_px=10", "--set", "queries.languages=[spa]")
    assert refused.returncode == 2
    assert "download.min_side_px: 64 -> 10" in refused.stderr
    assert "queries.languages: cmn, nld, ita taken away" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_retry_brings_back_what_was_refused(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out).returncode == 0
    world.images.serve("/bad/missing.jpg", pictures.photo(77))
    back = run(world.command("retry", str(out), "--reason", "http_error", "--json"))
    assert json.loads(back.stdout) == {"queued": 1, "dead": 0}
    resumed = run_here("build", "--out", str(out))  # by its directory alone
    assert resumed.returncode == 0, resumed.stderr
    assert not any(pd.read_parquet(out / "rejections.parquet")["url"].str.endswith("missing.jpg"))
    kept = pd.concat([pd.read_parquet(path) for path in (out / "manifest").glob("*.parquet")])
    assert kept["url"].str.endswith("missing.jpg").any()
    checked = run_here("check", str(out))
    assert checked.returncode == 0, checked.stdout


def test_status_and_check_read_only_the_run(built: tuple[World, Path], tmp_path: Path) -> None:
    world, out = built
    moved = tmp_path / "moved"
    shutil.copytree(out, moved)
    status = run(world.command("status", str(moved), "--synsets", "--json"))
    assert status.returncode == 0, status.stderr
    said = json.loads(status.stdout)
    download = next(stage for stage in said["stages"] if stage["name"] == "download")
    assert (download["waiting"], download["refused"]) == (0, len(world.bad_paths))
    assert said["refused"]["download"]["truncated"] == 1
    assert all(synset["counts"]["waiting"] == 0 for synset in said["synsets"])
    assert run_here("status", str(moved)).returncode == 0
    assert run_here("check", str(moved)).returncode == 0


def test_duckdb_reads_all_manifests_at_once(built: tuple[World, Path]) -> None:
    _, out = built
    found = duckdb.sql(
        f"SELECT wnid, count(*) FILTER (kept) AS kept, count(*) AS rows FROM '{out}/manifest/*.parquet' GROUP BY wnid"
    ).fetchall()
    assert sum(rows for _, _, rows in found) == sum(len(table) for table in manifest_rows(out).values())


def test_urls_alone_are_a_valid_run(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out, "--set", "download.enabled=false").returncode == 0
    assert world.images.log.count() == 0
    tables = manifest_rows(out)
    assert sum(len(table) for table in tables.values()) > 20
    assert all(row["sha256"] is None for table in tables.values() for row in table)
    assert run_here("check", str(out)).returncode == 0


def test_until_stops_after_a_stage_and_the_next_call_goes_on(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out, "--until", "queries").returncode == 0
    assert world.openverse.log.count() == 0
    assert not (out / "hits.parquet").exists()
    assert world.build(out).returncode == 0
    assert (out / "hits.parquet").exists()


def test_an_engine_that_fails_needs_attention_and_the_next_build_heals(world: World, tmp_path: Path) -> None:
    from tests.fakes.server import Reply

    out = tmp_path / "run"
    world.openverse.always(Reply.text("Cloudflare", 403, kind="html"))
    failed = world.build(out)
    assert failed.returncode == 1
    assert "openverse" in failed.stderr
    assert "attention" in failed.stderr
    rows = manifest_rows(out)
    assert sum(len(table) for table in rows.values()) > 0  # the other engine went on
    world.openverse.always(None)
    assert world.build_here(out).returncode == 0
    assert world.build_here(tmp_path / "fresh").returncode == 0
    assert_same_rows(manifest_rows(out), manifest_rows(tmp_path / "fresh"))


def test_the_run_remembers_its_configuration(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out, "--until", "taxonomy").returncode == 0
    copy = yaml.safe_load((out / "config.yaml").read_text())
    assert copy["taxonomy"]["roots"] == ["animal.n.01", "musical_instrument.n.01"]
