"""The download queue's tallies against a count of every URL, whatever happens to the queue."""

import random
import sqlite3
from pathlib import Path

import pytest

from imagenet_build.records import RejectReason
from imagenet_build.storage import queue_tallies
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import DONE, REFUSED, WAITING, QueueView
from tests.storage.test_download_queue import keep, place, refuse

REASONS = (RejectReason.TIMEOUT, RejectReason.HTTP_ERROR, RejectReason.CORRUPT)
SIZE = 100


def agree(path: Path) -> queue_tallies.Tallies:
    """What the tallies say, after comparing them with a count."""
    database = sqlite3.connect(path)
    try:
        found = queue_tallies.read(database)
        assert found == dict(queue_tallies.count(database))
        return found
    finally:
        database.close()


def fill(queue: DownloadQueue, numbers: range) -> None:
    queue.add((f"//h{number % 3}/{number}", f"http://h{number % 3}/{number}", f"h{number % 3}") for number in numbers)


@pytest.mark.parametrize("seed", range(5))
def test_they_agree_after_anything(tmp_path, seed):
    path = tmp_path / "download.sqlite"
    queue = DownloadQueue(path)
    rng = random.Random(seed)
    offset = 512
    for step in range(12):
        fill(queue, range(step * 5, step * 5 + 20))  # the first fifteen are known, but for the first time
        for number in rng.sample(range(step * 5 + 20), 6):
            key = f"//h{number % 3}/{number}"
            if rng.random() < 0.6:
                keep(queue, key, f"picture {rng.randrange(8)}", place(offset, SIZE, f"w0/{step // 4:05d}.tar"))
                offset += SIZE
            else:
                refuse(queue, key, rng.choice(REASONS))
        queue.flush()
        agree(path)
        action = rng.randrange(4)
        if action == 0:
            queue.retry([rng.choice(REASONS)], 3)
        elif action == 1:
            queue.drop_beyond(f"w0/{step // 4:05d}.tar", offset - 2 * SIZE)
        elif action == 2:
            queue.learn_placeholders(lambda sizes: [max(sizes)], 2)
        agree(path)
    counts = queue.counts()
    assert sum(counts.values()) == 75
    assert counts == queue.counts(by_looking=True)
    queue.close()


def test_a_queue_of_an_older_version_is_counted_once(tmp_path):
    path = tmp_path / "download.sqlite"
    queue = DownloadQueue(path)
    fill(queue, range(9))
    keep(queue, "//h0/0", "a")
    refuse(queue, "//h1/1", RejectReason.TIMEOUT)
    queue.close()
    database = sqlite3.connect(path)
    database.executescript("DROP TABLE tallies; DROP TRIGGER urls_tallied;")
    database.close()
    expected = {WAITING: 7, DONE: 1, REFUSED: 1}
    view = QueueView(path)  # may not write
    assert (view.counts(), view.refused_by_reason()) == (expected, [("timeout", 1)])
    view.close()
    queue = DownloadQueue(path)
    assert queue.counts() == expected
    assert queue.retry([RejectReason.TIMEOUT], 5) == (1, 0)
    queue.close()
    assert agree(path) == {(WAITING, ""): 7, (WAITING, "timeout"): 1, (DONE, ""): 1}


def test_waiting_urls_of_one_host(tmp_path):
    queue = DownloadQueue(tmp_path / "download.sqlite")
    fill(queue, range(9))
    keep(queue, "//h0/0", "a")
    queue.flush()
    assert [queue.waiting_of(host) for host in ("h0", "h1", "elsewhere")] == [2, 3, 0]
    queue.close()
