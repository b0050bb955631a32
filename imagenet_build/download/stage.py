"""hits.parquet -> shards, images.parquet, rejections.parquet: each distinct URL once; every host is a lane."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from imagenet_build.contracts import Advance, Crew, Exchange, RunContext, UnitResult, UnitRunner, WorkUnit
from imagenet_build.download.add_urls import row_key
from imagenet_build.download.crew import CrewFetcher
from imagenet_build.download.crew_post import FetchPost
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.fetching import fetching
from imagenet_build.download.host_rules import lane_of, rules_of
from imagenet_build.download.host_work import HostWork, Keeper
from imagenet_build.download.lane_memory import QueueLaneMemory
from imagenet_build.download.placeholders import placeholder_multiplicities
from imagenet_build.download.previews import Previews, preview_decoders
from imagenet_build.errors import ConfigError
from imagenet_build.network.host_lanes import HostLanes
from imagenet_build.storage import tables
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.places import version_text
from imagenet_build.storage.queue_view import QueueView
from imagenet_build.storage.schemas import HITS, IMAGES, REJECTIONS
from imagenet_build.storage.shards import ShardWriter, seal_lanes
from imagenet_build.storage.stored_shards import stored_lengths

_SHARD_LANE = "w0"


class DownloadStage:
    """Fetch, check and keep every distinct URL of the run."""

    name = "download"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per host with URLs waiting. What is done or refused is in the queue, not in the plan."""
        if not run.config.download.enabled:
            return
        queue = DownloadQueue(run.layout.download_queue)
        try:
            _add_hits(run, queue)
            _requeue_lost(run, queue)
            for host, waiting in queue.waiting_hosts():
                yield WorkUnit(self.name, host, lane=host, size=waiting)
        finally:
            queue.close()

    def lanes_at_once(self, run: RunContext) -> int:
        """Hosts under way together."""
        return run.config.download.hosts_at_once

    @asynccontextmanager
    async def session(self, run: RunContext, advance: Advance, crew: Crew | None = None) -> AsyncIterator[UnitRunner]:
        """Open the queue, the shard, the connections and the decoders.

        Raises:
            ConfigError: `previews_first` with a crew.
        """
        config = run.config.download
        if crew is not None and config.previews_first:
            raise ConfigError(
                "download.previews_first works on one machine only.",
                remedy="Switch it off, or build with --executor local.",
            )
        async with AsyncExitStack() as stack:
            queue = DownloadQueue(run.layout.download_queue)
            stack.callback(queue.close)
            lane = run.layout.shard_lane(_SHARD_LANE)
            if isinstance(run.layout.root, Path):  # else nobody but this process writes shards

                def seal() -> None:
                    seal_lanes(run.layout.open_shards, queue.shard_ends(), lane)

                seal()
                stack.callback(seal)  # after all members are gone and all is journalled
            shards = ShardWriter(run.layout.open_shards, lane, shard_bytes=config.shard_bytes)
            shards.open(queue.shard_ends())  # go on behind the last journalled byte
            stack.callback(shards.close)
            decoders = DecodePool(config, run.config.execution.workers)
            stack.callback(decoders.close)
            lanes = HostLanes(rules_of(config), QueueLaneMemory(queue))
            fetcher = await stack.enter_async_context(fetching(config, run.config.network, lanes))
            keeper = await stack.enter_async_context(Keeper(queue, shards))
            previews: Previews | None = None
            if config.previews_first:
                small = preview_decoders(config)
                stack.callback(small.close)
                previews = Previews(queue, small, fetcher)
            elsewhere: CrewFetcher | None = None
            if crew is not None:
                elsewhere = CrewFetcher(crew, partial(FetchPost, run), lanes, QueueLaneMemory(queue))
                await stack.enter_async_context(elsewhere)
            work = HostWork(
                keeper,
                decoders,
                fetcher,
                advance,
                longest_rest_s=config.longest_rest_s,
                previews=previews,
                crew=elsewhere,
            )

            async def run_unit(unit: WorkUnit) -> UnitResult:
                return await work.run_host(unit, lanes.rule(unit.key).concurrency)

            yield run_unit

    def finish(self, run: RunContext, _: Exchange | None = None, /) -> None:
        """Publish what became of every URL: per (synset, distinct URL), or per URL where the run has only a list."""
        least = run.config.download.placeholder_urls
        if least:
            queue = DownloadQueue(run.layout.download_queue)
            try:
                queue.learn_placeholders(partial(placeholder_multiplicities, least=least), least)
            finally:
                queue.close()
        # a view has little memory of its own: rows pass once, and none is asked for again
        view = QueueView(run.layout.download_queue, read_only=False)
        try:
            if run.layout.hits.exists():
                view.choose(key for _, key in _wanted(run))
                images, rejections = _of_hits(run, view.chosen_images()), _of_hits(run, view.chosen_rejections())
            else:
                images, rejections = _of_list(view.images()), _of_list(view.rejections())
            tables.write_rows(run.layout.images, IMAGES, images)
            tables.write_rows(run.layout.rejections, REJECTIONS, rejections)
        finally:
            view.close()


def _add_hits(run: RunContext, queue: DownloadQueue) -> None:
    """Queue the URLs of hits.parquet, unless this very file was queued before."""
    if not run.layout.hits.exists():
        return
    source = f"{run.layout.hits.name} {version_text(run.layout.hits)}"
    if queue.is_added(source):
        return
    previews = ["preview_url"] if run.config.download.previews_first else []
    for wnid, hits in tables.by_synset(run.layout.hits, HITS, ["wnid", "url", "url_key", *previews]):
        keys, urls = hits["url_key"].to_pylist(), hits["url"].to_pylist()
        queue.add(zip(keys, urls, map(lane_of, urls), strict=True))
        if previews:
            queue.previews.add(wnid, zip(keys, hits["preview_url"].to_pylist(), strict=True))
    queue.set_added(source)


def _wanted(run: RunContext) -> Iterator[tuple[str, str]]:
    """(wnid, URL key) of all distinct pairs, in the order of the hits."""
    for wnid, hits in tables.by_synset(run.layout.hits, HITS, ["wnid", "url_key"]):
        for key in dict.fromkeys(hits["url_key"].to_pylist()):
            yield wnid, key


def _of_hits(run: RunContext, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Rows of (synset, URL) pairs, given with their places among those of the hits and in that order."""
    wanted = enumerate(_wanted(run))
    for place, row in rows:
        wnid, key = next(pair for found, pair in wanted if found == place)
        yield {"wnid": wnid, "url_key": key, **row}


def _of_list(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of no synset, in the queue's order."""
    for row in rows:
        yield {"wnid": "", "url_key": row_key(row["url"]), **row}


def _requeue_lost(run: RunContext, queue: DownloadQueue) -> None:
    """What a power cut took from a shard waits again: seen while planning, for perhaps nothing else waits."""
    stored = stored_lengths(run.layout.shards)
    for shard, end in queue.shard_ends().items():
        path = run.layout.open_shards / shard
        held = path.stat().st_size if path.exists() else stored.get(shard, 0)
        if held < end:
            queue.drop_beyond(shard, held)
