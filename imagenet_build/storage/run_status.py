"""What a run directory says about itself, read beside a running build or long after it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from imagenet_build.storage import tables
from imagenet_build.storage.download_queue import DONE, REFUSED, WAITING, DownloadQueue
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.run_state import RunState


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage. Items are units (synsets, searches), or URLs while downloading."""

    name: str
    done: int
    waiting: int
    refused: int
    counts: dict[str, int]
    problems: dict[str, int]
    """What kept units from being done, with their number."""
    seconds: float
    """Wall-clock time spent in it, over all sessions."""
    published: bool
    """Its tables hold everything that its units brought."""


@dataclass(frozen=True, slots=True)
class SynsetStatus:
    """One synset's manifest, by its own metadata."""

    wnid: str
    name: str
    counts: dict[str, int]


def stage_statuses(layout: RunLayout, names: Sequence[str]) -> list[StageStatus]:
    """Every stage that has begun, in order."""
    if not layout.state.exists():
        return []
    state = RunState(layout.state, read_only=True)
    try:
        return [found for name in names if (found := _stage_status(layout, state, name)) is not None]
    finally:
        state.close()


def _stage_status(layout: RunLayout, state: RunState, name: str) -> StageStatus | None:
    units = state.units(name)
    record = state.stage(name)
    if record is None and not units:
        return None
    counts: Counter[str] = Counter()
    for unit in units.values():
        counts.update(unit.counts)
    problems = Counter(unit.problem for unit in units.values() if unit.problem)
    done = len(units) - sum(problems.values())
    waiting = max(0, (record.planned if record else 0) - done)
    refused = 0
    if name == "download" and layout.download_queue.exists():
        queue = DownloadQueue(layout.download_queue, read_only=True)
        try:
            states = queue.counts()
        finally:
            queue.close()
        done, waiting, refused = states.get(DONE, 0), states.get(WAITING, 0), states.get(REFUSED, 0)
    seconds = record.seconds if record else 0.0
    published = bool(record and record.token)
    return StageStatus(name, done, waiting, refused, dict(counts), dict(problems), seconds, published)


def refusals(layout: RunLayout) -> dict[str, dict[str, int]]:
    """Stage -> reason -> number of refused items: engines' items of the search, URLs of the download."""
    found: dict[str, dict[str, int]] = {}
    if layout.search_rejections.exists():
        reasons = pq.read_table(layout.search_rejections, columns=["reason"])["reason"].to_pylist()
        found["search"] = dict(Counter(reasons).most_common())
    if layout.download_queue.exists():
        queue = DownloadQueue(layout.download_queue, read_only=True)
        try:
            found["download"] = dict(queue.refused_by_reason())
        finally:
            queue.close()
    return found


def synset_statuses(layout: RunLayout) -> Iterator[SynsetStatus]:
    """Every manifest, in wnid order."""
    for path in sorted(layout.manifests.glob("*.parquet")):
        said = tables.metadata(path)
        yield SynsetStatus(path.stem, said["imagenet_build.synset"], json.loads(said["imagenet_build.counts"]))


def parked_engines(layout: RunLayout, engines: Sequence[str]) -> dict[str, float]:
    """Engines that asked for a pause, and until when (seconds since 1970; may be past)."""
    found = {}
    for name in engines:
        path: Path = layout.pages(name)
        if path.exists():
            store = PageStore(path, read_only=True)
            try:
                until = store.not_before()
            finally:
                store.close()
            if until:
                found[name] = until
    return found
