"""The simulation behind the capacity page: against closed forms, where there are any."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))

from capacity_events import simulate
from capacity_world import EngineWork, Scenario, World

from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.estimate import days_for

CALM = World(rests_per_day=0.0, engine_faults_per_day=0.0, retried=0.0, shared=0.0)
FLICKR = {"live.staticflickr.com": 1.0}


def engine(
    addresses: float, requests: float = 100.0, per_day: float | None = None, hosts: Mapping[str, float] = FLICKR
) -> EngineWork:
    return EngineWork("openverse", requests, addresses, 1.0, 1, per_day, None, dict(hosts))


def build(*engines: EngineWork) -> Scenario:
    return Scenario("test", 1_000, 5_000, engines, 1.0, 1.0, 1.0)


def test_one_host_takes_as_long_as_its_pace_says():
    outcome = simulate(build(engine(1_000_000.0)), CALM)
    assert outcome.download_h == pytest.approx(1_000_000 / 3600, rel=0.01)
    assert outcome.fetched_h[0.5] == pytest.approx(500_000 / 3600, rel=0.01)
    assert outcome.phases[-1][2] == "pace of live.staticflickr.com"


@pytest.mark.parametrize("requests", [50.0, 100.0, 101.0, 950.0, 3_000.0])
def test_a_daily_quota_takes_the_days_that_a_plan_says(requests):
    outcome = simulate(build(engine(10.0, requests, per_day=100.0)), CALM)
    info = replace(Openverse.info, quota_per_day=100, quota_per_month=None)
    assert outcome.search_h / 24 == pytest.approx(days_for(requests, info, 1.0), abs=0.02)


def test_everything_is_fetched_once_whatever_the_hosts():
    work = engine(400_000.0, hosts={"live.staticflickr.com": 0.3, "upload.wikimedia.org": 0.2})
    outcome = simulate(build(work), CALM)
    assert outcome.addresses == 400_000
    assert 0 < outcome.fetched_h[0.5] <= outcome.fetched_h[0.9] <= outcome.fetched_h[0.99] <= outcome.download_h


def test_a_narrow_line_holds_the_hosts_back():
    """A hundred thousand hosts would be quick, so the bytes decide; with ten workers' lines, a tenth of the time."""
    work = engine(5_000_000.0, hosts={})
    narrow = replace(CALM, line_bytes_per_s=100_000.0, hosts_at_once=100_000, executor=1.0)
    one, ten = simulate(build(work), narrow), simulate(build(work), replace(narrow, workers=10))
    bytes_ = 5_000_000 * narrow.fetched * narrow.picture_bytes
    assert one.download_h == pytest.approx(bytes_ / (100_000 * narrow.line_used) / 3600, rel=0.02)
    assert ten.download_h == pytest.approx(one.download_h / 10, rel=0.05)
    assert one.busy["line"] == pytest.approx(1.0, abs=0.02)


def test_more_workers_do_not_hurry_one_host():
    work = engine(1_000_000.0)
    one, many = simulate(build(work), CALM), simulate(build(work), replace(CALM, workers=16))
    assert many.download_h == pytest.approx(one.download_h, rel=0.001)


def test_the_same_seed_gives_the_same_history():
    world = World(rests_per_day=3.0, engine_faults_per_day=0.5)
    work = engine(1_000_000.0, 20_000.0, per_day=1_000.0)
    assert simulate(build(work), world, 1) == simulate(build(work), world, 1)
    assert simulate(build(work), world, 1) != simulate(build(work), world, 2)
    assert simulate(build(work), world, 1).total_h > simulate(build(work), CALM, 1).total_h


def test_download_after_the_search_takes_longer():
    work = engine(1_000_000.0, 20_000.0, per_day=1_000.0)
    beside, after = simulate(build(work), CALM), simulate(build(work), replace(CALM, overlapping=False))
    assert after.download_h == pytest.approx(after.search_h + 1_000_000 / 3600, rel=0.01)
    assert beside.download_h < after.download_h
