from __future__ import annotations

import csv
import io
import json

import click
import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli import taxonomy
from imagenet_build.cli.main import Group
from imagenet_build.cli.taxonomy import data, queries, synsets
from imagenet_build.taxonomy import sources
from tests.mini_wordnet.fixtures import mini_config, mini_folder, real_corpora  # noqa: F401


@click.group(cls=Group)
def program() -> None:
    """The three commands, with the errors of the real program."""


for command in (data, synsets, queries):
    program.add_command(command)


@pytest.fixture
def run(mini_folder):  # noqa: F811
    def run_with_mini_wordnet(*arguments: str) -> Result:
        places = {"wordnet_dir": mini_folder / "wordnet", "omw_dir": mini_folder / "omw", "any_version": "true"}
        sets = [word for key, value in places.items() for word in ("--set", f"taxonomy.{key}={value}")]
        return CliRunner().invoke(program, [*arguments, *sets])

    return run_with_mini_wordnet


def rows(result: Result) -> list[dict]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_synsets_as_json(run):
    found = rows(run("synsets", "greyhound", "--json"))
    assert [row["name"] for row in found] == ["greyhound.n.01", "whippet.n.01", "italian_greyhound.n.01"]
    assert set(found[0]) == {"wnid", "name", "lemmas", "gloss", "depth", "hypernyms", "root", "below", "is_organism"}
    assert found[0]["below"] == 2
    assert found[1]["hypernyms"] == [found[0]["wnid"]]
    assert found[1]["root"] == found[0]["wnid"]


def test_synsets_as_a_tree_show_each_once_with_its_place(run):
    result = run("synsets", "domestic_animal")
    lines = result.stdout.splitlines()
    assert next(line for line in lines if "dog.n.01  (" in line).startswith("  n")
    assert len([line for line in lines if " dog.n.01 " in line]) == 1
    assert any(line.startswith("          n") and "whippet.n.01" in line for line in lines)
    assert lines[0].endswith("an animal kept by people")


def test_synsets_as_csv_and_table(run):
    read = list(csv.DictReader(io.StringIO(run("synsets", "greyhound", "--csv").stdout)))
    assert [row["name"] for row in read] == ["greyhound.n.01", "whippet.n.01", "italian_greyhound.n.01"]
    lines = run("synsets", "dog.n.01", "--table", "--max-depth", "0").stdout.splitlines()
    assert lines[0].split("\t")[:3] == ["wnid", "name", "depth"]
    assert lines[1].split("\t")[4] == "dog, domestic_dog, Canis_familiaris"


def test_depth_limit_counts_from_the_root(run):
    names = [row["name"] for row in rows(run("synsets", "hunting_dog", "--max-depth", "1", "--json"))]
    assert names == ["hunting_dog.n.01", "hound.n.01"]


def test_gates_and_their_switches(run):
    assert "2 person" not in run("synsets", "vehicle", "--json").stderr
    result = run("synsets", "organism", "--left-out", "--json", "--instances")
    assert {row["reason"] for row in rows(result)} == {"person", "usage_domain"}
    assert "left out: 4 person, 1 usage_domain" in result.stderr
    assert "lassie.n.01" in run("synsets", "collie", "--instances").stdout
    assert "rustbucket.n.01" in run("synsets", "vehicle", "--no-safety").stdout
    nothing = run("synsets", "musician")
    assert nothing.exit_code == 1
    assert "0 synsets; left out: 2 person" in nothing.stderr


def test_a_configuration_and_a_list_select(run, tmp_path):
    config = tmp_path / "dogs.yaml"
    config.write_text("taxonomy:\n  roots: [greyhound]\n")
    listed = tmp_path / "wnids.txt"
    listed.write_text("wolf.n.01\n")
    assert len(rows(run("synsets", "--config", str(config), "--json"))) == 3
    both = rows(run("synsets", "--config", str(config), "--wnids", str(listed), "--json"))
    assert [row["name"] for row in both] == ["wolf.n.01"]


def test_queries_as_json_and_table(run):
    found = rows(run("queries", "whippet.n.01", "--json"))
    english = [row["text"] for row in found if row["language"] == "eng"]
    assert english == ["whippet", "whippet dog", "whippet greyhound"]
    assert set(found[0]) == {"wnid", "name", "text", "language", "origin", "ambiguity", "position"}
    lines = run("queries", "whippet", "--languages", "ita").stdout.splitlines()
    assert lines[1].split("\t")[3:] == ["eng", "synonym", "1", "whippet"]
    assert {line.split("\t")[3] for line in lines[1:]} == {"eng", "ita"}


def test_queries_beyond_the_paper_are_asked_for(run):
    paper = rows(run("queries", "lap-dog", "--json"))
    assert paper == rows(run("queries", "lap-dog", "--expand", "paper", "--json"))
    wide = rows(run("queries", "lap-dog", "--expand", "wide", "--json"))
    assert wide[: len(paper)] == paper
    assert {row["origin"] for row in wide[len(paper) :]} == {"spelling"}
    assert wide == rows(run("queries", "lap-dog", "--json", "--set", "queries.expand=wide"))


def test_queries_by_any_name_of_a_synset(run, tmp_path):
    wnid = rows(run("queries", "wolf", "--json"))[0]["wnid"]
    listed = tmp_path / "wnids.txt"
    listed.write_text(f"{wnid}\n")
    wanted = rows(run("queries", "wolf.n.01", "--json"))
    assert wanted == rows(run("queries", wnid, "--json")) == rows(run("queries", "--wnids", str(listed), "--json"))


def test_queries_say_once_what_is_missing(run, monkeypatch):
    unknown = run("queries", "whippet", "wolf", "--languages", "zh,ita")
    assert unknown.stderr.count("has no zh; it has cmn ita nld spa") == 1
    monkeypatch.setattr(taxonomy, "omw_files", lambda config: ("", []))
    monkeypatch.setattr(taxonomy, "load_omw", lambda config, languages: taxonomy.Omw())
    without = run("queries", "whippet", "wolf", "--json")
    assert without.stderr.count("queries are English only") == 1
    assert {row["language"] for row in rows(without)} == {"eng"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["synsets", "unicorn"], 2, "no noun 'unicorn'"),
        (["synsets", "dog"], 2, "2 noun senses"),
        (["synsets"], 2, "No synset is asked for"),
        (["queries", "crane"], 2, "crane.n.02"),
        (["queries", "whippet", "--wnids", "absent.txt"], 2, "absent.txt"),
    ],
)
def test_errors_are_one_paragraph_with_an_exit_code(run, arguments, exit_code, said):
    result = run(*arguments)
    assert result.exit_code == exit_code
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_wordnet_that_is_not_there(tmp_path):
    result = CliRunner().invoke(program, ["synsets", "dog", "--set", f"taxonomy.wordnet_dir={tmp_path}"])
    assert result.exit_code == 3
    assert "data install" in result.stderr


def test_status_and_install_with_nothing_to_do(run, mini_folder, monkeypatch):  # noqa: F811
    status = run("data", "status", "--json")
    assert status.exit_code == 1  # found, but not WordNet 3.0
    wordnet, omw = json.loads(status.stdout)
    assert (wordnet["usable"], omw["usable"]) == (False, True)
    assert "unknown version" in wordnet["detail"]
    digest = sources.hashlib.sha256((mini_folder / "wordnet" / "data.noun").read_bytes()).hexdigest()
    monkeypatch.setattr(sources, "KNOWN_SHA256", {digest: "WordNet 3.0"})
    assert run("data", "status").exit_code == 0
    installed = run("data", "install")
    assert installed.exit_code == 0
    assert installed.stdout.splitlines() == [
        f"WordNet 3.0 is in {mini_folder / 'wordnet'}.",
        f"The Open Multilingual Wordnet is in {mini_folder / 'omw'}.",
    ]


def test_install_goes_on_without_omw(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGENET_BUILD_DATA", str(tmp_path))
    monkeypatch.setattr(sources, "nltk_folders", list)
    asked = []
    monkeypatch.setattr(taxonomy, "install_wordnet", lambda target, say, ways: asked.append((target, list(ways))))
    monkeypatch.setattr(taxonomy, "install_omw", lambda target, say: False)
    result = CliRunner().invoke(program, ["data", "install", "--way", "debian"])
    assert result.exit_code == 0
    assert asked == [(tmp_path / "wordnet", ["debian"])]
    assert "English only" in result.stdout


@pytest.mark.parametrize("command", [synsets, queries, data.commands["install"], data.commands["status"]])
def test_each_command_has_help_with_an_example(command):
    result = CliRunner().invoke(command, ["--help"])
    assert "Example:\n  imagenet-build" in result.stdout.replace("\n    ", "\n  ")


def test_the_papers_configuration(real_corpora):  # noqa: F811
    configs = taxonomy.Path(taxonomy.__file__).parents[2] / "configs"
    places = ["--set", f"taxonomy.wordnet_dir={real_corpora}"]
    result = CliRunner().invoke(program, ["synsets", "--config", str(configs / "cvpr2009.yaml"), "--json", *places])
    assert len(rows(result)) == 5247
    result = CliRunner().invoke(program, ["synsets", "--config", str(configs / "ilsvrc2012.yaml"), "--json", *places])
    assert len(rows(result)) == 1000
