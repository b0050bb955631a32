"""The statistics of a run that a real build made, beside counts by hand; and of runs that have not come far."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.errors import DataError
from imagenet_build.stats.document import Statistics, from_json, to_json
from imagenet_build.stats.gather import gather_run, steps_of
from imagenet_build.stats.sample_files import default_sample, draw_run_sample, sample_votes, write_sample
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_state import RunState
from imagenet_build.verify.vote_tables import VERDICTS, VOTES, verdicts_folder, votes_folder

MANIFESTS = ("manifest", "manifests.parquet")
"""What the manifest stage writes: its folder, and the index over it."""


@pytest.fixture(scope="module")
def run(built) -> Path:
    return built[1]


@pytest.fixture(scope="module")
def found(run) -> Statistics:
    return gather_run(run)


@pytest.fixture(scope="module")
def rows(run) -> pd.DataFrame:
    """Every row of every manifest."""
    return pd.concat([pq.read_table(path).to_pandas() for path in sorted((run / "manifest").glob("*.parquet"))])


@pytest.fixture
def copy(run, tmp_path) -> Path:
    """The run, to be changed."""
    return Path(shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("images", "search")))


def why(statistics: Statistics) -> dict[str, str]:
    return {absent.section: absent.why for absent in statistics.absent}


def without(run: Path, *names: str) -> Path:
    for name in names:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return run


def judge(run: Path, rows: pd.DataFrame) -> dict[str, str]:
    """Write verdicts on all but some of the kept images; candidate_id -> verdict."""
    kept = rows[rows.kept].sort_values("candidate_id")
    words = ("accepted", "accepted", "rejected", "undecided", "")
    given = {candidate: words[place % 5] for place, candidate in enumerate(kept.candidate_id)}
    for wnid, part in kept.groupby("wnid"):
        verdicts = [
            {"image": image, "wnid": wnid, "probability": 0.5, "verdict": given[image]}
            | dict.fromkeys(("yes", "no", "unsure", "votes"), 1)
            for image in part.candidate_id
            if given[image]
        ]
        path = verdicts_folder(RunLayout(run)) / f"{wnid}.parquet"
        tables.write_table(path, pa.Table.from_pylist(verdicts, VERDICTS))
    return given


def test_totals_are_those_of_the_tables(run, found, rows):
    hits = pq.read_table(run / "hits.parquet").to_pandas()
    totals = found.totals
    assert totals.synsets == pq.read_table(run / "synsets.parquet").num_rows
    assert totals.hits == len(hits)
    assert totals.distinct == len(hits.drop_duplicates(["wnid", "url_key"]))
    assert totals.candidates == len(rows)
    assert totals.kept == rows.kept.sum()
    assert totals.duplicates == (~rows.kept).sum() > 0
    assert totals.refused == pq.read_table(run / "rejections.parquet").num_rows > 0
    assert totals.distinct == totals.candidates + totals.refused + totals.waiting
    assert totals.nonempty == rows[rows.kept].wnid.nunique() < totals.synsets
    assert totals.distinct_pictures == rows[rows.kept].pixel_sha256.nunique()
    assert totals.kept_bytes == rows[rows.kept]["size"].sum()
    assert totals.accepted is None


def test_images_per_synset_hold_empty_synsets_too(found):
    assert found.images_per_synset.synsets == found.totals.synsets
    assert found.images_per_synset.images == found.totals.kept
    assert found.images_per_synset.empty == found.totals.synsets - found.totals.nonempty
    assert found.images_per_synset.of == "kept"


def test_engines_by_hand(found, rows):
    finders = defaultdict(set)
    for group, queries in zip(rows.group_id, rows.queries, strict=True):
        finders[group].update(query["engine"] for query in queries)
    kept = Counter(engine for engines in finders.values() for engine in engines)
    alone = Counter(engine for engines in finders.values() if len(engines) == 1 for engine in engines)
    assert found.found_by is not None
    assert {row.name: (row.kept, row.alone) for row in found.found_by.engines} == {
        engine: (kept[engine], alone[engine]) for engine in kept
    }
    assert set(kept) == {"openverse", "collection"}


def test_sizes_licences_and_hosts(found, rows):
    kept = rows[rows.kept]
    assert found.sizes is not None
    assert found.sizes.mean_width == pytest.approx(kept.width.mean())
    assert {row.name: row.kept for row in found.licenses or ()} == kept.license.value_counts().to_dict()
    assert found.hosts is not None
    assert sum(row.kept for row in found.hosts.top) + found.hosts.rest.kept == len(kept)
    assert sum(row.refused for row in found.hosts.top) + found.hosts.rest.refused == found.totals.refused


def test_refusals_and_duplicates(run, found, rows):
    refused = pq.read_table(run / "rejections.parquet").to_pandas().reason.value_counts().to_dict()
    assert {row.reason: row.count for row in found.refusals or () if row.stage == "download"} == refused
    assert found.duplicates is not None
    assert dict(found.duplicates.reasons) == rows[~rows.kept].duplicate_reason.value_counts().to_dict()
    assert found.duplicates.groups == rows[~rows.kept].group_id.nunique()


def test_colours_of_kept_images(found, rows):
    kept = np.stack([np.frombuffer(tiny, np.uint8) for tiny in rows[rows.kept].tiny]).reshape(-1, 3) / 255
    assert found.colours is not None
    assert found.colours.mean == pytest.approx(kept.mean(axis=0))
    assert found.colours.std == pytest.approx(kept.std(axis=0))


def test_diversity_is_of_synsets_with_enough_pictures(found, rows):
    assert found.diversity
    kept = rows[rows.kept].groupby("wnid").size()
    assert {of.wnid: of.pictures for of in found.diversity} == kept[kept >= 2 * found.diversity[0].averaged].to_dict()
    assert all(of.low <= of.bytes <= of.high for of in found.diversity)


def test_subtrees_begin_with_the_configured_roots(found, rows):
    animal, instrument = found.subtrees[:2]
    assert (animal.name, instrument.name) == ("animal.n.01", "musical_instrument.n.01")
    assert animal.is_root
    assert animal.images + instrument.images == found.totals.kept


def test_rows_of_synsets_add_up(found, rows):
    kept = rows[rows.kept].groupby("wnid").size()
    assert {row.wnid: row.images for row in found.synsets if row.images} == kept.to_dict()
    for total, name in (("hits", "hits"), ("candidates", "candidates"), ("refused", "refused"), ("kept", "images")):
        assert sum(getattr(row, name) for row in found.synsets) == getattr(found.totals, total)
    assert all(row.height == 0 for row in found.synsets if row.name == "whippet.n.01")


def test_it_becomes_json_and_nothing_of_this_machine(run, found):
    text = to_json(found)
    assert from_json(text) == found
    assert str(run.parent) not in text.decode()


def test_it_says_what_is_missing(found):
    assert set(why(found)) == {"accepted_per_synset", "leaks", "precision"}


def test_every_step_is_told(run):
    told: list[int] = []
    gather_run(run, advance=told.append)
    assert sum(told) == steps_of(run) > 0


def test_order_of_rows_does_not_matter(copy, found):
    for path in (copy / "manifest").glob("*.parquet"):
        table = pq.read_table(path)
        tables.write_table(path, table.take(list(range(table.num_rows))[::-1]), tables.metadata(path))
    assert gather_run(copy).found_by == found.found_by
    assert gather_run(copy).diversity == found.diversity
    assert gather_run(copy).colours == found.colours


def test_verdicts_are_counted(copy, rows):
    given = judge(copy, rows)
    found = gather_run(copy)
    words = Counter(given.values())
    totals = found.totals
    assert (totals.accepted, totals.rejected) == (words["accepted"], words["rejected"])
    assert (totals.undecided, totals.unasked) == (words["undecided"], words[""])
    assert found.accepted_per_synset is not None
    assert found.accepted_per_synset.images == words["accepted"]
    assert sum(row.accepted or 0 for row in found.synsets) == words["accepted"]
    assert sum(row.accepted or 0 for row in found.licenses or ()) == words["accepted"]
    assert found.subtrees[0].accepted + found.subtrees[1].accepted == words["accepted"]
    by_hand = Counter()
    for group, part in rows.groupby("group_id"):
        if given[group] == "accepted":
            by_hand.update({query["engine"] for queries in part.queries for query in queries})
    assert {row.name: row.accepted for row in found.found_by.engines} == dict(by_hand)
    assert "accepted_per_synset" not in why(found)


def test_a_verdict_on_what_is_gone_does_not_count(copy, rows):
    judge(copy, rows)
    wnid = rows[rows.kept].wnid.iloc[0]
    before = next(row for row in gather_run(copy).synsets if row.wnid == wnid)
    path = copy / "manifest" / f"{wnid}.parquet"
    tables.write_table(path, pq.read_table(path).slice(0, 0), tables.metadata(path))
    after = next(row for row in gather_run(copy).synsets if row.wnid == wnid)
    assert (before.accepted or 0) + (before.rejected or 0) > 0
    assert (after.accepted, after.rejected, after.undecided, after.candidates) == (0, 0, 0, 0)


def test_an_independent_check_is_shown(copy, rows):
    layout = RunLayout(copy)
    path = default_sample(layout)
    stored = draw_run_sample(layout, of="kept", synsets=8, pictures=3, seed=1)
    write_sample(path, layout, stored)
    assert gather_run(copy).precision is None  # no vote yet
    for wnid, images in stored.images.items():
        votes = [
            {"image": image, "wnid": wnid, "worker": "me", "answer": "yes", "source": "web", "task": "t"}
            | {"position": place, "milliseconds": None, "time": place, "gold": ""}
            for place, image in enumerate(images)
        ]
        tables.write_rows(votes_folder(sample_votes(layout, path)) / f"{wnid}.parquet", VOTES, votes)
    found = gather_run(copy)
    assert found.precision is not None
    overall = found.precision[-1]
    assert (overall.depth, overall.precision) == (None, 1.0)
    assert overall.pictures == overall.correct == sum(map(len, stored.images.values()))
    assert "precision" not in why(found)
    assert any("independent check" in of.evidence for of in found.properties if of.name == "Clean")
    assert found.totals.accepted is None  # a check is no verdict


def test_without_manifests_candidates_are_counted(copy, rows):
    found = gather_run(without(copy, *MANIFESTS, "conflicts.parquet", "duplicates.parquet", "leaks.parquet"))
    assert found.totals.kept is None
    assert found.totals.candidates == found.images_per_synset.images == len(rows)
    assert found.images_per_synset.of == "candidates"
    assert found.sizes is not None
    assert found.sizes.images == found.colours.images == len(rows)
    assert (found.diversity, found.licenses, found.duplicates, found.conflicts) == (None, None, None, None)
    assert "no manifests yet" in why(found)["images_per_synset"]


def test_a_stage_that_is_open_again_is_said(copy, found):
    state = RunState(copy / "state.sqlite")
    state.record_stage("download", "", 0, 0.0)  # as `retry` does
    state.close()
    again = gather_run(copy)
    assert "Not finished: download." in why(again)["totals"]
    assert again.totals == found.totals


def test_a_run_that_has_searched_only(copy):
    names = (*MANIFESTS, "conflicts.parquet", "duplicates.parquet", "leaks.parquet", "images.parquet")
    found = gather_run(without(copy, *names, "rejections.parquet", "download.sqlite"))
    assert found.found_by is not None
    assert found.totals.candidates is None
    assert found.images_per_synset.images == 0
    assert (found.sizes, found.hosts, found.colours) == (None, None, None)
    assert "No image is stored." in why(found)["sizes"]
    assert found.shape is not None


def test_a_run_that_has_begun_only(tmp_path, run):
    (tmp_path / "run").mkdir()
    shutil.copy(run / "run.json", tmp_path / "run")
    found = gather_run(tmp_path / "run")
    assert found.totals.synsets == 0
    assert found.shape is None
    assert {"synsets", "found_by", "images_per_synset", "sizes"} <= set(why(found))
    assert from_json(to_json(found)) == found


def test_a_run_whose_wordnet_is_gone(copy, found):
    record = json.loads((copy / "run.json").read_text())
    record["config"]["taxonomy"]["wordnet_dir"] = str(copy / "nowhere")
    (copy / "run.json").write_text(json.dumps(record))
    without_it = gather_run(copy)
    assert without_it.shape == found.shape  # the run holds whole subtrees
    assert without_it.subtrees == found.subtrees
    assert "the run itself names" in why(without_it)["subtrees"]
    assert without_it.identity.inputs[0].sha256 == ""


def test_a_damaged_manifest_is_named(copy):
    path = next((copy / "manifest").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=path.name):
        gather_run(copy)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no run\.json"):
        gather_run(tmp_path)
