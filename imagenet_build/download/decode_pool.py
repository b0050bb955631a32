"""Decoding in worker processes: a crash in an image library costs one picture, not the run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.decode_process import DecodeProcess, Job
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.errors import BuildError
from imagenet_build.records import ImageFacts, Rejection, RejectReason

MOST_CPU_S = 30.0
"""Processor time for one picture; the largest that the default limits let through takes some 4 seconds."""
MOST_WALL_S = 120.0
"""Time for one picture by the clock: a process that waits for something uses no processor time."""
MOST_DEATHS = 2
"""A picture is tried once more: the process may have been killed for another reason."""
_QUEUED = 3
"""Pictures at one process: the one it is at, and what it finds when it is done. More would wait behind a slow one."""
_MOST_FAILED_STARTS = 3


class DecodePool:
    """Processes that inspect bytes; started when there is work for them, replaced when they die."""

    def __init__(self, config: DownloadConfig, workers: int) -> None:
        """`workers`: processes at most; 0 means one per core that this process may use."""
        self._most = workers or _cores()
        self._settings: dict[str, object] = {
            "inspect": f"{inspect_bytes.__module__}:{inspect_bytes.__qualname__}",
            "limits": {
                "formats": list(config.formats),
                "min_side_px": config.min_side_px,
                "max_pixels": config.max_pixels,
            },
            "most_cpu_s": MOST_CPU_S,
            "memory_bytes": config.decode_memory_bytes,
        }
        self._processes: list[DecodeProcess] = []
        self._waiting: deque[Job] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._failed_starts = 0
        self._is_closed = False

    async def inspect(self, data: bytes) -> ImageFacts | Rejection:
        """Facts, or a rejection.

        DECODER_FAILED: the decoder has a defect, a process died twice over these bytes, or they take more memory,
        processor time or time than they may. Pictures that a dying process had not begun are not blamed.

        Raises:
            BuildError: no process can be started, or the pool is closed.
        """
        if self._is_closed:
            raise BuildError("The decoders have been stopped.")
        job = Job(data, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._feed()
        return await job.found

    def close(self) -> None:
        """End the processes, and wait for their end; whoever still waits for a picture is cancelled."""
        self._is_closed = True
        if self._watch is not None:
            self._watch.cancel()
        left = [*self._waiting, *(job for process in self._processes for job in process.jobs)]
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.stop()
        self._processes.clear()
        self._waiting.clear()
        for job in left:
            if not job.found.get_loop().is_closed():
                job.found.cancel()

    def _feed(self) -> None:
        while self._waiting:
            if self._waiting[0].found.done():  # who asked has gone
                self._waiting.popleft()
                continue
            process = self._free_process()
            if process is None:
                return
            process.send(self._waiting.popleft())
            if self._watch is None:
                self._watch = asyncio.get_running_loop().call_later(MOST_WALL_S / 4, self._look_after)

    def _free_process(self) -> DecodeProcess | None:
        process = min(self._processes, key=lambda each: len(each.jobs), default=None)
        if (process is None or process.jobs) and len(self._processes) < self._most:
            process = DecodeProcess(self._settings, on_answer=self._feed, on_end=self._ended)
            self._processes.append(process)
        return process if process is not None and len(process.jobs) < _QUEUED else None

    def _look_after(self) -> None:
        """End processes that have been at one picture for too long."""
        loop = asyncio.get_running_loop()
        for process in list(self._processes):
            if process.jobs and loop.time() - process.since > MOST_WALL_S:
                process.receive()  # when this loop itself was held up, the answer may be there
                if process.jobs and loop.time() - process.since > MOST_WALL_S:
                    process.kill()
        at_work = any(process.jobs for process in self._processes)
        self._watch = loop.call_later(MOST_WALL_S / 4, self._look_after) if at_work else None

    def _ended(self, process: DecodeProcess) -> None:
        """A process is dead: its pictures go back to the head of the queue, but for one that is to blame."""
        self._processes.remove(process)
        waited_s = asyncio.get_running_loop().time() - process.since
        how = process.stop()
        jobs = list(process.jobs)
        if process.is_ready:
            self._failed_starts = 0
            if jobs:
                jobs[0].deaths += 1
                rejection = _verdict(jobs[0], how, waited_s)
                if rejection is not None:
                    jobs.pop(0).found.set_result(rejection)
        else:
            self._failed_starts += 1
        self._waiting.extendleft(reversed(jobs))
        if self._failed_starts >= _MOST_FAILED_STARTS:
            self._give_up(how)
        self._feed()

    def _give_up(self, how: str) -> None:
        self._failed_starts = 0
        for job in self._waiting:
            if not job.found.done():
                job.found.set_exception(
                    BuildError(
                        f"The processes that decode pictures do not start ({how}).",
                        remedy="Look at what they wrote above, and at download.decode_memory_bytes.",
                    )
                )
        self._waiting.clear()


def _verdict(job: Job, how: str, waited_s: float) -> Rejection | None:
    """What becomes of the picture that a process died over; None: it is tried once more."""
    if job.found.done():  # who asked has gone
        return None
    if how == signal.SIGPROF.name:
        return Rejection(RejectReason.DECODER_FAILED, f"more than {MOST_CPU_S:g} s of processor time")
    if job.deaths < MOST_DEATHS:
        return None
    why = f"no answer within {MOST_WALL_S:g} s" if waited_s > MOST_WALL_S else f"the decoder died on it ({how})"
    return Rejection(RejectReason.DECODER_FAILED, f"{why}, {MOST_DEATHS} times")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
