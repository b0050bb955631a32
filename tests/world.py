"""A small world to build in: the mini WordNet, engines, image hosts and a caption index: real servers on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from imagenet_build.collection.index import build_index
from tests.fakes import pictures
from tests.fakes.image_server import ImageServer, redirect
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.server import Reply
from tests.mini_wordnet.make import build as build_mini_wordnet
from tests.program_here import run_here

TITLES = (
    *("dog", "a whippet dog", "greyhound", "German shepherd", "sheep dog at work", "cat", "kitten", "violin", "cello"),
    *("guitar", "harp", "drum", "goose", "bird", "crane", "woodpecker", "hunting dog", "collie", "lap-dog", "puppy"),
)
CAPTIONS = (
    *(("perro", "spa"), ("violino", "ita"), ("小提琴", "cmn")),
    *(("dog", "eng"), ("guitar", "eng"), ("a harp", "eng")),
)
VOLATILE = ("fetched_at", "shard", "offset")
"""When and where bytes were stored: the only columns that two builds of the same inputs may differ in."""


@dataclass
class World:
    """Everything a build needs, below one folder."""

    folder: Path
    openverse: OpenverseServer
    images: ImageServer
    config: Path
    bad_paths: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "imagenet_build", *arguments]

    def build_command(self, out: Path, *more: str) -> list[str]:
        return self.command("build", str(self.config), "--out", str(out), *more)

    def build(self, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return run(self.build_command(out, *more))

    def build_here(self, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """The same in this process, in a third of the time: for a build that another one is compared with."""
        return run_here("build", str(self.config), "--out", str(out), *more)

    def start(self, out: Path, *more: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start the program in a process group of its own, so that its workers can be killed with it."""
        quiet = subprocess.DEVNULL
        command = self.build_command(out, *more)
        return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True, env=env)

    def requests(self) -> dict[str, int]:
        """Searches and pictures asked for, by URL; robots.txt is read anew by every process."""
        asked: dict[str, int] = {}
        for call in (*self.openverse.log.calls, *self.images.log.calls):
            if call.path != "/robots.txt":
                key = f"{call.path}?{json.dumps(dict(call.query), sort_keys=True)}"
                asked[key] = asked.get(key, 0) + 1
        return asked


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    environment.pop("IMAGENET_BUILD_CONTACT", None)
    environment.update(options.pop("env", {}))
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, **options)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, the whole group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def make_world(
    folder: Path, openverse: OpenverseServer, images: ImageServer, *, late_s: float = 0.0, **rule: Any
) -> World:
    """Pictures with titles at Openverse, some broken, some copies of others; captioned pictures in a local index.

    If the image server has several hosts, each has a part of the pictures, and some are asked for at another one, which
    redirects. `late_s`: what every picture takes; `rule`: keys of `HostRule` for all image hosts.
    """
    build_mini_wordnet(folder / "mini")
    bad = []
    for number, title in enumerate(TITLES):
        for copy in range(3):
            size = (320, 240) if copy < 2 else (240, 180)  # the last is the first, smaller
            seed = number * 10 + (copy if copy < 2 else 0)
            path = f"/{number}/{copy}.jpg"
            data = pictures.photo(seed, *size)
            images.serve(path, Reply(200, data, "image/jpeg", mode="late", pause_s=late_s) if late_s else data)
            url = images.url(path, images.hosts[number % len(images.hosts)])
            if len(images.hosts) > 1 and copy == 1:
                images.serve(f"/led{path}", redirect(url))
                url = images.url(f"/led{path}", images.hosts[(number + 1) % len(images.hosts)])
            openverse.pictures.append({"title": f"{title} {number}", "url": url, "width": size[0], "height": size[1]})
    spoilt = {
        "/bad/cut.jpg": pictures.truncated_jpeg(),
        "/bad/small.gif": pictures.one_pixel_gif(),
        "/bad/bomb.png": pictures.png_bomb(),
        "/bad/page.jpg": b"<html>gone</html>",
        "/bad/missing.jpg": None,
    }
    for path, data in spoilt.items():
        url = images.serve(path, data) if data is not None else images.url(path)
        openverse.pictures.append({"title": "a dog that is not there", "url": url})
        bad.append(path)
    local = folder / "captioned"
    local.mkdir()
    rows = []
    for number, (caption, language) in enumerate(CAPTIONS):
        (local / f"{number}.jpg").write_bytes(pictures.photo(1000 + number))
        rows.append({"file": f"{number}.jpg", "title": caption, "language": language})
    table = local / "captions.jsonl"
    table.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    build_index([table], folder / "index.sqlite")
    config = folder / "world.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "taxonomy": {
                    "wordnet_dir": "mini/wordnet",
                    "omw_dir": "mini/omw",
                    "any_version": True,
                    "roots": ["animal.n.01", "musical_instrument.n.01"],
                },
                "search": {
                    "engines": [
                        {"name": "openverse", "base_url": openverse.base_url, "min_delay_s": 0},
                        {"name": "collection", "index": "index.sqlite"},
                    ]
                },
                "network": {"allow_addresses": list(images.hosts)},
                "download": {"hosts": {host: {"min_delay_s": 0, "concurrency": 4, **rule} for host in images.hosts}},
                "execution": {"workers": 1},
            }
        )
    )
    return World(folder, openverse, images, config, bad)


def manifest_rows(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every manifest without its volatile columns."""
    found = {path.stem: pq.read_table(path) for path in sorted((out / "manifest").glob("*.parquet"))}
    return {wnid: table.drop_columns(list(VOLATILE)).to_pylist() for wnid, table in found.items()}


def assert_same_rows(one: dict[str, list[dict[str, Any]]], other: dict[str, list[dict[str, Any]]]) -> None:
    """Same synsets, same rows, same order."""
    assert one.keys() == other.keys()
    for wnid, rows in one.items():
        assert rows == other[wnid], wnid
