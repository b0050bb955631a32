"""The order of the stages, and resume: the only file that knows them all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import AnyStage, RunContext, UnitResult, WorkUnit
from imagenet_build.dedup.excluded import check_lists
from imagenet_build.dedup.stage import DedupStage
from imagenet_build.download.add_urls import NO_HOST, add_list, refuse_unusable
from imagenet_build.download.stage import DownloadStage
from imagenet_build.download.url_list import UrlList
from imagenet_build.errors import ConfigError, DataError, DiskUnusable
from imagenet_build.execution.choose import chosen_executor
from imagenet_build.execution.executor import Executor
from imagenet_build.manifest.stage import ManifestStage
from imagenet_build.queries.stage import QueriesStage
from imagenet_build.search.preflight import check_engines
from imagenet_build.search.stage import SearchStage
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config, writing
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.run_status import is_list_run, names_synsets
from imagenet_build.storage.store_session import publish_stage, save_state
from imagenet_build.taxonomy.stage import TaxonomyStage

STAGES: tuple[AnyStage, ...] = (
    TaxonomyStage(),
    QueriesStage(),
    SearchStage(),
    DownloadStage(),
    DedupStage(),
    ManifestStage(),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
NOTE_EVERY = 1_000_000
"""URLs of a list that are read between two notes."""


class Progress(Protocol):
    """Who watches a build. Counts are items: units of a stage, or URLs while downloading."""

    def stage_started(self, name: str, total: int, done_before: int) -> None:
        """`total` items are to be done now; `done_before` were done in earlier sessions."""

    def advance(self, items: int) -> None:
        """So many more are finished."""

    def stage_ended(self, name: str, outcome: StageOutcome) -> None:
        """The stage was published."""

    def note(self, text: str) -> None:
        """Something the user should know."""


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """One stage of one `build` call."""

    name: str
    planned: int
    """Units in the plan."""
    ran: int
    """Units run now; the others were done before."""
    counts: dict[str, int]
    """Sums over all done units, earlier sessions included."""
    problems: dict[str, int]
    """What kept units from being done, with the number of units."""
    seconds: float


@dataclass(slots=True)
class BuildOutcome:
    """One `build` call."""

    stages: list[StageOutcome] = field(default_factory=list)

    @property
    def problems(self) -> dict[str, int]:
        """Everything that needs attention."""
        total: Counter[str] = Counter()
        for stage in self.stages:
            total.update(stage.problems)
        return dict(total)


def build(
    config: BuildConfig,
    out: Location,
    progress: Progress,
    *,
    until: str | None = None,
    reparse: Collection[str] = (),
    executor: Executor | None = None,
) -> BuildOutcome:
    """Run or resume a build.

    Args:
        config: what to build.
        out: the run directory, or its place in an object store; made if missing.
        progress: is told what happens.
        until: name of the last stage to run; None for all.
        reparse: engines whose kept pages are read again, without a request to them.
        executor: where units run; None for what the configuration says.
    Raises:
        ConfigError: the configuration cannot work; nothing was sent.
        DiskUnusable: the disk is full or refuses; nothing is lost, the same call goes on.
        KeyboardInterrupt: stopped by a signal, state saved.
        BuildError: anything else that went wrong on purpose.
    """
    if until is not None and until not in STAGE_NAMES:
        raise ConfigError(f"There is no stage {until!r}.", remedy=f"The stages are {', '.join(STAGE_NAMES)}.")
    if is_list_run(RunLayout(out)):
        raise ConfigError(
            f"{out} holds a list of URLs that `fetch` fetches, no synsets.",
            remedy=f"Build into another --out directory, or go on with: imagenet-build fetch --out {out}",
        )
    last = STAGE_NAMES.index(until) if until else len(STAGES) - 1
    if last >= STAGE_NAMES.index("dedup"):
        check_lists(config.dedup.exclude)
    outcome = BuildOutcome()
    with _disk_errors(out), writing(out, config) as layout, _executor(executor, config) as executor:
        run = RunContext(layout, config, frozenset(reparse))
        if last >= STAGE_NAMES.index("search"):
            for notice in check_engines(config):
                progress.note(notice)
        unknown = sorted(run.offline_engines - {engine.name for engine in config.search.engines})
        if unknown:
            raise ConfigError(f"{', '.join(unknown)} cannot be read again: no such engine in this configuration.")
        state = RunState(layout.state)
        try:
            for engine in sorted(run.offline_engines):
                state.forget_units_ending("search", f"/{engine}")
            token = "start"
            for stage in STAGES[: last + 1]:
                stage_outcome, token = _run_stage(stage, token, run, state, executor, progress)
                outcome.stages.append(stage_outcome)
        finally:
            state.close()
    return outcome


def fetch(
    config: BuildConfig, out: Location, urls: UrlList | None, progress: Progress, *, executor: Executor | None = None
) -> BuildOutcome:
    """Run or resume the download stage alone, over a list of URLs.

    Args:
        config: its sections `network`, `download` and `execution` count; it must name no synset.
        out: the run directory, or its place in an object store; made if missing.
        urls: is added to what the run holds; None: nothing new.
        progress, executor: as in `build`.
    Raises:
        ConfigError: the run is a build's, or downloading is switched off; nothing was sent.
        Others: as in `build`, or the list cannot be read.
    """
    layout = RunLayout(out)
    if layout.run_record.exists() and names_synsets(read_config(layout)):
        raise ConfigError(f"{out} was made by `build`.", remedy="Fetch into another --out directory.")
    if not config.download.enabled:
        raise ConfigError("Nothing can be fetched: download.enabled is false.")
    with _disk_errors(out), writing(out, config) as layout, _executor(executor, config) as executor:
        run = RunContext(layout, config)
        state = RunState(layout.state)
        try:
            _queue_list(urls, layout, state, progress)
            outcome, _ = _run_stage(DownloadStage(), "start", run, state, executor, progress)
        finally:
            state.close()
    return BuildOutcome([outcome])


def _executor(given: Executor | None, config: BuildConfig) -> AbstractContextManager[Executor]:
    return chosen_executor(config.execution) if given is None else contextlib.nullcontext(given)


def _queue_list(urls: UrlList | None, layout: RunLayout, state: RunState, progress: Progress) -> None:
    """Add a list that was not added before; until the stage ends, the tables are older than the queue."""
    queue = DownloadQueue(layout.download_queue)
    try:
        if urls is not None and not queue.is_added(source := urls.digest()):
            started = time.monotonic()
            state.record_stage("download", "", 0, 0.0)
            read = 0

            def advance(more: int) -> None:
                nonlocal read
                read += more
                if read % NOTE_EVERY < more:
                    progress.note(f"queue: {read:,} URLs of {urls.path} read")

            add_list(queue, urls, advance)
            queue.set_added(source)
            progress.note(f"queue: {read:,} URLs of {urls.path} in {time.monotonic() - started:.1f} s")
            if urls.without_url:
                progress.note(f"queue: {urls.without_url:,} rows name no URL, first {urls.first_without}")
        if refuse_unusable(queue):
            state.record_stage("download", "", 0, 0.0)
            state.record_unit("download", NO_HOST, "", queue.host_counts(NO_HOST), "")
    finally:
        queue.close()


def _run_stage(
    stage: AnyStage, upstream: str, run: RunContext, state: RunState, executor: Executor, progress: Progress
) -> tuple[StageOutcome, str]:
    """Run what is not done; publish if anything changed. `upstream`: token of the stage before, empty if it is open."""
    started = time.monotonic()
    units = list(stage.plan(run))
    known = state.units(stage.name)
    todo = [unit for unit in units if not _done(unit, known.get(unit.key))]
    progress.stage_started(stage.name, sum(unit.size for unit in todo), len(units) - len(todo))

    def record(result: UnitResult) -> None:
        unit = result.unit
        fingerprint = "" if result.problem else unit.fingerprint
        state.record_unit(stage.name, unit.key, fingerprint, result.counts, result.problem)
        if result.note:
            progress.note(result.note)

    before = state.stage(stage.name)
    if todo:  # until the stage is published again, its tables are older than its units
        state.record_stage(stage.name, "", len(units), 0.0)
        if isinstance(stage, ManifestStage):
            stage.withdraw(run)
    executor.run(stage, todo, run, record, progress.advance)
    if stage.name != "download":  # its plan holds only hosts with work left; the totals are in the queue
        state.forget_units_except(stage.name, {unit.key for unit in units})
    known = state.units(stage.name)
    problems = Counter(record.problem for record in known.values() if record.problem)
    token = _token(upstream, units) if upstream and not problems else ""
    lost = isinstance(stage, ManifestStage) and not stage.is_published(run)
    if todo or lost or before is None or before.token != token or not token:
        stage.finish(run, executor.exchange(run))
        publish_stage(run.layout, stage.name)
    seconds = time.monotonic() - started
    state.record_stage(stage.name, token, len(units), seconds)
    save_state(run.layout)
    totals: Counter[str] = Counter()
    for unit_record in known.values():
        totals.update(unit_record.counts)
    outcome = StageOutcome(stage.name, len(units), len(todo), dict(totals), dict(problems), seconds)
    progress.stage_ended(stage.name, outcome)
    return outcome, token


def _done(unit: WorkUnit, record: object) -> bool:
    """Done means: a unit of this key was done with this very input. Without a fingerprint it is always run."""
    return bool(unit.fingerprint) and getattr(record, "fingerprint", None) == unit.fingerprint


def _token(upstream: str, units: Sequence[WorkUnit]) -> str:
    """Digest of a plan and of everything before it: the stage's tables are published when it changes."""
    text = "\n".join([upstream, *(f"{unit.key} {unit.fingerprint}" for unit in units)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextlib.contextmanager
def _disk_errors(out: Location) -> Iterator[None]:
    """A full or read-only disk, said in words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(out) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO):
            where = error.filename or out
            raise DiskUnusable(
                f"{where} cannot be written: {error.strerror}.",
                remedy="Choose a writable --out directory, or mend its permissions.",
            ) from None
        raise
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise _full(out) from None
        raise DiskUnusable(f"The run's state below {out} cannot be written: {error}.") from None
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"A state file below {out} is damaged: {error}.",
            remedy="Restore the run from a copy, or build into another --out directory.",
        ) from None


def _full(out: Location) -> DiskUnusable:
    return DiskUnusable(
        f"The disk that holds {out} is full. Nothing is lost.",
        remedy="Free some space and give the same command again.",
    )
