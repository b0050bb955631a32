from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from imagenet_build.cli.app import main
from imagenet_build.taxonomy.concepts import read_concepts
from tests.fakes.wikidata_server import WikidataServer
from tests.mini_wordnet.fixtures import mini, mini_config, mini_folder  # noqa: F401

CONTACT = ("--contact", "me@example.org")


@pytest.fixture
def whippet(mini) -> str:  # noqa: F811
    return f"n{mini.find('whippet'):08d}"


@pytest.fixture
def server(whippet):
    uri = f"http://wordnet-rdf.princeton.edu/wn30/{whippet[1:]}-n"
    names = {"en": ["Whippet", "English Whippet"], "de": ["Whippet"], "it": ["whippet", "levrierino"]}
    with WikidataServer({}, items={uri: {"Q38726": names}}) as running:
        yield running


@pytest.fixture
def run(mini_folder, monkeypatch):  # noqa: F811
    monkeypatch.delenv("IMAGENET_BUILD_CONTACT", raising=False)
    places = {"wordnet_dir": mini_folder / "wordnet", "omw_dir": mini_folder / "omw", "any_version": "true"}
    sets = [word for key, value in places.items() for word in ("--set", f"taxonomy.{key}={value}")]
    sets += ["--set", "network.allow_addresses=[127.0.0.1]"]
    return lambda *words: CliRunner().invoke(main, [*words, *sets])


def test_a_subtree_is_asked_for_and_its_names_become_queries(run, server, whippet, tmp_path):
    out = tmp_path / "concepts.tsv"
    ask = ("data", "concepts", "greyhound", "--out", str(out), "--base-url", server.base_url, *CONTACT)
    done = run(*ask, "--languages", "ita")
    assert done.exit_code == 0, done.output
    assert "1 of 3 synsets are linked to an item; 4 names" in done.stdout
    assert {row.item for row in read_concepts(out) if row.wnid == whippet} == {"Q38726"}
    assert run(*ask, "--languages", "ita").exit_code == 0
    assert len(server.questions) == 1

    shown = run("queries", "whippet", "--languages", "ita", "--json", "--set", f"queries.concepts_file={out}")
    added = [(row["language"], row["origin"], row["text"]) for row in json.loads(shown.stdout)]
    assert added[-3:] == [
        ("zxx", "concept", "Q38726"),
        ("eng", "label", "English Whippet"),
        ("ita", "label", "levrierino"),
    ]


def test_the_languages_are_those_of_the_configuration(run, server, tmp_path):
    out = tmp_path / "concepts.tsv"
    listed = tmp_path / "wnids.txt"
    listed.write_text("whippet\n")
    words = ("--wnids", str(listed), "--out", str(out), "--base-url", server.base_url, *CONTACT)
    assert run("data", "concepts", *words, "--set", "queries.languages=[deu]").exit_code == 0
    assert {row.language for row in read_concepts(out)} == {"zxx", "eng", "deu"}


def test_the_live_service_needs_a_contact(run, tmp_path):
    refused = run("data", "concepts", "whippet", "--out", str(tmp_path / "c.tsv"))
    assert refused.exit_code == 2
    assert "--contact or IMAGENET_BUILD_CONTACT" in refused.stderr


def test_wrong_languages_and_files_are_refused_before_anything_is_asked(run, server, tmp_path):
    out = tmp_path / "c.tsv"
    words = ("data", "concepts", "whippet", "--out", str(out), "--base-url", server.base_url, *CONTACT)
    wrong = run(*words, "--languages", 'it,x")}')
    assert (wrong.exit_code, 'it, x")}: languages are' in wrong.stderr) == (2, True)
    out.write_text("my notes\n")
    other = run(*words)
    assert (other.exit_code, "must begin with the line" in other.stderr) == (2, True)
    assert out.read_text() == "my notes\n"
    assert server.log.calls == []


def test_an_absent_concepts_file_is_an_error(run, tmp_path):
    result = run("queries", "whippet", "--set", f"queries.concepts_file={tmp_path / 'absent.tsv'}")
    assert (result.exit_code, "absent.tsv cannot be read" in result.stderr) == (2, True)


def test_help_has_an_example():
    assert "imagenet-build data concepts" in CliRunner().invoke(main, ["data", "concepts", "--help"]).stdout
