"""`fetch`: a list of URLs becomes a run that `status`, `retry`, `check` and the next `fetch` understand."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.app import main
from imagenet_build.cli.runs import CONTACT_VARIABLE
from tests.fakes.image_server import ImageServer, picture, refusal
from tests.fakes.pictures import photo

QUICK = (
    *("--set", "network.allow_addresses=[127.0.0.0/8]", "--set", "download.default_host.min_delay_s=0"),
    *("--set", "download.default_host.concurrency=4", "--workers", "1"),
)
VOLATILE = ["fetched_at", "shard", "offset"]


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_contact(monkeypatch):
    monkeypatch.delenv(CONTACT_VARIABLE, raising=False)


def photos(server: ImageServer, count: int, first: int = 0) -> list[str]:
    return [server.serve(f"/{number}.jpg", photo(number, 96, 80)) for number in range(first, first + count)]


def a_list(folder: Path, urls: list[str], name: str = "urls.txt") -> Path:
    path = folder / name
    path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    return path


def program(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fetched(*arguments: str | Path) -> dict[str, Any]:
    """The summary of a `fetch` with quick manners."""
    done = program("fetch", *arguments, *QUICK, "--json")
    assert done.exit_code in (0, 1), done.output
    return {**json.loads(done.stdout), "exit_code": done.exit_code}


def table(out: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(out / f"{name}.parquet").to_pylist())


def asked_for(server: ImageServer) -> dict[str, int]:
    return {path: count for path, count in server.log.counts().items() if path != "/robots.txt"}


def test_a_list_becomes_a_run(tmp_path, server):
    urls = photos(server, 5)
    gone = server.url("/gone.jpg")
    out = tmp_path / "run"
    said = fetched(
        a_list(tmp_path, [*urls, "# mine", "", gone, urls[0], "no url", "ftp://a.example.org/a.jpg"]), "--out", out
    )

    assert said["exit_code"] == 0
    assert (said["urls"], said["kept"], said["waiting"]) == (8, 5, 0)
    assert said["refused"] == {"bad_url": 1, "http_error": 1, "scheme_refused": 1}
    assert said["this_time"]["kept"] == 5
    assert said["shard_bytes"] == sum(path.stat().st_size for path in out.glob("images/*/*.tar")) - 1024 - _padding(out)
    images = table(out, "images")
    assert sorted(row["url"] for row in images) == sorted(urls)
    assert {row["wnid"] for row in images} == {""}
    for row in images:
        data = (out / "images" / row["shard"]).read_bytes()[row["offset"] : row["offset"] + row["size"]]
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    refused = {row["url"]: row for row in table(out, "rejections")}
    assert refused.keys() == {gone, "no url", "ftp://a.example.org/a.jpg"}
    assert refused[gone]["attempts"] == 1
    assert refused["no url"]["url_key"] == "no url"

    checked = program("check", out)
    assert checked.exit_code == 0, checked.output
    assert "8 URLs = 5 kept + 3 refused + 0 waiting, nothing found." in checked.output
    status = json.loads(program("status", out, "--json").output)
    (download,) = status["stages"]
    assert (download["name"], download["done"], download["waiting"], download["refused"]) == ("download", 5, 0, 3)
    assert status["refused"]["download"] == said["refused"]


def _padding(out: Path) -> int:
    """Bytes that fill up the last member's block."""
    last = max(table(out, "images"), key=lambda row: row["offset"])
    return -last["size"] % 512


def test_the_summary_says_what_is_there_and_its_example_runs(tmp_path, server, monkeypatch):
    urls = photos(server, 3)
    server.serve("/down.jpg", refusal(500))
    listed = a_list(tmp_path, [*urls, server.url("/down.jpg")])
    done = program("fetch", listed, "--out", tmp_path / "run", *QUICK, "--set", "download.attempts=1")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert f"{tmp_path / 'run'}: 4 distinct URLs = 3 kept + 1 refused" in lines
    assert "refused: 1 server_error" in lines
    assert any(line.startswith("stored: ") and "in 1 shard below" in line and "3 images" in line for line in lines)
    assert any("retry" in line and "--class transient" in line and str(listed) in line for line in lines)
    example = "\n".join(line[2:] for line in lines[lines.index("A picture in Python:") + 1 :])
    names: dict[str, Any] = {}
    exec(compile(example, "summary", "exec"), names)
    assert hashlib.sha256(names["data"]).hexdigest() == pd.read_parquet(tmp_path / "run/images.parquet")["sha256"][0]
    assert "without --contact" in done.stderr


def test_a_second_fetch_asks_for_nothing(tmp_path, server):
    listed = a_list(tmp_path, [*photos(server, 4), server.url("/gone.jpg"), "no url"])
    out = tmp_path / "run"
    fetched(listed, "--out", out)
    before = (table(out, "images"), table(out, "rejections"))
    shard = (out / "images/w0/00000.tar").read_bytes()
    server.log.clear()
    again = fetched(listed, "--out", out)
    assert server.log.count() == 0
    assert (again["urls"], again["kept"], again["this_time"]["kept"]) == (6, 4, 0)
    assert (table(out, "images"), table(out, "rejections")) == before
    assert (out / "images/w0/00000.tar").read_bytes() == shard
    assert fetched("--out", out)["kept"] == 4  # without a list too
    assert server.log.count() == 0


def test_a_longer_list_adds_what_is_new(tmp_path, server):
    urls = photos(server, 6)
    out = tmp_path / "run"
    fetched(a_list(tmp_path, urls[:3]), "--out", out)
    server.log.clear()
    said = fetched(a_list(tmp_path, [*urls, "no url"]), "--out", out)
    assert asked_for(server) == {"/3.jpg": 1, "/4.jpg": 1, "/5.jpg": 1}
    assert (said["urls"], said["kept"], said["this_time"]["kept"]) == (7, 6, 3)
    only_bad = fetched(a_list(tmp_path, ["nor this"]), "--out", out)  # nothing to ask for, and yet a row
    assert (only_bad["urls"], only_bad["refused"]) == (8, {"bad_url": 2})
    assert len(table(out, "rejections")) == 2
    assert program("check", out).exit_code == 0


def test_a_column_of_a_table(tmp_path, server):
    urls = photos(server, 3)
    pd.DataFrame({"id": range(3), "picture": urls}).to_parquet(tmp_path / "list.parquet")
    said = fetched(tmp_path / "list.parquet", "--url-column", "picture", "--out", tmp_path / "run")
    assert said["kept"] == 3
    done = program("fetch", tmp_path / "list.parquet", "--out", tmp_path / "other")
    assert done.exit_code == 2


def test_what_retry_brings_back_is_fetched(tmp_path, server):
    url = server.serve("/a.jpg", refusal(500), picture(photo(1, 96, 80)))
    listed = a_list(tmp_path, [url, *photos(server, 2, first=5)])
    out = tmp_path / "run"
    first = fetched(listed, "--out", out, "--set", "download.attempts=1")
    assert first["refused"] == {"server_error": 1}
    (row,) = table(out, "rejections")
    assert (row["attempts"], row["reason"]) == (1, "server_error")
    assert row["detail"]
    back = program("retry", out, "--class", "transient")
    assert "1 URLs are queued again." in back.output
    assert f"Next: imagenet-build fetch LIST --out {out}" in back.output
    stale = program("check", out)
    assert stale.exit_code == 1
    assert "next fetch writes the tables again" in " ".join(stale.output.replace("│", " ").split())
    server.log.clear()
    second = fetched(listed, "--out", out)
    assert (second["kept"], second["refused"]) == (3, {})
    assert asked_for(server) == {"/a.jpg": 1}
    assert program("check", out).exit_code == 0


def test_a_host_that_wants_peace_keeps_its_urls_waiting(tmp_path):
    with ImageServer() as calm, ImageServer() as busy:
        urls = photos(calm, 3)
        busy.always(refusal(503, {"Retry-After": "7200"}))
        listed = a_list(tmp_path, [*urls, *(busy.url(f"/{n}.jpg") for n in range(4))])
        out = tmp_path / "run"
        done = program("fetch", listed, "--out", out, *QUICK, "--set", "download.robots=false")
        host = f"127.0.0.1:{busy.port}"
        assert done.exit_code == 1, done.output
        assert "3 kept + 0 refused + 4 waiting" in done.stdout
        assert f"{host} is left in peace until 20" in done.stdout
        assert f"fetch {listed} --out {out}   (goes on with the 4 that wait)" in done.stdout
        status = json.loads(program("status", out, "--json").output)
        assert status["resting_hosts"][host]["waiting"] == 4
        assert f"{host} is left in peace until 20" in program("status", out).output
        asked = busy.log.count()
        again = fetched(listed, "--out", out)
        assert (again["exit_code"], again["waiting"], busy.log.count()) == (1, 4, asked)
        checked = program("check", out)
        assert checked.exit_code == 0, checked.output
        assert "3 kept + 0 refused + 4 waiting" in checked.output


def test_a_placeholder_without_a_row_is_no_fault(tmp_path, server):
    notice = photo(99, 90, 90)
    urls = [server.serve(f"/gone/{n}.jpg", notice) for n in range(12)]
    out = tmp_path / "run"
    said = fetched(a_list(tmp_path, [*urls, *photos(server, 3)]), "--out", out)
    assert (said["kept"], said["refused"]) == (3, {"placeholder": 12})
    assert hashlib.sha256(notice).hexdigest() not in {row["sha256"] for row in table(out, "images")}
    checked = program("check", out)
    assert checked.exit_code == 0, checked.output


def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path, server):
    urls = photos(server, 40)
    listed = a_list(tmp_path, urls)
    undisturbed = tmp_path / "undisturbed"
    assert fetched(listed, "--out", undisturbed)["kept"] == 40
    server.log.clear()

    out = tmp_path / "run"
    slow = ("--set", "download.hosts={127.0.0.1: {min_delay_s: 0.02, concurrency: 2}}")
    command = [sys.executable, "-m", "imagenet_build", "fetch", str(listed), "--out", str(out), *QUICK, *slow]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ}) as process:
        try:
            server.log.wait_for(10)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
            assert b"what was done is saved" in process.stderr.read()
        finally:
            process.kill()
    said = fetched(listed, "--out", out)
    assert (said["exit_code"], said["kept"]) == (0, 40)
    assert 0 < said["this_time"]["kept"] < 40
    assert all(count <= 2 for count in asked_for(server).values())
    rows = [
        [{name: row[name] for name in row if name not in VOLATILE} for row in table(run, "images")]
        for run in (out, undisturbed)
    ]
    assert rows[0] == rows[1]
    assert program("check", out).exit_code == 0


def test_build_and_fetch_keep_out_of_each_others_runs(tmp_path, server):
    listed = a_list(tmp_path, photos(server, 1))
    fetched(listed, "--out", tmp_path / "run")
    for more in ((), ("--root", "dog.n.01", "--engine", "wikimedia", "--contact", "me@example.org")):
        refused = program("build", "--out", tmp_path / "run", *more)
        assert refused.exit_code == 2
        assert "holds a list of URLs" in refused.output
    (tmp_path / "wnids.txt").write_text("n02084071\n")
    built = program(
        "build",
        "--wnids",
        tmp_path / "wnids.txt",
        "--out",
        tmp_path / "built",
        "--set",
        "taxonomy.wordnet_dir=/nowhere",
        "--until",
        "taxonomy",
    )
    assert built.exit_code == 3
    refused = program("fetch", listed, "--out", tmp_path / "built")
    assert refused.exit_code == 2
    assert "was made by `build`" in refused.output


def test_a_configuration_counts_as_far_as_fetching_goes(tmp_path, server):
    urls = photos(server, 2)
    small = server.serve("/small.jpg", photo(9, 70, 70))
    config = tmp_path / "birds.yaml"
    config.write_text(
        "taxonomy: {roots: [bird.n.01]}\nsearch: {engines: [{name: wikimedia}]}\ndownload: {min_side_px: 75}\n"
    )
    listed = a_list(tmp_path, [*urls, small])
    out = tmp_path / "run"
    said = fetched(listed, "--out", out, "--config", config, "--contact", "me@example.org")
    assert said["refused"] == {"too_small": 1}
    assert "me@example.org" in server.log.calls[-1].headers["user-agent"]
    changed = program("fetch", listed, "--out", out, "--set", "download.min_side_px=60")
    assert changed.exit_code == 2
    assert "download.min_side_px: 75 -> 60" in changed.output
    assert fetched("--out", out)["kept"] == 2  # with the run's own configuration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["{list}", "--out", "{out}", "--set", "taxonomy.roots=[dog.n.01]"],
            "heeds network.*, download.*, execution.*",
        ),
        (["{list}", "--out", "{out}", "--set", "download.enabled=false"], "download.enabled is false"),
        (["--out", "{out}"], "Name a list of URLs"),
        (["{list}"], "--out"),
        (["{out}/none.txt", "--out", "{out}"], "does not exist"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, arguments, message):
    listed = a_list(tmp_path, ["https://a.example.org/1.jpg"])
    out = tmp_path / "run"
    done = program("fetch", *(argument.format(list=listed, out=out) for argument in arguments))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert not out.exists()
