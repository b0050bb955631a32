"""Units that need the files of the user's machine run in the process that owns the run, whatever the executor."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.contracts import UnitResult
from imagenet_build.execution import local
from imagenet_build.execution.executor import Executor
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.execution.ray_cluster import RayExecutor
from tests.execution.stages import Squares, run_in, units_of


@pytest.fixture(params=["one process", "a pool", "ray"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Executor:
    if request.param == "ray":
        request.getfixturevalue("joined_ray")
        return RayExecutor("auto")
    monkeypatch.setattr(local, "POOL_FROM", 2)
    return LocalExecutor(1 if request.param == "one process" else 2)


def test_they_run_here_and_the_others_anywhere(executor: Executor, tmp_path: Path, request: Any) -> None:
    units = [replace(unit, here=place % 3 == 1) for place, unit in enumerate(units_of(9))]
    results: dict[str, UnitResult] = {}
    items: list[int] = []
    executor.run(
        Squares(), units, run_in(tmp_path), lambda result: results.update({result.unit.key: result}), items.append
    )
    assert {key: result.counts["square"] for key, result in results.items()} == {f"u{n:04d}": n * n for n in range(9)}
    assert sum(items) == 18
    ours = {key for key, result in results.items() if result.note == str(os.getpid())}
    assert ours == {unit.key for unit in units if unit.here or "one process" in request.node.name}
