"""A Ray cluster: computing stages as tasks, fetching as actors. Ray is imported only when this executor is chosen.

The process that was started by the user stays the owner of the run: it alone writes the run's state. Tasks and actors
that are lost with a node are done again. Every node must see the run directory under the same path, or reach the
bucket that the run lies in, with credentials of its own.

Source: https://docs.ray.io (tasks, fault tolerance).
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from imagenet_build.contracts import Advance, AnyStage, Exchange, LaneStage, RunContext, Stage, UnitResult, WorkUnit
from imagenet_build.errors import ConfigError, SourceError, StoreUnusable
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.execution.executor import OnResult
from imagenet_build.execution.lanes import run_lanes
from imagenet_build.execution.local import CHUNK, run_chunk, run_here
from imagenet_build.execution.ray_crew import RayCrew
from imagenet_build.execution.ray_exchange import RayExchange
from imagenet_build.execution.ray_link import LOOK_S, Watch, cause_of, connect, first_line, import_ray
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place, on_this_machine

PENDING_PER_CPU = 2
"""Chunks of units that are submitted ahead of those that run."""
_MOST_RETRIES = 10
"""A chunk of units that is lost more often is what the processes die of."""


class RayExecutor:
    """Runs units on a cluster."""

    def __init__(self, address: str, workers: int = 0) -> None:
        """Connect.

        Args:
            address: of the cluster: `auto`, or host:port of its head.
            workers: actors that fetch, and chunks of units under way; 0: one per CPU of the cluster.
        Raises:
            ConfigError: Ray is not installed. SourceError: there is no such cluster.
        """
        self._ray = import_ray()
        self._workers = workers
        self._is_ours = connect(self._ray, address)

    def close(self) -> None:
        """Leave the cluster; everything that was started there ends."""
        if self._is_ours:
            self._ray.shutdown()

    def run(
        self, stage: AnyStage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """See `Executor.run`."""
        if isinstance(stage, LaneStage):
            crew = RayCrew(self._ray, run.layout.root, self._size())
            run_lanes(stage, units, run, on_result, advance, crew)
        else:
            run_here(stage, [unit for unit in units if unit.here], run, on_result, advance)
            self._run_tasks(stage, [unit for unit in units if not unit.here], run, on_result, advance)

    def exchange(self, run: RunContext) -> Exchange:
        """See `Executor.exchange`."""
        return RayExchange(self._ray, ExchangeHere(run.layout.dedup_work))

    def _size(self) -> int:
        return self._workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _run_tasks(
        self, stage: Stage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """Chunks as tasks; Ray runs those of a lost node elsewhere, and doing a unit twice leaves the same files."""
        ray = self._ray
        task = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(_run_chunk)
        shared = ray.put((stage, run))
        pending: set[Any] = set()
        size = self._size()
        watch = Watch(ray.get_runtime_context().gcs_address)

        def collect() -> None:
            done, _ = ray.wait(list(pending), num_returns=1, timeout=LOOK_S)
            watch.look()
            for ref in done:
                pending.discard(ref)
                results: list[UnitResult] = _got(ray, ref)
                for result in results:
                    on_result(result)
                    advance(result.unit.size)

        chunk = max(1, min(CHUNK, len(units) // (4 * size) or 1))
        try:
            for start in range(0, len(units), chunk):
                pending.add(task.remote(shared, units[start : start + chunk]))
                if len(pending) >= PENDING_PER_CPU * size:
                    collect()
            while pending:
                collect()
        except BaseException:
            for ref in pending:
                ray.cancel(ref)
            raise


def _run_chunk(shared: tuple[Stage, RunContext], units: Sequence[WorkUnit]) -> list[UnitResult]:
    stage, run = shared
    root = run.layout.root
    if isinstance(root, Place):
        try:
            return run_chunk(stage, units, replace(run, layout=RunLayout(on_this_machine(root))))
        except StoreUnusable as error:
            raise StoreUnusable(
                f"A node of the cluster ({platform.node()}) cannot use the run: {error.message}",
                source=error.source,
                remedy=f"{error.remedy} What runs on a node has the environment of its `ray start`.",
            ) from None
    if not root.is_dir():
        raise ConfigError(
            f"A node of the cluster ({platform.node()}) does not see the run directory {root}.",
            remedy="Put the run where every node sees it under the same path, or build with --executor local.",
        )
    return run_chunk(stage, units, run)


def _got(ray: Any, ref: Any) -> Any:
    """The value of a task. Raises what the task raised."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        raise cause_of(error) from None
    except ray.exceptions.RayError as error:
        raise SourceError(
            f"The Ray cluster lost a task: {first_line(error)}",
            remedy="Look at `ray status`; the same command goes on where this one stopped.",
        ) from None
