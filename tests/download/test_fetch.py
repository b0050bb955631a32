import asyncio
import os
import time
from email.utils import formatdate

import pytest

from imagenet_build.download.fetch import Fetched
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Rejection, RejectReason
from tests.download.fetching import fetcher
from tests.fakes.image_server import (
    ImageServer,
    cut_off,
    dripping,
    endless,
    gzipped,
    picture,
    redirect,
    refusal,
    soft_404,
)
from tests.fakes.pictures import photo
from tests.fakes.server import Reply
from tests.network.raw_server import raw_server, saying

PICTURE = photo(1)
R = RejectReason


async def fetch(url: str, **config: object) -> Fetched:
    async with fetcher(**config) as one:
        return await one.fetch(url, Pace(0.0))


async def test_a_picture(image_server):
    assert await fetch(image_server.serve("/a.jpg", PICTURE)) == Fetched(PICTURE, 1)
    assert image_server.log.counts() == {"/robots.txt": 1, "/a.jpg": 1}
    assert image_server.log.on("/a.jpg")[0].headers["accept"] == "image/*"


@pytest.mark.parametrize(
    "reply", [gzipped(PICTURE), picture(PICTURE, "application/octet-stream"), picture(PICTURE, "")]
)
async def test_a_picture_in_odd_wrapping(image_server, reply):
    assert (await fetch(image_server.serve("/a", reply))).result == PICTURE


NEVER_AGAIN = {
    "ftp": (redirect("ftp://127.0.0.1/a.jpg"), R.SCHEME_REFUSED),
    "file": (redirect("file:///etc/passwd"), R.SCHEME_REFUSED),
    "junk": (redirect("http://[::1"), R.BAD_URL),
    "private": (redirect("http://10.0.0.1/a.jpg"), R.ADDRESS_REFUSED),
    "metadata": (redirect("http://169.254.169.254/latest/meta-data/"), R.ADDRESS_REFUSED),
    "numeric": (redirect("http://2130706434/a.jpg"), R.ADDRESS_REFUSED),
    "loop": (redirect("/a.jpg"), R.TOO_MANY_REDIRECTS),
    "noai": (picture(PICTURE, headers={"X-Robots-Tag": "noai"}), R.OPTED_OUT),
    "tdm": (picture(PICTURE, headers={"TDM-Reservation": "1"}), R.OPTED_OUT),
    "401": (refusal(401), R.HTTP_ERROR),
    "404": (refusal(404), R.HTTP_ERROR),
    "410": (refusal(410), R.HTTP_ERROR),
    "204": (Reply(204), R.HTTP_ERROR),
    "206": (Reply(206, PICTURE[:100], "image/jpeg"), R.HTTP_ERROR),
    "304": (refusal(304), R.HTTP_ERROR),
    "announced": (cut_off(b"x", announced=200_001), R.TOO_MANY_BYTES),
    "endless": (endless(PICTURE), R.TOO_MANY_BYTES),
    "web page": (soft_404(), R.NOT_AN_IMAGE),
    "xhtml": (picture(PICTURE, "application/xhtml+xml; charset=utf-8"), R.NOT_AN_IMAGE),
}
PERHAPS_LATER = {
    "silent": (Reply(mode="hang"), R.TIMEOUT),
    "drip": (dripping(PICTURE, piece_bytes=4, pause_s=0.02), R.TIMEOUT),
    "drop": (Reply(mode="drop"), R.UNREACHABLE),
    "cut": (cut_off(PICTURE), R.CUT_OFF),
    "429": (refusal(429), R.THROTTLED),
    "503": (refusal(503), R.THROTTLED),
    "500": (refusal(500), R.SERVER_ERROR),
    "502": (refusal(502), R.SERVER_ERROR),
    "408": (refusal(408), R.SERVER_ERROR),
    "425": (refusal(425), R.SERVER_ERROR),
}


@pytest.mark.parametrize("case", NEVER_AGAIN)
async def test_what_is_refused_for_good_is_asked_for_once(image_server, case):
    reply, reason = NEVER_AGAIN[case]
    fetched = await fetch(image_server.serve("/a.jpg", reply), max_bytes=200_000)
    assert isinstance(fetched.result, Rejection)
    assert fetched.result.reason is reason
    assert not reason.transient
    assert fetched.result.detail
    assert fetched.attempts == 1
    assert image_server.log.count("/a.jpg") == (4 if case == "loop" else 1)


@pytest.mark.parametrize("case", PERHAPS_LATER)
async def test_what_may_pass_is_tried_again_and_then_recorded(image_server, case):
    reply, reason = PERHAPS_LATER[case]
    url = image_server.serve("/a.jpg", reply)
    fetched = await fetch(url, attempts=2, timeout_s=0.3 if reason is R.TIMEOUT else 10.0)
    assert isinstance(fetched.result, Rejection)
    assert fetched.result.reason is reason
    assert reason.transient
    assert fetched.result.detail
    assert fetched.attempts == 2
    # aiohttp asks once more by itself when a connection in use is dropped (RFC 9110 section 9.2.2)
    assert image_server.log.count("/a.jpg") == (4 if case == "drop" else 2)


async def test_a_trouble_that_passes_is_no_trouble(image_server):
    url = image_server.serve("/a.jpg", refusal(500), cut_off(PICTURE), refusal(503), PICTURE)
    assert await fetch(url, attempts=4) == Fetched(PICTURE, 4)


async def test_a_host_that_is_not_there(image_server):
    with ImageServer() as other:
        url = other.url("/a.jpg")
    image_server.serve("/a.jpg", redirect(url))
    assert (await fetch(image_server.url("/a.jpg"), attempts=1, robots=False)).result.reason is R.UNREACHABLE


async def test_a_name_of_this_machine_is_an_address_refused_for_good():
    async with fetcher(allow=()) as one:
        for url in ("http://localhost:9/a.jpg", "http://2130706434:9/a.jpg", "http://[::1]:9/a.jpg"):
            fetched = await one.fetch(url, Pace(0.0))
            assert fetched.result.reason is R.ADDRESS_REFUSED, url
            assert fetched.attempts == 1


# pauses


async def test_retry_after_is_honoured_for_the_whole_host(image_server):
    first = image_server.serve("/a.jpg", refusal(429, {"Retry-After": "1"}), PICTURE)
    second = image_server.serve("/b.jpg", PICTURE)
    parked: list[float] = []
    pace = Pace(0.0, concurrency=1, on_park=parked.append)
    begun = time.time()
    async with fetcher() as one:
        found = await asyncio.gather(one.fetch(first, pace), one.fetch(second, pace))
    assert found == [Fetched(PICTURE, 2), Fetched(PICTURE, 1)]
    refused, *later = [call for call in image_server.log.calls if call.path != "/robots.txt"]
    assert refused.path == "/a.jpg"
    assert min(call.start_s for call in later) - refused.start_s >= 0.99
    assert parked[0] - begun >= 1.0


async def test_a_pause_until_a_date_needs_no_clock_of_the_server():
    date = formatdate(time.time() + 600, usegmt=True)
    head = f"HTTP/1.1 429 Slow down\r\nRetry-After: {date}\r\nContent-Length: 0\r\n\r\n"
    pace = Pace(0.0)
    async with raw_server(saying(head.encode())) as base, fetcher(attempts=1, robots=False) as one:
        assert (await one.fetch(f"{base}/a.jpg", pace)).result.reason is R.THROTTLED
    assert 500.0 < pace.wait_s <= 600.0


async def test_too_long_a_pause_is_left_to_a_later_run_by_all_who_wait(image_server):
    urls = [image_server.serve(f"/{n}.jpg", refusal(429, {"Retry-After": "5000"})) for n in range(4)]
    pace = Pace(0.0, concurrency=1)
    async with fetcher() as one:
        found = await asyncio.wait_for(asyncio.gather(*(one.fetch(url, pace) for url in urls)), 20)
    assert [fetched.result.reason for fetched in found] == [R.THROTTLED] * 4
    assert [fetched.attempts for fetched in found] == [1, 0, 0, 0]
    assert image_server.log.counts() == {"/robots.txt": 1, "/0.jpg": 1}


async def test_without_a_word_about_the_pause_there_is_one_all_the_same(image_server):
    url = image_server.serve("/a.jpg", refusal(429), PICTURE)
    assert (await fetch(url)).attempts == 2
    assert image_server.log.gaps_s("/a.jpg")[0] >= 0.49


# robots.txt


async def test_robots_refuse(image_server):
    image_server.robots("User-agent: imagenet_build\nDisallow: /private/")
    url = image_server.serve("/private/a.jpg", PICTURE)
    fetched = await fetch(url)
    assert fetched == Fetched(
        Rejection(
            R.ROBOTS_REFUSED,
            f"http://127.0.0.1:{image_server.port}/robots.txt disallows /private/a.jpg for imagenet_build",
        ),
        1,
    )
    assert image_server.log.counts() == {"/robots.txt": 1}
    assert (await fetch(url, robots=False)).result == PICTURE


async def test_unreadable_robots_refuse_for_now_without_another_try(image_server):
    image_server.robots(refusal(500))
    fetched = await fetch(image_server.serve("/a.jpg", PICTURE))
    assert fetched.result.reason is R.ROBOTS_UNREACHABLE
    assert R.ROBOTS_UNREACHABLE.transient
    assert image_server.log.counts() == {"/robots.txt": 1}


async def test_robots_of_the_host_behind_a_redirect_count(image_server):
    with ImageServer() as other:
        other.robots("User-agent: *\nDisallow: /")
        url = image_server.serve("/a.jpg", redirect(other.serve("/b.jpg", PICTURE)))
        assert (await fetch(url)).result.reason is R.ROBOTS_REFUSED
        assert other.log.counts() == {"/robots.txt": 1}


# opt-out


async def test_an_opt_out_is_seen_before_the_body_is_taken(image_server):
    """The body has no end: who waits for it waits for ever."""
    reply = Reply(200, PICTURE, "image/jpeg", {"X-Robots-Tag": "noimageai"}, mode="endless")
    fetched = await fetch(image_server.serve("/a.jpg", reply), max_bytes=10**15, timeout_s=20)
    assert fetched == Fetched(Rejection(R.OPTED_OUT, "X-Robots-Tag: noimageai"), 1)


async def test_a_web_page_is_seen_before_the_body_is_taken(image_server):
    reply = Reply(200, b"<html>", "text/html; charset=utf-8", mode="endless")
    fetched = await fetch(image_server.serve("/a.jpg", reply), max_bytes=10**15, timeout_s=20)
    assert fetched == Fetched(Rejection(R.NOT_AN_IMAGE, "Content-Type text/html; charset=utf-8"), 1)


async def test_an_opt_out_that_is_not_configured_does_not_count(image_server):
    url = image_server.serve("/a.jpg", picture(PICTURE, headers={"X-Robots-Tag": "noai"}))
    assert (await fetch(url, opt_out_headers=())).result == PICTURE
    assert (await fetch(url, opt_out_headers=("noindex",))).result == PICTURE


async def test_an_opt_out_on_an_error_page_does_not_hide_the_error(image_server):
    url = image_server.serve("/a.jpg", refusal(404, {"X-Robots-Tag": "noindex"}))
    assert (await fetch(url)).result == Rejection(R.HTTP_ERROR, "HTTP 404")


# files of this disk


async def test_a_file_of_a_collection(tmp_path):
    path = tmp_path / "deux chats # 猫.jpg"
    path.write_bytes(PICTURE)
    assert await fetch(path.as_uri()) == Fetched(PICTURE, 1)


async def test_a_file_that_is_too_large_or_missing(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(1001))
    assert (await fetch(path.as_uri(), max_bytes=1000)).result.reason is R.TOO_MANY_BYTES
    assert (await fetch(path.as_uri(), max_bytes=1001)).result == bytes(1001)
    for name in ("missing.jpg", "", "nul%00.jpg"):
        assert (await fetch(f"{tmp_path.as_uri()}/{name}")).result.reason is R.HTTP_ERROR


async def test_devices_and_pipes_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "zero.jpg"):
        fetched = await asyncio.wait_for(fetch((tmp_path / name).as_uri()), 20)
        assert fetched.result.reason is R.HTTP_ERROR
