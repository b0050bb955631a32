"""What broken and hostile files get: one rejection, soon, in little memory; never an exception."""

import resource
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagenet_build.download.inspect_bytes import MOST_FRAMES, format_of
from imagenet_build.records import ImageFacts, Rejection, RejectReason
from tests.download.looking import ALL, facts_of, look, reason_of
from tests.fakes import pictures
from tests.fakes.pictures import encoded, photo_image


def test_nothing():
    assert look(b"") == Rejection(RejectReason.EMPTY, "0 bytes")


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><html><body>404</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x1cftypavif",
        b"\xff\xd8",
        b"\x89PN",
        b"GIF88a",
        b" \xff\xd8\xff",
        b"\n",
    ],
)
def test_what_does_not_begin_like_a_picture(data):
    found = look(data)
    assert found.reason is RejectReason.NOT_AN_IMAGE
    assert repr(data[:10])[2:-1] in found.detail


@pytest.mark.parametrize("format", ALL)
def test_a_format_that_is_not_wanted_is_not_decoded(format):
    others = tuple(other for other in ALL if other != format)
    assert look(pictures.photo(1, 40, 40, format), formats=others) == Rejection(RejectReason.FORMAT_REFUSED, format)
    assert reason_of(pictures.photo(1, 40, 40, format)[:40], formats=others) is RejectReason.FORMAT_REFUSED


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_files(format, kept):
    whole = pictures.photo(1, 120, 90, format)
    assert reason_of(whole[: int(len(whole) * kept)]) is RejectReason.CORRUPT


def test_a_truncated_photograph():
    assert reason_of(pictures.truncated_jpeg(kept=0.9)) is RejectReason.CORRUPT


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"<html></html>" * 50,
        b"GIF89a<html><body>/*" + b"x" * 400,
        b"BM is a car maker in Munich. " * 20,
        b"II*\x00 and nothing else of a TIFF",
        b"MM\x00*\x00\x00\x00\x08\xff\xff",
        b"\x89PNG\r\n\x1a\n" + pictures.photo(1, 40, 40, "JPEG"),
        b"\xff\xd8\xff" + pictures.photo(1, 40, 40, "PNG"),
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(60),
    ],
)
def test_files_that_only_begin_like_a_picture(data):
    found = look(data)
    assert found.reason is RejectReason.CORRUPT
    assert found.detail.startswith(f"{format_of(data)}: ")


def test_a_polyglot_is_what_it_begins_as():
    facts = facts_of(pictures.jpeg_with_html(3))
    assert (facts.format, facts.pixel_sha256) == ("JPEG", facts_of(pictures.photo(3)).pixel_sha256)
    assert facts.sha256 != facts_of(pictures.photo(3)).sha256


# sizes


@pytest.mark.parametrize("data", [pictures.one_pixel_gif(), encoded(Image.new("RGB", (1, 1)), "PNG")])
def test_one_pixel(data):
    assert look(data) == Rejection(RejectReason.TOO_SMALL, "1x1 px; the shorter side must be 8 px or more")


def test_the_shorter_side_counts_and_the_limit_itself_is_allowed():
    assert reason_of(pictures.photo(1, 400, 63), min_side_px=64) is RejectReason.TOO_SMALL
    assert reason_of(pictures.photo(1, 63, 400), min_side_px=64) is RejectReason.TOO_SMALL
    assert facts_of(pictures.photo(1, 400, 64), min_side_px=64).height == 64


def test_a_small_broken_picture_is_broken():
    """Whether it is small is only known when it was read."""
    whole = pictures.photo(1, 20, 20, "PNG")
    assert reason_of(whole[:-60], min_side_px=64) is RejectReason.CORRUPT


def test_a_bomb_is_refused_by_its_header():
    """30,000 x 30,000 RGB would take 2.7 GB."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = look(pictures.png_bomb())
    assert found == Rejection(RejectReason.TOO_MANY_PIXELS, "30000x30000 px; the limit is 10000000 pixels")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 200_000


def test_the_pixel_limit_itself_is_allowed():
    data = pictures.photo(1, 50, 40)
    assert facts_of(data, max_pixels=2000).width == 50
    assert reason_of(data, max_pixels=1999) is RejectReason.TOO_MANY_PIXELS


def test_a_gif_frame_larger_than_its_screen_counts():
    """The screen says 10 x 10, the frame 5000 x 5000."""
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, 5000, 5000, 0) + b"\x02\x02\x44\x01\x00;"
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    assert reason_of(screen + image) is RejectReason.TOO_MANY_PIXELS


# time


def tiff_of_many_pages(pages: int) -> bytes:
    fields = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 64)]
    page = 2 + 12 * len(fields) + 4
    parts = [b"II*\x00" + struct.pack("<I", 72) + bytes(64)]
    for number in range(pages):
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
        following = 72 + page * (number + 1) if number < pages - 1 else 0
        parts.append(struct.pack("<H", len(fields)) + entries + struct.pack("<I", following))
    return b"".join(parts)


def test_counting_pages_does_not_take_for_ever():
    """Walking to page n looks at all pages before it: 20,000 (2 MB) take ten seconds, 200,000 a quarter hour."""
    begun = time.process_time()
    assert facts_of(tiff_of_many_pages(20_000)).frames == MOST_FRAMES
    assert time.process_time() - begun < 3.0
    assert facts_of(tiff_of_many_pages(7)).frames == 7


def test_a_tiff_whose_pages_go_round_in_a_circle():
    data = bytearray(tiff_of_many_pages(2))
    data[-4:] = struct.pack("<I", 72)
    assert isinstance(look(bytes(data)), ImageFacts)


def test_as_many_frames_as_a_header_may_claim():
    """2**31 frames do not fit the table's column."""
    images = [photo_image(seed, 40, 40) for seed in (1, 2)]
    data = encoded(images[0], "PNG", save_all=True, append_images=images[1:])
    at = data.index(b"acTL")
    claim = b"acTL" + struct.pack(">II", 0x80000000, 0)
    data = data[:at] + claim + struct.pack(">I", zlib.crc32(claim)) + data[at + 16 :]
    assert facts_of(data).frames == MOST_FRAMES


# anything


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(data):
    assert isinstance(look(data), Rejection)


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBP"]),
    st.binary(),
)
def test_random_bytes_behind_a_good_beginning_never_raise(start, rest):
    look(start + rest)


_SMALL = photo_image(1, 24, 20)
SEEDS = [encoded(_SMALL, format) for format in ALL] + [
    encoded(_SMALL, "TIFF", compression="tiff_lzw"),
    encoded(_SMALL, "TIFF", compression="jpeg"),
    encoded(_SMALL.convert("P"), "PNG", transparency=3),
    encoded(_SMALL.convert("CMYK"), "JPEG"),
    encoded(_SMALL, "GIF", save_all=True, append_images=[photo_image(2, 24, 20)]),
    pictures.rotated_jpeg(),
]
_EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), _EDITS, st.floats(0.2, 1), st.booleans())
def test_spoilt_pictures_never_raise(seed, edits, kept, in_header):
    data = bytearray(seed)
    for place, value in edits:
        data[int(place * (min(len(data), 120) if in_header else len(data)))] = value
    found = look(bytes(data[: int(len(data) * kept)]))
    if isinstance(found, ImageFacts):
        assert len(found.tiny) == 3072
        assert found.width >= 8
        assert found.width * found.height <= 10_000_000
        assert 0 <= found.dct_hash < 1 << 64
        assert 1 <= found.frames <= MOST_FRAMES
