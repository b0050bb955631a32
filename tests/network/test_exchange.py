"""What a single answer may take, and what its failures are called."""

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib

import pytest

from imagenet_build.errors import (
    BadAnswer,
    CutOff,
    DeadlinePassed,
    TlsFailed,
    TooManyBytes,
    TooSlow,
    Unreachable,
)
from imagenet_build.network import exchange
from imagenet_build.network.interim_answers import MOST_INTERIM
from tests.network.certificate import untrusted
from tests.network.raw_server import Script, raw_server, saying

LIMIT = 1_000_000
OK = b"HTTP/1.1 200 OK\r\n"


def dripping(head: bytes, piece: bytes, pause_s: float) -> Script:
    """The head at once, then a piece now and then, for ever."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


# time


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client goes away


async def test_the_first_byte_has_its_own_deadline(client):
    async with raw_server(silence) as base:
        with pytest.raises(DeadlinePassed, match=r"^no answer within 0\.2 s"):
            await client.get(base, timeout_s=60, max_bytes=LIMIT, first_byte_timeout_s=0.2)


async def test_the_first_byte_may_take_as_long_as_everything(client):
    async with raw_server(silence) as base:
        with pytest.raises(DeadlinePassed, match=r"^no complete answer within 0\.2 s"):
            await client.get(base, timeout_s=0.2, max_bytes=LIMIT, first_byte_timeout_s=10)


async def test_the_deadline_of_the_first_byte_is_not_the_bodys(client):
    async with raw_server(dripping(OK + b"Content-Length: 20\r\n\r\n", b"a", 0.02)) as base:
        answer = await client.get(base, timeout_s=60, max_bytes=LIMIT, first_byte_timeout_s=0.15)
    assert answer.body == b"a" * 20


async def test_a_body_that_comes_too_slowly(client, monkeypatch):
    monkeypatch.setattr(exchange, "RATE_WINDOW_S", 0.2)
    monkeypatch.setattr(exchange, "_SLACK_S", 0.02)
    async with raw_server(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"a" * 10, 0.02)) as base:
        with pytest.raises(TooSlow, match="10000 bytes/s"):
            await client.get(base, timeout_s=60, max_bytes=LIMIT, least_bytes_per_s=10_000)


async def test_a_body_that_stops(client, monkeypatch):
    monkeypatch.setattr(exchange, "RATE_WINDOW_S", 0.2)
    monkeypatch.setattr(exchange, "_SLACK_S", 0.02)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 100000\r\n\r\n" + bytes(50_000))
        await silence(reader, writer)

    async with raw_server(script) as base:
        with pytest.raises(TooSlow):
            await client.get(base, timeout_s=60, max_bytes=LIMIT, least_bytes_per_s=10)


async def test_a_body_that_is_fast_enough_may_take_many_windows(client, monkeypatch):
    monkeypatch.setattr(exchange, "RATE_WINDOW_S", 0.2)
    monkeypatch.setattr(exchange, "_SLACK_S", 0.02)
    async with raw_server(dripping(OK + b"Content-Length: 30000\r\n\r\n", b"a" * 1000, 0.02)) as base:
        answer = await client.get(base, timeout_s=60, max_bytes=LIMIT, least_bytes_per_s=5000)
    assert len(answer.body) == 30_000


async def test_without_a_least_rate_only_the_deadline_counts(client, monkeypatch):
    monkeypatch.setattr(exchange, "RATE_WINDOW_S", 0.05)
    async with raw_server(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"a", 0.02)) as base:
        with pytest.raises(DeadlinePassed, match="no complete answer"):
            await client.get(base, timeout_s=0.3, max_bytes=LIMIT)


# bytes


@pytest.mark.parametrize(
    "said",
    [
        b"220 ftp.example.org ready\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/9.9 two hundred\r\n\r\n",
        OK + b"Content-Length: many\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        OK + b"no colon here\r\n\r\n",
        OK + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        OK + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 3\r\n\r\nmore than three",
    ],
)
async def test_what_is_no_http_is_a_bad_answer(client, said):
    async with raw_server(saying(said)) as base:
        with pytest.raises(BadAnswer) as caught:
            await client.get(base, timeout_s=5, max_bytes=LIMIT)
    message = caught.value.message
    assert message.isprintable()
    assert len(message) < 200
    assert base not in message, "the same trouble has the same text"


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


@pytest.mark.parametrize("announced", [HINTS, INTERIM * MOST_INTERIM])
async def test_an_answer_may_be_announced_some_times(client, announced):
    async with raw_server(saying(announced + OK + b"Content-Length: 2\r\n\r\nok")) as base:
        assert (await client.get(base, timeout_s=5, max_bytes=LIMIT)).body == b"ok"


@pytest.mark.parametrize(
    "script",
    [
        dripping(b"", INTERIM, 0.001),
        dripping(b"HTTP", INTERIM[4:] + b"HTTP", 0.001),
        dripping(b"", HINTS * 5000, 0.001),
        saying(INTERIM * (MOST_INTERIM + 1) + OK + b"Content-Length: 2\r\n\r\nok"),
    ],
)
async def test_an_answer_that_is_announced_for_ever(client, script):
    async with raw_server(script) as base:
        with pytest.raises(BadAnswer, match=r"^no answer: more than 10 interim answers$") as caught:
            await client.get(base, timeout_s=60, max_bytes=LIMIT)
    assert caught.value.source == base


@pytest.mark.parametrize("number", [0, 100])
async def test_as_many_headers_as_real_servers_send(client, number):
    head = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(number))
    async with raw_server(saying(OK + head + b"Content-Length: 2\r\n\r\nok")) as base:
        assert (await client.get(base, timeout_s=5, max_bytes=LIMIT)).body == b"ok"


@pytest.mark.parametrize(
    "said",
    [
        OK + b"Content-Length: 10\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello",
    ],
)
async def test_a_body_that_ends_early(client, said):
    async with raw_server(saying(said)) as base:
        with pytest.raises(CutOff):
            await client.get(base, timeout_s=5, max_bytes=LIMIT)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_bomb_costs_no_memory(client, coding):
    """Two hundred kilobytes on the wire, a thousand times as much behind them."""
    zeros = bytes(200_000_000)
    bomb = gzip.compress(zeros, 9) if coding == "gzip" else zlib.compress(zeros, 9)
    del zeros
    assert len(bomb) < 250_000
    head = f"Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with raw_server(saying(OK + head + bomb)) as base:
        tracemalloc.start()
        try:
            with pytest.raises(TooManyBytes):
                await client.get(base, timeout_s=20, max_bytes=LIMIT)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8_000_000


# TLS


async def test_a_certificate_that_nobody_trusts(client, tmp_path):
    async with raw_server(saying(OK + b"\r\n"), tls=untrusted(tmp_path)) as base:
        with pytest.raises(TlsFailed, match="self-signed certificate"):
            await client.get(base, timeout_s=5, max_bytes=LIMIT)


async def test_a_server_that_speaks_no_tls(client):
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TlsFailed):
        await client.get(f"https://127.0.0.1:{port}/", timeout_s=5, max_bytes=LIMIT)
    server.close()


async def test_a_connection_that_is_closed_unanswered_is_no_bad_answer(client):
    async with raw_server(saying(b"")) as base:
        with pytest.raises(Unreachable) as caught:
            await client.get(base, timeout_s=5, max_bytes=LIMIT)
    assert type(caught.value) is Unreachable
