"""The event loop of stages that wait for the network: as many lanes under way as the stage allows."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence

from imagenet_build.contracts import Advance, Crew, LaneStage, RunContext, WorkUnit
from imagenet_build.execution.executor import OnResult

LOOK_S = 1.0
"""Workers without work look this often whether a lane has rested enough."""


def run_lanes(
    stage: LaneStage,
    units: Sequence[WorkUnit],
    run: RunContext,
    on_result: OnResult,
    advance: Advance,
    crew: Crew | None = None,
) -> None:
    """Run the units of a stage in an event loop of this process, one per lane; see `Executor.run`.

    Args:
        crew: processes elsewhere that the stage's session may use.
    """
    lanes: dict[str, deque[WorkUnit]] = {}
    for unit in units:
        lanes.setdefault(unit.lane, deque()).append(unit)
    if not lanes:
        return
    loop = asyncio.new_event_loop()
    try:
        main = loop.create_task(_all_lanes(stage, lanes, run, on_result, advance, crew))
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
    stage: LaneStage,
    lanes: dict[str, deque[WorkUnit]],
    run: RunContext,
    on_result: OnResult,
    advance: Advance,
    crew: Crew | None,
) -> None:
    waiting = deque(lanes.values())
    resting: list[tuple[float, int, deque[WorkUnit]]] = []
    """A heap of lanes that want to be left in peace until a moment."""
    order = itertools.count()
    async with stage.session(run, advance, crew) as run_unit:

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
