"""What a run directory says about itself, read beside a running build or long after it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc
import pyarrow.parquet as pq

from imagenet_build.config.models import BuildConfig
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import COUNTS, read_index
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.places import Location, source_of
from imagenet_build.storage.queue_view import DONE, REFUSED, WAITING, QueueView
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.schemas import SYNSETS


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


@dataclass(frozen=True, slots=True)
class RestingHost:
    """A host that is left in peace although URLs of it wait."""

    host: str
    until: float
    """Seconds since 1970."""
    waiting: int
    """Its URLs."""


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    """What the download queue holds; kept + refused + waiting is the number of distinct URLs."""

    kept: int
    refused: dict[str, int]
    """By reason, most first."""
    waiting: int
    resting: list[RestingHost]
    """Soonest first."""
    shards: int
    shard_bytes: int

    @property
    def urls(self) -> int:
        """Distinct URLs."""
        return self.kept + sum(self.refused.values()) + self.waiting


def names_synsets(config: BuildConfig) -> bool:
    """Whether a configuration is for `build`; one of `fetch` names no synset."""
    wanted = config.taxonomy
    return bool(wanted.roots or wanted.wnids or wanted.wnids_file)


def is_list_run(layout: RunLayout) -> bool:
    """Whether a run was made by `fetch`: its run.json names no synset, and yet URLs were queued.

    Raises:
        DataError: the run's record cannot be read.
    """
    return layout.download_queue.exists() and layout.run_record.exists() and not names_synsets(read_config(layout))


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
    totals = state.totals(name)
    record = state.stage(name)
    if record is None and not totals.units:
        return None
    done = totals.units - sum(totals.problems.values())
    waiting = max(0, (record.planned if record else 0) - done)
    refused = 0
    if name == "download" and layout.download_queue.exists():
        queue = QueueView(layout.download_queue)
        try:
            states = queue.counts()
        finally:
            queue.close()
        done, waiting, refused = states.get(DONE, 0), states.get(WAITING, 0), states.get(REFUSED, 0)
    seconds = record.seconds if record else 0.0
    published = bool(record and record.token)
    return StageStatus(name, done, waiting, refused, totals.counts, totals.problems, seconds, published)


def refusals(layout: RunLayout) -> dict[str, dict[str, int]]:
    """Stage -> reason -> number of refused items: engines' items of the search, URLs of the download."""
    found: dict[str, dict[str, int]] = {}
    if layout.search_rejections.exists():
        found["search"] = dict(_reasons(layout.search_rejections).most_common())
    if layout.download_queue.exists():
        queue = QueueView(layout.download_queue)
        try:
            found["download"] = dict(queue.refused_by_reason())
        finally:
            queue.close()
    return found


def _reasons(path: Location) -> Counter[str]:
    """Rows of a table by their reason, whatever its length."""
    found: Counter[str] = Counter()
    with pq.ParquetFile(source_of(path)) as file:
        for batch in file.iter_batches(batch_size=1_000_000, columns=["reason"]):
            for row in pc.value_counts(batch.column(0)).to_pylist():
                found[row["values"]] += row["counts"]
    return found


def download_status(layout: RunLayout, now: float) -> DownloadStatus | None:
    """What became of the URLs so far, and which hosts want peace after `now` (seconds since 1970); None: no queue."""
    if not layout.download_queue.exists():
        return None
    queue = QueueView(layout.download_queue)
    try:
        states = queue.counts()
        lanes = queue.lanes() if states.get(WAITING) else iter(())
        until = ((host, moment) for host, text in lanes if (moment := _not_before(text)) > now)
        resting = [RestingHost(host, moment, urls) for host, moment in until if (urls := queue.waiting_of(host))]
        ends = queue.shard_ends()
        return DownloadStatus(
            kept=states.get(DONE, 0),
            refused=dict(queue.refused_by_reason()) if states.get(REFUSED) else {},
            waiting=states.get(WAITING, 0),
            resting=sorted(resting, key=lambda host: (host.until, host.host)),
            shards=len(ends),
            shard_bytes=sum(ends.values()),
        )
    finally:
        queue.close()


def _not_before(lane: str) -> float:
    """Until when a lane's memory says that its host be left in peace; 0: it does not say."""
    try:
        return float(json.loads(lane)["not_before"])
    except (ValueError, TypeError, KeyError):
        return 0.0


def synset_statuses(layout: RunLayout) -> Iterator[SynsetStatus]:
    """Every manifest, in wnid order: from the index, or while the last stage is under way from what its units said."""
    index = read_index(layout)
    if index is not None:
        for row in index.to_pylist():
            yield SynsetStatus(row["wnid"], row["name"], {key: row[key] for key in COUNTS})
    elif layout.state.exists() and layout.synsets.exists():
        synsets = tables.read(layout.synsets, SYNSETS, columns=["wnid", "name"])
        names = dict(zip(synsets["wnid"].to_pylist(), synsets["name"].to_pylist(), strict=True))
        state = RunState(layout.state, read_only=True)
        try:
            units = state.units("manifest")
        finally:
            state.close()
        for wnid, unit in sorted(units.items()):
            yield SynsetStatus(wnid, names.get(wnid, ""), {key: unit.counts.get(key, 0) for key in COUNTS})


def parked_engines(layout: RunLayout, engines: Sequence[str]) -> dict[str, float]:
    """Engines that asked for a pause, and until when (seconds since 1970; may be past)."""
    found = {}
    for name in engines:
        path = layout.pages(name)
        if path.exists():
            store = PageStore(path, read_only=True)
            try:
                until = store.not_before()
            finally:
                store.close()
            if until:
                found[name] = until
    return found
