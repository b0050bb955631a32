"""The demo's configuration wherever a build can run: the same manifests.

One and two workers here; two Ray nodes; with `kill -9` of a node, and of the process that was started, in the middle of
the download; into a bucket of a loopback S3 server that answers every thirtieth request with an error. Ends with 1 if
manifests differ.

    python scripts/bench/demo_everywhere.py [--no-ray]      (about 5 minutes; fetches the demo's pictures once)
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))
from imagenet_build.collection.index import build_index
from imagenet_build.collection.serve import CollectionServer
from imagenet_build.demo.pictures import fetch_stamps
from imagenet_build.demo.run import LANGUAGES, demo_config
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import files_in, place_of
from imagenet_build.storage.schemas import MANIFEST
from imagenet_build.taxonomy.places import data_dir
from tests.fakes.s3_server import Request, S3Server
from tests.ray_nodes import environment, ray_nodes
from tests.world import VOLATILE, manifest_rows

URL = "s3://bucket/runs/demo"
Rows = dict[str, list[dict[str, Any]]]


class Builds:
    """Builds of one configuration, which are compared with the first."""

    def __init__(self, folder: Path, config: Path, server: CollectionServer) -> None:
        self.folder = folder
        self.config = config
        self.server = server
        self.first: Rows | None = None
        self.differ: list[str] = []

    def start(self, out: str, *more: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "imagenet_build", "build", str(self.config), "--out", out, *more]
        with (self.folder / "said.txt").open("w") as said:
            return subprocess.Popen(command, stdout=said, stderr=said, text=True, env={**environment(), **env})

    def finish(self, build: subprocess.Popen[str]) -> None:
        if build.wait(600) != 0:
            sys.exit((self.folder / "said.txt").read_text())

    def compare(self, way: str, rows: Rows, started: float) -> None:
        self.first = rows if self.first is None else self.first
        same = rows == self.first
        if not same:
            self.differ.append(way)
        count = sum(map(len, rows.values()))
        print(
            f"{way}: {len(rows)} manifests, {count} rows, {time.monotonic() - started:.0f} s,"
            f" {'the same' if same else 'OTHER ROWS'}; {sum(self.server.counts.pictures.values())} pictures served",
            flush=True,
        )

    def served(self, more: int) -> None:
        """Wait until so many more pictures were served."""
        until = sum(self.server.counts.pictures.values()) + more
        while sum(self.server.counts.pictures.values()) < until:
            time.sleep(0.02)


def in_bucket(builds: Builds) -> None:
    rng = random.Random(8)

    def sometimes(request: Request) -> str:
        return rng.choice(("InternalError", "SlowDown")) if request.is_ours and rng.random() < 1 / 30 else ""

    started = time.monotonic()
    with S3Server() as s3:
        s3.refuse = sometimes
        work = str(builds.folder / "work")
        builds.finish(builds.start(URL, "--work", work, **s3.environment))
        refused = sum(bool(request.fault) for request in s3.requests)
        s3.refuse = lambda _: ""  # it is the build that is looked at
        os.environ.update(s3.environment)
        layout = RunLayout(place_of(URL, builds.folder / "reader"))
        paths = files_in(layout.manifests, "*.parquet")
        rows = {path.stem: tables.read(path, MANIFEST).drop_columns(list(VOLATILE)).to_pylist() for path in paths}
    builds.compare(f"in a bucket, {refused} requests refused", rows, started)


def on_ray(builds: Builds) -> None:
    with ray_nodes(2) as nodes:
        options = ("--executor", "ray", "--address", nodes.address, "--set", "execution.workers=0")
        for way in ("two Ray nodes", "a node killed", "the driver killed"):
            started = time.monotonic()
            out = builds.folder / way
            build = builds.start(str(out), *options)
            if way != "two Ray nodes":
                builds.served(100)
            if way == "a node killed":
                nodes.kill(1)
            elif way == "the driver killed":
                build.kill()
                build.wait()
                build = builds.start(str(out), *options)
            builds.finish(build)
            builds.compare(way, manifest_rows(out), started)
            if way == "a node killed":
                nodes.start()
                nodes.wait_for(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-ray", action="store_true")
    options = parser.parse_args()
    pictures = fetch_stamps(data_dir() / "demo", print)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_index([pictures], folder / "stamps.sqlite", languages=LANGUAGES)
        with CollectionServer(folder / "stamps.sqlite") as server:
            config = demo_config(server.url, folder / "stamps.sqlite")
            path = folder / "demo.yaml"
            path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
            builds = Builds(folder, path, server)
            for workers in (1, 2):
                started = time.monotonic()
                out = folder / f"here{workers}"
                builds.finish(builds.start(str(out), "--set", f"execution.workers={workers}"))
                builds.compare(f"here, {workers} worker(s)", manifest_rows(out), started)
            if not options.no_ray:
                on_ray(builds)
            in_bucket(builds)
    print(f"{len(builds.differ)} differ")
    sys.exit(bool(builds.differ))


if __name__ == "__main__":
    main()
