"""Ten annotators at once on a run with a million pictures, and `kill -9` of the server in between.

Makes a run with fake rows and one small shard, starts `verify serve` on it, and lets every annotator answer pages over
HTTP as the browser does: a page, its 48 pictures, the answers; what was not confirmed is sent again after a crash.
Then counts: every answer once, as it was given. Ends with 1 if a vote is lost or doubled, or if p95 of a page is
100 ms or more.

With --browsers the annotators are ten profiles in one Chromium, on the same processor but with a lower priority; then
the 100 ms are those at the server, as it tells in the header Server-Timing.

    python scripts/bench/annotators.py [--pictures 1000000] [--synsets 1000] [--annotators 10] [--pages 20] [--kills 3]
    python scripts/bench/annotators.py --browsers --think 8
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.verify_run.fake_run import make_run
from tests.web.browser_crowd import drive_browsers
from tests.web.crowd import drive, judge

MOST_P95_MS = 100.0


def line(name: str, values: list[float]) -> str:
    p50, p95, p99 = np.quantile(values, [0.5, 0.95, 0.99])
    return f"{name}: {len(values)}, p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, most {max(values):.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--synsets", type=int, default=1_000)
    parser.add_argument("--annotators", type=int, default=10)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--no-pictures", action="store_true", help="Do not fetch the pictures of the pages.")
    parser.add_argument("--browsers", action="store_true", help="Each annotator is a profile in Chromium.")
    parser.add_argument("--think", type=float, default=3.0, help="Seconds over a page, on average.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        wnids = [f"n{10_000_000 + number:08d}" for number in range(given.synsets)]
        parents = {wnid: [f"n{20_000_000 + number // 10:08d}"] for number, wnid in enumerate(wnids)}
        each = given.pictures // given.synsets
        run = Path(folder) / "run"
        make_run(run, dict.fromkeys(wnids, each), parents)
        print(f"run: {given.synsets} synsets, {each * given.synsets:,} pictures ({time.perf_counter() - began:.0f} s)")
        began = time.perf_counter()
        if given.browsers:
            made = drive_browsers(run, given.annotators, given.pages, given.kills, think_s=given.think)
        else:
            shows = not given.no_pictures
            made = drive(run, given.annotators, given.pages, given.kills, pictures=shows, think_s=given.think)
        team, server = asyncio.run(made)
        spent = time.perf_counter() - began
        votes, lost, doubled, changed = judge(run, team)
        pages = [value for one in team for value in one.page_ms]
        print(f"{given.annotators} annotators, {len(pages)} pages in {spent:.1f} s, {given.kills} times kill -9")
        print(line("pages", pages))
        if given.browsers:
            pages = [value for one in team for value in getattr(one, "server_ms", [])]
            print(line("of which at the server", pages))
            print(f"pictures that did not load: {sum(getattr(one, 'not_loaded', 0) for one in team)}")
        print(line("answers", [value for one in team for value in one.answers_ms]))
        if not given.no_pictures:
            print(line("pictures", [value for one in team for value in one.picture_ms]))
        print(f"server up after {', '.join(f'{one:.1f}' for one in server.started_s)} s")
        print(f"votes: {votes} given, {lost} lost, {doubled} doubled, {changed} changed")
        is_slow = float(np.quantile(pages, 0.95)) >= MOST_P95_MS
        return int(bool(lost or doubled or changed or is_slow))


if __name__ == "__main__":
    sys.exit(main())
