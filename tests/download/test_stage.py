"""The download stage from hits.parquet to shards and tables, over real sockets, processes and files."""

import errno
import hashlib
import json
import os
import tarfile
import threading
import time
from types import SimpleNamespace

import pytest

from imagenet_build.contracts import LaneStage
from imagenet_build.download import decode_pool
from imagenet_build.download.large_bodies import AT_ONCE, Place
from imagenet_build.download.stage import DownloadStage
from imagenet_build.records import RejectReason, ShardRef
from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.storage import shards
from imagenet_build.storage.queue_view import WAITING
from imagenet_build.storage.shards import read_member
from tests.download.deadly import deadly_inspect
from tests.download.staging import Download, hits
from tests.fakes import pictures
from tests.fakes.image_server import ImageServer, picture, redirect, refusal
from tests.fakes.pictures import photo
from tests.fakes.request_log import RequestLog
from tests.fakes.server import Reply

DOG, CAT, OWL = "n00000001", "n00000002", "n00000003"


def pictures_asked_for(server: ImageServer) -> dict[str, int]:
    return {path: count for path, count in server.log.counts().items() if path != "/robots.txt"}


def serve_photos(server: ImageServer, count: int) -> list[str]:
    return [server.serve(f"/{number:02d}.jpg", photo(number, 96, 80)) for number in range(count)]


def test_hits_become_images_and_rejections_and_every_url_is_fetched_once(tmp_path, image_server):
    spoilt = {
        "/empty.jpg": (picture(b""), "empty"),
        "/page.jpg": (picture(b"<html>gone</html>"), "html"),
        "/small.gif": (picture(pictures.one_pixel_gif(), "image/gif"), "one_pixel"),
        "/bomb.png": (picture(pictures.png_bomb(), "image/png"), "too_many_pixels"),
        "/cut.jpg": (picture(pictures.truncated_jpeg()), "truncated"),
        "/a.tif": (picture(photo(9, 90, 90, "TIFF"), "image/tiff"), "format_refused"),
        "/gone.jpg": (refusal(404), "http_error"),
        "/noai.jpg": (picture(photo(8), headers={"X-Robots-Tag": "noai"}), "opted_out"),
        "/private/a.jpg": (picture(photo(8)), "robots_refused"),
        "/away.jpg": (redirect("ftp://127.0.0.1/a.jpg"), "scheme_refused"),
    }
    image_server.robots("User-agent: *\nDisallow: /private/")
    good = serve_photos(image_server, 4)
    copy = image_server.serve("/copy.jpg", photo(0, 96, 80))
    bad = {image_server.serve(path, reply): reason for path, (reply, reason) in spoilt.items()}
    wanted = [*hits([DOG, CAT], [*good, *bad]), (CAT, good[0]), (OWL, copy), (OWL, good[3])]
    download = Download(tmp_path, wanted, {"formats": ["JPEG", "PNG", "GIF"]})
    (result,) = download.run()

    assert result.problem == ""
    assert result.unit.lane == f"127.0.0.1:{image_server.port}"
    assert download.is_complete()
    assert download.reasons() == bad
    assert download.advanced == result.unit.size == len(good) + 1 + len(bad)
    images = download.images()
    assert [(row["wnid"], row["url"]) for row in images] == [
        *hits([DOG, CAT], good),
        (OWL, copy),
        (OWL, good[3]),
    ]
    expected = dict.fromkeys([*spoilt, *(f"/{n:02d}.jpg" for n in range(4)), "/copy.jpg"], 1)
    expected.pop("/private/a.jpg")
    assert pictures_asked_for(image_server) == expected
    assert image_server.log.count("/robots.txt") == 1
    for row in images:
        data = read_member(download.context.layout.shards, ShardRef(row["shard"], row["offset"], row["size"]))
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert (row["width"], row["height"], row["format"]) == (96, 80, "JPEG")
    by_url = {row["url"]: row for row in images}
    assert by_url[copy]["offset"] == by_url[good[0]]["offset"]  # equal bytes are stored once
    with tarfile.open(download.context.layout.shards / "w0/00000.tar") as tar:
        assert sorted(tar.getnames()) == sorted({f"{row['sha256']}.jpg" for row in images})


def test_a_second_run_asks_for_nothing_and_changes_nothing(tmp_path, image_server):
    download = Download(tmp_path, hits([DOG], [*serve_photos(image_server, 3), image_server.url("/gone.jpg")]))
    download.run()
    before = (download.images(), download.rejections())
    shard = (tmp_path / "images/w0/00000.tar").read_bytes()
    image_server.log.clear()
    assert download.run() == []
    assert image_server.log.count() == 0
    assert (download.images(), download.rejections()) == before
    assert (tmp_path / "images/w0/00000.tar").read_bytes() == shard


def test_new_hits_are_fetched_and_old_ones_are_not(tmp_path, image_server):
    urls = serve_photos(image_server, 5)
    Download(tmp_path, hits([DOG], urls[:3])).run()
    image_server.log.clear()
    more = Download(tmp_path, [*hits([DOG], urls[:3]), *hits([OWL], urls[1:])])
    more.run()
    assert pictures_asked_for(image_server) == {"/03.jpg": 1, "/04.jpg": 1}
    assert more.is_complete()
    assert len(more.images()) == 7


@pytest.mark.parametrize("kept", ["all but one", "none", "no file"])
def test_what_a_power_cut_took_from_a_shard_is_fetched_again_and_nothing_else(tmp_path, image_server, kept):
    urls = serve_photos(image_server, 6)
    copy = image_server.serve("/copy.jpg", photo(5, 96, 80))
    download = Download(tmp_path, hits([DOG], [*urls, copy, image_server.url("/gone.jpg")]))
    download.run()
    rows = {row["url"]: (row["sha256"], row["size"]) for row in download.images()}
    by_place = sorted({(row["offset"], row["size"], row["sha256"]) for row in download.images()})
    shard = tmp_path / "images/w0/00000.tar"
    if kept == "no file":
        shard.unlink()
        lost = {sha256 for _, _, sha256 in by_place}
    else:
        (offset, size, sha256) = by_place[-1] if kept == "all but one" else by_place[0]
        lost = {sha256} if kept == "all but one" else {sha256 for _, _, sha256 in by_place}
        os.truncate(shard, offset + size - 1)
    image_server.log.clear()
    download.run()
    lost_paths = {url.rpartition(":")[2].partition("/")[2] for url, (sha256, _) in rows.items() if sha256 in lost}
    assert pictures_asked_for(image_server) == {f"/{path}": 1 for path in lost_paths}
    assert {row["url"]: (row["sha256"], row["size"]) for row in download.images()} == rows
    assert download.is_complete()
    with tarfile.open(shard) as tar:
        assert len(tar.getnames()) == 6


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, image_server, monkeypatch):
    download = Download(tmp_path, hits([DOG], serve_photos(image_server, 8)))
    written = []

    def full(handle: int, parts: list[memoryview]) -> int:
        written.append(parts)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.writev(handle, parts)

    with monkeypatch.context() as patched:
        patched.setattr(shards, "os", SimpleNamespace(**{**vars(os), "writev": full}))
        with pytest.raises(OSError, match="No space"):
            download.run()
    queue = download.queue()
    kept = {url.key for url in queue.waiting(f"127.0.0.1:{image_server.port}", b"", 99)}
    queue.close()
    assert len(kept) == 5
    image_server.log.clear()
    download.run()
    assert len(pictures_asked_for(image_server)) == 5
    assert set(pictures_asked_for(image_server).values()) == {1}
    assert len(download.images()) == 8
    with tarfile.open(tmp_path / "images/w0/00000.tar") as tar:
        assert len(tar.getnames()) == 8


def of_host(server: ImageServer, host: str) -> RequestLog:
    return RequestLog([call for call in server.log.calls if call.host.startswith(host)])


def test_hosts_are_lanes_side_by_side_each_within_its_own_limit(tmp_path):
    """Nothing is answered before as many requests as allowed are under way: 3 at one host, 1 at the other."""
    with ImageServer(("127.0.0.1", "127.0.0.2")) as server:
        for number in range(8):
            server.serve(f"/{number}.jpg", Reply(200, photo(number, 96, 80), "image/jpeg", mode="wait"))
        urls = [server.url(f"/{number}.jpg", host) for host in server.hosts for number in range(8)]
        manners = {
            "127.0.0.1": {"min_delay_s": 0.0, "concurrency": 3},
            "127.0.0.2": {"min_delay_s": 0.0, "concurrency": 1},
        }
        download = Download(tmp_path, hits([DOG], urls), {"hosts": manners, "robots": False, "timeout_s": 60.0})
        helper = threading.Thread(target=lambda: (server.log.wait_for(4), server.release()))
        helper.start()
        results = download.run()
        helper.join()
        assert server.log.most_at_once() == 4
        assert of_host(server, "127.0.0.1").most_at_once() == 3
        assert of_host(server, "127.0.0.2").most_at_once() == 1
        assert download.reasons() == {}
        assert [result.counts["kept"] for result in results] == [8, 8]
        assert len(download.images()) == 16


def test_the_pace_of_a_host_is_kept(tmp_path, image_server):
    urls = serve_photos(image_server, 5)
    rule = {"min_delay_s": 0.2, "concurrency": 2}
    Download(tmp_path, hits([DOG], urls), {"robots": False, "hosts": {"127.0.0.1": rule}}).run()
    assert sum(image_server.log.gaps_s()) >= 0.6  # four pauses; the first request may have been slow to arrive


def test_a_long_pause_leaves_what_waits_to_another_run(tmp_path, image_server):
    urls = [image_server.serve(f"/{n}.jpg", refusal(429, {"Retry-After": "5000"}), photo(n)) for n in range(2)]
    one_at_a_time = {"default_host": {"min_delay_s": 0.0, "concurrency": 1}}
    download = Download(tmp_path, hits([DOG], urls), one_at_a_time)
    begun = time.time()
    (result,) = download.run()
    assert "is left in peace until" in result.problem
    assert sum(pictures_asked_for(image_server).values()) == 1
    assert (download.images(), download.rejections()) == ([], [])
    queue = download.queue()
    assert queue.counts() == {WAITING: 2}
    ((host, lane),) = queue.lanes()
    assert 4990 < json.loads(lane)["not_before"] - begun < 5100
    queue.close()
    image_server.log.clear()
    assert "is left in peace until" in download.run()[0].problem
    assert image_server.log.count() == 0  # it asked for silence, and the next session keeps it
    queue = download.queue()
    queue.keep_lane(host, json.dumps({**json.loads(lane), "not_before": time.time() - 1}))
    queue.close()
    for number in range(2):
        image_server.serve(f"/{number}.jpg", photo(number))
    download.run()
    assert len(download.images()) == 2
    assert download.is_complete()


def test_a_short_rest_is_waited_for_and_others_go_on_meanwhile(tmp_path):
    with ImageServer(("127.0.0.1", "127.0.0.2")) as server:
        server.serve("/a.jpg", refusal(429, {"Retry-After": "6"}), photo(1))
        server.serve("/b.jpg", photo(2))
        urls = [server.url("/a.jpg", "127.0.0.1"), server.url("/b.jpg", "127.0.0.2")]
        download = Download(tmp_path, hits([DOG], urls), {"hosts_at_once": 1, "robots": False})
        download.run()
        asked = [(call.path, call.host.partition(":")[0]) for call in server.log.calls]
        assert asked == [("/a.jpg", "127.0.0.1"), ("/b.jpg", "127.0.0.2"), ("/a.jpg", "127.0.0.1")]
        assert len(download.images()) == 2


def test_the_notice_of_what_is_gone_is_no_picture(tmp_path, image_server):
    good = serve_photos(image_server, 3)
    notice = photo(99, 96, 80)
    gone = [image_server.serve(f"/gone/{n}.jpg", notice) for n in range(10)]
    download = Download(tmp_path, hits([DOG], [*good, *gone[:9]]))
    download.run()
    assert len(download.images()) == 12  # few enough to be chance
    download.hits = hits([DOG], [*good, *gone])
    download.run()
    assert download.reasons() == dict.fromkeys(gone, "placeholder")
    later = image_server.serve("/gone/later.jpg", notice)
    download.hits = hits([DOG], [*good, *gone, later])
    download.run()
    assert download.reasons() == dict.fromkeys([*gone, later], "placeholder")
    assert download.is_complete()


def test_equal_bytes_are_decoded_once(tmp_path, image_server, monkeypatch):
    """A picture that many addresses show costs one decode, and one place in a shard."""
    seen = []
    inspect = decode_pool.DecodePool.inspect

    async def counting(self, data):
        seen.append(data)
        return await inspect(self, data)

    monkeypatch.setattr(decode_pool.DecodePool, "inspect", counting)
    one_at_a_time = {"default_host": {"min_delay_s": 0.0, "concurrency": 1}}
    first = Download(tmp_path, hits([DOG], serve_photos(image_server, 1)), one_at_a_time)
    first.run()
    first.hits += hits([DOG], [image_server.serve(f"/copy{n}.jpg", photo(0, 96, 80)) for n in range(4)])
    first.run()
    assert len(seen) == 1
    assert len(first.images()) == 5


def test_retry_brings_transient_refusals_back(tmp_path, image_server):
    url = image_server.serve("/a.jpg", refusal(500), photo(1))
    gone = image_server.url("/gone.jpg")
    download = Download(tmp_path, hits([DOG, CAT], [url, gone]), {"attempts": 1})
    download.run()
    assert download.reasons() == {url: "server_error", gone: "http_error"}
    queue = download.queue()
    assert queue.retry([reason for reason in RejectReason if reason.transient], 99) == (1, 0)
    queue.close()
    download.run()
    assert [row["wnid"] for row in download.images()] == [DOG, CAT]
    assert download.reasons() == {gone: "http_error"}
    assert download.is_complete()
    assert pictures_asked_for(image_server) == {"/a.jpg": 2, "/gone.jpg": 1}


def test_tables_have_the_order_of_the_hits(tmp_path, image_server):
    urls = serve_photos(image_server, 5)
    gone = [image_server.url(f"/gone{number}.jpg") for number in range(3)]
    dogs = [urls[3], gone[2], urls[0], urls[3], gone[0], urls[4], gone[2]]
    cats = [gone[1], urls[4], urls[1], gone[2], urls[3], urls[2], urls[1]]
    download = Download(tmp_path, [*hits([DOG], dogs), *hits([CAT], cats)])
    download.run()
    seen = dict.fromkeys([*hits([DOG], dogs), *hits([CAT], cats)])
    assert [(row["wnid"], row["url"]) for row in download.images()] == [hit for hit in seen if hit[1] in urls]
    assert [(row["wnid"], row["url"]) for row in download.rejections()] == [hit for hit in seen if hit[1] in gone]
    assert all(row["url_key"] == canonical_key(row["url"]) for row in [*download.images(), *download.rejections()])


def test_a_silent_robots_file_is_waited_for_once_per_host(tmp_path, image_server):
    image_server.robots(Reply(mode="hang"))
    urls = serve_photos(image_server, 6)
    download = Download(tmp_path, hits([DOG], urls), {"timeout_s": 1.0})
    begun = time.monotonic()
    download.run()
    assert set(download.reasons().values()) == {"robots_unreachable"}
    assert image_server.log.counts() == {"/robots.txt": 1}
    assert time.monotonic() - begun < 10.0


def test_a_decoder_that_dies_costs_one_row(tmp_path, image_server, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    deadly = image_server.serve("/kill.jpg", picture(b"kill"))
    others = [image_server.serve(f"/{n}.jpg", picture(b"%d" % n)) for n in range(3)]
    download = Download(tmp_path, hits([DOG], [deadly, *others]))
    download.run()
    assert download.reasons() == {deadly: "decoder_failed", **dict.fromkeys(others, "corrupt")}


def test_files_of_this_disk_have_a_lane_of_their_own(tmp_path, image_server):
    path = tmp_path / "une photo.png"
    path.write_bytes(photo(1, 96, 80, "PNG"))
    missing = (tmp_path / "missing.png").as_uri()
    urls = [path.as_uri(), missing, *serve_photos(image_server, 1)]
    download = Download(tmp_path / "run", hits([DOG], urls))
    lanes = {result.unit.lane for result in download.run()}
    assert lanes == {"(this disk)", f"127.0.0.1:{image_server.port}"}
    assert [row["format"] for row in download.images()] == ["PNG", "JPEG"]
    assert download.reasons() == {missing: "http_error"}


def test_small_shards_are_many_shards(tmp_path, image_server):
    download = Download(tmp_path, hits([DOG], serve_photos(image_server, 6)), {"shard_bytes": 10_000})
    download.run()
    rows = download.images()
    assert len({row["shard"] for row in rows}) > 1
    for row in rows:
        read_member(download.context.layout.shards, ShardRef(row["shard"], row["offset"], row["size"]))


def test_urls_alone_are_a_valid_run(tmp_path, image_server):
    download = Download(tmp_path, hits([DOG], serve_photos(image_server, 2)), {"enabled": False})
    assert download.run() == []
    assert image_server.log.count() == 0
    assert (download.images(), download.rejections()) == ([], [])


def test_the_plan_is_a_unit_per_host_in_a_fixed_order(tmp_path, image_server):
    urls = ["http://b.example/1.jpg", "http://A.example:81/1.jpg", "http://b.example/2.jpg", "file:///x/y.jpg"]
    download = Download(tmp_path, hits([DOG], urls), {"enabled": False})
    download.run()
    download.config = {}
    stage = DownloadStage()
    assert isinstance(stage, LaneStage)
    planned = [(unit.key, unit.lane, unit.size) for unit in stage.plan(download.context)]
    assert planned == [(name, name, size) for name, size in (("(this disk)", 1), ("a.example:81", 1), ("b.example", 2))]
    assert [(unit.key, unit.lane, unit.size) for unit in stage.plan(download.context)] == planned


def test_few_large_bodies_are_held_at_a_time(tmp_path, monkeypatch):
    """Twenty hosts send 2 MB each at the same time."""
    held = []
    most = []
    take, leave = Place.take, Place.leave

    async def counted_take(self):
        await take(self)
        held.append(self)
        most.append(len(held))

    def counted_leave(self):
        if self in held:
            held.remove(self)
        leave(self)

    monkeypatch.setattr(Place, "take", counted_take)
    monkeypatch.setattr(Place, "leave", counted_leave)
    hosts = [f"127.0.0.{number}" for number in range(2, 22)]
    with ImageServer(hosts) as server:
        body = photo(1, 96, 80) + bytes(2 << 20)
        server.serve("/a.jpg", picture(body))
        download = Download(tmp_path, hits([DOG], [server.url("/a.jpg", host) for host in hosts]), {"robots": False})
        download.run()
    assert len(download.images()) + len(download.rejections()) == 20
    assert len(most) == 20
    assert max(most) <= AT_ONCE
    assert held == []
