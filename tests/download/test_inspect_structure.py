"""Files that end before their picture does, and files that are two files."""

import io
import random
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from imagenet_build.download.structure_others import structure_of
from imagenet_build.records import RejectReason
from tests.download.looking import WRITABLE, facts_of, reason_of, rejection_of
from tests.fakes import pictures
from tests.fakes.hostile_files import of_size
from tests.fakes.pictures import encoded, photo_image

TRUNCATED, POLYGLOT, CORRUPT = RejectReason.TRUNCATED, RejectReason.POLYGLOT, RejectReason.CORRUPT

# the end


@pytest.mark.parametrize("format", WRITABLE)
def test_the_end_of_a_picture_is_the_end_of_its_file(format):
    data = pictures.photo(1, 120, 90, format)
    found = structure_of(data, format)
    assert (found.end, found.cut, found.broken) == (None if format == "TIFF" else len(data), "", "")
    assert found.size == (None if format == "AVIF" else (120, 90))


@pytest.mark.parametrize("kept", [0.1, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("format", WRITABLE)
def test_truncated_files(format, kept):
    whole = pictures.photo(1, 120, 90, format)
    assert reason_of(whole[: int(len(whole) * kept)]) is TRUNCATED


@pytest.mark.parametrize("missing", [1, 2, 5])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_the_last_byte_counts(format, missing):
    if (format, missing) == ("GIF", 1) or format != "GIF":
        assert reason_of(pictures.photo(1, 121, 91, format)[:-missing]) is TRUNCATED


def test_a_truncated_file_that_goes_on_as_another_one():
    one, other = pictures.photo(1), pictures.photo(2)
    assert reason_of(one[: len(one) // 2] + other) is TRUNCATED


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_truncated_jpeg_whose_end_was_mended(mode, kept):
    """libjpeg fills up with grey and only warns."""
    whole = encoded(photo_image(1, 400, 300).convert(mode), "JPEG")
    assert reason_of(whole[: int(len(whole) * kept)] + b"\xff\xd9") is TRUNCATED


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("rows", [32, 200, 300])
def test_a_picture_that_is_grey_below_is_whole(rows, options):
    image = photo_image(1, 400, 300)
    image.paste((128, 128, 128), (0, 300 - rows, 400, 300))
    assert facts_of(encoded(image, "JPEG", **options)).height == 300


def separate_scans(image: Image.Image, width: int, height: int) -> bytes:
    """A JPEG that is not progressive, with a scan for each of its components; its header may claim any size."""
    greys = [encoded(plane, "JPEG") for plane in image.convert("YCbCr").split()]
    frame, scans = greys[0].index(b"\xff\xc0"), [grey.index(b"\xff\xda") for grey in greys]
    header = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    starts = [b"\xff\xda\0\x08\1" + bytes([number]) + b"\0\0\x3f\0" for number in (1, 2, 3)]
    data = [start + grey[scan + 10 : -2] for start, grey, scan in zip(starts, greys, scans, strict=True)]
    return greys[0][:frame] + header + greys[0][frame + 13 : scans[0]] + b"".join(data) + b"\xff\xd9"


def test_jpegs_whose_coefficients_are_all_held_have_a_limit_of_their_own():
    image = photo_image(1, 120, 90)
    facts_of(separate_scans(image, 120, 90))
    for data in (
        separate_scans(image, 15_000, 10_000),
        of_size(encoded(image, "JPEG", progressive=True), 15_000, 10_000),
    ):
        found = rejection_of(data, max_pixels=10**9)
        assert found.reason is RejectReason.TOO_MANY_PIXELS
        assert found.detail == "15000x10000 px; the limit for such JPEG files is 100000000 pixels"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_a_png_with_wrong_checksums_is_corrupt():
    """Pillow does not look at those of the pixels."""
    whole = pictures.photo(1, 120, 90, "PNG")
    at = whole.index(b"IDAT")
    length = struct.unpack(">I", whole[at - 4 : at])[0]
    spoilt = bytearray(whole)
    spoilt[at + 4 + length] ^= 1
    found = rejection_of(bytes(spoilt))
    assert (found.reason, "checksum of the chunk IDAT" in found.detail) == (CORRUPT, True)


def png(size: tuple[int, int], pixels: bytes, *behind: bytes, bits: int = 8, colour: int = 2, passes: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, passes))
    parts = b"".join(chunk(b"IDAT", pixels[at : at + 100]) for at in range(0, len(pixels), 100))
    return b"\x89PNG\r\n\x1a\n" + header + parts + b"".join(behind) + chunk(b"IEND", b"")


def test_a_png_whose_pixels_are_junk_is_corrupt():
    """Asked for its orientation, Pillow decodes it, and keeps what goes wrong to itself."""
    assert reason_of(png((90, 90), b"\x78\x9cjunk" * 50)) is CORRUPT


@pytest.mark.parametrize(
    ("colour", "bits", "row_bytes"), [(0, 1, 12), (0, 16, 180), (2, 8, 270), (4, 8, 180), (6, 8, 360)]
)
@pytest.mark.parametrize("noise", [bytes, random.Random(1).randbytes], ids=["black", "noise"])
def test_a_png_of_too_few_rows_is_truncated(colour, bits, row_bytes, noise):
    """The compressed stream is whole, and so are all chunks."""
    rows = b"".join(b"\0" + noise(row_bytes) for _ in range(90))
    facts_of(png((90, 90), zlib.compress(rows), bits=bits, colour=colour))
    assert reason_of(png((90, 90), zlib.compress(rows[:-1]), bits=bits, colour=colour)) is TRUNCATED
    for missing in (1 + row_bytes, 70 * (1 + row_bytes)):
        found = rejection_of(png((90, 90), zlib.compress(rows[:-missing]), bits=bits, colour=colour))
        assert found.reason is TRUNCATED
        assert found.detail == f"PNG: its pixels end after {len(rows) - missing} of {len(rows)} bytes"


@pytest.mark.parametrize(
    ("size", "needed"), [((8, 8), 4 + 4 + 7 + 2 * 7 + 2 * 13 + 4 * 13 + 4 * 25), ((8, 9), 207 + 4 + 4 + 7 + 13)]
)
def test_an_interlaced_png_of_too_few_rows_is_truncated(size, needed):
    """The last pass may lack rows where the last row has pixels of the passes before."""
    facts_of(png(size, zlib.compress(bytes(needed)), passes=1))
    found = rejection_of(png(size, zlib.compress(bytes(needed - 25)), passes=1))
    assert (found.reason, found.detail) == (TRUNCATED, f"PNG: its pixels end after {needed - 25} of {needed} bytes")


def test_a_png_that_is_black_below_is_whole():
    image = photo_image(1, 120, 90)
    image.paste((0, 0, 0), (0, 40, 120, 90))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        assert facts_of(encoded(image.convert(mode), "PNG")).height == 90


def test_a_png_says_its_orientation_before_or_behind_its_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(photo_image(1, 120, 90), "PNG", exif=exif)
    at = whole.index(b"eXIf") - 4
    length = 12 + struct.unpack(">I", whole[at : at + 4])[0]
    behind = whole[:at] + whole[at + length : -12] + whole[at : at + length] + whole[-12:]
    for data in (whole, behind):
        facts = facts_of(data)
        assert (facts.orientation, facts.width, facts.height) == (6, 90, 120)


# two files in one


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("run.js", "alert(1)" * 100)
    return buffer.getvalue()


OTHERS = {
    "zip": archive(),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(200),
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(200),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(57),
    "exe": b"MZ\x90\x00" + bytes(200),
    "html": b"<!DOCTYPE HTML><html><body>hello</body></html>",
    "php": b"\n<?php system($_GET['c']); ?>",
    "script": b"#!/bin/sh\nrm -r /\n",
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF"])
@pytest.mark.parametrize("other", OTHERS)
def test_a_second_file_behind_a_picture(format, other):
    found = rejection_of(pictures.photo(1, 120, 90, format) + OTHERS[other])
    assert (found.reason, found.detail.startswith(f"{format} of ")) == (POLYGLOT, True)


def test_a_second_file_in_a_tiff():
    assert reason_of(pictures.photo(1, 120, 90, "TIFF") + OTHERS["zip"]) is POLYGLOT
    assert reason_of(pictures.photo(1, 120, 90, "TIFF") + OTHERS["html"]) is POLYGLOT


@pytest.mark.parametrize("other", ["zip", "rar", "7z", "pdf", "html", "php"])
def test_a_second_file_among_the_metadata(other):
    body = OTHERS[other]
    jpeg, png, gif = (pictures.photo(1, 120, 90, format) for format in ("JPEG", "PNG", "GIF"))
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(body)) + body
    assert reason_of(jpeg[:2] + comment + jpeg[2:]) is POLYGLOT
    assert reason_of(png[:33] + chunk(b"tEXt", b"a\0" + body) + png[33:]) is POLYGLOT
    assert reason_of(png[:-12] + chunk(b"quIp", body) + png[-12:]) is POLYGLOT
    pieces = b"".join(bytes([len(body[at : at + 200])]) + body[at : at + 200] for at in range(0, len(body), 200))
    assert reason_of(gif[:-1] + b"\x21\xfe" + pieces + b"\0;") is POLYGLOT
    webp = encoded(photo_image(1, 120, 90), "WEBP", xmp=body + bytes(len(body) % 2))
    assert reason_of(webp) is POLYGLOT


SAMSUNG = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1458170015363SEFHe\0\0\0\x01\0\0\0\0\0\x01\x0a" + b"\x24\0\0\0SEFT"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + random.Random(3).randbytes(3_000_000)


@pytest.mark.parametrize(
    "behind",
    [bytes(5000), b"\xff" * 300, b"\r\n", pictures.photo(2), SAMSUNG, FILM, b"MotionPhoto_Data" + FILM + SAMSUNG],
    ids=["zeros", "filling", "line end", "another picture", "Samsung's trailer", "film", "Samsung's film"],
)
def test_what_cameras_write_behind_a_jpeg_is_harmless(behind):
    facts = facts_of(pictures.photo(1) + behind)
    assert facts.pixel_sha256 == facts_of(pictures.photo(1)).pixel_sha256
    assert facts.frames == 1


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP"])
def test_a_little_behind_other_formats_is_harmless_and_much_is_not(format):
    whole = pictures.photo(1, 120, 90, format)
    facts_of(whole + b"\n")
    facts_of(whole + bytes(200_000))
    found = rejection_of(whole + random.Random(1).randbytes(200_000))
    assert (found.reason, "200000 bytes behind it" in found.detail) == (POLYGLOT, True)


def test_the_usual_metadata_are_no_second_file():
    exif = Image.Exif()
    exif[0x010E] = "A <b>cat</b> & a dog, (c) 2026 <http://example.org/>"
    xmp = b"<?xpacket begin='' id='W5M0'?><x:xmpmeta><rdf:RDF></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    facts_of(encoded(photo_image(1, 120, 90), "JPEG", exif=exif, xmp=xmp, comment=b"CREATOR: gd-jpeg v1.0"))
