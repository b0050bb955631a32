import asyncio
import os

import pytest

from imagenet_build.download.fetch import Fetched
from imagenet_build.network import exchange
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
from tests.network.certificate import untrusted
from tests.network.raw_server import raw_server, saying

PICTURE = photo(1)
R = RejectReason


async def fetch(url: str, **config: object) -> Fetched:
    async with fetcher(**config) as one:
        return await one.fetch(url)


async def test_a_picture(image_server):
    url = image_server.serve("/a.jpg", PICTURE)
    assert await fetch(url) == Fetched(PICTURE, 1, url)
    assert image_server.log.counts() == {"/robots.txt": 1, "/a.jpg": 1}
    sent = image_server.log.on("/a.jpg")[0].headers
    assert (sent["accept"], sent["accept-encoding"]) == ("image/*", "identity")


async def test_a_picture_behind_redirects(image_server):
    image_server.serve("/a.jpg", redirect("/b.jpg"))
    image_server.serve("/b.jpg", redirect("/c.jpg"))
    url = image_server.serve("/c.jpg", PICTURE)
    assert await fetch(image_server.url("/a.jpg")) == Fetched(PICTURE, 1, url)


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
    "hexadecimal": (redirect("http://0x7f.2/a.jpg"), R.ADDRESS_REFUSED),
    "short": (redirect("http://127.2/a.jpg"), R.ADDRESS_REFUSED),
    "octal": (redirect("http://0177.0.0.2/a.jpg"), R.ADDRESS_REFUSED),
    "any": (redirect("http://0.0.0.0/a.jpg"), R.ADDRESS_REFUSED),
    "IPv6": (redirect("http://[::1]/a.jpg"), R.ADDRESS_REFUSED),
    "mapped": (redirect("http://[::ffff:169.254.169.254]/a.jpg"), R.ADDRESS_REFUSED),
    "6to4": (redirect("http://[2002:7f00:2::]/a.jpg"), R.ADDRESS_REFUSED),
    "NAT64": (redirect("http://[64:ff9b::10.0.0.1]/a.jpg"), R.ADDRESS_REFUSED),
    "unique local": (redirect("http://[fd00:ec2::254]/a.jpg"), R.ADDRESS_REFUSED),
    "multicast": (redirect("http://224.0.0.1/a.jpg"), R.ADDRESS_REFUSED),
    "name": (redirect("http://localhost6.localdomain6..example/a.jpg"), R.BAD_URL),
    "loop": (redirect("/a.jpg"), R.TOO_MANY_REDIRECTS),
    "noai": (picture(PICTURE, headers={"X-Robots-Tag": "noai"}), R.OPTED_OUT),
    "tdm": (picture(PICTURE, headers={"TDM-Reservation": "1"}), R.OPTED_OUT),
    "usage": (picture(PICTURE, headers={"Content-Usage": "train-ai=n"}), R.OPTED_OUT),
    "signal": (picture(PICTURE, headers={"Content-Signal": "search=yes, ai-train=no"}), R.OPTED_OUT),
    "401": (refusal(401), R.HTTP_ERROR),
    "404": (refusal(404), R.HTTP_ERROR),
    "410": (refusal(410), R.HTTP_ERROR),
    "204": (Reply(204), R.HTTP_ERROR),
    "206": (Reply(206, PICTURE[:100], "image/jpeg"), R.HTTP_ERROR),
    "304": (refusal(304), R.HTTP_ERROR),
    "announced": (cut_off(b"x", announced=200_001), R.TOO_MANY_BYTES),
    "endless": (endless(PICTURE), R.TOO_MANY_BYTES),
    "999": (refusal(999), R.HTTP_ERROR),
    "web page": (soft_404(), R.HTML),
    "xhtml": (picture(PICTURE, "application/xhtml+xml; charset=utf-8"), R.HTML),
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
    assert fetched.final_url
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
    assert await fetch(url, attempts=4) == Fetched(PICTURE, 4, url)


async def test_a_drip_is_too_slow_long_before_the_deadline(image_server, monkeypatch):
    monkeypatch.setattr(exchange, "RATE_WINDOW_S", 0.2)
    url = image_server.serve("/a.jpg", dripping(PICTURE, piece_bytes=4, pause_s=0.02))
    fetched = await fetch(url, attempts=1, timeout_s=60.0)
    assert fetched.result == Rejection(R.TOO_SLOW, "the body came more slowly than 1000 bytes/s over 0.2 s")


async def test_what_is_no_http(image_server):
    async with raw_server(saying(b"220 ftp.example.org ready\r\n")) as base:
        fetched = await fetch(f"{base}/a.jpg", robots=False, attempts=2)
    assert fetched == Fetched(Rejection(R.BAD_ANSWER, "no HTTP: Bad status line"), 2, f"{base}/a.jpg")


async def test_a_certificate_that_nobody_trusts(tmp_path):
    async with raw_server(saying(b""), tls=untrusted(tmp_path)) as base:
        fetched = await fetch(f"{base}/a.jpg", robots=False, attempts=1)
    assert fetched.result == Rejection(R.TLS_FAILED, "no secure connection: self-signed certificate")


async def test_a_name_that_does_not_resolve_is_asked_for_once():
    fetched = await fetch("http://nowhere.invalid/a.jpg", robots=False, attempts=3)
    assert fetched.result.reason is R.HOST_UNKNOWN
    assert fetched.attempts == 1


async def test_a_host_that_is_not_there(image_server):
    with ImageServer() as other:
        url = other.url("/a.jpg")
    image_server.serve("/a.jpg", redirect(url))
    assert (await fetch(image_server.url("/a.jpg"), attempts=1, robots=False)).result.reason is R.UNREACHABLE


async def test_a_host_that_is_not_there_is_said_to_be_so_and_not_its_robots_txt(image_server):
    with ImageServer() as other:
        url = other.url("/a.jpg")
    for asked in (url, image_server.serve("/a.jpg", redirect(url))):
        fetched = await fetch(asked, attempts=3)
        assert fetched == Fetched(Rejection(R.UNREACHABLE, fetched.result.detail), 1, url)
        assert fetched.result.detail.startswith("no connection: ")
    assert (await fetch("http://nowhere.invalid/a.jpg")).result.reason is R.HOST_UNKNOWN


async def test_a_name_of_this_machine_is_an_address_refused_for_good():
    async with fetcher(allow=()) as one:
        for url in ("http://localhost:9/a.jpg", "http://2130706434:9/a.jpg", "http://[::1]:9/a.jpg"):
            fetched = await one.fetch(url)
            assert fetched.result.reason is R.ADDRESS_REFUSED, url
            assert fetched.attempts == 1


# robots.txt


async def test_robots_refuse(image_server):
    image_server.robots("User-agent: imagenet_build\nDisallow: /private/")
    url = image_server.serve("/private/a.jpg", PICTURE)
    fetched = await fetch(url)
    assert fetched == Fetched(
        Rejection(
            R.ROBOTS_REFUSED,
            f"http://127.0.0.1:{image_server.port}/robots.txt: Disallow: /private/",
        ),
        1,
        url,
    )
    assert image_server.log.counts() == {"/robots.txt": 1}
    assert (await fetch(url, robots=False)).result == PICTURE


async def test_signals_in_robots_txt_refuse_this_use(image_server):
    image_server.robots("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /")
    url = image_server.serve("/a.jpg", PICTURE)
    evidence = f"http://127.0.0.1:{image_server.port}/robots.txt: Content-Signal: search=yes, ai-train=no"
    assert (await fetch(url)).result == Rejection(R.OPTED_OUT, evidence)
    assert image_server.log.count("/a.jpg") == 0
    assert (await fetch(url, content_signals=False)).result == PICTURE


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
        fetched = await fetch(url)
        assert fetched.result.reason is R.ROBOTS_REFUSED
        assert fetched.final_url == other.url("/b.jpg")
        assert other.log.counts() == {"/robots.txt": 1}


# opt-out


async def test_an_opt_out_is_seen_before_the_body_is_taken(image_server):
    """The body has no end: who waits for it waits for ever."""
    reply = Reply(200, PICTURE, "image/jpeg", {"X-Robots-Tag": "noimageai"}, mode="endless")
    fetched = await fetch(image_server.serve("/a.jpg", reply), max_bytes=10**15, timeout_s=20)
    assert fetched.result == Rejection(R.OPTED_OUT, "X-Robots-Tag: noimageai")


async def test_a_web_page_is_seen_before_the_body_is_taken(image_server):
    reply = Reply(200, b"<html>", "text/html; charset=utf-8", mode="endless")
    fetched = await fetch(image_server.serve("/a.jpg", reply), max_bytes=10**15, timeout_s=20)
    assert fetched.result == Rejection(R.HTML, "Content-Type text/html; charset=utf-8")


async def test_an_opt_out_that_is_not_configured_does_not_count(image_server):
    url = image_server.serve("/a.jpg", picture(PICTURE, headers={"X-Robots-Tag": "noai"}))
    assert (await fetch(url, opt_out_headers=())).result == PICTURE
    assert (await fetch(url, opt_out_headers=("noindex",))).result == PICTURE


async def test_each_opt_out_has_its_switch(image_server):
    headers = {"TDM-Reservation": "1", "Content-Usage": "train-ai=n"}
    url = image_server.serve("/a.jpg", picture(PICTURE, headers=headers))
    assert (await fetch(url)).result.detail == "tdm-reservation: 1"
    assert (await fetch(url, tdm_reservation=False)).result.detail == "Content-Usage: train-ai=n"
    assert (await fetch(url, tdm_reservation=False, content_signals=False)).result == PICTURE


async def test_an_opt_out_on_an_error_page_does_not_hide_the_error(image_server):
    url = image_server.serve("/a.jpg", refusal(404, {"X-Robots-Tag": "noindex"}))
    assert (await fetch(url)).result == Rejection(R.HTTP_ERROR, "HTTP 404")


# files of this disk


async def test_a_file_of_a_collection(tmp_path):
    path = tmp_path / "deux chats # 猫.jpg"
    path.write_bytes(PICTURE)
    assert await fetch(path.as_uri()) == Fetched(PICTURE, 1, path.as_uri())


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
