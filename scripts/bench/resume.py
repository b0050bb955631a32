"""The demo's build, disturbed: kill -9 at random moments, then a disk that fills up in steps (needs root: a tmpfs).

Prints what was asked twice, by the server's own counts, and whether the manifests equal those of an undisturbed build.

    python scripts/bench/resume.py [--kills 20] [--no-disk]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from imagenet_build.collection.index import build_index
from imagenet_build.collection.serve import CollectionServer
from imagenet_build.demo.pictures import fetch_stamps
from imagenet_build.demo.run import LANGUAGES
from imagenet_build.demo.shipped import shipped_file
from imagenet_build.taxonomy.places import data_dir

PROGRAM = [sys.executable, "-m", "imagenet_build"]
VOLATILE = ["fetched_at", "shard", "offset"]
IN_FLIGHT = {"search": 1, "pictures": 8 + 2}
"""Requests that may be under way at a kill: one search; the pictures on the wire and in the decoder."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--no-disk", action="store_true")
    options = parser.parse_args()
    cache = data_dir() / "demo"
    pictures = fetch_stamps(cache, print)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "stamps.index"
        build_index([pictures], index, languages=LANGUAGES)
        started = time.monotonic()
        whole = disturbed(index, Path(folder) / "whole", lambda _, command: run(command))
        seconds = time.monotonic() - started
        print(f"undisturbed: {seconds:.0f} s, {whole['searches']} searches, {whole['pictures']} pictures")
        rng = random.Random(1)
        killed = disturbed(
            index, Path(folder) / "killed", lambda _, command: kill_often(command, options.kills, seconds, rng)
        )
        report("kill -9", killed, whole, options.kills)
        if not options.no_disk:
            disk = disturbed(index, Path(folder) / "disk", fill_up)
            report("full disk", disk, whole, disk["disturbances"])


def disturbed(index: Path, out: Path, build: Any) -> dict[str, Any]:
    """Serve the index, let `build` run the program (and disturb it), and collect what came of it."""
    with CollectionServer(index) as server:
        url = server.url
        sets = {
            "search.engines.openverse.base_url": url,
            "search.engines.collection.index": str(index),
            "search.engines.collection.pictures_url": f"{url}/pictures/",
            "taxonomy.omw_dir": str(shipped_file("data/reference/demo_omw")),
        }
        command = [
            sys.executable,
            "-m",
            "imagenet_build",
            "build",
            str(shipped_file("configs/demo.yaml")),
            "--out",
            str(out),
        ]
        for key, value in sets.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        disturbances = build(out, command)
        with urllib.request.urlopen(f"{url}/stats") as answer:
            stats = json.load(answer)
    checked = subprocess.run(
        [sys.executable, "-m", "imagenet_build", "check", str(out)], capture_output=True, text=True, check=False
    )
    return {
        "searches": stats["requests"].get("search", 0),
        "pictures": sum(stats["pictures"].values()),
        "most": max(stats["pictures"].values()),
        "rows": rows_of(out, url),
        "check": checked.stdout.strip(),
        "disturbances": disturbances,
    }


def run(command: list[str]) -> int:
    subprocess.run(command, check=True, capture_output=True)
    return 0


def kill_often(command: list[str], kills: int, seconds: float, rng: random.Random) -> int:
    """Kill the program's whole process group at random moments, then let it finish."""
    done = 0
    while done < kills:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=rng.uniform(0.5, 4.0 + seconds / kills))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
    return run(command) or done


def fill_up(out: Path, command: list[str]) -> int:
    """A file system that is too small, enlarged step by step: each time the program must end with 3 and its remedy."""
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(out)], check=True)
    failures = 0
    try:
        for megabytes in (1, 3, 6, 10, 15, 20, 24, 28, 32, 36, 40, 44, 200):
            subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(out)], check=True)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
            said = done.stderr.strip().splitlines()[-1]
            assert done.returncode == 3, done.stderr
            assert "is full. Nothing is lost." in done.stderr, done.stderr
            assert "Traceback" not in done.stderr
            print(f"  {megabytes} MB: exit {done.returncode}: {said}")
            failures += 1
        copied = out.with_name("disk-copy")
        subprocess.run(["cp", "-a", f"{out}/.", str(copied)], check=True)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    out.rmdir()
    copied.rename(out)
    return failures


def rows_of(out: Path, url: str) -> dict[str, str]:
    """Every manifest as text, the server's port aside."""
    found = {}
    for path in sorted((out / "manifest").glob("*.parquet")):
        table = pq.read_table(path).drop_columns([*VOLATILE, "candidate_id", "group_id", "duplicate_of"])
        found[path.stem] = str(table.to_pylist()).replace(url.removeprefix("http:"), "SERVER")
    return found


def report(name: str, one: dict[str, Any], whole: dict[str, Any], disturbances: int) -> None:
    searches, pictures = one["searches"] - whole["searches"], one["pictures"] - whole["pictures"]
    same = one["rows"] == whole["rows"]
    print(
        f"{name}: {disturbances} times; {searches} searches and {pictures} pictures asked again (allowed: "
        f"{disturbances * IN_FLIGHT['search']} and {disturbances * IN_FLIGHT['pictures']}); manifests equal: {same};"
        f" check: {one['check']}"
    )
    if not same or searches > disturbances * IN_FLIGHT["search"] or pictures > disturbances * IN_FLIGHT["pictures"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
