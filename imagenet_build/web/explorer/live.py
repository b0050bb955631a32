"""EDGE: how far a build is, and what it has brought for each synset before its manifests are written."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imagenet_build.pipeline import STAGE_NAMES
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.run_status import stage_statuses

_RECENT_S = 10.0
_LOCKS = Path("/proc/locks")


def marks_of_state(layout: RunLayout) -> tuple[tuple[str, int, int], ...]:
    """Another value: the build has written something since."""
    found = []
    for base in (layout.state, layout.download_queue):
        for path in (base, base.with_name(f"{base.name}-wal")):
            if path.exists():
                state = path.stat()
                found.append((path.name, state.st_mtime_ns, state.st_size))
    return tuple(found)


def is_at_work(layout: RunLayout, now: float | None = None) -> bool:
    """Whether a build is writing this run, as far as can be told without taking part in its lock."""
    try:
        inode = f":{layout.lock.stat().st_ino} "
    except FileNotFoundError:
        return False
    if _LOCKS.exists():
        lines = _LOCKS.read_text(encoding="utf-8").splitlines()
        return any("FLOCK" in line and inode in line for line in lines)
    newest = max((stamp for _, stamp, _ in marks_of_state(layout)), default=0)
    return (time.time() if now is None else now) - newest / 1e9 < _RECENT_S


def read_status(layout: RunLayout, synsets: int) -> dict[str, Any]:
    """The stages of a run for the page.

    Args:
        synsets: how many the run has; a search has a unit for each synset and engine.
    Raises:
        DataError: the run's record or its state cannot be read.
    """
    config = read_config(layout)
    engines = [engine.name for engine in config.search.engines]
    begun = {stage.name: stage for stage in stage_statuses(layout, STAGE_NAMES)}
    stages: list[dict[str, Any]] = []
    for name in STAGE_NAMES:
        if name not in begun:
            stages.append({"name": name, "state": "waiting", "done": 0, "total": 0, "problems": {}})
            continue
        stage = begun[name]
        total = stage.done + stage.waiting + stage.refused
        if name == "search" and not stage.published:
            total = max(total, synsets * len(engines))
        said = {key: value for key, value in asdict(stage).items() if key in ("name", "done", "refused", "problems")}
        stages.append({**said, "total": total, "state": "done" if stage.published else "at work"})
    return {"stages": stages, "engines": engines, "building": is_at_work(layout)}


def counts_so_far(layout: RunLayout) -> dict[str, dict[str, int]]:
    """wnid -> hits, and images that were kept before duplicates are looked for, of the units that are done."""
    if not layout.state.exists():
        return {}
    found: dict[str, Counter[str]] = {}
    state = RunState(layout.state, read_only=True)
    try:
        for stage, kind in (("search", "hits"), ("dedup", "images")):
            for key, unit in state.units(stage).items():
                found.setdefault(key.partition("/")[0], Counter())[kind] += unit.counts.get(kind, 0)
    finally:
        state.close()
    return {wnid: dict(counts) for wnid, counts in found.items()}
