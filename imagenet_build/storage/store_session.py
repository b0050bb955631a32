"""One writer's session on a run in an object store: lease, restore, publications, shards and snapshots.

The calls here do nothing for a run on a disk, so that whoever writes a run need not know where it lies.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from imagenet_build.config.models import StorageConfig
from imagenet_build.errors import BuildError
from imagenet_build.storage.layout import STORED_BY, RunLayout
from imagenet_build.storage.lease import Lease
from imagenet_build.storage.object_store import ObjectStore
from imagenet_build.storage.places import Place, StoredRun
from imagenet_build.storage.snapshots import (
    Origin,
    SnapshotWriter,
    forget_computed,
    read_origin,
    read_snapshot,
    restore,
    write_origin,
)
from imagenet_build.storage.stored_shards import store_shards
from imagenet_build.storage.unfinished_uploads import abort_unfinished

SHARDS_EVERY_S = 5.0
"""Full shards are stored so often."""
LEAST_PAUSES = 9
"""A snapshot that took long is not repeated before so many times as long."""
_log = logging.getLogger(__name__)


class _Session:
    """What one writer does beside its work."""

    def __init__(self, run: StoredRun, config: StorageConfig) -> None:
        self._run = run
        self._config = config
        self._lease = Lease(run.store, run.work, config.lease_s)
        self._snapshots = SnapshotWriter(run.store, run.work, 0)
        self._stored_shards: dict[str, int] = {}
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Become the writer; make the work directory hold the run's newest state."""
        store, work = self._run.store, self._run.work
        store.check_bucket()
        self._lease.take()
        try:
            origin, snapshot = read_origin(work), read_snapshot(store)
            wrote_last = origin.snapshot is None and origin.epoch == self._lease.epoch_before > 0
            if not wrote_last and (snapshot is None or origin.snapshot != snapshot["id"]):
                restore(store, work, snapshot)
            is_last_state = snapshot is not None and snapshot["epoch"] == self._lease.epoch_before
            if not wrote_last and not (is_last_state and self._lease.ended_well_before):
                forget_computed(work)
            write_origin(work, Origin(self._lease.epoch))
            shutil.rmtree(self._run.spool, ignore_errors=True)
            self._run.publication.begin_epoch(self._lease.epoch)
            self._snapshots = SnapshotWriter(store, work, self._lease.epoch)
            self._snapshots.begin()
            abort_unfinished(store)
            self._shards(is_closed=True)
        except BaseException:
            with contextlib.suppress(BuildError):
                self._lease.withdraw()
            raise
        self._start("lease", self._config.lease_s / 4, self._lease.renew)
        self._start("shards", min(SHARDS_EVERY_S, self._config.snapshot_s), lambda: self._shards(is_closed=False))
        self._start("snapshots", self._config.snapshot_s, lambda: self.save(is_closed=False))

    def publish(self, stage: str) -> None:
        """Show readers what a stage wrote. First everything it refers to is stored, and the state that led there."""
        self.save(is_closed=True)
        self._lease.check()
        self._run.publication.commit(stage, *STORED_BY.get(stage, (None, None)))

    def save(self, *, is_closed: bool) -> None:
        """Make a snapshot. `is_closed`: nobody is writing shards now."""
        with self._turn:
            copies = self._snapshots.copy_changed(self._run.spool)
        self._shards(is_closed=is_closed, open_too=True)
        with self._turn:
            self._lease.check()
            self._snapshots.store_copies(copies)

    def _shards(self, *, is_closed: bool, open_too: bool = False) -> None:
        with self._turn:
            store_shards(self._run, self._stored_shards, is_closed=is_closed, open_too=open_too)

    def end(self) -> None:
        """Save, and let others write."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for stage in ("votes", "verdicts"):
            if self._run.publication.has_pending(stage):
                self.publish(stage)
        self.save(is_closed=True)
        self._run.publication.clean()
        self._lease.release()

    def abandon(self) -> None:
        """After an error: save what can be saved, say nothing more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        try:
            self.save(is_closed=True)
            self._lease.release()
        except BuildError as error:
            _log.warning("the run's state was not stored: %s", error)

    def _start(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        def loop() -> None:
            pause = every_s
            while not self._ended.wait(pause):
                started = time.monotonic()
                try:
                    work()
                except BuildError as error:  # a passing one is mended by the next turn, a lasting one met at publishing
                    _log.warning("%s: %s", name, error)
                pause = max(every_s, LEAST_PAUSES * (time.monotonic() - started)) if name == "snapshots" else every_s

        thread = threading.Thread(target=loop, name=f"store-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()


_SESSIONS: dict[tuple[ObjectStore, Path], _Session] = {}
"""Of this process. They stay out of the layout, which travels to other processes."""


@contextlib.contextmanager
def writing_store(run: StoredRun, config: StorageConfig) -> Iterator[None]:
    """Be the one writer of a run in a store while the block runs. The caller has locked the work directory.

    Raises:
        RunInUse: another machine writes it. StoreUnusable: the store refuses.
    """
    session = _Session(run, config)
    session.begin()
    _SESSIONS[run.store, run.work] = session
    try:
        yield
    except BaseException:
        session.abandon()
        raise
    else:
        session.end()
    finally:
        del _SESSIONS[run.store, run.work]


def publish_stage(layout: RunLayout, stage: str) -> None:
    """Show readers what a stage wrote, all at once. On a disk each file has appeared when it was written."""
    if isinstance(layout.root, Place):
        _SESSIONS[layout.root.run.store, layout.root.run.work].publish(stage)


def save_state(layout: RunLayout) -> None:
    """Make it possible to go on from here on another machine. On a disk that is always so."""
    if isinstance(layout.root, Place):
        _SESSIONS[layout.root.run.store, layout.root.run.work].save(is_closed=True)
