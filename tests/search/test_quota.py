"""Quotas: an engine stops at its own, the others go on, nothing forgets it, and `status` says when it resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result

from imagenet_build.cli.app import main
from imagenet_build.config.models import EngineConfig
from imagenet_build.search import lane, pages, registry
from imagenet_build.search.engine import EngineInfo
from imagenet_build.search.engines.google import Google
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.lane import quotas_of
from imagenet_build.search.pages import DAY_S, MONTH_S
from tests.fakes.commons_server import CommonsServer
from tests.fakes.google_server import CX, GoogleServer
from tests.fakes.keyed_server import KEY
from tests.fakes.openverse_server import OpenverseServer
from tests.mini_wordnet.make import build as build_mini_wordnet

HOUR_S = 3600.0
QUOTA = 5


class Scarce(Openverse):
    """Openverse, by another name, with a quota that a small search uses up."""

    info: EngineInfo = replace(Openverse.info, name="scarce", quota_per_day=QUOTA)


class Clock:
    """The time of day, as tests want it; only its hands are moved, it goes on by itself."""

    def __init__(self) -> None:
        self._true = time.time
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return self._true() + self.ahead_s


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pages.time, "time", made)
    return made


@pytest.fixture
def scarce(monkeypatch) -> Iterator[OpenverseServer]:
    monkeypatch.setitem(
        *(registry._ENGINES, "scarce"),
        (Scarce.info, lambda config, licenses, _: Scarce(config.base_url, licenses=licenses)),
    )
    # a service on this machine has no quota of its own; this one stands for one that is not
    monkeypatch.setattr(lane, "is_local", lambda config: False)
    with OpenverseServer(
        [{"title": f"dog {n}", "url": f"https://photos.example.org/{n}.jpg"} for n in range(30)]
    ) as server:
        yield server


@pytest.fixture
def commons() -> Iterator[CommonsServer]:
    with CommonsServer(
        [{"title": f"{name} {number}.jpg"} for name in ("Dog", "Wolf", "Whippet") for number in range(3)]
    ) as server:
        yield server


@pytest.fixture
def build(tmp_path) -> Callable[[Sequence[dict[str, object]]], Result]:
    build_mini_wordnet(tmp_path / "mini")

    def build_in_run(engines: Sequence[dict[str, object]], roots: Sequence[str] = ("canine.n.01",)) -> Result:
        config = {
            "taxonomy": {
                "wordnet_dir": "mini/wordnet",
                "omw_dir": "mini/omw",
                "any_version": True,
                "roots": list(roots),
            },
            "search": {"engines": [{"min_delay_s": 0, **engine} for engine in engines]},
            "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
            "download": {"enabled": False},
            "execution": {"workers": 1},
        }
        (tmp_path / "quota.yaml").write_text(yaml.safe_dump(config))
        return CliRunner().invoke(main, ["build", str(tmp_path / "quota.yaml"), "--out", str(tmp_path / "run")])

    return build_in_run


def status(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["status", str(folder / "run"), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def wnids_with_hits(folder: Path, engine: str) -> set[str]:
    return {
        row["wnid"] for row in pq.read_table(folder / "run" / "hits.parquet").to_pylist() if row["engine"] == engine
    }


def test_an_engine_stops_at_its_quota_and_the_others_go_on(build, scarce, commons, clock, tmp_path):
    engines = [{"name": "scarce", "base_url": scarce.base_url}, {"name": "wikimedia", "base_url": commons.base_url}]
    started = clock()
    first = build(engines)
    assert first.exit_code == 1, first.output
    assert "scarce is parked" in first.stderr
    assert scarce.log.count() == QUOTA
    units = pq.read_table(tmp_path / "run" / "synsets.parquet").num_rows
    said = json.loads(status(tmp_path, "--json"))
    (search,) = (stage for stage in said["stages"] if stage["name"] == "search")
    assert (search["done"] + search["waiting"], search["waiting"] > 0) == (2 * units, True)
    assert all("scarce" in problem for problem in search["problems"])
    assert said["parked_engines"].keys() == {"scarce"}
    assert started + DAY_S <= said["parked_engines"]["scarce"] <= clock() + DAY_S
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(said["parked_engines"]["scarce"]))
    assert f"scarce may be asked again at {when}" in status(tmp_path)
    asked_of_commons = commons.log.count()
    assert asked_of_commons >= units  # at least one query of every synset
    found = wnids_with_hits(tmp_path, "wikimedia")
    assert len(found) == 3
    assert found <= {path.stem for path in (tmp_path / "run" / "manifest").glob("*.parquet")}


def test_a_restart_forgets_nothing_and_goes_on_when_the_day_is_over(build, scarce, clock, tmp_path):
    engines = [{"name": "scarce", "base_url": scarce.base_url}]
    sent = []
    for hours in (0.0, 1.0, 23.5):
        clock.ahead_s = hours * HOUR_S
        assert build(engines).exit_code == 1
        assert scarce.log.count() == QUOTA, f"after {hours} hours"
        assert "may be asked again" in status(tmp_path)
    for day in range(1, 20):
        clock.ahead_s = day * DAY_S + 60.0 * day
        sent.append(scarce.log.count())
        result = build(engines)
        if result.exit_code == 0:
            break
        assert scarce.log.count() == sent[-1] + QUOTA
    assert result.exit_code == 0, result.output
    assert len(sent) > 1
    assert "may be asked again" not in status(tmp_path)
    asked = [tuple(sorted(call.query.items())) for call in scarce.log.calls]
    assert len(asked) == len(set(asked))  # no answered page was asked again
    units = pq.read_table(tmp_path / "run" / "synsets.parquet").num_rows
    (search,) = (s for s in json.loads(status(tmp_path, "--json"))["stages"] if s["name"] == "search")
    assert (search["done"], search["waiting"]) == (units, 0)


def test_no_day_holds_more_than_the_quota_however_the_builds_lie(build, scarce, clock, tmp_path):
    engines = [{"name": "scarce", "base_url": scarce.base_url}]
    moments: list[float] = []
    for number in range(12):  # two builds a day, so that windows begin in the middle of quotas
        clock.ahead_s = number * DAY_S / 2 + 61.0 * number
        before = scarce.log.count()
        build(engines)
        moments += [clock()] * (scarce.log.count() - before)
    for place, moment in enumerate(moments):
        assert sum(1 for later in moments[place:] if later < moment + DAY_S) <= QUOTA
    assert len(moments) > 2 * QUOTA


def test_the_clock_may_be_set_back(build, scarce, clock, tmp_path):
    engines = [{"name": "scarce", "base_url": scarce.base_url}]
    assert build(engines).exit_code == 1
    clock.ahead_s = -2 * HOUR_S
    assert build(engines).exit_code == 1
    assert scarce.log.count() == QUOTA


def test_googles_hundred_a_day(build, scarce, clock, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_SEARCH_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_SEARCH_CX", CX)
    words = ("dog", "greyhound", "whippet", "wolf", "puppy", "hound", "collie", "canine")
    pictures = [
        {"title": f"{word} {number}", "url": f"https://photos.example.org/{word}/{number}.jpg"}
        for word in words
        for number in range(100)
    ]
    with GoogleServer(pictures) as google:
        result = build([{"name": "google", "base_url": google.base_url}])
        assert result.exit_code == 1
        assert google.log.count() == 100
    assert "ends on" in result.stderr
    assert json.loads(status(tmp_path, "--json"))["parked_engines"]["google"] > clock() + DAY_S - 600


def test_a_quota_of_a_month_holds_though_the_day_has_room(build, scarce, clock, tmp_path, monkeypatch):
    monkeypatch.setattr(Scarce, "info", replace(Scarce.info, quota_per_month=QUOTA + 2))
    engines = [{"name": "scarce", "base_url": scarce.base_url}]
    for days, sent in ((0, QUOTA), (2, QUOTA + 2), (9, QUOTA + 2), (29, QUOTA + 2), (31, 2 * QUOTA + 2)):
        clock.ahead_s = days * DAY_S
        assert build(engines).exit_code == 1
        assert scarce.log.count() == sent, f"after {days} days"
    assert json.loads(status(tmp_path, "--json"))["parked_engines"]["scarce"] > clock()


@pytest.mark.parametrize(
    ("base_url", "quotas"),
    [(None, [(100, DAY_S)]), ("https://mirror.example.org", [(100, DAY_S)]), ("http://127.0.0.1:8321", [])],
)
def test_only_services_elsewhere_have_quotas(base_url, quotas):
    assert quotas_of(Google(), EngineConfig(name="google", base_url=base_url)) == quotas


def test_both_quotas_count():
    both = Scarce("https://openverse.example.org")
    both.info = replace(both.info, quota_per_month=70)
    assert quotas_of(both, EngineConfig(name="scarce")) == [(QUOTA, DAY_S), (70, MONTH_S)]
