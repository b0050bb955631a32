"""This machine: an event loop for stages that wait for the network, a pool of processes for stages that compute."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from imagenet_build.contracts import Advance, AnyStage, LaneStage, RunContext, Stage, UnitResult, WorkUnit
from imagenet_build.execution.executor import OnResult
from imagenet_build.worker_process import start_worker

CHUNK = 32
"""Units handed to a process at once."""
LOOK_S = 1.0
"""Workers without work look this often whether a lane has rested enough."""
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
            _run_lanes(stage, units, run, on_result, advance)
        elif self._workers == 1 or len(units) < POOL_FROM:
            for unit in units:
                on_result(stage.run_unit(unit, run))
                advance(unit.size)
        else:
            self._run_pool(stage, units, run, on_result, advance)

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
                    pending.add(pool.submit(_run_chunk, stage, chunk, run))
                    if len(pending) >= 2 * self._workers:
                        pending = _collect(pending, on_result, advance)
                while pending:
                    pending = _collect(pending, on_result, advance)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _collect(
    pending: set[Future[list[UnitResult]]], on_result: OnResult, advance: Advance
) -> set[Future[list[UnitResult]]]:
    done, left = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        for result in future.result():
            on_result(result)
            advance(result.unit.size)
    return set(left)


def _run_chunk(stage: Stage, units: Sequence[WorkUnit], run: RunContext) -> list[UnitResult]:
    return [stage.run_unit(unit, run) for unit in units]


def _run_lanes(
    stage: LaneStage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
) -> None:
    lanes: dict[str, deque[WorkUnit]] = {}
    for unit in units:
        lanes.setdefault(unit.lane, deque()).append(unit)
    if not lanes:
        return
    loop = asyncio.new_event_loop()
    try:
        main = loop.create_task(_all_lanes(stage, lanes, run, on_result, advance))
        with _interrupting(loop, main):
            try:
                loop.run_until_complete(main)
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _all_lanes(
    stage: LaneStage, lanes: dict[str, deque[WorkUnit]], run: RunContext, on_result: OnResult, advance: Advance
) -> None:
    waiting = deque(lanes.values())
    resting: list[tuple[float, int, deque[WorkUnit]]] = []
    """A heap of lanes that want to be left in peace until a moment."""
    order = itertools.count()
    async with stage.session(run, advance) as run_unit:

        async def run_lane(lane: deque[WorkUnit]) -> None:
            while lane:
                result = await run_unit(lane[0])
                if result.again_at:
                    heapq.heappush(resting, (result.again_at, next(order), lane))
                    return
                lane.popleft()
                on_result(result)

        async def worker() -> None:
            while waiting or resting:
                if resting and resting[0][0] <= time.time():
                    await run_lane(heapq.heappop(resting)[2])
                elif waiting:
                    await run_lane(waiting.popleft())
                else:  # another worker may take the lane meanwhile, and put it to rest again: so look often
                    await asyncio.sleep(min(LOOK_S, max(0.0, resting[0][0] - time.time())))

        workers = [asyncio.create_task(worker()) for _ in range(min(len(lanes), stage.lanes_at_once(run)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


@contextlib.contextmanager
def _interrupting(loop: asyncio.AbstractEventLoop, main: asyncio.Task[None]) -> Iterator[None]:
    """SIGINT and SIGTERM cancel the work, so that files and connections are closed in order."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    installed = []
    for number in before:
        with contextlib.suppress(ValueError, RuntimeError):  # outside the main thread nobody sends us signals
            loop.add_signal_handler(number, main.cancel)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
