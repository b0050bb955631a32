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
