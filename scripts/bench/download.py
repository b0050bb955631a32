"""The download stage beside img2dataset: the same URLs, cores and server, in alternating runs.

A server in a process of its own gives photographs from memory on loopback. Two tables: every URL with bytes of its
own (a JPEG comment with its number), and 200 pictures under all URLs, each of which our stage decodes and stores only
once: the first is the one to go by. Ours does all it does in a build (policy, robots.txt, strict decode, digests,
hashes, tiny image, journalled shard).

    python scripts/bench/download.py [--images 10000] [--repeats 3] [--work FOLDER]      (about 20 minutes)
    python scripts/bench/download.py --images 2000 --repeats 1 --distinct                (a quick look)
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import img2dataset_env as img2dataset
import numpy as np
from fetch_runs import fetch_command, write_urls
from picture_host import PictureHost, photographs
from process_tree import Usage, measure

from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import IMAGES

OURS = "imagenet-build fetch"
SETTINGS = {
    "network.allow_addresses": ["127.0.0.1"],
    "download.default_host": {"min_delay_s": 0.0, "concurrency": 32},
}
WARM_UP = 100
"""Images of the runs that are not counted: they fill the caches of files and of compiled modules."""


@dataclass(frozen=True)
class Run:
    """One measured run."""

    usage: Usage
    images: int
    wire_s: float
    """From the first request for a picture to the last answer: without start-up, and without what follows."""

    @property
    def figures(self) -> dict[str, float]:
        return {
            "images/s, whole command": self.images / self.usage.seconds,
            "images/s, first request to last answer": self.images / self.wire_s,
            "CPU s per 1000": 1000 * self.usage.cpu_s / self.images,
            "largest process, MB": self.usage.largest_mb,
            "all processes, MB": self.usage.together_mb,
        }


@dataclass(frozen=True)
class Way:
    """One program with its options."""

    name: str
    command: Callable[[Path, Path, int], list[str]]
    """(URL list, output folder, images) -> command."""
    wrong: Callable[[Path, PictureHost, int], str]
    """(output folder, server, images) -> what is missing in it; empty if all is there."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder that keeps img2dataset's environment [a temporary one]")
    parser.add_argument("--distinct", action="store_true", help="only the table of distinct bytes")
    parser.add_argument("--same", action="store_true", help="only the table of 200 pictures under all URLs")
    parser.add_argument("--only", choices=["ours", "theirs"], help="measure one program alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of img2dataset [one per core]")
    parser.add_argument("--threads", type=int, default=32, help="of each of its processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = options.work or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        programs = img2dataset.install(work)
        pictures, source = photographs()
        print(machine(programs))
        for distinct in (True, False):
            if options.same if distinct else options.distinct:
                continue
            with PictureHost(pictures, distinct=distinct) as host:
                ours = Way(OURS, our_command, what_we_lack)
                theirs = [their_way(variant, programs, options) for variant in img2dataset.VARIANTS]
                pairs = [(ours, way) for way in theirs]
                if options.only:
                    pairs = [(ours, ours)] if options.only == "ours" else [(way, way) for way in theirs]
                print(f"\n{options.images} URLs, {source}, {'distinct bytes' if distinct else 'bytes repeated'}\n")
                compare(pairs, host, work, options.images, options.repeats)


def our_command(urls: Path, out: Path, images: int) -> list[str]:  # noqa: ARG001 (as `Way.command`)
    return fetch_command(urls, out, SETTINGS)


def what_we_lack(out: Path, host: PictureHost, images: int) -> str:
    rows = tables.read(RunLayout(out).images, IMAGES, columns=["url", "sha256"]).to_pylist()
    found = {row["url"]: row["sha256"] for row in rows}
    wanted = {host.url(number): hashlib.sha256(host.body(number)).hexdigest() for number in range(images)}
    return "" if found == wanted else f"{len(wanted.items() - found.items())} of {images} images are missing or differ"


def their_way(variant: str, programs: Path, options: argparse.Namespace) -> Way:
    def command(urls: Path, out: Path, images: int) -> list[str]:
        how = {"images": images, "processes": options.processes, "threads": options.threads}
        return img2dataset.command(programs, variant, urls, out, **how)

    def wrong(out: Path, host: PictureHost, images: int) -> str:  # noqa: ARG001 (as `Way.wrong`)
        kept = img2dataset.kept(out)
        return "" if kept == images else f"{kept} of {images} images were kept"

    return Way(f"img2dataset, {variant}", command, wrong)


def compare(pairs: list[tuple[Way, Way]], host: PictureHost, work: Path, images: int, repeats: int) -> None:
    """Run the pairs in turn, and print medians and the medians of the ratios within the pairs."""
    runs: dict[str, list[Run]] = {}
    ratios: dict[str, list[dict[str, float]]] = {}
    for way in {way.name: way for pair in pairs for way in pair}.values():
        run_once(way, host, work, WARM_UP)
    for _ in range(repeats):
        for ours, theirs in pairs:
            one = run_once(ours, host, work, images)
            runs.setdefault(ours.name, []).append(one)
            if theirs is not ours:
                other = run_once(theirs, host, work, images)
                runs.setdefault(theirs.name, []).append(other)
                both = {key: value / other.figures[key] for key, value in one.figures.items()}
                ratios.setdefault(theirs.name, []).append(both)
    names = list(next(iter(runs.values()))[0].figures)
    print(f"| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for name, measured in runs.items():
        print(f"| {name} | {' | '.join(spread([run.figures[key] for run in measured], key) for key in names)} |")
    for name, found in ratios.items():
        medians = " | ".join(f"{statistics.median(ratio[key] for ratio in found):.2f}" for key in names)
        print(f"| ours / {name} | {medians} |")
    print(f"\nMedian (least to most) of {repeats} runs of each variant, ours before every one of theirs.", flush=True)


def spread(values: list[float], name: str) -> str:
    digits = 2 if name.startswith("CPU") else 0
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})"


def run_once(way: Way, host: PictureHost, work: Path, images: int) -> Run:
    """One run into a new folder, which is looked through and then removed."""
    urls, out = work / "urls.txt", work / "out"
    write_urls(urls, (host.url(number) for number in range(images)))
    shutil.rmtree(out, ignore_errors=True)
    os.sync()  # what the run before has left to be written must not slow this one
    host.take_log()
    usage = measure(way.command(urls, out, images), img2dataset.ENVIRONMENT)
    log = host.take_log().pictures()
    if usage.exit_code:
        raise SystemExit(f"{way.name} ended with {usage.exit_code}:\n{usage.output[-2000:]}")
    missing = way.wrong(out, host, images)
    if missing:
        raise SystemExit(f"{way.name}: {missing}\n{usage.output[-2000:]}")
    shutil.rmtree(out)
    run = Run(usage, images, float(np.nanmax(log.ends) - log.starts.min()))
    if images > WARM_UP:
        said = ", ".join(f"{value:.2f} {key}" for key, value in run.figures.items())
        start_s, load = log.starts.min() - usage.started, os.getloadavg()[0]
        print(
            f"  {way.name}: {said}; first request after {start_s:.1f} s, load {load:.1f}", file=sys.stderr, flush=True
        )
    return run


def machine(programs: Path) -> str:
    info = Path("/proc/cpuinfo").read_text()
    cpu = next((line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name")), "unknown CPU")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    ours = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("imagenet-build", "aiohttp", "Pillow"))
    theirs = ", ".join(
        f"{name} {img2dataset.version_of(programs, name)}" for name in ("img2dataset", "opencv-python-headless")
    )
    return (
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} x {cpu}, {memory:.0f} GB, Linux {platform.release()},"
        f" Python {platform.python_version()}; {ours}; {theirs}"
    )


if __name__ == "__main__":
    main()
