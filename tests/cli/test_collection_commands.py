from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.collection import collection
from imagenet_build.collection.index import build_index
from imagenet_build.collection.serve import CollectionServer
from imagenet_build.errors import ConfigError
from tests.collection.sources import json_lines, picture, web_row


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(collection, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    picture(tmp_path / "dog.png", 64, 48)
    rows = [
        {"file": "dog.png", "caption": "[red] dogs", "language": "en"},
        web_row("un perro", "es"),
        {"caption": "lost"},
    ]
    build_index([json_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "test.index")
    return tmp_path / "test.index"


def test_index_reports_what_became_of_the_rows(index: Path, tmp_path: Path) -> None:
    printed = run("index", tmp_path / "rows.jsonl", "--out", tmp_path / "again.index").stdout
    assert "2 pictures, 2 captions" in printed
    assert "skipped, no_picture: 1 (for example rows.jsonl line 3)" in printed
    report = json.loads(run("index", tmp_path / "rows.jsonl", "--out", tmp_path / "again.index", "--json").stdout)
    assert (report["rows"], report["pictures"], report["skipped"]) == (3, 2, {"no_picture": 1})
    assert report["captions"] == {"eng": 1, "spa": 1}


def test_defaults_are_given_on_the_command_line(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "rows.jsonl", [web_row("honden", "")])
    options = (
        "--language",
        "nl",
        "--license",
        "by",
        "--license-version",
        "4.0",
        "--creator",
        "Ada",
        "--page-url",
        "https://e.org/",
    )
    run("index", source, "--out", tmp_path / "test.index", *options)
    (row,) = json.loads(run("search", tmp_path / "test.index", "hond", "--language", "nld", "--json").stdout)
    assert (row["language"], row["license"], row["creator"], row["page_url"]) == ("nld", "by", "Ada", "https://e.org/")
    assert row["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    with pytest.raises(ConfigError, match="no language code"):
        run("index", source, "--out", tmp_path / "test.index", "--language", "dutchish")


def test_search_prints_what_was_found(index: Path) -> None:
    found = run("search", index, "dog", "--language", "eng")
    assert found.stdout == f"[red] dogs\teng\t64x48\tunknown\t{index.parent / 'dog.png'}\n"
    assert "1 of 1 pictures found" in found.stderr
    assert json.loads(run("search", index, "perros", "--language", "es", "--json").stdout)[0]["caption"] == "un perro"
    nothing = run("search", index, '"*', "--json")
    assert (nothing.exit_code, json.loads(nothing.stdout)) == (0, [])


@pytest.mark.parametrize("command", [(), ("index",), ("search",), ("serve",)])
def test_each_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    assert "Example:" in run(*command, "--help").stdout


PROGRAM = "import sys; from imagenet_build.cli.collection import collection; collection(sys.argv[1:])"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_interrupted(index: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-c", PROGRAM, "serve", str(index), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        with urllib.request.urlopen(f"{url}v1/images/?q=dog", timeout=20) as answer:
            assert json.load(answer)["result_count"] == 1
        process.send_signal(number)
        assert process.stdout.read() == "stopped\n"
        assert process.wait(timeout=20) == 0


def test_serve_says_that_a_port_is_in_use(index: Path) -> None:
    with CollectionServer(index) as server:
        command = [sys.executable, "-c", PROGRAM, "serve", str(index), "--port", str(server.port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert f"Port {server.port} of 127.0.0.1 is in use" in ended.stderr
