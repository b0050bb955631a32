"""An engine that takes several requests at once: as many synsets as that, the same rows whatever is answered first."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext, UnitResult, WorkUnit
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.search import lane, registry
from imagenet_build.search.engine import EngineInfo
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.known_yields import KnownYields, slot_of
from imagenet_build.search.stage import SearchStage
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import HITS, QUERIES, SYNSETS
from tests.fakes.openverse_server import OpenverseServer, blocked
from tests.fakes.request_log import Call
from tests.fakes.server import Reply

AT_ONCE = 3
WNIDS = [f"n{10_000_000 + number:08d}" for number in range(30)]
LONGEST_S = 10.0


class Brisk(Openverse):
    """Openverse, by another name, that takes three requests at once."""

    info: EngineInfo = replace(Openverse.info, name="brisk", concurrency=AT_ONCE, quota_per_day=None)


class Uneven(OpenverseServer):
    """Answers in another order with every seed; `gate`: the first answers wait until so many requests are there."""

    rng = random.Random(1)
    gate = 0

    def __init__(self, held: list[dict[str, Any]]) -> None:
        super().__init__(held)
        self._enough = asyncio.Event()

    async def fault(self, request: web.Request) -> web.StreamResponse | None:
        if len(self.log.calls) >= self.gate:
            self._enough.set()
        await asyncio.wait_for(self._enough.wait(), LONGEST_S)
        await asyncio.sleep(0.05 if request.query["q"] == "common" else self.rng.uniform(0.0, 0.02))
        return await super().fault(request)


@pytest.fixture
def server(monkeypatch) -> Iterator[Uneven]:
    monkeypatch.setitem(registry._ENGINES, "brisk", (Brisk.info, lambda config, *_: Brisk(config.base_url)))
    with Uneven(pictures()) as running:
        yield running


def pictures() -> list[dict[str, Any]]:
    """Names alone find little in the first synsets, and enough in the later ones."""
    titles = []
    for number in range(len(WNIDS)):
        titles += [f"kind thing{number} {copy}" for copy in range(8)]
        titles += [f"name{number} {copy}" for copy in range(12 if number >= 15 else 1)]
    titles += [f"common {copy}" for copy in range(5)]
    return [{"title": t, "url": f"https://photos.example.org/{t.replace(' ', '-')}.jpg"} for t in titles]


def make_run(folder: Path, server: Uneven, min_delay_s: float = 0.0) -> RunContext:
    engine = {"name": "brisk", "base_url": server.base_url, "min_delay_s": min_delay_s}
    data = {
        "search": {"engines": [engine], "attempts": 2, "candidates_per_synset": 10},
        "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
    }
    run = RunContext(RunLayout(folder), BuildConfig.model_validate(data))
    queries, synsets = [], []
    for number, wnid in enumerate(WNIDS):
        asked = ((f"name{number}", "synonym"), (f"kind thing{number}", "parent_word"), ("common", "latin"))
        for place, (text, origin) in enumerate(asked):
            fixed = {"language": "eng", "position": place, "ambiguity": 1}
            queries.append({"wnid": wnid, "text": text, "origin": origin, **fixed})
        fixed = {"gloss": "", "hypernyms": [], "depth": 0, "is_organism": False}
        synsets.append({"wnid": wnid, "name": f"name{number}.n.01", "lemmas": [f"name{number}"], "root": wnid, **fixed})
    tables.write_rows(run.layout.queries, QUERIES, queries)
    tables.write_rows(run.layout.synsets, SYNSETS, synsets)
    return run


def search(
    run: RunContext, units: list[WorkUnit] | None = None, then: Callable[[], None] = lambda: None
) -> list[UnitResult]:
    """Run the units (all of the plan unless given) and publish; `then` is called whenever one has ended."""
    stage = SearchStage()
    results: list[UnitResult] = []

    def ended(result: UnitResult) -> None:
        results.append(result)
        then()

    LocalExecutor().run(stage, list(stage.plan(run)) if units is None else units, run, ended, lambda _: None)
    stage.finish(run)
    return results


def hits(run: RunContext) -> list[dict[str, Any]]:
    return tables.read(run.layout.hits, HITS).to_pylist()


def asked_twice(calls: list[Call]) -> list[tuple[tuple[str, str], ...]]:
    counts = Counter(tuple(sorted(call.query.items())) for call in calls)
    return [question for question, count in counts.items() if count > 1]


def test_as_many_at_once_as_the_engine_takes_and_no_more(tmp_path, server):
    server.gate = AT_ONCE  # not one answer before there are so many requests
    results = search(make_run(tmp_path, server))
    assert [result.problem for result in results] == [""] * len(WNIDS)
    assert server.log.most_at_once() == AT_ONCE
    assert asked_twice(server.log.calls) == []  # `common` is everybody's query
    assert sum(result.counts["requests"] for result in results) == server.log.count()


def test_what_is_answered_first_changes_no_row(tmp_path, server):
    found = []
    for seed in range(3):
        server.rng = random.Random(seed)
        run = make_run(tmp_path / str(seed), server)
        search(run)
        found.append(hits(run))
    assert found[0] == found[1] == found[2]
    assert {row["wnid"] for row in found[0]} == set(WNIDS)


def test_what_synsets_learn_from_each_other_shows_in_the_rows(tmp_path, server, monkeypatch):
    """Else the test above would say nothing."""
    learnt, untaught = (make_run(tmp_path / name, server) for name in ("learnt", "untaught"))
    search(learnt)
    monkeypatch.setattr(KnownYields, "before", lambda *_: {})
    search(untaught)
    assert hits(learnt) != hits(untaught)


def test_a_broken_run_goes_on_to_the_same_rows(tmp_path, server):
    """Killed while some slots were ahead of others."""
    whole, broken = make_run(tmp_path / "whole", server), make_run(tmp_path / "broken", server)
    search(whole)
    server.log.clear()
    units = list(SearchStage().plan(broken))
    slots = {unit.key: slot_of(unit.key.partition("/")[0], AT_ONCE) for unit in units}
    ahead = [2, 7, 4]
    done = [unit for place, unit in enumerate(units) if place // AT_ONCE < ahead[slots[unit.key]]]
    search(broken, done)
    assert len(hits(broken)) < len(hits(whole))
    search(broken, [unit for unit in units if unit not in done])
    assert hits(broken) == hits(whole)
    assert asked_twice(server.log.calls) == []


def test_slots_are_lanes_and_each_synset_has_one_for_good(tmp_path, server):
    run = make_run(tmp_path, server)
    lanes = {unit.key: unit.lane for unit in SearchStage().plan(run)}
    assert Counter(lanes.values()) == {"brisk#0": 10, "brisk#1": 10, "brisk#2": 10}
    assert SearchStage().lanes_at_once(run) == AT_ONCE
    rows = tables.read(run.layout.queries, QUERIES).to_pylist()
    tables.write_rows(run.layout.queries, QUERIES, [row for row in rows if row["wnid"] > WNIDS[3]])
    fewer = {unit.key: unit.lane for unit in SearchStage().plan(run)}
    assert fewer.items() <= lanes.items()


def test_a_quota_is_not_passed_by_requests_that_wait_together(tmp_path, server, monkeypatch):
    monkeypatch.setattr(lane, "is_local", lambda config: False)
    info = replace(Brisk.info, quota_per_day=4)
    monkeypatch.setattr(Brisk, "info", info)
    monkeypatch.setitem(registry._ENGINES, "brisk", (info, lambda config, *_: Brisk(config.base_url)))
    results = search(make_run(tmp_path, server, min_delay_s=0.03))  # so that they do wait
    assert server.log.count() == 4
    assert all("parked" in result.problem for result in results if result.problem)
    assert sum(bool(result.problem) for result in results) >= len(WNIDS) - 2


def test_an_engine_that_refuses_one_is_not_asked_for_the_others(tmp_path, server):
    later = Reply(200, b'{"result_count": 0, "page_count": 0, "results": []}', "application/json", mode="wait")
    server.gate = AT_ONCE
    server.at(1, later)
    server.at(2, blocked())
    server.at(3, later)
    results = search(make_run(tmp_path, server), then=server.release)
    assert server.log.count() == AT_ONCE  # those that were under way; the two that wait are answered when it stands
    assert len({result.problem for result in results}) == 1
    assert "brisk stopped" in results[0].problem
    assert "gatekeeper" in results[0].problem
