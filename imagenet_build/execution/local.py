"""This machine: an event loop for stages that wait for the network, a pool of processes for stages that compute."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from imagenet_build.contracts import Advance, AnyStage, Exchange, LaneStage, RunContext, Stage, UnitResult, WorkUnit
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.execution.executor import OnResult
from imagenet_build.execution.lanes import run_lanes
from imagenet_build.worker_process import start_worker

CHUNK = 32
"""Units handed to a process at once."""
POOL_FROM = 2000
"""Fewer units than this are done before a pool of processes has started."""


class LocalExecutor:
    """Runs units here."""

    def __init__(self, workers: int = 0) -> None:
        """`workers`: processes for computing stages; 0 means one per core."""
        self._workers = workers or os.cpu_count() or 1

    def run(
        self, stage: AnyStage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """See `Executor.run`."""
        if isinstance(stage, LaneStage):
            run_lanes(stage, units, run, on_result, advance)
        elif self._workers == 1 or len(units) < POOL_FROM:
            run_here(stage, units, run, on_result, advance)
        else:
            run_here(stage, [unit for unit in units if unit.here], run, on_result, advance)
            self._run_pool(stage, [unit for unit in units if not unit.here], run, on_result, advance)

    def exchange(self, run: RunContext) -> Exchange:
        """See `Executor.exchange`."""
        return ExchangeHere(run.layout.dedup_work)

    def _run_pool(
        self, stage: Stage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        # spawn: a fork of a process that has held threads can hang
        context = multiprocessing.get_context("spawn")
        chunks = (units[start : start + CHUNK] for start in range(0, len(units), CHUNK))
        with ProcessPoolExecutor(self._workers, mp_context=context, initializer=start_worker) as pool:
            pending: set[Future[list[UnitResult]]] = set()
            try:
                for chunk in chunks:
                    pending.add(pool.submit(run_chunk, stage, chunk, run))
                    if len(pending) >= 2 * self._workers:
                        pending = _collect(pending, on_result, advance)
                while pending:
                    pending = _collect(pending, on_result, advance)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def run_here(stage: Stage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance) -> None:
    """One unit after the other, in this process."""
    for unit in units:
        on_result(stage.run_unit(unit, run))
        advance(unit.size)


def _collect(
    pending: set[Future[list[UnitResult]]], on_result: OnResult, advance: Advance
) -> set[Future[list[UnitResult]]]:
    done, left = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        for result in future.result():
            on_result(result)
            advance(result.unit.size)
    return set(left)


def run_chunk(stage: Stage, units: Sequence[WorkUnit], run: RunContext) -> list[UnitResult]:
    """One unit after the other."""
    return [stage.run_unit(unit, run) for unit in units]
