"""EDGE: a run as it is now: looked at in a thread of its own whenever somebody asks and the last look is old."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from imagenet_build.errors import BuildError
from imagenet_build.records import Origin
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place, has_files
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.schemas import QUERIES, SYNSETS
from imagenet_build.storage.snapshots import refresh_again
from imagenet_build.verify.vote_tables import verdicts_folder
from imagenet_build.web.explorer.above_run import joined
from imagenet_build.web.explorer.file_mark import file_mark
from imagenet_build.web.explorer.live import counts_so_far, is_at_work, marks_of_state, read_status
from imagenet_build.web.explorer.manifest_counts import ManifestFooters
from imagenet_build.web.explorer.picture_bins import LABELS, bins_of
from imagenet_build.web.explorer.run_tree import RunTree
from imagenet_build.web.explorer.search_index import SearchIndex
from imagenet_build.web.explorer.snapshot import Concepts, Snapshot, counts_of, latest_measure

LEAST_PAUSE_S = 1.0
MOST_PAUSE_S = 5.0
"""The first looks take long and are no measure for the others."""
_SHARE = 0.1
"""Of the time that looking may take."""
_NAMES = frozenset({Origin.SYNONYM.value, Origin.TRANSLATION.value, Origin.LATIN.value, Origin.LABEL.value})


class RunView:
    """Hands out snapshots. `fresh` is called by the server's thread, everything else happens in the view's own."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._footers = ManifestFooters(layout)
        self._thread = ThreadPoolExecutor(1, "run-view")
        self._look: Future[None] | None = None
        self._next_look = 0.0
        self._marks: dict[str, Any] = {}
        self._verdicts: dict[str, dict[str, int]] = {}
        self._so_far: dict[str, dict[str, int]] = {}
        self._reading: tuple[int, int] | None = None
        self._is_behind = False
        concepts = _concepts([], None)
        self.snapshot = _snapshot(0, concepts, self._footers, {}, {}, None)

    def open(self) -> None:
        """Read the tree; the counts follow by themselves."""
        self._thread.submit(self._guarded, self._read_concepts).result()
        self.fresh()

    def fresh(self) -> Snapshot:
        """What is known now; looks again, for those who come next, if the last look was a while ago."""
        if (self._look is None or self._look.done()) and time.monotonic() >= self._next_look:
            self._look = self._thread.submit(self._look_again)
        return self.snapshot

    def settled(self) -> Snapshot:
        """Look again now, and wait for it."""
        self._thread.submit(self._look_again).result()
        return self.snapshot

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _look_again(self) -> None:
        began = time.monotonic()
        self._guarded(self._look_at_all)
        spent = time.monotonic() - began
        self._next_look = time.monotonic() + min(max(LEAST_PAUSE_S, spent / _SHARE), MOST_PAUSE_S)

    def _look_at_all(self) -> None:
        self._follow()
        self._read_concepts()
        self._read_verdicts()
        self._read_state()
        if self._footers.refresh(self._note_reading) or self._reading:
            self._reading = None
            self._publish()

    def _follow(self) -> None:
        """Of a run in a store: what its writer has published by now, and with it the state that it stored."""
        root = self._layout.root
        if isinstance(root, Place) and (root.run.publication.look_again() or self._is_behind):
            self._is_behind = True
            refresh_again(root.run)
            self._is_behind = False

    def _note_reading(self, done: int, total: int) -> None:
        self._reading = (done, total)
        self._publish()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A file that cannot be read is told to whoever looks, and tried again with the next look."""
        problem = ""
        try:
            work()
        except (BuildError, OSError) as error:
            problem = str(error)
        if self.snapshot.problem != problem:
            self.snapshot = replace(self.snapshot, version=self.snapshot.version + 1, problem=problem)

    def _publish(self) -> None:
        now = self.snapshot
        made = _snapshot(now.version + 1, now.concepts, self._footers, self._verdicts, self._so_far, self._reading)
        self.snapshot = replace(made, status=now.status, problem=now.problem)

    def _is_new(self, name: str, mark: object) -> bool:
        if self._marks.get(name) == mark:
            return False
        self._marks[name] = mark
        return True

    def _read_concepts(self) -> None:
        layout = self._layout
        if not self._is_new("concepts", (file_mark(layout.synsets), file_mark(layout.queries))):
            return
        try:
            rows = tables.read(layout.synsets, SYNSETS).to_pylist() if layout.synsets.exists() else []
            queries = tables.read(layout.queries, QUERIES).sort_by("wnid") if layout.queries.exists() else None
        except BuildError:
            self._marks.pop("concepts")
            raise
        rows = joined(rows, read_config(layout).taxonomy)
        self.snapshot = replace(self.snapshot, concepts=_concepts(rows, queries))
        if not self._footers.found and has_files(layout.manifests):
            self._reading = (0, 0)
        self._publish()

    def _read_verdicts(self) -> None:
        path = verdicts_folder(self._layout) / "report.json"
        if not self._is_new("verdicts", file_mark(path)):
            return
        self._verdicts = {}
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            self._verdicts = {row["wnid"]: row for row in said["synsets"]}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            self._verdicts = {}  # the pictures' own verdicts are read from their tables
        self._publish()

    def _read_state(self) -> None:
        is_new = self._is_new("state", marks_of_state(self._layout))
        building = is_at_work(self._layout)
        if is_new:
            if has_files(self._layout.manifests) or not self._layout.synsets.exists():
                self._so_far = {}
            else:
                self._so_far = counts_so_far(self._layout)
            status = read_status(self._layout, int((~self.snapshot.concepts.tree.is_extra).sum()))
            self.snapshot = replace(self.snapshot, status=status)
            self._publish()
        elif building != self.snapshot.status.get("building", False):
            status = {**self.snapshot.status, "building": building}
            self.snapshot = replace(self.snapshot, version=self.snapshot.version + 1, status=status)


def _concepts(rows: list[dict[str, Any]], queries: Any) -> Concepts:
    tree = RunTree(rows)
    if queries is None:
        queries = QUERIES.empty_table()
    texts = []
    columns = (queries[name].to_pylist() for name in ("wnid", "text", "language", "origin"))
    for wnid, text, language, origin in zip(*columns, strict=True):
        number = tree.number.get(wnid)
        if number is not None and origin != Origin.CONCEPT.value:
            texts.append((number, text, language, origin in _NAMES))
    return Concepts(tree, SearchIndex(tree, texts), queries)


def _snapshot(
    version: int,
    concepts: Concepts,
    footers: ManifestFooters,
    verdicts: Mapping[str, Mapping[str, int]],
    so_far: Mapping[str, Mapping[str, int]],
    reading: tuple[int, int] | None,
) -> Snapshot:
    tree, found = concepts.tree, footers.found
    own = counts_of(tree, found, verdicts, so_far)
    measure = latest_measure(own, bool(found) or reading is not None)
    below = {kind: tree.sums(values) for kind, values in own.items()}
    pictures = own[measure or "kept"]
    histograms = tree.histograms(bins_of(pictures), len(LABELS)) if len(tree) else np.zeros((0, len(LABELS)), np.int64)
    reasons = footers.refused_by_reason
    return Snapshot(version, concepts, own, below, histograms, found, measure, reading, refused_by_reason=reasons)
