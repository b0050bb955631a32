from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.config.models import DownloadConfig, HostRule, SearchConfig
from imagenet_build.records import Origin, Query
from imagenet_build.search.assumed_yields import ASSUMED, HABITS, PICTURE_BYTES, assumed
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SynsetFacts
from imagenet_build.search.estimate import (
    EngineEstimate,
    EngineLoad,
    Measured,
    Span,
    add_to_all,
    days_for,
    estimate_engine,
)
from imagenet_build.search.estimate_totals import estimate_totals

INFO = EngineInfo(
    name="imagined",
    title="",
    docs_url="",
    licenses="",
    languages="",
    depth=240,
    min_delay_s=2.0,
    page_size=20,
)
CONFIG = SearchConfig()
HOUND = SynsetFacts("n00000001", is_organism=True)


class Imagined(EngineDefaults):
    """Enough of an engine for a plan."""

    def __init__(self, info: EngineInfo = INFO, slices: int = 0) -> None:
        self.info = info
        self._slices = slices

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        return f"no {query.language}" if query.language == "cmn" else "" if synset.is_organism else "no organism"

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        return [{"slice": number} for number in range(self._slices)] if start is None else []


def query(origin: Origin, position: int = 0, language: str = "eng") -> Query:
    return Query("n00000001", f"text {position}", language, origin, position)


def load_of(origins: Sequence[Origin], synsets: int = 1, engine: Imagined | None = None) -> EngineLoad:
    load = EngineLoad(engine or Imagined(), INFO.min_delay_s)
    for _ in range(synsets):
        load.add([query(origin, position) for position, origin in enumerate(origins)], HOUND)
    return load


# what is asked


def test_what_an_engine_skips_is_counted_by_reason_and_not_asked():
    load = EngineLoad(Imagined(), 1.0)
    queries = [query(Origin.SYNONYM), query(Origin.SYNONYM, 1), query(Origin.TRANSLATION, 2, "cmn")]
    add_to_all([load], queries, HOUND)
    add_to_all([load], queries, SynsetFacts("n00000002", is_organism=False))
    assert load.queries == 2
    assert load.skipped == {"no cmn": 2, "no organism": 2}
    assert load.asked == {(((Origin.SYNONYM, "eng"), 2),): 1}


def test_nothing_asked_is_nothing_estimated():
    found = estimate_engine(EngineLoad(Imagined(), 1.0), CONFIG)
    assert (found.requests, found.days, found.addresses) == (Span(0, 0, 0),) * 3


def test_every_origin_has_an_assumption():
    assert set(ASSUMED) == set(Origin)
    for guess in ASSUMED.values():
        assert guess.hits > 0
        assert 0 < guess.new <= 1


def test_hosts_of_an_engine_are_at_most_all_its_pictures():
    for name, habit in HABITS.items():
        assert 0 < sum(share for _, share in habit.hosts or (("", 1.0),)) <= 1 + 1e-9, name


# against a crawl, query by query


def crawl(load: EngineLoad, config: SearchConfig, rng: random.Random) -> tuple[int, int]:
    """(requests, distinct addresses) where every query has its own number of hits."""
    info = load.info
    requests = addresses = 0
    for asked, synsets in load.asked.items():
        for _ in range(synsets):
            have = 0
            for (origin, language), count in asked:
                for _ in range(count):
                    if have >= config.candidates_per_synset:
                        continue
                    guess = assumed(info.name, origin, language)
                    hits = int(rng.expovariate(1 / guess.hits))
                    shown = taken = 0
                    while True:
                        requests += 1
                        page = min(info.page_size, hits - shown, (info.depth or hits) - shown)
                        shown += page
                        for _ in range(page):
                            if taken < config.max_hits_per_query:
                                taken += 1
                                have += rng.random() < guess.new
                        is_last = shown >= min(hits, info.depth or hits)
                        if is_last or taken >= config.max_hits_per_query or have >= config.candidates_per_synset:
                            break
            addresses += have
    return requests, addresses


SYNSETS = [
    [Origin.SYNONYM],
    [Origin.SYNONYM, Origin.SYNONYM, Origin.PARENT_WORD],
    [Origin.SYNONYM] * 3 + [Origin.PARENT_WORD] * 6 + [Origin.SPELLING] * 2 + [Origin.BASIC_LEVEL] * 3 + [Origin.LATIN],
]


@pytest.mark.parametrize(
    ("depth", "page_size", "config"),
    [
        (240, 20, SearchConfig()),
        (240, 20, SearchConfig(candidates_per_synset=150)),
        (None, 200, SearchConfig(max_hits_per_query=5000, candidates_per_synset=5000)),
        (30, 30, SearchConfig()),
        (10_000, 1, SearchConfig(max_hits_per_query=60)),
    ],
)
def test_a_plan_is_near_what_a_crawl_sends(depth, page_size, config):
    engine = Imagined(replace(INFO, depth=depth, page_size=page_size))
    load = EngineLoad(engine, 1.0)
    for origins in SYNSETS:
        for _ in range(150):
            load.add([query(origin, place) for place, origin in enumerate(origins)], HOUND)
    requests, addresses = crawl(load, config, random.Random(5))
    found = estimate_engine(load, config)
    assert found.requests.expected == pytest.approx(requests, rel=0.2)
    assert found.addresses.expected == pytest.approx(addresses, rel=0.2)


def test_what_a_run_has_measured_replaces_the_assumption():
    load = load_of([Origin.SYNONYM, Origin.LATIN], synsets=10)
    measured = {("imagined", Origin.SYNONYM, "eng"): Measured(queries=100, requests=300, new=4000)}
    only_latin = estimate_engine(load_of([Origin.LATIN], synsets=10), CONFIG)
    found = estimate_engine(load, CONFIG, measured)
    assert found.requests.expected == pytest.approx(10 * 3 + only_latin.requests.expected)
    assert found.addresses.expected == pytest.approx(10 * 40 + only_latin.addresses.expected)
    assert found.requests.low >= 10 * 0.8 * 3
    of_another = {("other", Origin.SYNONYM, "eng"): Measured(queries=1, requests=9, new=0)}
    assert estimate_engine(load, CONFIG, of_another) == estimate_engine(load, CONFIG)


def test_a_synset_stops_when_it_has_enough():
    measured = {("imagined", Origin.SYNONYM, "eng"): Measured(queries=1, requests=10, new=200)}
    found = estimate_engine(load_of([Origin.SYNONYM] * 50), CONFIG, measured)
    assert found.requests.expected == pytest.approx(50)
    assert found.addresses.expected == CONFIG.candidates_per_synset


def test_slices_bring_more_for_more_requests_where_depth_is_short():
    config = SearchConfig(max_hits_per_query=2000, candidates_per_synset=10_000)
    engine = Imagined(replace(INFO, depth=40))
    plain = estimate_engine(load_of([Origin.SYNONYM], engine=engine), config)
    sliced = estimate_engine(load_of([Origin.SYNONYM], engine=Imagined(engine.info, slices=10)), config)
    assert sliced.requests.expected > 2 * plain.requests.expected
    assert sliced.addresses.expected > 2 * plain.addresses.expected
    assert sliced.addresses.expected <= ASSUMED[Origin.SYNONYM].hits
    # without need, nothing is divided
    few = SearchConfig(max_hits_per_query=40)
    assert estimate_engine(load_of([Origin.SYNONYM], engine=Imagined(engine.info, slices=10)), few) == estimate_engine(
        load_of([Origin.SYNONYM], engine=engine), few
    )


@given(
    origins=st.lists(st.sampled_from(list(Origin)), min_size=1, max_size=30),
    depth=st.none() | st.integers(1, 20_000),
    page_size=st.integers(1, 500),
    slices=st.integers(0, 12),
    enough=st.integers(1, 5000),
    most=st.integers(1, 5000),
)
def test_bounds_hold_whatever_is_asked(origins, depth, page_size, slices, enough, most):
    engine = Imagined(replace(INFO, depth=depth, page_size=page_size), slices)
    config = SearchConfig(candidates_per_synset=enough, max_hits_per_query=most)
    found = estimate_engine(load_of(origins, synsets=3, engine=engine), config)
    for span in (found.requests, found.days, found.addresses):
        assert 0 < span.low <= span.expected <= span.high
    assert found.addresses.high <= 3 * enough * 1.001
    assert found.addresses.high <= 3 * len(origins) * most * 1.001


# days


def test_pace_without_quota():
    assert days_for(43_200, INFO, 2.0) == pytest.approx(1.0)
    assert days_for(0, INFO, 2.0) == 0.0


def test_concurrency_helps_only_where_no_pause_is_asked_for():
    assert days_for(86_400, replace(INFO, concurrency=4), 2.0) == days_for(86_400, INFO, 2.0)
    assert days_for(86_400, replace(INFO, concurrency=4), 0.0) == pytest.approx(days_for(86_400, INFO, 0.0) / 4)


@pytest.mark.parametrize(("requests", "days"), [(100, 0.0), (200, 0.0), (201, 1.0), (1000, 4.0)])
def test_a_days_quota_may_be_spent_at_once_on_each_day(requests, days):
    info = replace(INFO, quota_per_day=200)
    assert days_for(requests, info, 3.0) == pytest.approx(days, abs=0.01)


def test_the_tighter_of_two_quotas_and_the_pace_counts():
    info = replace(INFO, quota_per_day=1000, quota_per_month=2000)
    assert days_for(4500, info, 0.1) == pytest.approx(60.0, abs=0.1)
    assert days_for(4500, info, 3600.0) == pytest.approx(187.5, abs=0.1)


# everything together


def engine_estimate(name: str, addresses: float, days: float = 1.0) -> EngineEstimate:
    return EngineEstimate(name, 1, {}, Span(10, 20, 40), Span(days, days, days), Span(*(addresses,) * 3))


def test_a_second_engine_brings_less_than_it_finds_and_days_run_side_by_side():
    one = estimate_totals(10, 20, [engine_estimate("openverse", 1000)], DownloadConfig())
    both = estimate_totals(
        10, 20, [engine_estimate("openverse", 1000), engine_estimate("x", 500, 7.0)], DownloadConfig()
    )
    assert one.candidates.expected == 1000
    assert 1000 < both.candidates.expected < 1500
    assert (both.days.expected, both.slowest_engine) == (7.0, "x")
    assert both.requests == Span(20, 40, 80)


def test_the_slowest_host_decides_and_manners_are_the_configurations():
    found = [engine_estimate("flickr", 100_000)]
    polite = estimate_totals(100, 100, found, DownloadConfig())
    assert polite.slowest_host == "live.staticflickr.com"
    assert polite.download_hours.expected == pytest.approx(100_000 * 0.9 / 3600, rel=0.01)
    rule = HostRule(min_delay_s=0.1, concurrency=10)
    quick = estimate_totals(100, 100, found, DownloadConfig(hosts={"live.staticflickr.com": rule}))
    assert quick.download_hours.expected == pytest.approx(polite.download_hours.expected / 10)


def test_bytes_are_those_of_what_is_fetched():
    found = estimate_totals(100, 100, [engine_estimate("x", 100_000)], DownloadConfig())
    assert found.gigabytes.expected == pytest.approx(100_000 * 0.9 * 0.85 * PICTURE_BYTES / 1e9)
    nothing = estimate_totals(100, 100, [engine_estimate("x", 100_000)], DownloadConfig(enabled=False))
    assert nothing.gigabytes == nothing.download_hours == Span(0, 0, 0)


def test_no_engine_brings_nothing():
    found = estimate_totals(5, 10, [], DownloadConfig())
    assert found.candidates == found.images == found.download_hours == Span(0, 0, 0)
    assert found.slowest_engine == ""
