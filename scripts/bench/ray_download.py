"""What Ray costs: the download stage on two nodes of one worker each beside the local executor with two workers.

Real photographs from memory, every URL with bytes of its own, over many hosts on loopback, in alternating runs. The
server's log says whether a host's limits held, and whether anything was asked for twice.

    python scripts/bench/ray_download.py [--images 6000] [--hosts 60] [--repeats 2]      (about 3 minutes)
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from fetch_runs import fetch_command, rows_digest, write_urls
from million import address, limits
from picture_host import PictureHost, photographs
from process_tree import measure, session_processes

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.ray_nodes import Nodes, environment, ray_nodes

CONCURRENCY = 4
SETTINGS = {
    "network.allow_addresses": ["127.0.0.0/8"],
    "download.default_host": {"min_delay_s": 0.0, "concurrency": CONCURRENCY},
    "execution.workers": 2,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--hosts", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    pictures, whence = photographs()
    rates: dict[str, list[float]] = {"local": [], "ray": []}
    cpu: dict[str, list[float]] = {"local": [], "ray": []}
    digests = set()
    wrong = []
    with (
        tempfile.TemporaryDirectory() as name,
        PictureHost(pictures, distinct=True) as host,
        ray_nodes(2) as nodes,
    ):
        urls = Path(name) / "urls.txt"
        write_urls(urls, (host.url(number, address(number % options.hosts)) for number in range(options.images)))
        ways = {"local": {}, "ray": {"execution.executor": "ray", "execution.ray_address": nodes.address}}
        for repeat in range(options.repeats):
            for way, more in ways.items():
                out = Path(name) / f"{way}{repeat}"
                before = _cpu_of(nodes)
                after = dict(before)
                usage = measure(
                    fetch_command(urls, out, {**SETTINGS, **more}),
                    env=environment(),
                    on_sample=lambda _, __, after=after: after.update(_cpu_of(nodes)),
                )
                cpu_s = usage.cpu_s
                if more:
                    cpu_s += sum(after.values()) - sum(before.values())
                cpu[way].append(1000 * cpu_s / options.images)
                if usage.exit_code:
                    raise SystemExit(f"{way}: exit {usage.exit_code}\n{usage.output[-3000:]}")
                log = host.take_log()
                asked = log.pictures()
                at_once, _ = limits(log)
                wire_s = float(np.nanmax(asked.ends) - asked.starts.min())
                rates[way].append(options.images / wire_s)
                images, refused, digest = rows_digest(out)
                digests.add((images, refused, digest))
                twice = len(asked.numbers) - len(np.unique(asked.numbers))
                print(
                    f"{way}: {options.images / wire_s:.0f} images/s from the first request to the last answer,"
                    f" {usage.seconds:.1f} s and {cpu_s:.1f} CPU s in all, at most {at_once} requests at once at a host"
                    f" (allowed {CONCURRENCY}), {twice} asked twice, {images} kept",
                    flush=True,
                )
                if at_once > CONCURRENCY or twice or images != options.images:
                    wrong.append(f"{way}: limits, repetitions or images")
    if len(digests) != 1:
        wrong.append("the runs differ in their rows")
    median = {way: statistics.median(found) for way, found in rates.items()}
    spent = {way: statistics.median(found) for way, found in cpu.items()}
    print(
        f"{whence}: Ray reaches {median['ray'] / median['local']:.2f} of the local executor;"
        f" {spent['ray']:.2f} CPU ms per picture, here {spent['local']:.2f}, start and end included"
    )
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


def _cpu_of(nodes: Nodes) -> dict[int, float]:
    """Processor seconds of every process of the cluster."""
    return {pid: cpu_s for node in nodes.processes for pid, cpu_s in session_processes(node.pid).items()}


if __name__ == "__main__":
    main()
