"""One host's URLs from the queue to rows: fetched side by side, decoded, stored, recorded."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import datetime
from types import TracebackType

from imagenet_build.contracts import Advance, UnitResult, WorkUnit
from imagenet_build.download.crew import CrewFetcher
from imagenet_build.download.crew_messages import Found
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.fetch import Fetched, Fetcher
from imagenet_build.download.host_rules import LOCAL
from imagenet_build.download.inspect_bytes import EXTENSIONS
from imagenet_build.download.large_bodies import LargeBodies
from imagenet_build.download.previews import Previews
from imagenet_build.download.sync_clock import SyncClock
from imagenet_build.errors import HostResting
from imagenet_build.records import ImageFacts, Rejection, ShardRef
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import QueuedUrl
from imagenet_build.storage.shards import ShardWriter

FLUSH_S = 0.01
"""What was recorded is committed so much later, together with what others recorded meanwhile."""
_AT_A_TIME = 256


class Keeper:
    """Writes pictures and rows, and sees to it that both get to the disk in time. An async context manager.

    Whoever records waits for the commit before taking another URL: so what a killed run does again is what its workers
    had in hand, and no more.
    """

    def __init__(self, queue: DownloadQueue, shards: ShardWriter) -> None:
        self.queue = queue
        self._shards = shards
        self._uncommitted: list[asyncio.Future[None]] = []
        """Who waits for the next commit."""
        self._clock = SyncClock(shards.sync)

    async def __aenter__(self) -> Keeper:
        """Nothing is to be done."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what is left."""
        await self._clock.close()
        self.queue.flush()

    async def keep(self, queued: QueuedUrl, attempts: int, final_url: str, facts: ImageFacts, data: bytes) -> None:
        """Store the bytes, once, and record the picture.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing is lost.
        """
        image = self.queue.image_with(facts.sha256) if self.queue.may_have(data) else None
        if image is None:
            place = self._shards.append(facts.sha256, EXTENSIONS[facts.format], data)
            image = self.queue.add_image(facts, data, place)
            self._clock.wrote()
        self.queue.record_image(queued, attempts, final_url, image)
        await self._committed()

    async def keep_stored(
        self, queued: QueuedUrl, attempts: int, final_url: str, facts: ImageFacts, place: ShardRef
    ) -> None:
        """Record a picture that another process has stored; if it was kept before, as it was. Raises as `keep` does."""
        image = self.queue.image_with(facts.sha256)
        if image is None:
            image = self.queue.add_image(facts, None, place)
        self.queue.record_image(queued, attempts, final_url, image)
        await self._committed()

    async def keep_known(self, queued: QueuedUrl, attempts: int, final_url: str, data: bytes) -> bool:
        """Record the picture if these very bytes were kept before. Raises as `keep` does."""
        if not self.queue.may_have(data):
            return False
        image = self.queue.image_with(hashlib.sha256(data).hexdigest())
        if image is None:
            return False
        self.queue.record_image(queued, attempts, final_url, image)
        await self._committed()
        return True

    async def refuse(self, queued: QueuedUrl, attempts: int, final_url: str, why: Rejection) -> None:
        """Record a refusal. Raises as `keep` does."""
        self.queue.record_rejection(queued, attempts, why, final_url)
        await self._committed()

    async def _committed(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._uncommitted:
            loop.call_later(FLUSH_S, self._flush)
        commit = loop.create_future()
        self._uncommitted.append(commit)
        await commit

    def _flush(self) -> None:
        waiting, self._uncommitted = self._uncommitted, []
        failure: Exception | None = None
        try:
            self.queue.flush()
        except Exception as error:  # noqa: BLE001 (every worker that waits for the commit raises it)
            failure = error
        for commit in waiting:
            if commit.done():  # who waited was stopped
                continue
            if failure is None:
                commit.set_result(None)
            else:
                commit.set_exception(failure)


class _Waiting:
    """A host's waiting URLs, each once."""

    def __init__(self, queue: DownloadQueue, host: str) -> None:
        self._queue = queue
        self._host = host
        self._batch: list[QueuedUrl] = []
        self._after = b""
        self._is_read = False

    def take(self) -> QueuedUrl | None:
        """The next one; None: there are no more."""
        if not self._batch and not self._is_read:
            batch = self._queue.waiting(self._host, self._after, _AT_A_TIME)
            self._is_read = len(batch) < _AT_A_TIME
            if batch:
                self._after = batch[-1].key
            self._batch = batch[::-1]
        return self._batch.pop() if self._batch else None


class HostWork:
    """What all hosts of a session share."""

    def __init__(
        self,
        keeper: Keeper,
        decoders: DecodePool,
        fetcher: Fetcher,
        advance: Advance,
        *,
        longest_rest_s: float,
        previews: Previews | None = None,
        crew: CrewFetcher | None = None,
    ) -> None:
        """What they share.

        Args:
            fetcher, decoders: for URLs that are fetched here.
            longest_rest_s: rests of a host that are waited for in this session.
            previews: None: every picture is fetched (`download.previews_first: false`).
            crew: fetches and inspects what does not lie on this disk; None: all is done here.
        """
        self._keeper = keeper
        self._decoders = decoders
        self._fetcher = fetcher
        self._advance = advance
        self._longest_rest_s = longest_rest_s
        self._previews = previews
        self._crew = crew
        self._large_bodies = LargeBodies()

    async def run_host(self, unit: WorkUnit, concurrency: int) -> UnitResult:
        """Fetch everything that waits for one host, until the host wants a rest."""
        if self._crew is None or unit.key == LOCAL:
            return await self._run_host(unit, concurrency, None)
        async with self._crew.having(unit.key):
            return await self._run_host(unit, concurrency, self._crew)

    async def _run_host(self, unit: WorkUnit, concurrency: int, crew: CrewFetcher | None) -> UnitResult:
        waiting = _Waiting(self._keeper.queue, unit.key)
        rest: list[HostResting] = []

        async def worker() -> None:
            while not rest and (queued := waiting.take()) is not None:
                try:
                    await self._one(queued, crew)
                except HostResting as resting:
                    rest.append(resting)
                else:
                    self._advance(1)

        # two more tasks than places: pictures are decoded and recorded while the next are fetched; and no more than
        # two, for whatever is in a task's hands when the run is killed is fetched again
        workers = [asyncio.create_task(worker()) for _ in range(concurrency + 2)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        self._keeper.queue.flush()
        if rest:
            return self._rested(unit, max(rest, key=lambda resting: resting.until))
        return UnitResult(unit, self._keeper.queue.host_counts(unit.key))

    def _rested(self, unit: WorkUnit, rest: HostResting) -> UnitResult:
        if rest.until - time.time() <= self._longest_rest_s:
            return UnitResult(unit, again_at=rest.until)
        until = datetime.fromtimestamp(rest.until).astimezone().strftime("%Y-%m-%d %H:%M")
        counts = self._keeper.queue.host_counts(unit.key)
        return UnitResult(unit, counts, problem=f"{unit.key} is left in peace until {until}: {rest.message}")

    async def _one(self, queued: QueuedUrl, crew: CrewFetcher | None) -> None:
        if crew is not None:
            await self._found(queued, await crew.fetch(queued))
            return
        if self._previews is not None:
            known = await self._previews.refusal(queued)
            if known is not None:
                await self._keeper.refuse(queued, 0, "", known)
                return
        place = self._large_bodies.place()
        try:
            await self._fetched(queued, await self._fetcher.fetch(queued.url, place))
        finally:
            place.leave()

    async def _fetched(self, queued: QueuedUrl, fetched: Fetched) -> None:
        if isinstance(fetched.result, Rejection):
            await self._keeper.refuse(queued, fetched.attempts, fetched.final_url, fetched.result)
            return
        if await self._keeper.keep_known(queued, fetched.attempts, fetched.final_url, fetched.result):
            return  # a strict decode of the same bytes would say the same
        facts = await self._decoders.inspect(fetched.result)
        if isinstance(facts, Rejection):
            await self._keeper.refuse(queued, fetched.attempts, fetched.final_url, facts)
        else:
            await self._keeper.keep(queued, fetched.attempts, fetched.final_url, facts, fetched.result)

    async def _found(self, queued: QueuedUrl, found: Found) -> None:
        """As `_fetched`, of what was inspected elsewhere."""
        if isinstance(found.result, Rejection):
            await self._keeper.refuse(queued, found.attempts, found.final_url, found.result)
            return
        assert found.facts is not None, "a picture without facts"
        if isinstance(found.result, ShardRef):
            await self._keeper.keep_stored(queued, found.attempts, found.final_url, found.facts, found.result)
        elif not await self._keeper.keep_known(queued, found.attempts, found.final_url, found.result):
            await self._keeper.keep(queued, found.attempts, found.final_url, found.facts, found.result)
