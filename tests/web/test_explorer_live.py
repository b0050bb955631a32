"""A run that grows while it is looked at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.config.models import BuildConfig
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.schemas import HITS, SEARCH_REJECTIONS
from imagenet_build.verify.vote_tables import verdicts_folder
from imagenet_build.web.explorer.picture_table import PictureTables
from imagenet_build.web.explorer.run_view import RunView
from imagenet_build.web.explorer.synset_page import describe, read_yields

CONFIG = BuildConfig.model_validate(
    {"taxonomy": {"roots": ["musical_instrument.n.01"]}, "search": {"engines": [{"name": "openverse"}]}}
)


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[RunLayout]:
    """A run directory as a build has it in its first moment, locked by the build."""
    with writing(tmp_path / "run", CONFIG) as layout:
        yield layout


@pytest.fixture
def view(growing: RunLayout) -> Iterator[RunView]:
    made = RunView(growing)
    made.open()
    yield made
    made.close()


def give(layout: RunLayout, large: RunLayout, *names: str) -> None:
    for name in names:
        shutil.copy(large.root / name, layout.root / name)


def record(layout: RunLayout, stage: str, units: dict[str, dict[str, int]], problem: str = "") -> None:
    state = RunState(layout.state)
    try:
        for key, counts in units.items():
            state.record_unit(stage, key, "f", counts, problem)
    finally:
        state.close()


def wnids_of(large: RunLayout) -> list[str]:
    return [str(wnid) for wnid in pq.read_table(large.synsets, columns=["wnid"])["wnid"].to_pylist()]


def test_from_nothing_to_verdicts(view: RunView, growing: RunLayout, large: RunLayout) -> None:
    wnids = wnids_of(large)
    now = view.settled()
    assert (len(now.concepts.tree), now.measure, now.status["building"]) == (0, "", True)
    assert [stage["state"] for stage in now.status["stages"]] == ["waiting"] * 6

    give(growing, large, "synsets.parquet")
    now = view.settled()
    assert (len(now.concepts.tree), now.measure) == (60, "")
    give(growing, large, "queries.parquet")
    assert view.settled().concepts.queries.num_rows == 60 * 22

    record(growing, "search", {f"{wnids[0]}/openverse": {"hits": 9}, f"{wnids[1]}/openverse": {"hits": 4}})
    now = view.settled()
    assert (now.measure, now.totals["hits"]) == ("hits", 13)
    search = next(stage for stage in now.status["stages"] if stage["name"] == "search")
    assert (search["done"], search["total"], search["state"]) == (2, 60, "at work")

    record(growing, "dedup", {wnids[0]: {"images": 7}})
    assert view.settled().measure == "images"

    growing.manifests.mkdir()
    give(growing, large, f"manifest/{wnids[0]}.parquet")
    now = view.settled()
    first = json.loads(pq.read_schema(large.manifest(wnids[0])).metadata[b"imagenet_build.counts"])["kept"]
    assert (now.measure, now.totals["kept"], now.totals["manifests"]) == ("kept", first, 1)
    give(growing, large, f"manifest/{wnids[1]}.parquet")
    assert view.settled().totals["manifests"] == 2
    growing.manifest(wnids[1]).unlink()
    now = view.settled()
    assert (now.totals["manifests"], now.totals["kept"]) == (1, first)

    report = {"synsets": [{"wnid": wnids[0], "accepted": 3, "rejected": 1, "undecided": 0}]}
    verdicts_folder(growing).mkdir()
    (verdicts_folder(growing) / "report.json").write_text(json.dumps(report))
    assert view.settled().totals["accepted"] == 3


def test_nothing_new_is_no_new_version(view: RunView, growing: RunLayout, large: RunLayout) -> None:
    give(growing, large, "synsets.parquet", "queries.parquet")
    version = view.settled().version
    assert view.settled().version == version


def test_problems_of_units_are_told(view: RunView, growing: RunLayout) -> None:
    record(growing, "search", {"n01000000/openverse": {}}, problem="openverse wants a pause")
    stages = {stage["name"]: stage for stage in view.settled().status["stages"]}
    assert stages["search"]["problems"] == {"openverse wants a pause": 1}


def test_a_build_that_ended_is_no_longer_at_work(tmp_path: Path) -> None:
    with writing(tmp_path / "run", CONFIG) as layout:
        view = RunView(layout)
        view.open()
        assert view.settled().status["building"] is True
    assert view.settled().status["building"] is False
    view.close()


def test_hits_are_told_while_the_search_is_at_work(view: RunView, growing: RunLayout, large: RunLayout) -> None:
    give(growing, large, "synsets.parquet", "queries.parquet")
    wnid = wnids_of(large)[0]
    hits = pq.read_table(large.hits, filters=[("wnid", "=", wnid)]).select(HITS.names).cast(HITS)
    growing.pages("openverse").parent.mkdir()
    store = PageStore(growing.pages("openverse"))
    store.keep_hits(wnid, hits, pa.table(SEARCH_REJECTIONS.empty_table()))
    store.close()
    now = view.settled()
    said = read_yields(growing, now, wnid)
    assert (said["is_final"], said["has_manifest"]) == (False, False)
    assert sum(row["hits"] for row in said["queries"]) == hits.num_rows
    page: dict[str, Any] = describe(now, now.concepts.tree.number[wnid], PictureTables(growing).of(wnid), "")
    assert (page["has_manifest"], page["shown"], page["problem"]) == (False, {}, "")


def test_a_damaged_table_is_told_until_it_is_mended(view: RunView, growing: RunLayout, large: RunLayout) -> None:
    growing.synsets.write_bytes(b"nothing")
    assert "synsets.parquet cannot be read" in view.settled().problem
    assert "synsets.parquet cannot be read" in view.settled().problem  # with every look
    give(growing, large, "synsets.parquet")
    now = view.settled()
    assert (now.problem, len(now.concepts.tree)) == ("", 60)
