"""A download under 100 x kill -9 at random moments, then on a disk that fills up in steps (needs root: a tmpfs).

Small pictures, all different, from a server of our own. Compares rows and hashes with those of an undisturbed run,
counts in the server's log what was asked for twice, reads every shard and runs `check`. Ends with 1 if anything is
wrong.

    python scripts/bench/kills.py [--urls 50000] [--kills 100] [--no-disk]       (about 15 minutes)
    python scripts/bench/kills.py --urls 5000 --kills 10                         (a quick look)
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fetch_runs import check, fetch_command, read_shards, rows_digest, write_urls
from picture_host import Log, PictureHost, small_pictures

CONCURRENCY = 32
IN_FLIGHT = CONCURRENCY + 2
"""Pictures of one host that may be under way together, on the wire or being decoded, stored and committed."""
WORKERS = 2
SETTINGS = {
    "network.allow_addresses": ["127.0.0.1"],
    "download.default_host": {"min_delay_s": 0.0, "concurrency": CONCURRENCY},
    "download.shard_bytes": 5_000_000,  # many shards
    "execution.workers": WORKERS,
}
MISSING_EVERY = 500
"""One URL in so many is a 404: refusals must come out the same too."""
START_UP_KILLS = 0.1
"""Share of kills within the first two seconds, wherever the run then is."""
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@dataclass
class Outcome:
    """One run, however often it was begun."""

    seconds: float = 0.0
    sessions: int = 0
    requests: int = 0
    repeated: list[int] = field(default_factory=list)
    """Per session: pictures that an earlier session had asked for."""
    rows: tuple[int, int, str] = (0, 0, "")
    members: int = 0
    problems: list[str] = field(default_factory=list)


class Asked:
    """Which pictures have been asked for, and how often again."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._numbers: set[int] = set()

    def session(self, log: Log) -> None:
        numbers = log.pictures().numbers.tolist()
        again = sum(number in self._numbers for number in numbers) + len(numbers) - len(set(numbers))
        self._numbers.update(numbers)
        self._outcome.sessions += 1
        self._outcome.requests += len(numbers)
        self._outcome.repeated.append(again)


def undisturbed(command: list[str], host: PictureHost, outcome: Outcome) -> None:
    asked = Asked(outcome)
    subprocess.run(command, check=True, **_QUIET)  # type: ignore[call-overload]
    asked.session(host.take_log())


def killed(
    command: list[str], host: PictureHost, outcome: Outcome, *, urls: int, kills: int, rng: random.Random
) -> None:
    """Kill the whole process group after a random number of requests, or soon after its start; then let it finish."""
    asked = Asked(outcome)
    for done in range(kills):
        left = urls - outcome.requests
        at = rng.randint(1, max(1, 2 * left // (kills - done + 1)))
        soon = rng.uniform(0.0, 2.0) if rng.random() < START_UP_KILLS else float("inf")
        begun = time.monotonic()
        process = subprocess.Popen(command, start_new_session=True, **_QUIET)  # type: ignore[call-overload]
        while process.poll() is None and host.requests() < at and time.monotonic() - begun < soon:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.03))
        was_running = process.poll() is None
        if was_running:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        asked.session(host.take_log())
        if not was_running:
            outcome.problems.append(f"it ended by itself (exit {process.returncode}) before kill {done + 1}")
            break
    done_now = subprocess.run(command, capture_output=True, text=True, check=False)
    if done_now.returncode:
        outcome.problems.append(f"the last session ended with {done_now.returncode}: {done_now.stderr[-500:]}")
    asked.session(host.take_log())


def on_full_disk(
    command: list[str], host: PictureHost, outcome: Outcome, *, out: Path, sizes_mb: Sequence[int]
) -> None:
    """A file system that is too small, enlarged step by step: each time the program must end with 3 and its remedy."""
    asked = Asked(outcome)
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sizes_mb[0]}m", "tmpfs", str(out)], check=True)
    try:
        for megabytes in sizes_mb:
            subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(out)], check=True)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            asked.session(host.take_log())
            last = (done.stderr.strip().splitlines() or [""])[-1]
            print(f"  {megabytes} MB: exit {done.returncode}: {last[:160]}", flush=True)
            if done.returncode == 0:
                break
            if done.returncode != 3 or "is full. Nothing is lost." not in done.stderr or "Traceback" in done.stderr:
                outcome.problems.append(f"at {megabytes} MB exit {done.returncode}: {done.stderr[-500:]}")
        copy = out.with_name(f"{out.name}-copy")
        shutil.copytree(out, copy)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    out.rmdir()
    copy.rename(out)


def look(out: Path, outcome: Outcome) -> None:
    """What the run directory says in the end."""
    try:
        outcome.rows = rows_digest(out)
        outcome.members, _ = read_shards(out)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the result)
        outcome.problems.append(f"{type(error).__name__}: {error}")
    found = check(out)
    if found:
        outcome.problems.append(f"check: {found[:1000]}")


def report(name: str, outcome: Outcome, whole: Outcome) -> list[str]:
    """Print it; gives what is wrong."""
    wrong = [f"{name}: {problem}" for problem in outcome.problems]
    repeated = sum(outcome.repeated)
    disturbed = outcome.sessions - 1
    print(
        f"{name}: {outcome.seconds:.0f} s, {outcome.sessions} sessions, {outcome.requests} requests, {outcome.rows[0]}"
        f" images and {outcome.rows[1]} refused, {outcome.members} members in the shards; asked again: {repeated},"
        f" {max(outcome.repeated)} at most after one end (in flight: {IN_FLIGHT}); rows as undisturbed:"
        f" {outcome.rows == whole.rows}",
        flush=True,
    )
    if outcome.rows != whole.rows:
        wrong.append(f"{name}: rows differ: {outcome.rows}, undisturbed {whole.rows}")
    if outcome.members != whole.members:
        wrong.append(f"{name}: {outcome.members} members in the shards, undisturbed {whole.members}")
    if repeated > disturbed * IN_FLIGHT or max(outcome.repeated) > IN_FLIGHT:
        wrong.append(f"{name}: {repeated} pictures asked for again, {max(outcome.repeated)} after one end")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--no-disk", action="store_true")
    options = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name, PictureHost(small_pictures(), distinct=True, latency_s=0.005) as host:
        folder = Path(name)
        missing = [f"http://127.0.0.1:{host.port}/missing-{n}" for n in range(options.urls // MISSING_EVERY)]
        pictures = [host.url(number) for number in range(options.urls - len(missing))]
        write_urls(folder / "urls.txt", [*pictures, *missing])

        def run(name: str, how: object, **more: object) -> Outcome:
            outcome = Outcome()
            out = folder / name
            started = time.monotonic()
            how(fetch_command(folder / "urls.txt", out, SETTINGS), host, outcome, **more)  # type: ignore[operator]
            outcome.seconds = time.monotonic() - started
            look(out, outcome)
            return outcome

        whole = run("whole", undisturbed)
        wrong += report("undisturbed", whole, whole)
        rng = random.Random(1)
        often = run("killed", killed, urls=len(pictures), kills=options.kills, rng=rng)
        wrong += report(f"{options.kills} x kill -9", often, whole)
        if not options.no_disk:
            whole_mb = sum(path.stat().st_size for path in (folder / "whole").rglob("*") if path.is_file()) / 1e6
            sizes = [1, *(round(whole_mb * share) + 2 for share in (0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 0.95, 1.1, 4.0))]
            full = run("disk", on_full_disk, out=folder / "disk", sizes_mb=sizes)
            wrong += report("full disk", full, whole)
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
