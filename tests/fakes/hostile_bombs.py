"""Small files that would become large, or take for ever; and large ones that are still allowed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.fakes import pictures
from tests.fakes.hostile_files import GIF, PHOTO, PNG, File, chunk, of_size, png, segment, within, zeros
from tests.fakes.hostile_server import ACCEPTED
from tests.fakes.pictures import encoded, photo_image

_CAREFUL = "too_many_pixels decoder_failed corrupt"
"""Refused, by whatever notices first."""


def bombs() -> Iterator[File]:
    yield "png bomb", pictures.png_bomb(), "too_many_pixels"
    yield "png of all pixels there are", png(2**31 - 1, 2**31 - 1, zlib.compress(b"")), "too_many_pixels"
    yield "16-bit png bomb", png(12_000, 12_000, zeros(1 << 22), bits=16, colour=6), "too_many_pixels"
    yield "gif bomb", b"GIF89a" + struct.pack("<HH", 65535, 65535) + GIF[10:], "too_many_pixels"
    yield "gif frame larger than its screen", gif_frame(60_000, 60_000), "too_many_pixels"
    yield "jpeg bomb", of_size(PHOTO, 65_500, 65_500), "too_many_pixels"
    progressive = encoded(photo_image(8, 96, 80), progressive=True)
    yield "progressive jpeg bomb", of_size(progressive, 60_000, 60_000), "too_many_pixels"
    yield "bmp bomb", bmp(2**31 - 1, 2**31 - 1), "too_many_pixels"
    yield "bmp bomb upside down", bmp(50_000, -50_000), "too_many_pixels"
    yield "webp bomb", webp_canvas(60_000, 60_000), "too_many_pixels"
    yield "tiff bomb", tiff(100_000, 100_000, zeros(1 << 22)), "too_many_pixels"
    # more behind the pixels that are needed
    yield "png with 2 GB of rows", png(90, 90, zeros(2 << 30)), f"{ACCEPTED} corrupt decoder_failed"
    yield "tiff with 2 GB of rows", tiff(90, 90, zeros(2 << 30)), f"{ACCEPTED} corrupt decoder_failed"
    for kind, head in ((b"iCCP", b"name\0\0"), (b"zTXt", b"name\0\0"), (b"iTXt", b"name\0\1\0\0\0")):
        data = PNG[:33] + chunk(kind, head + zeros(1 << 30)) + PNG[33:]
        yield f"png with 1 GB of {kind.decode()}", data, f"{ACCEPTED} corrupt decoder_failed"
    # time
    yield "jpeg of 3000 scans", scans(progressive, 3000), "corrupt"
    yield "jpeg of 300,000 segments", within(PHOTO, segment(0xFE, b"") * 300_000), f"{ACCEPTED} corrupt"
    yield "png of 150,000 chunks", PNG[:33] + chunk(b"tEXt", b"a\0") * 150_000 + PNG[33:], f"{ACCEPTED} corrupt"
    yield "png that claims 2**31 frames", PNG[:33] + chunk(b"acTL", struct.pack(">II", 2**31, 0)) + PNG[33:], ACCEPTED
    yield "tiff of 15,000 pages", tiff_pages(15_000), ACCEPTED
    yield "tiff whose pages go round", tiff_pages(3)[:-4] + struct.pack("<I", 8 + 8192), ACCEPTED
    # large, and allowed
    side = 7000
    yield "large png", png(side, side, zeros((1 + 4 * side) * side), colour=6), ACCEPTED
    yield "large grey png", png(side, side, zeros((1 + side) * side), colour=0), ACCEPTED
    grey = Image.new("L", (side, side), 90)
    yield "large progressive jpeg", encoded(grey, progressive=True), ACCEPTED
    yield "large gif", encoded(Image.new("P", (side, side)), "GIF"), ACCEPTED


def gif_frame(width: int, height: int) -> bytes:
    """The screen has 10 x 10 pixels, the frame as many as are asked for."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    return screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + 40 + 4096, 0, 0, 54) + head + bytes(4096)


def webp_canvas(width: int, height: int) -> bytes:
    """The extended form, whose canvas may be larger than any frame."""
    extended = b"VP8X" + struct.pack("<II", 10, 0x02) + (width - 1).to_bytes(3, "little")
    extended += (height - 1).to_bytes(3, "little")
    body = b"WEBP" + extended + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(width: int, height: int, packed: bytes) -> bytes:
    """One deflated strip of RGB."""
    fields = [(256, width), (257, height), (258, 8), (259, 8), (262, 2), (273, 8), (277, 3), (278, height)]
    return b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + _page([*fields, (279, len(packed))], 0)


def tiff_pages(pages: int) -> bytes:
    """Grey pages of 64 x 64, all with the same pixels."""
    fields = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 64), (279, 4096)]
    first, length = 8 + 8192, len(_page(fields, 0))
    places = [first + length * number for number in range(1, pages)] + [0]
    return b"II*\0" + struct.pack("<I", first) + bytes(8192) + b"".join(_page(fields, place) for place in places)


def _page(fields: list[tuple[int, int]], following: int) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following)


def scans(progressive: bytes, times: int) -> bytes:
    """The last scan again and again: each costs the decoder a pass over the whole picture."""
    last = progressive.rindex(b"\xff\xda")
    return progressive[:last] + progressive[last:-2] * times + b"\xff\xd9"
