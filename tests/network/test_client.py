import asyncio
import socket
import time
import tracemalloc

import pytest

from imagenet_build.errors import (
    ConfigError,
    CutOff,
    DeadlinePassed,
    HopRefused,
    SourceError,
    TooManyBytes,
    Unreachable,
)
from imagenet_build.network.client import user_agent
from tests.fakes.image_server import cut_off, dripping, endless, gzipped, picture, redirect
from tests.fakes.pictures import photo
from tests.fakes.server import Reply
from tests.network.raw_server import raw_server, saying

PICTURE = photo(1)
LIMIT = 1_000_000


async def test_a_whole_answer(image_server, client):
    url = image_server.serve("/a.jpg", picture(PICTURE, headers={"X-Robots-Tag": "noai"}))
    answer = await client.get(url, timeout_s=10, max_bytes=len(PICTURE))
    assert (answer.status, answer.body) == (200, PICTURE)
    assert answer.headers["x-robots-tag"] == "noai"
    sent = image_server.log.calls[0].headers
    assert "crawl@example.org" in sent["user-agent"]
    assert sent["user-agent"].startswith("imagenet_build/")


async def test_errors_are_answers_too(image_server, client):
    answer = await client.get(image_server.url("/gone.jpg"), timeout_s=10, max_bytes=LIMIT)
    assert (answer.status, answer.body) == (404, b"error 404")


def test_a_contact_must_be_one_line():
    with pytest.raises(ConfigError, match="one line"):
        user_agent("me@example.org\r\nX-Evil: 1")


# time


@pytest.mark.parametrize(
    "reply",
    [Reply(mode="hang"), dripping(PICTURE, piece_bytes=8, pause_s=0.02)],
    ids=["silent", "drip"],
)
async def test_the_deadline_is_for_everything_together(image_server, client, reply):
    url = image_server.serve("/slow.jpg", reply)
    begun = time.monotonic()
    with pytest.raises(DeadlinePassed, match=r"within 0\.4 s"):
        await client.get(url, timeout_s=0.4, max_bytes=LIMIT)
    assert 0.39 <= time.monotonic() - begun < 3.0


async def test_redirects_do_not_restart_the_clock(image_server, client):
    image_server.serve("/a.jpg", redirect("/b.jpg"))
    url = image_server.serve("/b.jpg", Reply(mode="hang"))
    begun = time.monotonic()
    with pytest.raises(DeadlinePassed):
        await client.get(image_server.url("/a.jpg"), timeout_s=0.4, max_bytes=LIMIT)
    assert time.monotonic() - begun < 3.0
    assert url.endswith(image_server.log.calls[-1].path)


async def test_dripping_headers_end_with_the_deadline(client):
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not writer.is_closing():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(drip) as base:
        with pytest.raises(DeadlinePassed):
            await client.get(f"{base}/", timeout_s=0.4, max_bytes=LIMIT)


# bytes


async def test_an_announced_length_is_refused_before_the_body(image_server, client):
    url = image_server.serve("/big.jpg", cut_off(PICTURE, announced=LIMIT + 1))
    with pytest.raises(TooManyBytes, match="announced"):
        await client.get(url, timeout_s=10, max_bytes=LIMIT)


async def test_an_unannounced_length_is_counted(image_server, client):
    url = image_server.serve("/endless.jpg", endless(PICTURE))
    with pytest.raises(TooManyBytes, match=f"more than {LIMIT} bytes"):
        await client.get(url, timeout_s=20, max_bytes=LIMIT)


async def test_the_limit_itself_is_allowed(image_server, client):
    url = image_server.serve("/a.jpg", picture(bytes(LIMIT)))
    assert len((await client.get(url, timeout_s=10, max_bytes=LIMIT)).body) == LIMIT
    with pytest.raises(TooManyBytes):
        await client.get(url, timeout_s=10, max_bytes=LIMIT - 1)


async def test_content_coding_is_undone(image_server, client):
    url = image_server.serve("/z.jpg", gzipped(PICTURE))
    assert (await client.get(url, timeout_s=10, max_bytes=LIMIT)).body == PICTURE


async def test_a_gzip_bomb_costs_neither_memory_nor_time(image_server, client):
    """200 KB on the wire, 200 MB behind it."""
    url = image_server.serve("/bomb.jpg", gzipped(bytes(200_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(TooManyBytes):
            await client.get(url, timeout_s=20, max_bytes=LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_a_false_content_coding_is_an_ordinary_failure(image_server, client, coding):
    url = image_server.serve("/z.jpg", picture(PICTURE, headers={"Content-Encoding": coding}))
    with pytest.raises(SourceError):
        await client.get(url, timeout_s=10, max_bytes=LIMIT)


async def test_an_unknown_content_coding_is_left_as_it_is(image_server, client):
    url = image_server.serve("/z.jpg", picture(PICTURE, headers={"Content-Encoding": "x-own"}))
    assert (await client.get(url, timeout_s=10, max_bytes=LIMIT)).body == PICTURE


# connections


async def test_a_cut_body(image_server, client):
    with pytest.raises(CutOff):
        await client.get(image_server.serve("/cut.jpg", cut_off(PICTURE)), timeout_s=10, max_bytes=LIMIT)


async def test_a_cut_chunked_body(client):
    async with raw_server(saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")) as base:
        with pytest.raises(CutOff):
            await client.get(f"{base}/", timeout_s=10, max_bytes=LIMIT)


async def test_a_dropped_connection(image_server, client):
    with pytest.raises(Unreachable) as caught:
        await client.get(image_server.serve("/a.jpg", Reply(mode="drop")), timeout_s=10, max_bytes=LIMIT)
    assert not isinstance(caught.value, (CutOff, DeadlinePassed))


async def test_a_refused_connection(client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable):
        await client.get(f"http://127.0.0.1:{port}/", timeout_s=10, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "said",
    [
        b"220 ftp.example.org ready\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/9.9 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"",
    ],
)
async def test_what_is_not_http_is_an_ordinary_failure(client, said):
    async with raw_server(saying(said)) as base:
        with pytest.raises(Unreachable):
            await client.get(f"{base}/", timeout_s=5, max_bytes=LIMIT)


async def test_one_endless_header_is_refused(client):
    async with raw_server(saying(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 5_000_000)) as base:
        with pytest.raises(Unreachable):
            await client.get(f"{base}/", timeout_s=10, max_bytes=LIMIT)


async def test_a_flood_of_headers_ends_and_stays_small(client):
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n")
        lines = b"".join(b"X-Flood-%06d: %s\r\n" % (number, b"a" * 100) for number in range(1000))
        while not writer.is_closing() and sent < 300_000_000:
            writer.write(lines)
            sent += len(lines)
            await writer.drain()

    async with raw_server(flood) as base:
        with pytest.raises(Unreachable):
            await client.get(f"{base}/", timeout_s=2.0, max_bytes=LIMIT)
    assert sent < 50_000_000


async def test_the_client_works_on_after_many_refused_bodies(image_server, client):
    bad = image_server.serve("/endless.jpg", endless(PICTURE))
    good = image_server.serve("/a.jpg", PICTURE)
    for _ in range(20):
        with pytest.raises(TooManyBytes):
            await client.get(bad, timeout_s=10, max_bytes=10_000)
    assert (await client.get(good, timeout_s=10, max_bytes=LIMIT)).body == PICTURE


# headers


async def test_header_names_are_lower_case_and_repeated_ones_joined(client):
    head = b"HTTP/1.1 200 OK\r\nX-ROBOTS-Tag: noai\r\nx-robots-tag: otherbot: noindex\r\nContent-Length: 2\r\n\r\nok"
    async with raw_server(saying(head)) as base:
        answer = await client.get(f"{base}/", timeout_s=10, max_bytes=LIMIT)
    assert answer.headers["x-robots-tag"] == "noai\notherbot: noindex"
    assert all(name == name.lower() for name in answer.headers)


async def test_header_values_are_text_that_can_be_stored(client):
    head = b"HTTP/1.1 200 OK\r\nX-Robots-Tag: no\xffai\r\nX-Title: caf\xc3\xa9\r\nContent-Length: 2\r\n\r\nok"
    async with raw_server(saying(head)) as base:
        answer = await client.get(f"{base}/", timeout_s=10, max_bytes=LIMIT)
    assert answer.headers["x-robots-tag"] == "no\ufffdai"
    assert answer.headers["x-title"] == "café"


async def test_headers_are_shown_before_the_body_is_read(image_server, client):
    url = image_server.serve("/endless.jpg", endless(PICTURE))
    seen = []

    def refuse(status: int, headers: dict[str, str]) -> None:
        seen.append((status, headers["content-type"]))
        raise HopRefused("no", verdict="mine")

    with pytest.raises(HopRefused) as caught:
        await client.get(url, timeout_s=10, max_bytes=10**12, on_headers=refuse)
    assert caught.value.verdict == "mine"
    assert seen == [(200, "image/jpeg")]


async def test_no_cookie_is_sent_back(image_server, client):
    url = image_server.serve("/a.jpg", picture(PICTURE, headers={"Set-Cookie": "track=1"}))
    for _ in range(2):
        await client.get(url, timeout_s=10, max_bytes=LIMIT)
    assert all("cookie" not in call.headers for call in image_server.log.calls)
