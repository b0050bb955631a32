"""A host of pictures that costs next to nothing: pictures from memory, in a process of its own, on loopback.

It listens on every address of 127.0.0.0/8 at once, so that one process is as many hosts as a measurement needs, and
keeps of every request which address was asked for which number, when it came and when it was answered.
"""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import socket
import struct
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from typing_extensions import Self

PHOTOS = 200
PHOTO_SIDE_PX = 500
"""Shorter side of generated photographs: at quality 92 they have about the 110 kB of ImageNet's files."""
SMALL_SIDE_PX = 64
ROBOTS = -1
"""The number that stands for robots.txt, and everything else that is no picture, in a log."""
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nnot here\n"


@dataclass(frozen=True)
class Log:
    """One row per answered request; times are seconds of the machine's monotonic clock."""

    numbers: np.ndarray[Any, Any]
    """Of the pictures; ROBOTS for anything else."""
    addresses: np.ndarray[Any, Any]
    """The address that was asked, as a 32-bit number."""
    starts: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]
    """When the last byte was given to the operating system; NaN if the client had gone away by then."""

    def pictures(self) -> Log:
        """Without robots.txt."""
        wanted = self.numbers != ROBOTS
        return Log(self.numbers[wanted], self.addresses[wanted], self.starts[wanted], self.ends[wanted])


def shared_photos() -> list[bytes]:
    """The photographs beside the checkout, or in $IMAGENET_BUILD_SHARED; empty where there are none."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    folder = Path(os.environ.get("IMAGENET_BUILD_SHARED", beside)) / "photos"
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


def generated_photo(seed: int, side_px: int, quality: int) -> bytes:
    """A JPEG with a photograph's spectrum: much in large shapes, little in fine noise."""
    rng = np.random.default_rng(seed)
    width, height = side_px * 4 // 3, side_px
    pixels = np.full((height, width, 3), 128.0)
    for cells, weight in ((4, 80.0), (16, 30.0), (64, 12.0)):
        coarse = rng.uniform(-1, 1, (cells, cells, 3))
        layers = [
            np.asarray(Image.fromarray(coarse[:, :, c].astype(np.float32)).resize((width, height), 3)) for c in range(3)
        ]
        pixels += weight * np.stack(layers, axis=-1)
    pixels += rng.normal(0, 7, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def photographs() -> tuple[list[bytes], str]:
    """Real ones if there are any, and where they are from."""
    real = shared_photos()
    if real:
        return real, f"{len(real)} photographs"
    return [generated_photo(seed, PHOTO_SIDE_PX, 92) for seed in range(PHOTOS)], f"{PHOTOS} generated pictures"


def small_pictures() -> list[bytes]:
    """Of a few kB, for measurements of everything but the decoding."""
    return [generated_photo(seed, SMALL_SIDE_PX, 70) for seed in range(32)]


def numbered(picture: bytes, number: int) -> bytes:
    """The same picture in other bytes: a JPEG comment with the number behind the first segment."""
    (length,) = struct.unpack(">H", picture[4:6])
    text = b"number %09d" % number
    comment = b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text
    return picture[: 4 + length] + comment + picture[4 + length :]


class PictureHost:
    """The server. `/<number>.jpg` is picture `number` modulo their count; everything else is 404."""

    def __init__(self, pictures: Sequence[bytes], *, distinct: bool, latency_s: float = 0.0) -> None:
        """`distinct`: every number has bytes of its own; `latency_s`: from a request to its answer."""
        self._pictures = pictures
        self._distinct = distinct
        self._latency_s = latency_s
        self.port = 0

    def __enter__(self) -> Self:
        self._pipe, theirs = multiprocessing.Pipe()
        arguments = (theirs, self._pictures, self._distinct, self._latency_s)
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        self.port = self._pipe.recv()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.join()

    def url(self, number: int, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{number}.jpg"

    def body(self, number: int) -> bytes:
        """What a URL is answered with."""
        picture = self._pictures[number % len(self._pictures)]
        return numbered(picture, number) if self._distinct else picture

    def requests(self) -> int:
        """Answered (or given up) since the log was taken last."""
        self._pipe.send("count")
        return int(self._pipe.recv())

    def take_log(self) -> Log:
        """What was logged since the last call; the log begins anew."""
        self._pipe.send("take")
        return Log(*(np.frombuffer(self._pipe.recv_bytes(), dtype) for dtype in ("i8", "u4", "f8", "f8")))


def _serve(pipe: Connection, pictures: Sequence[bytes], distinct: bool, latency_s: float) -> None:
    asyncio.run(_listen(pipe, _Answers(pictures, distinct, latency_s)))


async def _listen(pipe: Connection, answers: _Answers) -> None:
    loop = asyncio.get_running_loop()
    # all addresses, because no one can bind to a whole network; `connection_made` hangs up on everyone but ourselves
    server = await loop.create_server(lambda: _Connection(answers), "0.0.0.0", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])

    def asked() -> None:
        if pipe.recv() == "count":
            pipe.send(len(answers.numbers))
            return
        for column in answers.take():
            pipe.send_bytes(column.tobytes())

    loop.add_reader(pipe.fileno(), asked)
    await server.serve_forever()


class _Answers:
    """The pictures as they go over the wire, and the log."""

    def __init__(self, pictures: Sequence[bytes], distinct: bool, latency_s: float) -> None:
        self.pictures = pictures
        self.distinct = distinct
        self.latency_s = latency_s
        self.whole = [self._with_head(picture) for picture in pictures]
        self.take()

    def take(self) -> tuple[array[Any], ...]:
        taken = getattr(self, "numbers", None)
        columns = () if taken is None else (self.numbers, self.addresses, self.starts, self.ends)
        self.numbers, self.addresses = array("q"), array("I")
        self.starts, self.ends = array("d"), array("d")
        return columns

    def log(self, number: int, address: int, start: float, end: float) -> None:
        self.numbers.append(number)
        self.addresses.append(address)
        self.starts.append(start)
        self.ends.append(end)

    def to(self, number: int) -> bytes:
        if number == ROBOTS:
            return _NOT_FOUND
        place = number % len(self.pictures)
        return self._with_head(numbered(self.pictures[place], number)) if self.distinct else self.whole[place]

    @staticmethod
    def _with_head(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class _Connection(asyncio.Protocol):
    """Just enough of HTTP/1.1: GET without a body, one answer for each, `Connection: close` obeyed."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._waiting = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not transport.get_extra_info("peername")[0].startswith("127."):
            transport.abort()
            return
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        (self._address,) = struct.unpack(">I", socket.inet_aton(transport.get_extra_info("sockname")[0]))

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            request, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            start = time.monotonic()
            name = request.split(b" ", 2)[1].strip(b"/").removesuffix(b".jpg")
            number = int(name) if name.isdigit() else ROBOTS
            closes = b"connection: close" in request.lower()
            if self._answers.latency_s and number != ROBOTS:
                self._loop.call_later(self._answers.latency_s, self._answer, number, start, closes)
            else:
                self._answer(number, start, closes)

    def _answer(self, number: int, start: float, closes: bool) -> None:
        if self._transport.is_closing():
            self._answers.log(number, self._address, start, float("nan"))
            return
        self._transport.write(self._answers.to(number))
        self._answers.log(number, self._address, start, time.monotonic())
        if closes:
            self._transport.close()
