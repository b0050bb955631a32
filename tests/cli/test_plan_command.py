from __future__ import annotations

import json
import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli import plan
from imagenet_build.cli.main import Group
from imagenet_build.cli.plan import plan_command
from imagenet_build.search.engine import EngineDefaults, EngineInfo
from tests.mini_wordnet.fixtures import mini_config, mini_folder, real_corpora  # noqa: F401

CONFIGS = Path(__file__).parents[2] / "configs"
DOGS = "taxonomy: {roots: [dog.n.01]}\nsearch: {engines: [{name: openverse}, {name: wikimedia}]}\n"
BY_MAJORITY = "verify: {method: majority}\n"
"""Votes that are known without simulating thousands of them, which takes seconds: for tests of anything else."""


@click.group(cls=Group)
def program() -> None:
    """The command, with the errors of the real program."""


program.add_command(plan_command)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a plan sends nothing")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("IMAGENET_BUILD_CONTACT", raising=False)


@pytest.fixture
def run(mini_folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)

    def run_plan(text: str, *arguments: str) -> Result:
        (tmp_path / "dogs.yaml").write_text(text)
        places = {"wordnet_dir": mini_folder / "wordnet", "omw_dir": mini_folder / "omw", "any_version": "true"}
        sets = [word for key, value in places.items() for word in ("--set", f"taxonomy.{key}={value}")]
        return CliRunner().invoke(program, ["plan", "dogs.yaml", *arguments, *sets])

    return run_plan


def planned(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_row_per_engine_and_totals(run, tmp_path):
    result = run(DOGS)  # by the default method
    assert result.exit_code == 0, result.output
    header, openverse, wikimedia, *_ = result.stdout.splitlines()
    assert header.split("\t")[:4] == ["engine", "queries", "skipped", "requests"]
    assert openverse.split("\t")[0] == "openverse"
    assert wikimedia.split("\t")[0] == "wikimedia"
    for word in ("synsets", "requests", "days of search", "GB", "hours of download", "votes"):
        assert word in result.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["dogs.yaml"]  # nothing is written


def test_json_has_three_numbers_for_everything(run):
    found = planned(run(DOGS + BY_MAJORITY, "--json"))
    assert [engine["name"] for engine in found["engines"]] == ["openverse", "wikimedia"]
    for engine in found["engines"]:
        assert 0 < engine["requests"]["low"] <= engine["requests"]["expected"] <= engine["requests"]["high"]
    assert found["totals"]["requests"]["expected"] == pytest.approx(
        sum(engine["requests"]["expected"] for engine in found["engines"])
    )


def test_votes_follow_from_the_configured_method(run):
    plans = {
        name: planned(run(DOGS + f"verify: {{{verify}}}\n", "--json", "--price-per-vote", "0.01"))["verification"]
        for name, verify in (
            ("rates", ""),
            ("majority of 7", "method: majority, majority_votes: 7"),
            ("three at most", "max_votes: 3"),
        )
    }
    assert plans["majority of 7"]["votes_per_picture"] == {"low": 7, "expected": 7, "high": 7}
    assert 1 < plans["three at most"]["votes_per_picture"]["expected"] <= 3
    rates = plans["rates"]
    assert 1 < rates["votes_per_picture"]["low"] < rates["votes_per_picture"]["high"] < 7
    assert rates["money"]["expected"] == pytest.approx(rates["votes"]["expected"] * 0.01)
    images = planned(run(DOGS + BY_MAJORITY, "--json"))["totals"]["images"]
    assert rates["votes"]["high"] == pytest.approx(images["high"] * rates["votes_per_picture"]["high"])


def test_more_queries_take_more_requests(run):
    paper, wide = (
        planned(run(DOGS + BY_MAJORITY, "--json", "--set", f"queries.expand={expand}"))["totals"]
        for expand in ("paper", "wide")
    )
    assert wide["queries"] > paper["queries"]
    assert wide["requests"]["expected"] > paper["requests"]["expected"]
    assert wide["synsets"] == paper["synsets"]


class Choosy(EngineDefaults):
    """Wants a key, and only living things, in English."""

    info = EngineInfo("choosy", "", "", "", "", depth=100, min_delay_s=1.0, keys=("CHOOSY_KEY",))

    def skips(self, query, synset):
        return "living things only" if not synset.is_organism else "" if query.language == "eng" else "English only"


def test_keys_that_are_missing_and_queries_that_an_engine_does_not_take(run, monkeypatch):
    monkeypatch.setattr(plan, "make_engine", lambda *_: Choosy())
    monkeypatch.delenv("CHOOSY_KEY", raising=False)
    result = run("taxonomy: {roots: [dog.n.01, violin.n.01]}\nsearch: {engines: [{name: choosy}]}\n" + BY_MAJORITY)
    assert "choosy needs CHOOSY_KEY in the environment" in result.stdout
    assert "queries: English only" in result.stdout
    assert "queries: living things only" in result.stdout
    monkeypatch.setenv("CHOOSY_KEY", "abc-secret")
    found = run(
        "taxonomy: {roots: [dog.n.01, violin.n.01]}\nsearch: {engines: [{name: choosy}]}\n" + BY_MAJORITY, "--json"
    )
    assert planned(found)["engines"][0]["keys_missing"] == []
    assert "abc-secret" not in found.output
    monkeypatch.delenv("CHOOSY_KEY")
    Path("keys.txt").write_text("CHOOSY_KEY=abc-secret\n")
    text = "taxonomy: {roots: [dog.n.01]}\nsearch: {keys_file: keys.txt, engines: [{name: choosy}]}\n"
    assert planned(run(text + BY_MAJORITY, "--json"))["engines"][0]["keys_missing"] == []


def test_a_configured_pause_makes_it_longer(run):
    slow = DOGS.replace("{name: wikimedia}", "{name: wikimedia, min_delay_s: 60}")
    (_, before), (_, after) = (planned(run(text + BY_MAJORITY, "--json"))["engines"] for text in (DOGS, slow))
    assert after["requests"] == before["requests"]
    assert after["days"]["expected"] == pytest.approx(before["days"]["expected"] * 120)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("taxonomy: {roots: [dog.n.01]}\n", "No engine is configured"),
        ("taxonomy: {roots: [musician]}\nsearch: {engines: [{name: openverse}]}\n", "No synset is left"),
        ("taxonomy: {roots: [dog.n.01]}\nsearch: {engines: [{name: opnverse}]}\n", "did you mean openverse"),
    ],
)
def test_what_cannot_be_planned(run, text, said):
    result = run(text)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_missing_language_is_said_once(run):
    result = run(DOGS + BY_MAJORITY, "--set", "queries.languages=[ita, xyz]")
    assert result.stderr.count("xyz") == 1


def test_help_has_an_example():
    assert "imagenet-build plan configs/cvpr2009.yaml" in CliRunner().invoke(plan_command, ["--help"]).stdout


def test_the_papers_subtrees(real_corpora):  # noqa: F811
    places = [word for key in ("wordnet_dir", "omw_dir") for word in ("--set", f"taxonomy.{key}={real_corpora}")]
    config = str(CONFIGS / "cvpr2009.yaml")
    result = CliRunner().invoke(
        program, ["plan", config, "--json", "--set", "queries.expand=wide", "--set", "verify.method=majority", *places]
    )
    assert planned(result)["totals"]["synsets"] == 5247
