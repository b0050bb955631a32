"""hits.parquet -> shards, images.parquet, rejections.parquet: each distinct URL once; every host is a lane."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imagenet_build.config.models import HostRule
from imagenet_build.contracts import Advance, RunContext, UnitResult, UnitRunner, WorkUnit
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.fetch import Fetcher
from imagenet_build.download.inspect_bytes import EXTENSIONS
from imagenet_build.errors import HopRefused, Unreachable
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.politeness import Pace
from imagenet_build.network.robots import MAX_BYTES, Robots
from imagenet_build.records import Rejection, RejectReason
from imagenet_build.storage import tables
from imagenet_build.storage.download_queue import DownloadQueue, QueuedUrl
from imagenet_build.storage.schemas import HITS, IMAGES, REJECTIONS
from imagenet_build.storage.shards import ShardWriter

LOCAL = "(this disk)"
"""The lane of file: URLs."""
_LOCAL_RULE = HostRule(min_delay_s=0.0, concurrency=4)
_SHARD_LANE = "w0"
_AT_A_TIME = 256


class DownloadStage:
    """Fetch, check and keep every distinct URL of the run."""

    name = "download"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per host with URLs waiting. What is done or refused is in the queue, not in the plan."""
        if not run.config.download.enabled:
            return
        queue = DownloadQueue(run.layout.download_queue)
        try:
            columns = ["wnid", "url", "url_key"]
            for _, hits in tables.by_synset(run.layout.hits, HITS, columns):
                queue.add((row["url_key"], row["url"], host_of(row["url"])) for row in hits.to_pylist())
            _requeue_lost(run, queue)
            for host, waiting in queue.waiting_hosts():
                yield WorkUnit(self.name, host, lane=host, size=waiting)
        finally:
            queue.close()

    def lanes_at_once(self, run: RunContext) -> int:
        """Hosts under way together."""
        return run.config.download.hosts_at_once

    @asynccontextmanager
    async def session(self, run: RunContext, advance: Advance) -> AsyncIterator[UnitRunner]:
        """Open the queue, the shard, the connections and the decoders."""
        config = run.config.download
        async with AsyncExitStack() as stack:
            queue = DownloadQueue(run.layout.download_queue)
            stack.callback(queue.close)
            shards = _open_shards(run, queue)
            stack.callback(shards.close)
            decoders = DecodePool(config, run.config.execution.workers)
            stack.callback(decoders.close)
            client = await stack.enter_async_context(
                HttpClient(
                    contact=run.config.network.contact,
                    policy=AddressPolicy(run.config.network.allow_addresses),
                    connect_timeout_s=config.connect_timeout_s,
                )
            )
            # half the time of a fetch: a silent robots.txt must be known as such before the fetch behind it times out
            robots = Robots(_robots_fetcher(client, config.timeout_s / 2), PRODUCT_TOKEN) if config.robots else None
            fetcher = Fetcher(client, robots, config, random.Random("download"))
            parked = queue.not_before()
            work = _Work(queue, shards, decoders, fetcher, advance)

            async def run_unit(unit: WorkUnit) -> UnitResult:
                host = unit.key
                rule = _LOCAL_RULE if host == LOCAL else config.hosts.get(urlsplit(f"//{host}").hostname or host)
                rule = rule or config.default_host
                pace = Pace(
                    rule.min_delay_s,
                    rule.concurrency,
                    not_before=parked.get(host, 0.0),
                    on_park=lambda until: queue.park(host, until),
                )
                return await work.run_host(unit, pace, rule.concurrency)

            yield run_unit

    def finish(self, run: RunContext) -> None:
        """Publish one row per (synset, distinct URL): images kept, and everything refused."""
        queue = DownloadQueue(run.layout.download_queue)
        try:
            tables.write_rows(run.layout.images, IMAGES, _rows(run, queue.image_of))
            tables.write_rows(run.layout.rejections, REJECTIONS, _rows(run, queue.rejection_of))
        finally:
            queue.close()


def host_of(url: str) -> str:
    """The lane of a URL: host and port; all files of this disk together.

    >>> host_of("https://Example.org/a.jpg")
    'example.org'
    """
    parts = urlsplit(url)
    return LOCAL if parts.scheme == "file" else parts.netloc.rpartition("@")[2].lower()


def _rows(run: RunContext, look_up: Any) -> Iterator[dict[str, Any]]:
    """(synset, URL) pairs in the order of the hits, with what `look_up` knows of the URL."""
    for wnid, hits in tables.by_synset(run.layout.hits, HITS, ["wnid", "url_key"]):
        for key in dict.fromkeys(hits["url_key"].to_pylist()):
            found = look_up(key)
            if found is not None:
                yield {"wnid": wnid, "url_key": key, **found}


def _requeue_lost(run: RunContext, queue: DownloadQueue) -> None:
    """What a power cut took from a shard waits again: seen while planning, for perhaps nothing else waits."""
    for shard, end in queue.shard_ends().items():
        path: Path = run.layout.shards / shard
        held = path.stat().st_size if path.exists() else 0
        if held < end:
            queue.drop_beyond(shard, held)


def _open_shards(run: RunContext, queue: DownloadQueue) -> ShardWriter:
    """Go on behind the last journalled byte."""
    writer = ShardWriter(run.layout.shards, _SHARD_LANE, shard_bytes=run.config.download.shard_bytes)
    writer.open(queue.shard_ends())
    return writer


def _robots_fetcher(client: HttpClient, timeout_s: float) -> Any:
    async def fetch(url: str) -> HttpAnswer:
        try:
            return await client.get(url, timeout_s=timeout_s, max_bytes=4 * MAX_BYTES, max_redirects=5)
        except HopRefused as error:
            raise Unreachable(str(error), source=url) from None

    return fetch


class _Work:
    """What all hosts of a session share."""

    def __init__(
        self, queue: DownloadQueue, shards: ShardWriter, decoders: DecodePool, fetcher: Fetcher, advance: Advance
    ) -> None:
        self._queue = queue
        self._shards = shards
        self._decoders = decoders
        self._fetcher = fetcher
        self._advance = advance

    async def run_host(self, unit: WorkUnit, pace: Pace, concurrency: int) -> UnitResult:
        """Fetch everything that waits for one host."""
        todo: asyncio.Queue[QueuedUrl | None] = asyncio.Queue(maxsize=2 * concurrency)

        async def worker() -> None:
            while (queued := await todo.get()) is not None:
                await self._one(queued, pace)
                self._advance(1)

        # a few more tasks than places: one picture is decoded while the next is fetched
        workers = [asyncio.create_task(worker()) for _ in range(concurrency + 2)]
        try:
            feeding = asyncio.create_task(self._feed(unit.key, todo, len(workers)))
            workers.append(feeding)
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return UnitResult(unit, self._queue.host_counts(unit.key))

    async def _feed(self, host: str, todo: asyncio.Queue[QueuedUrl | None], workers: int) -> None:
        after = ""
        while batch := self._queue.waiting(host, after, _AT_A_TIME):
            for queued in batch:
                await todo.put(queued)
            after = batch[-1].key
        for _ in range(workers):
            await todo.put(None)

    async def _one(self, queued: QueuedUrl, pace: Pace) -> None:
        fetched = await self._fetcher.fetch(queued.url, pace)
        result: Any = fetched.result
        data = b""
        if isinstance(result, bytes):
            data = result
            result = await self._decoders.inspect(data)
        if isinstance(result, Rejection):
            self._queue.record_rejection(queued.key, fetched.attempts, result)
            return
        place = self._queue.place_of(result.sha256)
        if place is None:
            place = self._shards.append(result.sha256, EXTENSIONS[result.format], data)
        self._queue.record_image(queued.key, fetched.attempts, result, place)


def transient_reasons() -> list[RejectReason]:
    """Reasons after which another try may help."""
    return [reason for reason in RejectReason if reason.transient]
