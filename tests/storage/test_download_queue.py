import time

import pyarrow as pa
import pytest

from imagenet_build.records import ImageFacts, Rejection, RejectReason, ShardRef
from imagenet_build.storage.download_queue import DONE, REFUSED, WAITING, DownloadQueue, QueuedUrl
from imagenet_build.storage.schemas import IMAGES, REJECTIONS

FIRST_BIT = 1 << 63


def facts(name: str, **more: object) -> ImageFacts:
    values = {
        "sha256": f"sha-{name}",
        "pixel_sha256": f"pixels-{name}",
        "format": "JPEG",
        "width": 320,
        "height": 240,
        "has_alpha": False,
        "frames": 1,
        "orientation": 1,
        "mode": "RGB",
        "has_icc_profile": False,
        "mirrored_hash": 5,
        "dct_hash": FIRST_BIT | 5,
        "gradient_hash": (1 << 64) - 1,
        "tiny": bytes(range(256)) * 12,
    }
    return ImageFacts(**{**values, **more})


def place(offset: int, size: int = 100, shard: str = "w0/00000.tar") -> ShardRef:
    return ShardRef(shard, offset, size)


@pytest.fixture
def queue(tmp_path):
    made = DownloadQueue(tmp_path / "download.sqlite")
    made.add((f"//{host}/{number}", f"http://{host}/{number}", host) for host in ("b", "a") for number in range(3))
    yield made
    made.close()


def test_urls_wait_by_host_in_key_order(queue):
    assert queue.waiting_hosts() == [("a", 3), ("b", 3)]
    assert queue.waiting("a", "", 2) == [QueuedUrl("//a/0", "http://a/0"), QueuedUrl("//a/1", "http://a/1")]
    assert queue.waiting("a", "//a/1", 2) == [QueuedUrl("//a/2", "http://a/2")]
    assert queue.waiting("a", "//a/2", 2) == []
    assert queue.counts() == {WAITING: 6}


def test_a_known_key_keeps_what_it_has(queue):
    queue.record_rejection("//a/0", 1, Rejection(RejectReason.EMPTY))
    queue.add([("//a/0", "https://a/0", "a"), ("//a/9", "http://a/9", "a")])
    assert queue.rejection_of("//a/0")["url"] == "http://a/0"
    assert queue.waiting_hosts() == [("a", 3), ("b", 3)]


def test_an_image_has_all_columns_of_its_table(queue):
    found = facts("x", has_alpha=True, frames=3, orientation=6)
    queue.record_image("//a/0", 2, found, place(512))
    row = queue.image_of("//a/0")
    table = pa.Table.from_pylist([{"wnid": "n00000001", "url_key": "//a/0", **row}], IMAGES)
    (read,) = table.to_pylist()
    for name in ("sha256", "pixel_sha256", "format", "width", "has_alpha", "frames", "orientation", "tiny"):
        assert read[name] == getattr(found, name)
    assert (read["dct_hash"], read["gradient_hash"]) == (found.dct_hash, found.gradient_hash)
    assert (read["shard"], read["offset"], read["size"], read["url"]) == ("w0/00000.tar", 512, 100, "http://a/0")
    assert abs(read["fetched_at"].timestamp() - time.time()) < 60
    assert set(row) == set(IMAGES.names) - {"wnid", "url_key"}
    assert queue.rejection_of("//a/0") is None
    assert queue.host_counts("a") == {"kept": 1, "refused": 0}


def test_a_rejection_has_all_columns_of_its_table(queue):
    queue.record_rejection("//a/0", 3, Rejection(RejectReason.TIMEOUT, "no answer"))
    row = queue.rejection_of("//a/0")
    (read,) = pa.Table.from_pylist([{"wnid": "n00000001", "url_key": "//a/0", **row}], REJECTIONS).to_pylist()
    assert (read["reason"], read["detail"], read["attempts"]) == ("timeout", "no answer", 3)
    assert abs(read["refused_at"].timestamp() - time.time()) < 60
    assert queue.image_of("//a/0") is None
    assert queue.image_of("//a/1") is None
    assert queue.rejection_of("//a/1") is None


@pytest.mark.parametrize("detail", ["caf\udce9", "nul\0 and \ud800", "x" * 100_000])
def test_any_text_can_be_a_detail(queue, detail):
    """Details quote servers and decoders; none may stop the run, or fill the disk."""
    queue.record_rejection("//a/0", 1, Rejection(RejectReason.HTTP_ERROR, detail))
    kept = queue.rejection_of("//a/0")["detail"]
    assert kept.startswith(detail[:3])
    assert len(kept) <= 2000
    pa.array([kept])


def test_equal_bytes_are_stored_once(queue):
    queue.record_image("//a/0", 1, facts("x"), place(512))
    assert queue.place_of("sha-x") == place(512)
    queue.record_image("//b/0", 1, facts("x"), queue.place_of("sha-x"))
    assert queue.image_of("//a/0")["offset"] == queue.image_of("//b/0")["offset"] == 512
    assert queue.shard_ends() == {"w0/00000.tar": 612}
    assert queue.place_of("sha-y") is None


def test_refused_urls_go_back_by_reason_and_keep_their_attempts(queue):
    queue.record_rejection("//a/0", 3, Rejection(RejectReason.TIMEOUT))
    queue.record_rejection("//a/1", 1, Rejection(RejectReason.CORRUPT))
    queue.record_rejection("//b/0", 2, Rejection(RejectReason.THROTTLED))
    assert list(queue.refused_by_reason()) == [("corrupt", 1), ("throttled", 1), ("timeout", 1)]
    assert queue.retry([RejectReason.TIMEOUT, RejectReason.THROTTLED]) == 2
    assert queue.retry([RejectReason.TIMEOUT]) == 0
    assert queue.retry([]) == 0
    assert queue.counts() == {WAITING: 5, REFUSED: 1}
    queue.record_image("//a/0", 1, facts("x"), place(512))
    assert queue.image_of("//a/0") is not None
    queue.record_rejection("//b/0", 1, Rejection(RejectReason.EMPTY))
    assert queue.rejection_of("//b/0")["attempts"] == 3
    assert list(queue.refused_by_reason()) == [("corrupt", 1), ("empty", 1)]


def test_what_a_shard_lost_is_queued_again_and_nothing_else(queue):
    for number in range(3):
        queue.record_image(f"//a/{number}", 1, facts(f"a{number}"), place(512 + 1024 * number))
    queue.record_image("//b/0", 1, facts("a2"), place(512 + 2048))  # shares the lost bytes
    queue.record_image("//b/1", 1, facts("b1"), place(512, shard="w0/00001.tar"))
    queue.record_rejection("//b/2", 1, Rejection(RejectReason.EMPTY))
    assert queue.drop_beyond("w0/00000.tar", 512 + 1024 + 100) == 2
    assert queue.counts() == {WAITING: 2, DONE: 3, REFUSED: 1}
    assert queue.waiting("a", "", 9) == [QueuedUrl("//a/2", "http://a/2")]
    assert queue.waiting("b", "", 9) == [QueuedUrl("//b/0", "http://b/0")]
    assert queue.place_of("sha-a2") is None
    assert queue.shard_ends() == {"w0/00000.tar": 512 + 1024 + 100, "w0/00001.tar": 612}
    assert queue.drop_beyond("w0/00000.tar", 512 + 1024 + 100) == 0


def test_a_lost_shard_gives_everything_back(queue):
    queue.record_image("//a/0", 1, facts("x"), place(512))
    assert queue.drop_beyond("w0/00000.tar", 0) == 1
    assert queue.shard_ends() == {}
    assert queue.counts() == {WAITING: 6}


def test_parked_hosts_outlive_the_process_until_their_time_is_over(tmp_path, queue):
    until = time.time() + 600
    queue.park("a", until - 100)
    queue.park("a", until)
    queue.park("b", time.time() - 1)
    again = DownloadQueue(tmp_path / "download.sqlite", read_only=True)
    assert again.not_before() == {"a": until}
    again.close()
