import hashlib
import re
import sqlite3
import time
from typing import Any

import pyarrow as pa
import pytest

from imagenet_build.records import ImageFacts, Rejection, RejectReason, ShardRef
from imagenet_build.storage.disk_sort import STRETCH_BYTES
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import DONE, REFUSED, WAITING, QueuedUrl, QueueView, key_digest
from imagenet_build.storage.schemas import IMAGES, REJECTIONS

FIRST_BIT = 1 << 63


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def facts(name: str, **more: object) -> ImageFacts:
    values = {
        "sha256": sha(name),
        "pixel_sha256": sha(f"pixels of {name}"),
        "format": "JPEG",
        "width": 320,
        "height": 240,
        "has_alpha": False,
        "frames": 1,
        "orientation": 1,
        "mode": "RGB",
        "has_icc_profile": False,
        "mirrored_hash": FIRST_BIT | 7,
        "dct_hash": FIRST_BIT | 5,
        "gradient_hash": (1 << 64) - 1,
        "tiny": bytes(range(256)) * 12,
    }
    return ImageFacts(**{**values, **more})


def place(offset: int, size: int = 100, shard: str = "w0/00000.tar") -> ShardRef:
    return ShardRef(shard, offset, size)


def queued(key: str) -> QueuedUrl:
    host = key.split("/")[2]
    return QueuedUrl(key_digest(key), f"http:{key}", host)


@pytest.fixture
def queue(tmp_path):
    made = DownloadQueue(tmp_path / "download.sqlite")
    made.add((f"//{host}/{number}", f"http://{host}/{number}", host) for host in ("b", "a") for number in range(3))
    yield made
    made.close()


def keep(queue: DownloadQueue, key: str, name: str, at: ShardRef | None = None) -> None:
    image = queue.image_with(sha(name))
    if image is None:
        image = queue.add_image(facts(name), name.encode(), at or place(512))
    queue.record_image(queued(key), 1, f"http:{key}", image)


def refuse(queue: DownloadQueue, key: str, reason: RejectReason, attempts: int = 1) -> None:
    queue.record_rejection(queued(key), attempts, Rejection(reason))


def image_of(queue: QueueView, key: str) -> dict[str, Any] | None:
    return next((row for row in queue.images() if row["url"] == f"http:{key}"), None)


def rejection_of(queue: QueueView, key: str) -> dict[str, Any] | None:
    return next((row for row in queue.rejections() if row["url"] == f"http:{key}"), None)


def test_urls_wait_by_host_each_once(queue):
    assert queue.waiting_hosts() == [("a", 3), ("b", 3)]
    first = queue.waiting("a", b"", 2)
    rest = queue.waiting("a", first[-1].key, 2)
    assert sorted(url.url for url in first + rest) == ["http://a/0", "http://a/1", "http://a/2"]
    assert queue.waiting("a", rest[-1].key, 2) == []
    assert queue.waiting("nowhere", b"", 2) == []
    assert queue.counts() == {WAITING: 6}


def test_a_hosts_order_says_nothing_of_its_names(tmp_path):
    queue = DownloadQueue(tmp_path / "other.sqlite")
    queue.add((f"//a/{number:03d}", f"http://a/{number:03d}", "a") for number in range(200))
    order = [url.url for url in queue.waiting("a", b"", 200)]
    queue.close()
    assert len(order) == 200
    assert order != sorted(order)


def test_a_known_key_keeps_what_it_has(queue):
    refuse(queue, "//a/0", RejectReason.EMPTY)
    queue.flush()
    queue.add([("//a/0", "https://a/0", "a"), ("//a/9", "http://a/9", "a")])
    assert rejection_of(queue, "//a/0")["url"] == "http://a/0"
    assert queue.waiting_hosts() == [("a", 3), ("b", 3)]


def test_a_source_is_remembered_as_added(queue):
    assert not queue.is_added("hits 1")
    queue.set_added("hits 1")
    assert queue.is_added("hits 1")
    assert not queue.is_added("hits 2")


def test_an_image_has_all_columns_of_its_table(queue):
    found = facts("x", has_alpha=True, frames=3, orientation=6, mode="RGBA", has_icc_profile=True)
    queue.record_image(queued("//a/0"), 2, "http://cdn/0", queue.add_image(found, b"x", place(512)))
    queue.flush()
    row = image_of(queue, "//a/0")
    table = pa.Table.from_pylist([{"wnid": "n00000001", "url_key": "//a/0", **row}], IMAGES)
    (read,) = table.to_pylist()
    for name in (column.name for column in IMAGES if hasattr(found, column.name)):
        assert read[name] == getattr(found, name)
    assert (read["shard"], read["offset"], read["size"], read["url"]) == ("w0/00000.tar", 512, 100, "http://a/0")
    assert read["final_url"] == "http://cdn/0"
    assert abs(read["fetched_at"].timestamp() - time.time()) < 60
    assert set(row) == set(IMAGES.names) - {"wnid", "url_key"}
    assert list(queue.images()) == [row]
    assert list(queue.rejections()) == []
    assert queue.host_counts("a") == {"kept": 1, "refused": 0}


def test_a_rejection_has_all_columns_of_its_table(queue):
    queue.record_rejection(queued("//a/0"), 3, Rejection(RejectReason.TIMEOUT, "no answer"), "http://a/0")
    queue.flush()
    row = rejection_of(queue, "//a/0")
    (read,) = pa.Table.from_pylist([{"wnid": "n00000001", "url_key": "//a/0", **row}], REJECTIONS).to_pylist()
    assert (read["reason"], read["detail"], read["attempts"]) == ("timeout", "no answer", 3)
    assert read["final_url"] is None  # it led nowhere else
    assert abs(read["refused_at"].timestamp() - time.time()) < 60
    assert list(queue.rejections()) == [row]
    assert list(queue.images()) == []
    assert queue.host_counts("a") == {"kept": 0, "refused": 1}
    assert queue.host_counts("c") == {"kept": 0, "refused": 0}


@pytest.fixture
def long(tmp_path):
    """A queue with more than is sorted in memory: its images lie in the file in an order that is not the queue's."""
    queue = DownloadQueue(tmp_path / "long.sqlite")
    keys = [f"//{'abc'[number % 3]}/{number}" for number in range(8400)]
    queue.add((key, f"http:{key}", key[2]) for key in keys)
    for number, key in enumerate(keys):
        if number % 7 == 3:
            refuse(queue, key, RejectReason.EMPTY)
        elif number % 7 != 5:  # those wait
            keep(queue, key, f"{number - number % 2}", place(512 + number))  # every second one is as the one before
    queue.flush()
    assert len(facts("x").tiny) * queue.counts()[DONE] > STRETCH_BYTES
    yield queue
    queue.close()


def number_in(url: str) -> int:
    return int(url.rpartition("/")[2])


def test_outcomes_come_in_the_queues_order(long):
    for rows, outcome in ((list(long.images()), {0, 1, 2, 4, 6}), (list(long.rejections()), {3})):
        keys = [key_digest(row["url"].removeprefix("http:")) for row in rows]
        assert keys == sorted(keys)
        assert sorted(number_in(row["url"]) for row in rows) == [n for n in range(8400) if n % 7 in outcome]
    for row in long.images():  # each with its own picture
        assert row["sha256"] in {sha(str(number_in(row["url"]) - number_in(row["url"]) % 2))}


def test_images_are_read_as_they_lie_in_the_file(long):
    """Host by host, every row of a long list would be another place of the disk."""
    plan = []
    long._db.set_trace_callback(plan.append)
    next(long.images())
    long._db.set_trace_callback(None)
    (statement,) = [text for text in plan if "JOIN images" in text]
    numbers = [row[0] for row in long._db.execute(re.sub("^SELECT .*? FROM", "SELECT i.id FROM", statement, count=1))]
    assert len(numbers) == 6000
    assert numbers == sorted(numbers)


def test_chosen_outcomes_come_in_the_order_of_the_choice(long):
    chosen = [f"//{'abc'[number % 3]}/{number}" for number in range(8399, -1, -2)]
    chosen = ["//nowhere/1", *chosen, *chosen[:700], "//a/0"]
    long.choose(["//a/0"])  # forgotten with the next choice
    long.choose(iter(chosen))
    images, rejections = list(long.chosen_images()), list(long.chosen_rejections())
    for rows, every, outcome in ((images, long.images(), {0, 1, 2, 4, 6}), (rejections, long.rejections(), {3})):
        by_url = {row["url"]: row for row in every}
        wanted = [(n, key) for n, key in enumerate(chosen) if n and number_in(key) % 7 in outcome]
        assert rows == [(n, by_url[f"http:{key}"]) for n, key in wanted]


def test_a_view_chooses_too_and_writes_nothing(tmp_path, queue):
    keep(queue, "//a/0", "x")
    queue.flush()
    view = QueueView(tmp_path / "download.sqlite")
    view.choose(["//a/1", "//a/0"])
    assert [place for place, _ in view.chosen_images()] == [1]
    view.close()
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'chosen'"
    assert queue._db.execute(tables).fetchone() == (0,)


@pytest.mark.parametrize("detail", ["caf\udce9", "nul\0 and \ud800", "x" * 100_000])
def test_any_text_can_be_a_detail(queue, detail):
    """Details quote servers and decoders; none may stop the run, or fill the disk."""
    queue.record_rejection(queued("//a/0"), 1, Rejection(RejectReason.HTTP_ERROR, detail))
    queue.flush()
    kept = rejection_of(queue, "//a/0")["detail"]
    assert kept.startswith(detail[:3])
    assert len(kept) <= 2000
    pa.array([kept])


def test_another_process_sees_what_is_committed_and_nothing_else(tmp_path, queue):
    view = QueueView(tmp_path / "download.sqlite")
    keep(queue, "//a/0", "x")
    assert view.counts() == {WAITING: 6}
    queue.flush()
    assert view.counts() == {WAITING: 5, DONE: 1}
    view.close()


@pytest.mark.parametrize("committed", [False, True])
def test_equal_bytes_are_stored_once(queue, committed):
    keep(queue, "//a/0", "x")
    if committed:
        queue.flush()
    assert queue.image_with(sha("x")) is not None
    assert queue.image_with(sha("y")) is None
    keep(queue, "//b/0", "x", place(9999))
    queue.flush()
    assert image_of(queue, "//a/0")["offset"] == image_of(queue, "//b/0")["offset"] == 512
    assert queue.shard_ends() == {"w0/00000.tar": 612}


def test_refused_urls_go_back_by_reason_and_keep_their_attempts(queue):
    refuse(queue, "//a/0", RejectReason.TIMEOUT, 3)
    refuse(queue, "//a/1", RejectReason.CORRUPT)
    refuse(queue, "//b/0", RejectReason.THROTTLED, 2)
    queue.flush()
    assert queue.refused_by_reason() == [("corrupt", 1), ("throttled", 1), ("timeout", 1)]
    assert queue.retry([RejectReason.TIMEOUT, RejectReason.THROTTLED], 9) == (2, 0)
    assert queue.retry([RejectReason.TIMEOUT], 9) == (0, 0)
    assert queue.retry([], 9) == (0, 0)
    assert queue.counts() == {WAITING: 5, REFUSED: 1}
    assert queue.host_counts("a") == {"kept": 0, "refused": 1}
    (again,) = [url for url in queue.waiting("a", b"", 9) if url.url == "http://a/0"]
    assert again.attempts == 3
    keep(queue, "//a/0", "x")
    refuse(queue, "//b/0", RejectReason.EMPTY)
    queue.flush()
    assert image_of(queue, "//a/0") is not None
    assert rejection_of(queue, "//b/0")["attempts"] == 3
    assert queue.refused_by_reason() == [("corrupt", 1), ("empty", 1)]


def test_what_was_tried_too_often_is_dead(queue):
    refuse(queue, "//a/0", RejectReason.TIMEOUT, 4)
    refuse(queue, "//a/1", RejectReason.TIMEOUT, 3)
    assert queue.retry([RejectReason.TIMEOUT], 4) == (1, 1)
    assert queue.counts() == {WAITING: 5, REFUSED: 1}
    refuse(queue, "//a/1", RejectReason.TIMEOUT, 1)
    assert queue.retry([RejectReason.TIMEOUT], 4) == (0, 2)


def test_what_a_shard_lost_is_queued_again_and_nothing_else(queue):
    for number in range(3):
        keep(queue, f"//a/{number}", f"a{number}", place(512 + 1024 * number))
    keep(queue, "//b/0", "a2", place(512 + 2048))  # shares the lost bytes
    keep(queue, "//b/1", "b1", place(512, shard="w0/00001.tar"))
    refuse(queue, "//b/2", RejectReason.EMPTY)
    queue.flush()
    assert queue.drop_beyond("w0/00000.tar", 512 + 1024 + 100) == 2
    assert queue.counts() == {WAITING: 2, DONE: 3, REFUSED: 1}
    assert [url.url for url in queue.waiting("a", b"", 9)] == ["http://a/2"]
    assert [url.url for url in queue.waiting("b", b"", 9)] == ["http://b/0"]
    assert queue.image_with(sha("a2")) is None
    assert queue.shard_ends() == {"w0/00000.tar": 512 + 1024 + 100, "w0/00001.tar": 612}
    assert queue.host_counts("a") == {"kept": 2, "refused": 0}
    assert queue.host_counts("b") == {"kept": 1, "refused": 1}
    assert queue.drop_beyond("w0/00000.tar", 512 + 1024 + 100) == 0
    keep(queue, "//a/2", "a2", place(512 + 2048))
    queue.flush()
    assert image_of(queue, "//a/2")["offset"] == 512 + 2048


def test_a_lost_shard_gives_everything_back(queue):
    keep(queue, "//a/0", "x")
    queue.flush()
    assert queue.drop_beyond("w0/00000.tar", 0) == 1
    assert queue.shard_ends() == {}
    assert queue.counts() == {WAITING: 6}


def test_a_lane_remembers_across_restarts(tmp_path, queue):
    queue.keep_lane("a", "first")
    queue.keep_lane("a", "second")
    queue.keep_lane("cdn", "never asked for anything itself")
    again = QueueView(tmp_path / "download.sqlite")
    assert (again.lane("a"), again.lane("b")) == ("second", "")
    assert list(again.lanes()) == [("a", "second"), ("cdn", "never asked for anything itself")]
    again.close()


def test_placeholders_are_refused_at_their_host_now_and_later(tmp_path):
    path = tmp_path / "other.sqlite"
    queue = DownloadQueue(path)
    queue.add((f"//{host}/{number}", f"http://{host}/{number}", host) for host in "ab" for number in range(5))
    for number in range(4):
        keep(queue, f"//a/{number}", "gone")
    keep(queue, "//b/0", "gone")
    seen = []
    assert queue.learn_placeholders(lambda histogram: seen.append(histogram) or [4], 4) == 4
    assert seen == [{4: 1}]
    assert queue.refused_by_reason() == [("placeholder", 4)]
    assert queue.host_counts("a") == {"kept": 0, "refused": 4}
    assert image_of(queue, "//b/0") is not None  # another host means it
    queue.close()

    again = DownloadQueue(path)
    keep(again, "//a/4", "gone")
    again.flush()
    assert rejection_of(again, "//a/4")["reason"] == "placeholder"
    assert again.retry([RejectReason.PLACEHOLDER], 9) == (5, 0)
    keep(again, "//a/0", "gone")
    again.flush()
    assert rejection_of(again, "//a/0")["detail"].startswith("the bytes that this host gives")
    assert again.learn_placeholders(lambda histogram: [1], 1) == 1  # b's, if one is enough
    again.close()


@pytest.mark.parametrize("size", [0, 1, 600, 1100, 100_000])
def test_what_cannot_have_been_kept_is_known(tmp_path, queue, size):
    body = bytes(range(256)) * 400
    data = body[:size]
    assert not queue.may_have(data)
    queue.record_image(queued("//a/0"), 1, "", queue.add_image(facts("x"), data, place(512, size=size)))
    assert queue.may_have(bytes(bytearray(data)))
    assert not any(queue.may_have(other) for other in (data + b"x", b"x" + data[1:], data[:-1] + b"x") if other != data)
    queue.flush()
    again = DownloadQueue(tmp_path / "download.sqlite")
    assert again.may_have(b"nobody knows")
    again.close()


def test_what_a_full_disk_did_not_take_goes_with_the_next_commit(tmp_path, queue):
    """Otherwise a shard's end would be journalled behind members that no row knows."""
    (pages,) = queue._db.execute("PRAGMA page_count").fetchone()
    queue._db.execute(f"PRAGMA max_page_count = {pages + 3}")
    recorded = 0

    def record_until_it_is_full() -> None:
        nonlocal recorded
        while recorded < 50:
            recorded += 1
            keep(queue, "//a/1", f"y{recorded}", place(1024 * recorded))
            queue.flush()

    with pytest.raises(sqlite3.OperationalError, match="full"):
        record_until_it_is_full()
    assert recorded > 1
    queue._db.execute("PRAGMA max_page_count = 1000000")
    keep(queue, "//a/0", "x", place(1 << 20))
    queue.flush()
    assert queue._db.execute("SELECT count(*) FROM images").fetchone() == (recorded + 1,)
    assert queue.host_counts("a") == {"kept": recorded + 1, "refused": 0}
