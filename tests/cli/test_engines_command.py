from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.app import main
from imagenet_build.search.canary import MOST_REQUESTS
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV
from imagenet_build.search.registry import engine_infos
from tests.fakes.flickr_server import FlickrServer
from tests.fakes.inaturalist_server import INaturalistServer, photo
from tests.fakes.keyed_server import KEY
from tests.fakes.met_server import MetServer
from tests.fakes.openverse_server import OpenverseServer, throttled
from tests.fakes.pexels_server import PexelsServer
from tests.fakes.server import FakeServer, Reply

KEY_NAMES = sorted({name for info in engine_infos() for name in info.keys})
LOOPBACK = ("--set", "network.allow_addresses=[127.0.0.0/8]")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*KEY_NAMES, CLIENT_ID_ENV, CLIENT_SECRET_ENV, "IMAGENET_BUILD_CONTACT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def openverse() -> Iterator[OpenverseServer]:
    with OpenverseServer([picture(n) for n in range(4)]) as server:
        yield server


def picture(number: int) -> dict[str, str]:
    return {"title": f"dog {number}", "url": f"https://photos.example.org/{number}.jpg", "license": "by"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["engines", *arguments])


def at(name: str, server: FakeServer) -> list[str]:
    return ["--set", f"search.engines.{name}.base_url={server.base_url}"]


def checked(*arguments: str) -> tuple[int, dict[str, dict]]:
    result = run("--check", "--json", *LOOPBACK, *arguments)
    assert "Traceback" not in result.output
    return result.exit_code, {row["engine"]: row for row in json.loads(result.stdout)}


# the table


def test_table_has_every_engine_and_sends_nothing(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("the table sends nothing")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    result = run()
    assert result.exit_code == 0
    header, *rows = result.stdout.splitlines()
    assert header.split("\t")[:2] == ["engine", "what"]
    assert [row.split("\t")[0] for row in rows] == [info.name for info in engine_infos()]


def test_table_says_which_keys_are_found_and_never_a_key(monkeypatch, tmp_path):
    (tmp_path / "keys.env").write_text("NAVER_CLIENT_ID=the-secret-of-naver\n")
    monkeypatch.setenv("FLICKR_API_KEY", "the-secret-of-flickr")
    for form in ((), ("--json",)):
        result = run("flickr", "naver", "pexels", "--set", "search.keys_file=keys.env", *form)
        assert result.exit_code == 0
        assert "the-secret" not in result.output
    flickr, naver, pexels = json.loads(result.stdout)
    assert flickr["keys_found"] == {"FLICKR_API_KEY": True}
    assert naver["keys_found"] == {"NAVER_CLIENT_ID": True, "NAVER_CLIENT_SECRET": False}
    assert "forbid" in pexels["prohibition"]
    assert "2027-06-30" in naver["notice"]
    assert naver["quota_per_day"] == 25_000
    table = run("flickr", "naver", "pexels", "--set", "search.keys_file=keys.env").stdout.splitlines()
    assert table[1].endswith("your contact, FLICKR_API_KEY (found)")
    assert table[2].endswith("NAVER_CLIENT_ID (found), NAVER_CLIENT_SECRET (missing)")
    assert table[3].endswith("PEXELS_API_KEY (missing), accept_terms")
    assert "\t25,000\t" in table[2]


def test_json_has_every_fact_of_every_engine():
    rows = json.loads(run("--json").stdout)
    assert [row["name"] for row in rows] == [info.name for info in engine_infos()]
    assert {"depth", "quota_per_day", "prohibition", "notice", "keys", "keys_found", "options"} <= set(rows[0])


def test_unknown_engine_is_refused_with_the_nearest():
    result = run("openvers")
    assert result.exit_code == 2
    assert "did you mean openverse?" in result.output


# --check


def test_an_engine_that_answers_is_ok(openverse):
    openverse.pictures.append({"title": "dog without a link", "url": None})
    code, rows = checked("openverse", *at("openverse", openverse))
    assert code == 0
    assert rows["openverse"] == {
        "engine": "openverse",
        "query": "dog",
        "requests": 1,
        "hits": 4,
        "licensed": 4,
        "refused": 1,
        "problem": "",
        "notice": "",
    }
    assert [call.query["q"] for call in openverse.log.calls] == ["dog"]


def test_nothing_is_kept(openverse, tmp_path):
    assert run("--check", "openverse", *LOOPBACK, *at("openverse", openverse)).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_row_per_engine_for_people(openverse):
    result = run("--check", "openverse", "zzz", *LOOPBACK, *at("openverse", openverse))
    assert result.exit_code == 1
    header, ok, failed = result.stdout.splitlines()
    assert header.split("\t") == ["engine", "result", "query", "hits", "with a licence", "what is wrong"]
    assert ok.split("\t") == ["openverse", "ok", "dog", "4", "100%", ""]
    assert failed.split("\t")[:2] == ["zzz", "failed"]
    assert "There is no engine 'zzz'" in failed


def test_without_a_name_the_engines_of_the_configuration_are_asked(openverse, tmp_path):
    config = tmp_path / "dogs.yaml"
    config.write_text(f"search: {{engines: [{{name: openverse, base_url: '{openverse.base_url}'}}]}}\n")
    code, rows = checked("--config", str(config))
    assert (code, list(rows)) == (0, ["openverse"])
    nobody = run("--check")
    assert nobody.exit_code == 2
    assert "No engine to check." in nobody.output


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.text("<html>Hotel WLAN</html>", kind="html"), "a web page"),
        (Reply.json({"results": [], "page_count": 0, "result_count": 0}), "gives no picture of 'dog'"),
        (Reply.json({"result_count": 3, "pictures": []}), "cannot be read (KeyError: 'results')"),
        (
            Reply.json({"results": [{"id": "1", "url": None}], "page_count": 1}),
            "no picture of 'dog': the item has no image URL",
        ),
        (throttled(37), "429"),
        (Reply.text("down", 503), "503"),
        (Reply.json({"detail": "no"}, 403), "gatekeeper"),
        (Reply(mode="drop"), "without an answer"),
    ],
    ids=["portal", "empty", "changed", "refused", "throttled", "down", "blocked", "closed"],
)
def test_an_engine_that_does_not_do_its_work_has_failed(openverse, reply, said):
    openverse.always(reply)
    code, rows = checked("openverse", *at("openverse", openverse))
    assert code == 1
    assert rows["openverse"]["problem"]
    assert said in rows["openverse"]["problem"]
    assert rows["openverse"]["hits"] == 0
    assert openverse.log.count() <= 2, "asked once; aiohttp itself repeats what was never answered"


def test_organisms_are_asked_for_by_latin_name_and_in_two_steps():
    taxa = [{"id": 42069, "name": "Vulpes vulpes", "rank": "species"}]
    seen = [{"id": 1, "taxon_id": 42069, "photos": [photo(1), photo(2, None)]}]
    with INaturalistServer(taxa, seen) as server:
        code, rows = checked(
            "inaturalist", *at("inaturalist", server), "--set", "search.engines.inaturalist.min_delay_s=0"
        )
    assert code == 0, rows
    result = rows["inaturalist"]
    assert (result["query"], result["requests"], result["hits"], result["licensed"]) == ("Vulpes vulpes", 2, 2, 2)
    assert "Latin name" in result["notice"]


def test_objects_without_pictures_are_passed_over_but_not_for_ever():
    quick = ("--set", "search.engines.met.min_delay_s=0")
    for bare, ok in ((3, True), (MOST_REQUESTS, False)):
        objects = [{"title": f"dog {n}", "gone": n < bare} for n in range(bare + 1)]
        with MetServer(objects) as server:
            code, rows = checked("met", *at("met", server), *quick)
            assert (code == 0) == ok, rows
            assert rows["met"]["requests"] == min(MOST_REQUESTS, bare + 2) == server.log.count()


def test_what_preflight_refuses_is_one_engines_matter(openverse, monkeypatch):
    with FlickrServer([{"title": "dog"}]) as flickr, PexelsServer(key=KEY) as pexels:
        monkeypatch.setenv("PEXELS_API_KEY", KEY)
        places = [*at("openverse", openverse), *at("flickr", flickr), *at("pexels", pexels)]
        code, rows = checked("openverse", "flickr", "pexels", "wikimedia", "bing", *places)
        assert code == 1
        assert rows["openverse"]["problem"] == ""
        assert "FLICKR_API_KEY" in rows["flickr"]["problem"]
        assert "accept_terms" in rows["pexels"]["problem"]
        assert "network.contact" in rows["wikimedia"]["problem"]
        assert "webiq" in rows["bing"]["problem"]
        assert flickr.log.count() == pexels.log.count() == 0


@pytest.mark.parametrize("key", [KEY, "wrong-key-0123456789abcdef"])
def test_keys_are_sent_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("FLICKR_API_KEY", key)
    with FlickrServer([{"title": "dog"}]) as server:
        result = run("--check", "--json", "flickr", *LOOPBACK, *at("flickr", server))
        assert server.log.calls[0].query["api_key"] == key
    (row,) = json.loads(result.stdout)
    assert key not in result.output
    assert result.exit_code == (key != KEY)
    assert ("FLICKR_API_KEY" in row["problem"]) == (key != KEY)


# engines-register


def register(server: OpenverseServer, *arguments: str) -> Result:
    words = ["engines-register", "openverse", "--name", "My birds", "--email", "me@example.org"]
    return CliRunner().invoke(main, [*words, *arguments, *LOOPBACK, *at("openverse", server)])


def test_registering_prints_the_variables_and_writes_nothing(openverse, tmp_path):
    result = register(openverse)
    assert result.exit_code == 0, result.output
    lines = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert set(lines) == {CLIENT_ID_ENV, CLIENT_SECRET_ENV}
    assert openverse.clients == {lines[CLIENT_ID_ENV]: lines[CLIENT_SECRET_ENV]}
    assert lines[CLIENT_SECRET_ENV] not in result.stderr
    assert "me@example.org" in result.stderr
    assert list(Path(tmp_path).iterdir()) == []


def test_a_name_that_is_taken_is_refused_with_the_services_words(openverse):
    assert register(openverse).exit_code == 0
    again = register(openverse)
    assert again.exit_code == 2
    assert again.stdout == ""
    assert "name" in again.stderr


def test_a_check_uses_the_account(openverse, monkeypatch):
    lines = dict(line.split("=", 1) for line in register(openverse).stdout.splitlines())
    openverse.unverified.clear()
    for name, value in lines.items():
        monkeypatch.setenv(name, value)
    code, rows = checked("openverse", *at("openverse", openverse))
    assert (code, rows["openverse"]["hits"]) == (0, 4)
    assert openverse.log.calls[-1].query["page_size"] == "48"
