"""The search stage: lanes of engines, units with problems, what is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.collection.index import build_index
from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext, UnitResult, WorkUnit
from imagenet_build.errors import ConfigError
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.search.lane import FAILURES_IN_A_ROW
from imagenet_build.search.preflight import check_engines
from imagenet_build.search.stage import SearchStage
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import HITS, QUERIES, SEARCH_REJECTIONS, SYNSETS
from tests.fakes import openverse_server
from tests.fakes.commons_server import CommonsServer
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.pictures import photo
from tests.fakes.server import Reply

WNIDS = {"n01503061": "bird", "n02084071": "dog", "n02121620": "cat", "n03800933": "drum", "n04536866": "violin"}


@pytest.fixture
def openverse() -> Iterator[OpenverseServer]:
    titles = [(f"{word} {number}", word) for word in WNIDS.values() for number in range(25)]
    with OpenverseServer(
        [
            {"title": title, "url": f"https://photos.example.org/{word}/{title[-2:].strip()}.jpg"}
            for title, word in titles
        ]
    ) as server:
        yield server


@pytest.fixture
def commons() -> Iterator[CommonsServer]:
    with CommonsServer([{"title": f"{word} {number}.jpg"} for word in WNIDS.values() for number in range(3)]) as server:
        yield server


def make_run(folder: Path, *engines: dict[str, Any], **search: Any) -> RunContext:
    engines = tuple({"min_delay_s": 0, **engine} for engine in engines)
    data = {
        "search": {"engines": engines, "attempts": 1, **search},
        "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
    }
    return RunContext(RunLayout(folder), BuildConfig.model_validate(data))


def publish_queries(run: RunContext, more: dict[str, list[str]] | None = None) -> None:
    rows = [
        {"wnid": wnid, "text": text, "language": "eng", "origin": "synonym", "position": place, "ambiguity": 1}
        for wnid, word in WNIDS.items()
        for place, text in enumerate([word, *(more or {}).get(wnid, [])])
    ]
    tables.write_rows(run.layout.queries, QUERIES, rows)
    synsets = [
        {
            **{"wnid": wnid, "name": f"{word}.n.01", "lemmas": [word], "gloss": "", "hypernyms": [], "depth": 0},
            **{"is_organism": word in ("bird", "dog", "cat"), "root": wnid},
        }
        for wnid, word in WNIDS.items()
    ]
    tables.write_rows(run.layout.synsets, SYNSETS, synsets)


def run_stage(run: RunContext, units: list[WorkUnit] | None = None) -> dict[str, UnitResult]:
    """Run the units (all of the plan unless given) and publish."""
    stage = SearchStage()
    results: dict[str, UnitResult] = {}
    items: list[int] = []
    units = list(stage.plan(run)) if units is None else units

    def record(result: UnitResult) -> None:
        assert result.unit.key not in results
        results[result.unit.key] = result

    LocalExecutor().run(stage, units, run, record, items.append)
    assert sorted(results) == sorted(unit.key for unit in units)
    assert sum(items) == len(units)
    stage.finish(run)
    return results


def hits(run: RunContext) -> list[dict[str, Any]]:
    return tables.read(run.layout.hits, HITS).to_pylist()


def openverse_at(server: OpenverseServer) -> dict[str, Any]:
    return {"name": "openverse", "base_url": server.base_url}


def commons_at(server: CommonsServer) -> dict[str, Any]:
    return {"name": "wikimedia", "base_url": server.base_url}


def test_every_engine_is_asked_for_every_synset_and_the_rows_are_in_order(tmp_path, openverse, commons):
    run = make_run(tmp_path, commons_at(commons), openverse_at(openverse))
    publish_queries(run, {"n02084071": ["dog 7"]})
    results = run_stage(run)
    assert {key: result.problem for key, result in results.items() if result.problem} == {}
    assert results["n02084071/openverse"].counts == {
        "queries": 2,
        "queries_skipped": 0,
        "requests": 3,
        "hits": 26,
        "refused": 0,
        "queries_refused": 0,
        "slices": 0,
    }
    rows = hits(run)
    order = {"wikimedia": 0, "openverse": 1}
    keys = [(row["wnid"], row["position"], order[row["engine"]], row["rank"]) for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == 5 * 25 + 1 + 5 * 3
    first = rows[0]
    assert (first["wnid"], first["engine"], first["query"], first["origin"]) == (
        "n01503061",
        "wikimedia",
        "bird",
        "synonym",
    )
    assert first["license"] == "by-sa"


def test_a_refused_engine_stops_and_the_other_goes_on(tmp_path, openverse, commons):
    openverse.at(4, openverse_server.blocked())  # in the second synset: two pages each
    run = make_run(tmp_path, openverse_at(openverse), commons_at(commons))
    publish_queries(run)
    results = run_stage(run)
    problems = {key: result.problem for key, result in results.items() if result.problem}
    assert list(problems) == [f"{wnid}/openverse" for wnid in list(WNIDS)[1:]]
    assert all("openverse stopped" in problem and "gatekeeper" in problem for problem in problems.values())
    assert openverse.log.count() == 4
    assert {row["wnid"] for row in hits(run) if row["engine"] == "wikimedia"} == set(WNIDS)
    assert {row["wnid"] for row in hits(run) if row["engine"] == "openverse"} == {"n01503061"}

    failed = [unit for unit in SearchStage().plan(run) if unit.key in problems]
    assert {result.problem for result in run_stage(run, failed).values()} == {""}
    assert openverse.log.count() == 4 + 1 + 3 * 2  # the first page of the broken synset is not asked again
    assert {row["wnid"] for row in hits(run) if row["engine"] == "openverse"} == set(WNIDS)


def test_an_engine_that_never_answers_is_left_alone_after_some_synsets(tmp_path, openverse, commons):
    openverse.always(Reply(200, b"{", "application/json", mode="cut"))
    run = make_run(tmp_path, openverse_at(openverse), commons_at(commons))
    publish_queries(run)
    results = run_stage(run)
    problems = [result.problem for key, result in results.items() if key.endswith("/openverse")]
    assert len([problem for problem in problems if problem]) == len(WNIDS)
    assert f"stopped after {FAILURES_IN_A_ROW} failures in a row" in problems[-1]
    assert openverse.log.count() == FAILURES_IN_A_ROW
    assert {row["engine"] for row in hits(run)} == {"wikimedia"}


def test_failures_that_do_not_follow_each_other_stop_nothing(tmp_path, openverse):
    for call in (1, 2, 6, 7):
        openverse.at(call, Reply(200, b"{", "application/json", mode="cut"))
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    problems = [result.problem for result in run_stage(run).values()]
    assert [bool(problem) for problem in problems] == [True, True, False, True, True]
    assert not any("stopped" in problem for problem in problems)
    assert openverse.log.count() == 7


def test_a_broken_adapter_stops_loudly(tmp_path, openverse):
    openverse.at(1, Reply.json({"result_count": 2, "page_count": 1, "results": "two"}))
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    problems = {result.problem for result in run_stage(run).values()}
    assert len(problems) == 1
    assert "cannot be read" in problems.pop()
    assert openverse.log.count() == 1


def test_a_second_session_asks_nothing_and_publishes_the_same(tmp_path, openverse):
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    run_stage(run)
    rows = hits(run)
    openverse.log.clear()
    again = run_stage(run)
    assert openverse.log.count() == 0
    assert sum(result.counts["requests"] for result in again.values()) == 0
    assert hits(run) == rows


def test_a_pause_that_an_engine_asked_for_outlives_the_session(tmp_path, openverse):
    openverse.at(1, openverse_server.throttled(3600))
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    for _ in range(2):
        problems = {result.problem for result in run_stage(run).values()}
        assert all("parked" in problem for problem in problems)
        assert openverse.log.count() == 1


def test_refused_items_are_rows_of_their_own(tmp_path, openverse):
    openverse.pictures.insert(0, {"title": "dog", "url": "file:///etc/passwd"})
    openverse.pictures.insert(0, {"title": "dog", "url": None})
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    results = run_stage(run)
    rows = tables.read(run.layout.search_rejections, SEARCH_REJECTIONS).to_pylist()
    assert [(row["wnid"], row["engine"], row["query"], row["reason"], row["url"]) for row in rows] == [
        ("n02084071", "openverse", "dog", "no_url", ""),
        ("n02084071", "openverse", "dog", "scheme_refused", "file:///etc/passwd"),
    ]
    assert results["n02084071/openverse"].counts["refused"] == 2
    assert not any(row["url"].startswith("file:") for row in hits(run))


def test_a_local_index_answers_without_any_request_and_may_name_files(tmp_path, openverse):
    source = tmp_path / "pictures"
    source.mkdir()
    for word in WNIDS.values():
        (source / f"{word}.jpg").write_bytes(photo(1, 80, 80))
    build_index([source], tmp_path / "index.sqlite")
    run = make_run(tmp_path / "run", {"name": "collection", "index": str(tmp_path / "index.sqlite")})
    publish_queries(run)
    assert {result.problem for result in run_stage(run).values()} == {""}
    rows = hits(run)
    assert [row["wnid"] for row in rows] == list(WNIDS)
    assert all(row["url"].startswith("file:///") for row in rows)


def test_what_shapes_the_answers_shapes_the_fingerprint(tmp_path, openverse, commons):
    def fingerprints(**search: Any) -> dict[str, str]:
        run = make_run(tmp_path, openverse_at(openverse), commons_at(commons), **search)
        return {unit.key: unit.fingerprint for unit in SearchStage().plan(run)}

    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    first = fingerprints()
    assert len(set(first.values())) == 2 * len(WNIDS)
    assert fingerprints(attempts=9, timeout_s=1.0) == first
    assert not set(fingerprints(candidates_per_synset=7).values()) & set(first.values())
    publish_queries(run, {"n02084071": ["hound"]})
    changed = {key for key, fingerprint in fingerprints().items() if fingerprint != first[key]}
    assert changed == {"n02084071/openverse", "n02084071/wikimedia"}


def check(*engines: dict[str, Any], contact: str = "") -> None:
    data = {"search": {"engines": engines}, "network": {"contact": contact}}
    check_engines(BuildConfig.model_validate(data))


@pytest.mark.parametrize("name", ["openverse", "wikimedia"])
def test_a_live_engine_needs_a_contact_unless_it_is_this_machine(name):
    with pytest.raises(ConfigError, match="live service") as caught:
        check({"name": name})
    assert "IMAGENET_BUILD_CONTACT" in caught.value.remedy
    with pytest.raises(ConfigError, match="live service"):
        check({"name": name, "base_url": "https://mirror.example.org"})
    check({"name": name}, contact="operator@example.org")
    check({"name": name, "base_url": "http://127.0.0.1:8321"})
    check({"name": name, "base_url": "http://localhost:8321"})


def test_engines_that_cannot_be_used_are_refused_before_the_first_request(tmp_path):
    with pytest.raises(ConfigError, match="No engine is configured"):
        check()
    with pytest.raises(ConfigError, match="did you mean openverse"):
        check({"name": "openvers"}, contact="me@example.org")
    with pytest.raises(ConfigError, match="openverse more than once"):
        check({"name": "openverse"}, {"name": "openverse", "min_delay_s": 5}, contact="me@example.org")
    with pytest.raises(ConfigError, match="needs `index`"):
        check({"name": "collection"})


@pytest.mark.parametrize("licenses", [["by", "cc-by"], ["CC0"], ["site:"], ["all"]])
def test_licence_codes_that_nobody_knows_are_refused_with_those_there_are(licenses):
    """Nothing would ever match, and a run would end with no pictures at all."""
    data = {"engines": [{"name": "openverse"}], "licenses": licenses}
    config = {"search": data, "network": {"contact": "operator@example.org"}}
    with pytest.raises(ConfigError, match=rf"search\.licenses holds {licenses[-1]}, which is no") as caught:
        check_engines(BuildConfig.model_validate(config))
    assert "by-nc-sa" in caught.value.remedy
    data["licenses"] = ["by", "cc0", "unknown", "site:pexels"]
    check_engines(BuildConfig.model_validate(config))


def test_half_a_surrogate_pair_in_a_title_is_a_question_mark(tmp_path, openverse):
    """JSON may hold "\\ud83d" alone, UTF-8 may not."""
    openverse.pictures.append({"title": "dog \ud83d", "url": "https://photos.example.org/odd.jpg"})
    run = make_run(tmp_path, openverse_at(openverse))
    publish_queries(run)
    results = run_stage(run)
    assert {key: result.problem for key, result in results.items() if result.problem} == {}
    assert "dog ?" in {row["title"] for row in hits(run)}
