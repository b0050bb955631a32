"""A million URLs over 5,000 hosts: does memory stay flat, are the hosts' limits kept, how soon does it begin?

Every host is an address of its own on loopback, with small pictures, all different. Pace and concurrency are judged by
the server's log, memory by what all processes of the command hold together. Ends with 1 if anything is wrong.

    python scripts/bench/million.py [--urls 1000000] [--hosts 5000]      (about half an hour)
    python scripts/bench/million.py --urls 20000 --hosts 400             (a quick look)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from fetch_runs import fetch_command, write_urls
from picture_host import Log, PictureHost, small_pictures
from process_tree import measure

from imagenet_build.storage.layout import RunLayout

MIN_DELAY_S = 0.1
CONCURRENCY = 2
HOSTS_AT_ONCE = 256
SETTINGS = {
    "network.allow_addresses": ["127.0.0.0/8"],
    "download.default_host": {"min_delay_s": MIN_DELAY_S, "concurrency": CONCURRENCY},
    "download.hosts_at_once": HOSTS_AT_ONCE,
}
LATENCY_S = 0.03
SLACK_S = 0.25
"""How late one request may reach the server's log on a busy machine, and the next one not. Who is too quick every time
is ahead by seconds after a host's 200 requests."""
MOST_SLOPE_MB = 1.0
"""Per 10,000 images."""
MOST_START_UP_S = 10.0
WARM = 0.2
WARM_IMAGES = 25_000
"""Memory is looked at after that share of the images, and after so many: until then caches and pools fill."""


def address(host: int) -> str:
    return f"127.{10 + host // 62_500}.{host // 250 % 250}.{host % 250 + 1}"


def pace_lag_s(starts: np.ndarray[Any, Any]) -> float:
    """By how much a host's pace was ever broken: the worst of all spans of requests, against what they should take."""
    due = np.sort(starts) - np.arange(len(starts)) * MIN_DELAY_S
    return float((np.maximum.accumulate(due) - due).max())


def most_at_once(log: Log, rows: np.ndarray[Any, Any]) -> int:
    """Most requests of a host under way at one moment; an answer that could not be given counts as over at once."""
    starts, ends = log.starts[rows], np.nan_to_num(log.ends[rows], nan=-np.inf)
    ends = np.maximum(starts, ends)
    moments = np.concatenate([ends, starts])
    steps = np.concatenate([-np.ones(len(ends), int), np.ones(len(starts), int)])
    order = np.lexsort((steps, moments))  # at equal times an end comes first
    return int(steps[order].cumsum().max())


def limits(log: Log) -> tuple[int, float]:
    """(most requests at once, worst lag in seconds) over all hosts; robots.txt counts like any other request."""
    order = np.argsort(log.addresses, kind="stable")
    hosts = np.split(order, np.flatnonzero(np.diff(log.addresses[order])) + 1)
    return max(most_at_once(log, rows) for rows in hosts), max(pace_lag_s(log.starts[rows]) for rows in hosts)


def slope_mb(samples: list[tuple[float, float]], log: Log) -> tuple[float, float, float]:
    """(MB per 10,000 images, MB at the beginning of the stretch, MB at its end), while pictures came; else zeros."""
    ends = np.sort(log.ends[~np.isnan(log.ends)])
    times, sizes = np.array(samples).T
    images = np.searchsorted(ends, times)
    warm = max(WARM * len(ends), WARM_IMAGES)
    during = (images >= warm) & (images < len(ends))
    if during.sum() < 100:
        return 0.0, 0.0, 0.0
    slope, base = np.polyfit(images[during] / 10_000, sizes[during], 1)
    return float(slope), float(base + slope * warm / 10_000), float(base + slope * len(ends) / 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=5_000)
    options = parser.parse_args()
    wrong = []
    with (
        tempfile.TemporaryDirectory() as name,
        PictureHost(small_pictures(), distinct=True, latency_s=LATENCY_S) as host,
    ):
        folder = Path(name)
        urls, out = folder / "urls.txt", folder / "run"
        write_urls(urls, (host.url(number, address(number % options.hosts)) for number in range(options.urls)))
        samples: list[tuple[float, float]] = []
        usage = measure(fetch_command(urls, out, SETTINGS), on_sample=lambda at, mb: samples.append((at, mb)))
        log = host.take_log()
        kept = pq.read_metadata(RunLayout(out).images).num_rows if usage.exit_code == 0 else 0
    pictures = log.pictures()
    if usage.exit_code or not len(pictures.starts):
        raise SystemExit(f"exit {usage.exit_code}:\n{usage.output[-3000:]}")
    start_up_s = log.starts.min() - usage.started
    wire_s = np.nanmax(pictures.ends) - pictures.starts.min()
    at_once, lag_s = limits(log)
    slope, first_mb, last_mb = slope_mb(samples, pictures)
    end_s = usage.started + usage.seconds - np.nanmax(log.ends)
    repeated = len(pictures.numbers) - len(np.unique(pictures.numbers))
    growth = "too few images to say how it grows"
    if first_mb:
        growth = f"{first_mb:.0f} MB when warm, {last_mb:.0f} MB at the last picture, {slope:+.3f} MB per 10,000 images"
    print(
        f"{options.urls} URLs, {options.hosts} hosts: {usage.seconds:.0f} s, {options.urls / wire_s:.0f} images/s from"
        f" the first request to the last answer, {1000 * usage.cpu_s / options.urls:.2f} CPU s per 1000 images\n"
        f"  first request after {start_up_s:.1f} s, the command's end {end_s:.1f} s after the last answer\n"
        f"  memory: {usage.together_mb:.0f} MB at most; {growth}\n"
        f"  hosts: at most {at_once} requests at once (allowed {CONCURRENCY}), {1000 * lag_s:.0f} ms at most"
        f" ahead of their pace ({MIN_DELAY_S} s); {repeated} pictures asked twice\n"
        f"  kept {kept}"
    )
    if kept != options.urls:
        wrong.append(f"{kept} images were kept")
    if at_once > CONCURRENCY:
        wrong.append(f"a host had {at_once} requests at once")
    if lag_s > SLACK_S:
        wrong.append(f"a host was asked {1000 * lag_s:.0f} ms ahead of its pace")
    if slope > MOST_SLOPE_MB:
        wrong.append(f"memory grew by {slope:.2f} MB per 10,000 images")
    if start_up_s > MOST_START_UP_S:
        wrong.append(f"the first request came after {start_up_s:.1f} s")
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
