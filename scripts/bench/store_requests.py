"""Requests and seconds of a small build into a bucket (moto on loopback), beside the same build on a disk.

    PYTHONPATH=. python scripts/bench/store_requests.py

The store answers at once and shares the processor with the build, so the seconds are the client's and the server's
work, without a network's delays; the requests are those of any S3.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.s3_server import Request, S3Server
from tests.world import make_world, run


def kind(request: Request) -> str:
    if "list-type" in request.query:
        return "LIST"
    return "PUT" if request.method == "POST" else request.method


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as made,
        S3Server() as s3,
        OpenverseServer() as openverse,
        ImageServer() as images,
    ):
        os.environ.update(s3.environment)
        folder = Path(made)
        world = make_world(folder, openverse, images)
        work = ("--work", str(folder / "work"))
        for out, more in ((str(folder / "run"), ()), ("s3://bucket/run", work), ("s3://bucket/run", work)):
            before, started = len(s3.requests), time.perf_counter()
            done = run([*world.command("build", str(world.config), "--out", out), *more])
            assert done.returncode == 0, done.stderr
            seconds = time.perf_counter() - started
            asked = [request for request in s3.requests[before:] if request.is_ours]
            print(
                f"{out.partition('://')[0] if '://' in out else 'disk'}: {seconds:.1f} s",
                dict(Counter(map(kind, asked))),
            )
            per_synset = Counter(kind(request) for request in asked if "/n0" in request.key)
            if per_synset:
                manifests = len({request.key[:20] for request in asked if request.key.startswith("run/manifest/n")})
                print(f"  of these for {manifests or 20} synsets' own files:", dict(per_synset))


if __name__ == "__main__":
    main()
