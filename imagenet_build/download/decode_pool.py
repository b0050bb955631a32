"""Decoding in worker processes: a crash in an image library costs one picture, not the run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from imagenet_build.worker_process import start_worker


class DecodePool:
    """A pool of processes that inspect bytes; rebuilt when one of them dies."""

    def __init__(self, config: DownloadConfig, workers: int) -> None:
        """`workers`: processes; 0 means one per core."""
        self._workers = workers or os.cpu_count() or 1
        self._inspect = partial(
            inspect_bytes, formats=config.formats, min_side_px=config.min_side_px, max_pixels=config.max_pixels
        )
        self._pool = self._new_pool(self._workers)
        self._alone = asyncio.Lock()

    @staticmethod
    def _new_pool(workers: int) -> ProcessPoolExecutor:
        # spawn: a fork of a process with threads and open sockets can hang
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=start_worker)

    async def inspect(self, data: bytes) -> ImageFacts | Rejection:
        """Facts or a rejection; DECODER_FAILED when these bytes kill a worker that looks at nothing else."""
        loop = asyncio.get_running_loop()
        pool = self._pool
        try:
            return await loop.run_in_executor(pool, self._inspect, data)
        except BrokenProcessPool:
            pass
        except MemoryError:
            return Rejection(RejectReason.DECODER_FAILED, "out of memory")
        async with self._alone:  # which of the pictures in the pool was it? Each is tried again by itself
            if self._pool is pool:
                self._pool = self._new_pool(self._workers)
            single = self._new_pool(1)
            try:
                return await loop.run_in_executor(single, self._inspect, data)
            except (BrokenProcessPool, MemoryError) as error:
                return Rejection(RejectReason.DECODER_FAILED, f"the decoder died on it: {type(error).__name__}")
            finally:
                single.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=False, cancel_futures=True)
