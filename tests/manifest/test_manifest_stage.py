import json
import shutil

import pyarrow.parquet as pq

from imagenet_build.contracts import RunContext
from imagenet_build.manifest.check import check_run
from imagenet_build.manifest.stage import ManifestStage
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import config_hash
from imagenet_build.storage.schemas import HITS, MANIFEST, SYNSETS
from tests.manifest.conftest import make_config, run_build


def wnid_of(layout: RunLayout, name: str) -> str:
    return next(row["wnid"] for row in tables.read(layout.synsets, SYNSETS).to_pylist() if row["name"] == name)


def test_every_synset_with_hits_has_a_manifest_that_says_what_it_is(finished, instruments):
    seen = {wnid for wnid, _ in tables.by_synset(finished.hits, HITS, ["wnid"])}
    assert {path.stem for path in finished.manifests.iterdir()} == seen
    wnid = wnid_of(finished, "violin.n.01")
    path = finished.manifest(wnid)
    assert pq.read_schema(path).remove_metadata().equals(MANIFEST)
    said = {key.removeprefix("imagenet_build."): value for key, value in tables.metadata(path).items()}
    assert said["schema_version"] == "1"
    assert (said["wnid"], said["synset"]) == (wnid, "violin.n.01")
    assert said["gloss"].startswith("the highest of the bowed stringed instruments")
    assert said["config_hash"] == config_hash(make_config(instruments))
    assert json.loads(said["counts"]) == {"seen": 8, "kept": 4, "duplicates": 2, "refused": 2, "waiting": 0}
    assert json.loads(said["refused_by_reason"]) == {"truncated": 1, "too_small": 1}


def test_copies_point_to_the_kept_picture_and_conflicts_to_the_other_synset(finished):
    wnid, other = wnid_of(finished, "violin.n.01"), wnid_of(finished, "cello.n.01")
    rows = {row["url"].rpartition("/")[2]: row for row in tables.read(finished.manifest(wnid), MANIFEST).to_pylist()}
    assert set(rows) == {
        *("violin1.jpg", "violin2.jpg", "violin3.jpg", "violin1_small.jpg", "violin2_again.jpg", "both.jpg")
    }
    small, large = rows["violin1_small.jpg"], rows["violin1.jpg"]
    assert (small["duplicate_of"], small["duplicate_reason"]) == (large["candidate_id"], "near")
    twins = [rows["violin2.jpg"], rows["violin2_again.jpg"]]
    assert sorted(row["kept"] for row in twins) == [False, True]
    assert twins[0]["sha256"] == twins[1]["sha256"]
    assert (twins[0]["shard"], twins[0]["offset"]) == (twins[1]["shard"], twins[1]["offset"])
    assert {name: row["conflicts"] for name, row in rows.items() if row["conflicts"]} == {"both.jpg": [other]}


def test_a_synset_whose_pictures_were_all_refused_has_an_empty_manifest(finished):
    path = finished.manifest(wnid_of(finished, "drum.n.01"))
    assert pq.read_metadata(path).num_rows == 0
    counts = json.loads(tables.metadata(path)["imagenet_build.counts"])
    assert (counts["seen"], counts["refused"]) == (1, 1)


def test_only_what_changed_is_planned_again(run):
    before = {unit.key: unit.fingerprint for unit in ManifestStage().plan(run)}
    hits = tables.read(run.layout.hits, HITS).to_pylist()
    harp = wnid_of(run.layout, "harp.n.01")
    changed = [{**row, "title": "another title"} if row["wnid"] == harp else row for row in hits]
    tables.write_rows(run.layout.hits, HITS, changed)
    after = {unit.key: unit.fingerprint for unit in ManifestStage().plan(run)}
    assert {key for key in before if before[key] != after[key]} == {harp}


def test_a_manifest_of_a_synset_without_hits_is_removed(run):
    harp = wnid_of(run.layout, "harp.n.01")
    hits = [row for row in tables.read(run.layout.hits, HITS).to_pylist() if row["wnid"] != harp]
    tables.write_rows(run.layout.hits, HITS, hits)
    stage = ManifestStage()
    assert harp not in {unit.key for unit in stage.plan(run)}
    stage.finish(run)
    assert not run.layout.manifest(harp).exists()
    assert run.layout.manifest(wnid_of(run.layout, "cello.n.01")).exists()


def test_urls_alone_are_a_run(instruments, tmp_path):
    config = make_config(instruments, enabled=False)
    outcome = run_build(config, tmp_path / "run")
    layout = RunLayout(tmp_path / "run")
    assert not layout.shards.exists()
    path = layout.manifest(wnid_of(layout, "violin.n.01"))
    rows = tables.read(path, MANIFEST).to_pylist()
    assert len(rows) == 8
    assert all(row["kept"] and row["sha256"] is None and row["url"].startswith("file:///") for row in rows)
    totals = outcome.stages[-1].counts
    assert totals["seen"] == totals["kept"] > 8
    assert totals["waiting"] == totals["refused"] == totals["duplicates"] == 0
    assert list(check_run(RunContext(layout, config))) == []


def test_a_run_can_be_moved(finished, instruments, tmp_path):
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(finished.root, moved)
    assert list(check_run(RunContext(RunLayout(moved), make_config(instruments)))) == []
