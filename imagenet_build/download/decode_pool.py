"""Decoding in worker processes: a crash in an image library costs one picture, not the run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from imagenet_build.worker_process import start_worker

MOST_CPU_S = 60.0
"""Processor time for one picture; the largest that the default limits let through takes some seconds."""


class DecodePool:
    """A pool of processes that inspect bytes; rebuilt when one of them dies."""

    def __init__(self, config: DownloadConfig, workers: int) -> None:
        """`workers`: processes; 0 means one per core."""
        self._workers = workers or os.cpu_count() or 1
        inspect = partial(
            inspect_bytes, formats=config.formats, min_side_px=config.min_side_px, max_pixels=config.max_pixels
        )
        self._inspect = partial(_inspect_in_time, inspect, MOST_CPU_S)
        self._pool = _new_pool(self._workers)
        self._single: ProcessPoolExecutor | None = None
        """For pictures that are tried again by themselves; lives as long as it survives them."""
        self._alone = asyncio.Lock()

    async def inspect(self, data: bytes) -> ImageFacts | Rejection:
        """Facts or a rejection; DECODER_FAILED when these bytes kill a worker that looks at nothing else."""
        pool = self._pool
        try:
            return await self._inspect_in(pool, data)
        except BrokenProcessPool:
            pass
        async with self._alone:  # which of the pictures in the pool was it? Each is tried again by itself
            if self._pool is pool:
                self._pool = _new_pool(self._workers)
            if self._single is None:
                self._single = _new_pool(1)
            try:
                return await self._inspect_in(self._single, data)
            except BrokenProcessPool as error:
                self._single = None
                return Rejection(RejectReason.DECODER_FAILED, f"the decoder died on it: {error}")

    async def _inspect_in(self, pool: ProcessPoolExecutor, data: bytes) -> ImageFacts | Rejection:
        """Raises BrokenProcessPool when a worker died, over these bytes or over others."""
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, self._inspect, data)
        except BrokenProcessPool:
            raise
        except Exception as error:  # noqa: BLE001 (a defect in a decoder costs one picture; the row names it)
            return Rejection(RejectReason.DECODER_FAILED, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End the workers."""
        for pool in (self._pool, self._single):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)


def _new_pool(workers: int) -> ProcessPoolExecutor:
    # spawn: a fork of a process with threads and open sockets can hang
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_decoder)


def _start_decoder() -> None:
    start_worker()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # libtiff and others report every odd file there, across the progress bars
    os.close(quiet)


def _inspect_in_time(
    inspect: Callable[[bytes], ImageFacts | Rejection], most_cpu_s: float, data: bytes
) -> ImageFacts | Rejection:
    """Runs in a worker, which SIGPROF ends when the time is over, wherever in a library it is."""
    signal.setitimer(signal.ITIMER_PROF, most_cpu_s)
    try:
        return inspect(data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
