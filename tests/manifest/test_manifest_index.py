"""The index over the manifests: what it says, when it is there, and who does without it."""

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from imagenet_build.contracts import RunContext
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.manifest.check import check_run, manifest_rows
from imagenet_build.manifest.stage import ManifestStage
from imagenet_build.pipeline import build
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import manifest_sizes, manifest_wnids, read_index, row_of_file, write_index
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.run_status import synset_statuses
from imagenet_build.storage.schemas import HITS, MANIFESTS
from imagenet_build.verify.run_pictures import synsets_with_pictures
from tests.manifest.conftest import Quiet, make_config, run_build
from tests.manifest.test_manifest_stage import wnid_of

Rows = list[dict[str, Any]]


def index_rows(layout: RunLayout) -> Rows:
    table = read_index(layout)
    assert table is not None
    rows: Rows = table.to_pylist()
    return rows


def without_index(run: RunContext, ask: Callable[[RunLayout], Any]) -> Any:
    aside = run.layout.root / "aside"
    run.layout.manifest_index.rename(aside)
    try:
        return ask(run.layout)
    finally:
        aside.rename(run.layout.manifest_index)


def test_it_says_of_each_file_what_the_file_says(finished):
    rows = index_rows(finished)
    assert [row["wnid"] for row in rows] == sorted(path.stem for path in finished.manifests.iterdir())
    for row in rows:
        path = finished.root / row["file"]
        said = tables.metadata(path)
        assert {key: row[key] for key in ("seen", "kept", "duplicates", "refused", "waiting")} == json.loads(
            said["imagenet_build.counts"]
        )
        assert (row["name"], row["rows"]) == (said["imagenet_build.synset"], tables.row_count(path))
        assert row["bytes"] == path.stat().st_size
        assert row == row_of_file(finished, row["wnid"])


def test_readers_see_the_same_with_and_without_it(run):
    for ask in (manifest_wnids, manifest_sizes, synsets_with_pictures):
        assert ask(run.layout) == without_index(run, ask)
    with_it = list(synset_statuses(run.layout))
    assert len(with_it) == 5
    assert with_it == without_index(run, lambda layout: list(synset_statuses(layout)))
    assert manifest_rows(run) == without_index(run, lambda _: manifest_rows(run))


def test_readers_of_an_index_open_no_manifest(run):
    expected = manifest_sizes(run.layout), list(synset_statuses(run.layout)), synsets_with_pictures(run.layout)
    for path in run.layout.manifests.iterdir():
        path.write_bytes(b"")
    assert (
        manifest_sizes(run.layout),
        list(synset_statuses(run.layout)),
        synsets_with_pictures(run.layout),
    ) == expected


def test_an_index_that_is_lost_comes_back_with_the_next_build(run, instruments):
    before = run.layout.manifest_index.read_bytes()
    run.layout.manifest_index.unlink()
    outcome = run_build(make_config(instruments), run.layout.root)
    assert (outcome.stages[-1].name, outcome.stages[-1].ran) == ("manifest", 0)
    assert run.layout.manifest_index.read_bytes() == before


def test_units_of_an_older_version_recorded_no_length(run, instruments):
    before = index_rows(run.layout)
    state = RunState(run.layout.state)
    for wnid, unit in state.units("manifest").items():
        counts = {key: value for key, value in unit.counts.items() if key != "bytes"}
        state.record_unit("manifest", wnid, unit.fingerprint, counts, "")
    state.close()
    run.layout.manifest_index.unlink()
    assert [status.counts["seen"] for status in synset_statuses(run.layout)] == [row["seen"] for row in before]
    run_build(make_config(instruments), run.layout.root)
    assert index_rows(run.layout) == before


def test_it_is_away_while_manifests_are_written(run, instruments):
    """A build that dies in the stage leaves no index that disagrees with the files."""
    hits = tables.read(run.layout.hits, HITS).to_pylist()
    violin = wnid_of(run.layout, "violin.n.01")
    tables.write_rows(
        run.layout.hits, HITS, [{**row, "title": "new"} if row["wnid"] == violin else row for row in hits]
    )

    class Dies(LocalExecutor):
        """Stops after the first unit of the last stage, as a kill would."""

        def run(self, stage: Any, units: Any, run: RunContext, on_result: Any, advance: Any) -> None:
            for unit in units:
                assert stage.name == "manifest"
                assert not run.layout.manifest_index.exists()
                on_result(stage.run_unit(unit, run))
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(make_config(instruments), run.layout.root, Quiet(), executor=Dies())
    assert not run.layout.manifest_index.exists()
    assert manifest_wnids(run.layout) == sorted(path.stem for path in run.layout.manifests.iterdir())
    assert len(list(synset_statuses(run.layout))) == 5
    run_build(make_config(instruments), run.layout.root)
    assert list(check_run(run)) == []


def test_a_synset_without_hits_leaves_it(run):
    harp = wnid_of(run.layout, "harp.n.01")
    tables.write_rows(
        run.layout.hits,
        HITS,
        [row for row in tables.read(run.layout.hits, HITS).to_pylist() if row["wnid"] != harp],
    )
    ManifestStage().finish(run)
    assert harp not in manifest_wnids(run.layout)
    assert len(manifest_wnids(run.layout)) == 4


def test_a_stage_that_dies_after_removing_a_manifest_leaves_no_index(run):
    harp = wnid_of(run.layout, "harp.n.01")
    rows = [row for row in tables.read(run.layout.hits, HITS).to_pylist() if row["wnid"] != harp]
    tables.write_rows(run.layout.hits, HITS, rows)
    (run.layout.root / f".manifests.parquet.{os.getpid()}.part").mkdir()  # where the new index is written aside
    with pytest.raises(IsADirectoryError):
        ManifestStage().finish(run)
    assert not run.layout.manifest(harp).exists()
    assert harp not in manifest_wnids(run.layout)


def lose_row(rows: Rows) -> Rows:
    return rows[1:]


def foreign_row(rows: Rows) -> Rows:
    return [*rows, {**rows[-1], "wnid": "n09999999"}]


def another_order(rows: Rows) -> Rows:
    return rows[::-1]


def more_kept(rows: Rows) -> Rows:
    return [{**rows[0], "kept": rows[0]["kept"] + 1}, *rows[1:]]


def another_length(rows: Rows) -> Rows:
    return [*rows[:-1], {**rows[-1], "bytes": 1}]


def another_file(rows: Rows) -> Rows:
    return [{**rows[0], "file": rows[1]["file"]}, *rows[1:]]


@pytest.mark.parametrize("harm", [lose_row, foreign_row, another_order, more_kept, another_length, another_file])
def test_check_finds_an_index_that_disagrees(run, harm):
    write_index(run.layout, harm(index_rows(run.layout)))
    (finding,) = check_run(run)
    assert finding.code == "M108"


@pytest.mark.parametrize("harm", ["missing", "cut", "other columns"])
def test_check_finds_an_index_that_cannot_be_read(run, harm):
    path = run.layout.manifest_index
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        shutil.copy(run.layout.left_out, path)
    (finding,) = check_run(run)
    assert (finding.code, finding.where) == ("T101", "manifests.parquet")


def test_columns_say_what_they_are():
    assert all(field.metadata[b"about"] for field in MANIFESTS)
