"""Files that say they are pictures: none, broken, too large, two things at once; and good ones of odd kinds.

Each with what must become of it: a value of RejectReason, or `accepted`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from tests.fakes import pictures
from tests.fakes.hostile_server import ACCEPTED
from tests.fakes.pictures import encoded, photo, photo_image

File = tuple[str, bytes, str]
"""Name, bytes, what is expected (several, divided by spaces, where more than one is right)."""
PHOTO = photo(1, 96, 80)
PNG = photo(2, 96, 80, "PNG")
GIF = photo(3, 96, 80, "GIF")
WEBP = photo(4, 96, 80, "WEBP")
BMP = photo(5, 96, 80, "BMP")
TIFF = photo(6, 96, 80, "TIFF")
HTML = b"<!doctype html><html><head><title>404</title></head><body>This picture has moved.</body></html>"
ZIP = (
    b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0aPK\x01\x02" + bytes(42) + b"a"
    b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x1f\0\0\0\0\0"
)


def files() -> Iterator[File]:
    yield from no_pictures()
    yield from sizes()
    yield from broken()
    yield from polyglots()
    yield from odd_but_good()


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def within(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments, behind its first marker."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def of_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame header claims another size."""
    at = next(jpeg.index(marker) for marker in (b"\xff\xc0\x00\x11", b"\xff\xc2\x00\x11") if marker in jpeg)
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes, *between: bytes, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG of these compressed rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """So many zeros, compressed, in little time and memory."""
    packer = zlib.compressobj(6)
    million = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(size % (1 << 20))) + packer.flush()
    packed = million + again * (size // (1 << 20) - 1) + rest[:-4] if size >= 1 << 21 else zlib.compress(bytes(size))
    # the checksum of n zeros: (n mod 65521) << 16 | 1
    return packed if size < 1 << 21 else packed + struct.pack(">HH", size % 65521, 1)


def no_pictures() -> Iterator[File]:
    yield "empty", b"", "empty"
    yield "one byte", b"\0", "not_an_image"
    yield "white space", b" \r\n\r\n", "not_an_image"
    yield "text", b"Not found: the picture you asked for is not here.", "not_an_image"
    yield "json", b'{"error": "gone"}', "not_an_image"
    yield "html", HTML, "html"
    yield "html in capitals", b"<HTML><BODY>GONE</BODY></HTML>", "html"
    yield "html behind white space", b"\r\n\r\n   " + HTML, "html"
    yield "html with a mark", b"\xef\xbb\xbf" + HTML, "html"
    yield "html in utf-16", HTML.decode().encode("utf-16"), "html"
    yield "html behind a comment", b"<!-- made by hand -->" + HTML, "html"
    yield "xhtml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', "html"
    yield "xml error", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "html not_an_image"
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "format_refused"
    others = {
        "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj",
        "icon": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(64),
        "photoshop": b"8BPS\0\1" + bytes(64),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64),
        "jpeg xl": b"\xff\x0a" + bytes(64),
        "film": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(64),
        "sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(64),
        "old film": b"RIFF\x24\0\0\0AVI LIST" + bytes(64),
        "archive": ZIP,
        "compressed": zlib.compress(PHOTO, wbits=31),
        "program": b"\x7fELF\x02\x01\x01" + bytes(64),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }
    for name, data in others.items():
        yield name, data, "not_an_image format_refused"
    beginnings = {
        "jpeg": PHOTO[:3],
        "png": PNG[:8],
        "gif": GIF[:6],
        "webp": WEBP[:16],
        "bmp": BMP[:2],
        "tiff": TIFF[:4],
    }
    for name, data in beginnings.items():
        yield f"nothing but the beginning of a {name}", data, "truncated corrupt"
    yield "jpeg that goes on as html", PHOTO[:3] + HTML, "corrupt truncated"
    yield "bmp that is text", b"BM is a car maker in Munich. " * 20, "corrupt truncated no_pixels too_many_pixels"


def sizes() -> Iterator[File]:
    one = Image.new("RGB", (1, 1), "red")
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        yield f"one pixel {kind}", encoded(one, kind), "one_pixel"
    yield "png without pixels", png(0, 0, zlib.compress(b"")), "no_pixels"
    yield "png without height", png(90, 0, zlib.compress(b"")), "no_pixels"
    yield "gif without pixels", GIF[:6] + bytes(4) + GIF[10:], "no_pixels accepted"  # its frame has some
    yield "jpeg without height", of_size(PHOTO, 96, 0), "no_pixels corrupt"
    yield "bmp without width", BMP[:18] + bytes(4) + BMP[22:], "no_pixels"
    yield "spacer", photo(7, 2, 2, "GIF"), "too_small"
    yield "line", photo(7, 2000, 1, "PNG"), "too_small"
    yield "a pixel too narrow", photo(7, 63, 300), "too_small"
    yield "just large enough", photo(7, 64, 64), ACCEPTED


def broken() -> Iterator[File]:
    progressive = encoded(photo_image(8, 96, 80), progressive=True)
    for kept in (0.3, 0.6, 0.95):
        yield f"jpeg cut at {kept}", PHOTO[: int(len(PHOTO) * kept)], "truncated"
    yield "progressive jpeg cut", progressive[: len(progressive) // 2], "truncated"
    yield "jpeg without its end", PHOTO[:-2], "truncated"
    yield "jpeg cut and ended", PHOTO[: len(PHOTO) // 2] + b"\xff\xd9", "truncated"
    yield "jpeg, the rest is zeros", PHOTO[: len(PHOTO) // 2] + bytes(len(PHOTO) // 2), "truncated corrupt"
    for name, data in (("png", PNG), ("gif", GIF), ("webp", WEBP), ("bmp", BMP), ("tiff", TIFF)):
        yield f"{name} cut", data[: len(data) // 2], "truncated"
    if features.check("avif"):
        avif = photo(9, 96, 80, "AVIF")
        yield "avif cut", avif[: len(avif) // 2], "truncated corrupt"
        yield "avif", avif, ACCEPTED
        at = avif.index(b"ispe")
        claims = avif[: at + 8] + struct.pack(">II", 50_000, 50_000) + avif[at + 16 :]
        yield "avif that claims to be huge", claims, "too_many_pixels corrupt"
    spoilt = bytearray(PNG)
    spoilt[len(PNG) // 2] ^= 0xFF
    yield "png with a wrong checksum", bytes(spoilt), "corrupt"
    yield "png with junk for pixels", png(90, 90, b"\x78\x9cjunk" * 50), "corrupt"
    yield "png of too few rows", png(90, 90, zlib.compress(bytes(271 * 20))), "truncated"
    yield "png of a colour type that is none", png(90, 90, zlib.compress(bytes(24390)), colour=5), "corrupt"
    yield "png without palette", png(90, 90, zlib.compress(bytes(91 * 90)), colour=3), "corrupt accepted"
    yield "png that begins with its pixels", PNG[:8] + PNG[33:], "corrupt"
    tables = PHOTO.index(b"\xff\xc4")
    yield "jpeg with a broken table", PHOTO[: tables + 5] + b"\xff" * 16 + PHOTO[tables + 21 :], "corrupt"
    frame = PHOTO.index(b"\xff\xc0\x00\x11")
    yield "jpeg without a frame", PHOTO[:frame] + PHOTO[frame + 19 :], "corrupt"
    yield (
        "webp with junk for pixels",
        WEBP[:30] + bytes(range(256)) * ((len(WEBP) - 30) // 256 + 1),
        "corrupt truncated",
    )
    yield "bmp of 13 bits", BMP[:28] + b"\x0d\0" + BMP[30:], "corrupt"
    yield "tiff without pages", b"II*\0\x08\0\0\0\0\0\0\0\0\0", "corrupt truncated"
    yield "tiff whose page lies elsewhere", b"II*\0\xff\xff\xff\x7f" + bytes(60), "corrupt truncated"


def polyglots() -> Iterator[File]:
    behind = {
        "a web page": HTML,
        "an archive": ZIP,
        "a document": b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(100),
        "a rar archive": b"Rar!\x1a\x07\x01\0" + bytes(100),
        "php": b"<?php system($_GET[0]); ?>",
    }
    for name, data in behind.items():
        yield f"jpeg and {name}", PHOTO + data, "polyglot"
    yield "png and an archive", PNG + ZIP, "polyglot"
    yield "gif and a script", GIF + b"<script>alert(1)</script>", "polyglot"
    yield "webp and an archive", WEBP + ZIP, "polyglot"
    yield "bmp and a web page", BMP + HTML, "polyglot"
    yield "jpeg with php in a comment", within(PHOTO, segment(0xFE, b"<?php system($_GET[0]); ?>")), "polyglot"
    yield (
        "png with a script in a text",
        PNG[:33] + chunk(b"tEXt", b"Comment\0<script>1</script>") + PNG[33:],
        "polyglot",
    )


def odd_but_good() -> Iterator[File]:
    image = photo_image(10, 96, 80)
    rng = np.random.default_rng(1)
    yield "jpeg", PHOTO, ACCEPTED
    yield "progressive jpeg", encoded(image, progressive=True), ACCEPTED
    yield "grey jpeg", encoded(image.convert("L")), ACCEPTED
    yield "cmyk jpeg", pictures.cmyk_jpeg(), ACCEPTED
    yield "png", PNG, ACCEPTED
    yield "16-bit png", encoded(Image.fromarray(rng.integers(0, 65536, (80, 96)).astype(np.uint16)), "PNG"), ACCEPTED
    yield "palette png", encoded(image.convert("P"), "PNG"), ACCEPTED
    yield "palette png with a hole", encoded(image.convert("P"), "PNG", transparency=3), ACCEPTED
    yield "black and white png", encoded(image.convert("1"), "PNG"), ACCEPTED
    yield "cut-out png", pictures.rgba_png(), ACCEPTED
    yield "gif", GIF, ACCEPTED
    yield "webp", WEBP, ACCEPTED
    yield "lossless webp", encoded(image, "WEBP", lossless=True), ACCEPTED
    yield "bmp", BMP, ACCEPTED
    yield "tiff", TIFF, ACCEPTED
    yield "compressed tiff", encoded(image, "TIFF", compression="tiff_lzw"), ACCEPTED
    for orientation in (3, 6, 99):
        yield f"jpeg of orientation {orientation}", pictures.rotated_jpeg(11, orientation), ACCEPTED
    exif = {
        "junk": b"Exif\0\0" + rng.bytes(500),
        "nothing": b"Exif\0\0",
        "cut": b"Exif\0\0MM\0*\0\0\0\x08\0\x20\x01\x12",
        "in a circle": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08",
        "far away": b"Exif\0\0MM\0*\xff\xff\xff\xf0",
    }
    for name, data in exif.items():
        yield f"exif: {name}", within(PHOTO, segment(0xE1, data)), ACCEPTED
    yield "broken colour profile", within(PHOTO, segment(0xE2, b"ICC_PROFILE\0\x01\x09" + bytes(40))), ACCEPTED
    yield "many comments", within(PHOTO, *(segment(0xFE, b"%05d" % n + bytes(9000)) for n in range(60))), ACCEPTED
    yield "jpeg and padding", PHOTO + bytes(5000), ACCEPTED
    yield "jpeg and its gain map", PHOTO + photo(12, 48, 40), ACCEPTED


def animated() -> Iterator[tuple[str, bytes, int]]:
    """Pictures that move or have pages: accepted, and marked with their number of frames."""
    images = [photo_image(seed, 96, 80) for seed in (13, 14, 15)]
    more = {"save_all": True, "append_images": images[1:]}
    yield "gif", pictures.animated_gif(3), 3
    yield "webp", encoded(images[0], "WEBP", **more), 3
    yield "png", encoded(images[0], "PNG", **more), 3
    yield "tiff", encoded(images[0], "TIFF", **more), 3
    if features.check("avif"):
        yield "avif", encoded(images[0], "AVIF", **more), 3
