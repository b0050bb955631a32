"""What builds of four sizes take: hours, GB, requests, money; and a simulation of the third, ImageNet's own synsets.

`plan` says what engines would be asked and how much they are taken to bring; `capacity_world.py` has the other
assumptions and what was measured; `capacity_events.py` simulates. Nothing is sent. ImageNet's 21,841 wnids are read
from --wnids, or ../shared (IMAGENET_BUILD_SHARED); without that list as many noun synsets are taken, evenly spread.

    python scripts/bench/capacity.py table                                   (a minute)
    python scripts/bench/capacity.py simulate [--workers 1] [--seed 0]       (a minute)
    python scripts/bench/capacity.py sensitivity                             (a minute)
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capacity_events import Outcome, simulate
from capacity_world import EngineWork, Scenario, World

from imagenet_build.config.models import EngineConfig, TaxonomyConfig
from imagenet_build.records import wnid_of
from imagenet_build.search.assumed_yields import HABITS, Habit
from imagenet_build.search.registry import make_engine
from imagenet_build.taxonomy.sources import load_wordnet

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED", Path(__file__).parents[2] / ".." / "shared"))
FALL_2011 = SHARED / "reference" / "imagenet21k_fall11_wnids.txt"
FREE = ("openverse", "wikimedia", "flickr", "inaturalist")
PAID = ("brave",)
CANDIDATES = 10_000
"""Per synset and engine: ImageNet's own aim, over 10,000 candidates of a synset."""
ACCOUNT = {"OPENVERSE_CLIENT_ID": "none", "OPENVERSE_CLIENT_SECRET": "none"}
"""No keys: they only make the adapter say the limits of an account."""
CONFIGS = Path(__file__).parents[2] / "configs"
SUBTREE, TWELVE, IMAGENET, ALL = "a", "b", "c", "d"
TITLES = {
    SUBTREE: "one subtree: 164 musical instruments",
    TWELVE: "the twelve subtrees of CVPR 2009",
    IMAGENET: "ImageNet's 21,841 synsets",
    ALL: "all 82,115 noun synsets",
}


def taxonomy_of(which: str, wnids: Path | None, folder: Path) -> dict[str, Any]:
    if which == SUBTREE:
        return {"roots": ["musical_instrument.n.01"]}
    if which == TWELVE:
        text = (CONFIGS / "cvpr2009.yaml").read_text(encoding="utf-8")
        return {"roots": [line.split()[1] for line in text.splitlines() if line.startswith("    - ") and ".n." in line]}
    if which == ALL:
        return {"roots": ["entity.n.01"], "safety": False, "instances": True}
    listed = wnids or (FALL_2011 if FALL_2011.exists() else None)
    if listed is None:
        listed = folder / "spread.txt"
        offsets = list(load_wordnet(TaxonomyConfig()).offsets)
        chosen = (offsets[place * len(offsets) // 21_841] for place in range(21_841))
        listed.write_text("\n".join(map(wnid_of, chosen)), encoding="utf-8")
    return {"wnids_file": str(listed), "safety": False}


def scenario(which: str, wnids: Path | None = None, bound: str = "expected") -> Scenario:
    """What `plan` says of one build; `bound` is low, expected or high: what queries are taken to find."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "plan.yaml"
        engines = [{"name": name} for name in (*FREE, *PAID)]
        search = {"candidates_per_synset": CANDIDATES, "engines": engines}
        text = json.dumps({"taxonomy": taxonomy_of(which, wnids, Path(folder)), "search": search})  # JSON is YAML
        config.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "imagenet_build", "plan", str(config), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ACCOUNT})
    if done.returncode:
        sys.exit(done.stderr)
    said = json.loads(done.stdout)
    totals, voting = said["totals"], said["verification"]
    return Scenario(
        TITLES[which],
        totals["synsets"],
        totals["queries"],
        tuple(_work(engine, bound) for engine in said["engines"]),
        voting["votes"][bound],
        voting["hours"][bound],
        voting["money"][bound],
    )


def _work(said: dict[str, Any], bound: str) -> EngineWork:
    os.environ.update(ACCOUNT)
    info = make_engine(EngineConfig(name=said["name"])).info
    return EngineWork(
        said["name"],
        said["requests"][bound],
        said["addresses"][bound],
        info.min_delay_s,
        info.concurrency,
        info.quota_per_day,
        info.quota_per_month,
        dict(HABITS.get(said["name"], Habit()).hosts),
    )


def gigabytes(build: Scenario, world: World) -> tuple[float, float]:
    """(shards, everything else) on the disk or in the bucket."""
    candidates = build.candidates(world)
    pictures = candidates * world.fetched
    shards = pictures * (1 - world.shared) * world.picture_bytes
    pages = sum(engine.requests for engine in build.engines) * world.bytes_per_page
    return shards / 1e9, (
        pages + pictures * world.bytes_per_picture_row + candidates * world.bytes_per_address_row
    ) / 1e9


def money(build: Scenario, world: World, outcome: Outcome) -> dict[str, float]:
    """USD by what it is for: machines for the whole time, storage (half full on the mean), uploads, engines, votes."""
    shards, others = gigabytes(build, world)
    months = max(outcome.total_h / 720.0, 0.0)
    paid = sum(engine.requests * world.usd_per_1000_requests.get(engine.name, 0.0) / 1000 for engine in build.engines)
    return {
        "machines": outcome.total_h * world.workers * world.threads * world.usd_per_thread_hour,
        "storage until it is done": (shards + others) / 2 * months * world.usd_per_gb_month,
        "storage, each month after": (shards + others) * world.usd_per_gb_month,
        "uploads": (shards + others) * 1e9 / world.put_bytes / 1000 * world.usd_per_1000_puts,
        "paid engines": paid,
        "votes": build.voting_usd,
    }


def span(hours: float) -> str:
    if hours < 48:
        return f"{hours:.2g} h" if hours < 10 else f"{hours:.0f} h"
    return f"{hours / 24:.0f} days"


def longest(outcome: Outcome) -> str:
    """What lasted longest of the bottlenecks."""
    hours: dict[str, float] = {}
    for start, end, name in outcome.phases:
        hours[name] = hours.get(name, 0.0) + end - start
    return max(hours, key=hours.__getitem__)


def print_build(build: Scenario, world: World, seed: int) -> None:
    outcome = simulate(build, world, seed)
    shards, others = gigabytes(build, world)
    pictures = build.candidates(world) * world.fetched
    print(f"\n{build.name}: {build.queries:,} queries, {', '.join(engine.name for engine in build.engines)}")
    print(
        f"  {outcome.requests:,.0f} requests to engines, {outcome.addresses:,.0f} to hosts; {pictures:,.0f} pictures,"
        f" {pictures * world.distinct:,.0f} distinct; {shards:,.0f} GB shards, {others:,.0f} GB tables and pages"
    )
    print(
        f"  search {span(outcome.search_h)}; half of the pictures after {span(outcome.fetched_h[0.5])}, 90 % after"
        f" {span(outcome.fetched_h[0.9])}, all after {span(outcome.download_h)}; dedup {span(outcome.dedup_h)};"
        f" tables {span(outcome.tables_h)}; in all {span(outcome.total_h)}"
    )
    used = ", ".join(f"{name} {part:.0%}" for name, part in outcome.busy.items())
    print(f"  {world.workers} worker(s) of {world.threads} threads: {used} in use; limited by {longest(outcome)}")
    spent = money(build, world, outcome)
    print("  USD: " + ", ".join(f"{name} {usd:,.0f}" for name, usd in spent.items()))
    print(f"  votes {build.votes:,.0f}, {build.voting_hours:,.0f} hours of people")


def print_history(build: Scenario, world: World, seed: int) -> None:
    outcome = simulate(build, world, seed)
    print("\n  what was to last longest, and when (days)")
    for start, end, name in merged(outcome.phases, outcome.total_h / 50):
        print(f"    {start / 24:7.1f} to {end / 24:7.1f}  {name}")
    for name, hours in sorted(outcome.engines_h.items(), key=lambda item: -item[1]):
        print(f"  {name} done after {span(hours)}")
    for name, hours in list(outcome.hosts_h.items())[:6]:
        print(f"  {name} done after {span(hours)}")
    print(f"  hosts were left in peace {outcome.rests} times")


def merged(phases: list[tuple[float, float, str]], least: float) -> Iterator[tuple[float, float, str]]:
    """Phases of at least so many hours; shorter ones belong to the one before."""
    held: tuple[float, float, str] | None = None
    for start, end, name in phases:
        if held and (name == held[2] or end - start < least):
            held = (held[0], end, held[2])
        else:
            if held:
                yield held
            held = (start, end, name)
    if held:
        yield held


CHANGES: tuple[dict[str, float], ...] = (
    {"host_pace": 0.5},
    {"host_pace": 2.0, "host_concurrency": 2.0},
    {"host_pace": 10.0, "host_concurrency": 10.0},
    {"quota": 0.5},
    {"quota": 2.0},
    {"workers": 4},
    {"threads": 1},
    {"threads": 8},
    {"line_bytes_per_s": 6.25e6},
    {"line_bytes_per_s": 125e6},
    {"cpu_s_per_picture": 0.00125},
    {"cpu_s_per_picture": 0.01},
    {"fetch_s": 0.5},
    {"fetch_s": 2.0},
    {"hosts_at_once": 16},
    {"hosts_at_once": 256},
    {"picture_bytes": 55_000.0},
    {"picture_bytes": 500_000.0},
    {"fetched": 0.7},
    {"fetched": 0.95},
    {"shared": 0.0},
    {"shared": 0.3},
    {"overlap": 0.0},
    {"overlap": 0.4},
    {"tail_hosts": 20_000},
    {"tail_hosts": 2_000_000},
    {"rests_per_day": 0.0},
    {"rests_per_day": 2.0},
    {"engine_faults_per_day": 0.5},
    {"retried": 0.3},
    {"dedup_exponent": 2.0},
    {"overlapping": False},
)
"""Of the world, each by itself."""
LEAST_EFFECT = 0.005


def print_sensitivity(build: Scenario, bounds: dict[str, Scenario], world: World, seed: int) -> None:
    base = simulate(build, world, seed)
    print(f"\n{build.name}, {world.workers} worker(s): {span(base.total_h)}; 90 % of the pictures", end=" ")
    print(f"after {span(base.fetched_h[0.9])}. One assumption changed at a time:")
    changed = [
        (", ".join(f"{name} {value:g}" for name, value in change.items()), build, dataclasses.replace(world, **change))
        for change in CHANGES
    ]
    changed += [(f"queries find: {bound}", other, world) for bound, other in bounds.items()]
    changed += [(f"without {engine.name}", build.without(engine.name), world) for engine in build.engines]
    outcomes = [(name, simulate(what, where, seed)) for name, what, where in changed]
    outcomes += [(f"seed {seed + place}", simulate(build, world, seed + place)) for place in (1, 2, 3)]
    unmoved = []
    for name, outcome in sorted(outcomes, key=lambda item: -abs(math.log(item[1].total_h / base.total_h))):
        share = outcome.total_h / base.total_h - 1
        if abs(share) < LEAST_EFFECT:
            unmoved.append(name)
            continue
        print(
            f"  {name:36} {span(outcome.total_h):>9} ({share:+.0%}), 90 % after {span(outcome.fetched_h[0.9]):>9};"
            f" {longest(outcome)}"
        )
    print(f"  less than {LEAST_EFFECT:.1%} each: {'; '.join(unmoved)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "simulate", "sensitivity"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=World.threads)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wnids", type=Path, help="ImageNet's 21,841 wnids, one a line")
    options = parser.parse_args()
    started = time.monotonic()
    world = World(workers=options.workers, threads=options.threads)
    if options.what == "table":
        for which in TITLES:
            build = scenario(which, options.wnids)
            for part in (build.without(*PAID), build):
                print_build(part, world, options.seed)
            if which == IMAGENET:
                many = build.with_candidates(CANDIDATES, PAID[0], world)
                for workers in (1, 4, 16):
                    print_build(many, dataclasses.replace(world, workers=workers), options.seed)
    else:
        build = scenario(IMAGENET, options.wnids)
        if options.what == "simulate":
            for part in (build.without(*PAID), build):
                print_build(part, world, options.seed)
                print_history(part, world, options.seed)
        else:
            bounds = {bound: scenario(IMAGENET, options.wnids, bound) for bound in ("low", "high")}
            for part, others in (
                (build.without(*PAID), {name: other.without(*PAID) for name, other in bounds.items()}),
                (build, bounds),
            ):
                print_sensitivity(part, others, world, options.seed)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
