"""What is recorded gets to the disk in time, and a disk that refuses stops the work."""

import asyncio
import sqlite3

import pytest

from imagenet_build.download import sync_clock
from imagenet_build.download.host_work import Keeper
from imagenet_build.records import Rejection, RejectReason, ShardRef
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import REFUSED, WAITING, QueuedUrl, QueueView
from tests.storage.test_download_queue import facts

EMPTY = Rejection(RejectReason.EMPTY)


class Shards:
    """Stands in for the disk's own clock: says when it was asked to sync."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.synced = asyncio.Event()

    def append(self, sha256: str, extension: str, data: bytes) -> ShardRef:
        return ShardRef("w0/00000.tar", 512, len(data))

    def sync(self) -> None:
        self.loop.call_soon_threadsafe(self.synced.set)


@pytest.fixture
def queue(tmp_path):
    made = DownloadQueue(tmp_path / "download.sqlite")
    made.add((f"//a/{number}", f"http://a/{number}", "a") for number in range(3))
    yield made
    made.close()


def take(queue: DownloadQueue, number: int) -> list[QueuedUrl]:
    return queue.waiting("a", b"", number)


async def test_whoever_records_goes_on_when_it_is_committed(tmp_path, queue):
    view = QueueView(tmp_path / "download.sqlite")
    async with Keeper(queue, Shards()) as keeper:
        await keeper.refuse(take(queue, 1)[0], 1, "", EMPTY)
        assert view.counts() == {WAITING: 2, REFUSED: 1}
    view.close()


async def test_many_are_committed_together(queue, monkeypatch):
    flushes = []
    flush = queue.flush
    monkeypatch.setattr(queue, "flush", lambda: (flushes.append(queue.counts()), flush()))
    async with Keeper(queue, Shards()) as keeper:
        await asyncio.gather(*(keeper.refuse(url, 1, "", EMPTY) for url in take(queue, 3)))
        assert flushes == [{WAITING: 3}]
    assert queue.counts() == {REFUSED: 3}


async def test_a_worker_that_is_stopped_does_not_stop_the_others_commit(queue):
    first, second = take(queue, 2)
    async with Keeper(queue, Shards()) as keeper:
        stopped = asyncio.create_task(keeper.refuse(first, 1, "", EMPTY))
        other = asyncio.create_task(keeper.refuse(second, 1, "", EMPTY))
        await asyncio.sleep(0)
        stopped.cancel()
        await other
        assert stopped.cancelled()
    assert queue.counts() == {WAITING: 1, REFUSED: 2}


async def test_bytes_are_synced_without_being_asked(queue, monkeypatch):
    monkeypatch.setattr(sync_clock, "SYNC_S", 0.0)
    shards = Shards()
    async with Keeper(queue, shards) as keeper:
        await keeper.keep(take(queue, 1)[0], 1, "", facts("x"), b"bytes")
        await asyncio.wait_for(shards.synced.wait(), 30)


async def test_a_disk_that_refuses_stops_everybody_who_waits(queue, monkeypatch):
    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with Keeper(queue, Shards()) as keeper:
        with monkeypatch.context() as patched:
            patched.setattr(queue, "flush", full)
            rows = (keeper.refuse(url, 1, "", EMPTY) for url in take(queue, 2))
            failures = await asyncio.gather(*rows, return_exceptions=True)
    assert [type(failure) for failure in failures] == [sqlite3.OperationalError] * 2
