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
from tests.download.looking import WRITABLE, facts_of, look, reason_of, rejection_of
from tests.fakes import pictures
from tests.fakes.pictures import encoded, photo_image


def test_nothing():
    assert look(b"") == Rejection(RejectReason.EMPTY, "0 bytes")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<!doctype html><html><body>404</body></html>", "html"),
        (b"\n\t <HTML><svg>", "html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "html"),
        ("\ufeff<!DOCTYPE html>".encode("utf-16-le"), "html"),
        (b"<script>location='/'</script>", "html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "format_refused"),
        (b"<?xml version='1.0'?>\n<!-- drawn --><svg:svg>", "format_refused"),
        (b"\x00\x00\x01\x00\x01\x00", "format_refused"),
        (b"8BPS\x00\x01", "format_refused"),
        (b"\xff\x0a\xfa\xff", "format_refused"),
        (b"II+\x00\x08\x00\x00\x00", "format_refused"),
        (b"%PDF-1.7", "not_an_image"),
        (b"PK\x03\x04", "not_an_image"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "not_an_image"),
        (b"\x00\x00\x00\x1cftypmp42\x00\x00\x00\x00mp42isom", "not_an_image"),
        (b"<3 this is no markup", "not_an_image"),
        (b'{"error": "<html>"}', "not_an_image"),
        (b"\xff\xd8", "not_an_image"),
        (b"\x89PN", "not_an_image"),
        (b"GIF88a", "not_an_image"),
        (b" \xff\xd8\xff", "not_an_image"),
        (b"\n", "not_an_image"),
    ],
)
def test_what_does_not_begin_like_a_picture(data, reason):
    found = rejection_of(data)
    assert found.reason.value == reason
    assert found.detail in ("SVG", "ICO", "PSD", "JPEG XL", "BigTIFF") or repr(data[:10])[2:-1] in found.detail


def test_a_format_that_this_pillow_cannot_read_is_refused_as_such():
    data = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40)
    assert rejection_of(data).reason is RejectReason.FORMAT_REFUSED
    assert "HEIF: the installed Pillow has no decoder" in rejection_of(data).detail
    assert rejection_of(data, formats=("AVIF",)).detail == "HEIF"


@pytest.mark.parametrize("format", WRITABLE)
def test_a_format_that_is_not_wanted_is_not_decoded(format):
    others = tuple(other for other in WRITABLE if other != format)
    assert look(pictures.photo(1, 40, 40, format), formats=others) == Rejection(RejectReason.FORMAT_REFUSED, format)
    assert reason_of(pictures.photo(1, 40, 40, format)[:40], formats=others) is RejectReason.FORMAT_REFUSED


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
    found = rejection_of(data)
    assert found.reason in (RejectReason.CORRUPT, RejectReason.TRUNCATED, RejectReason.POLYGLOT)
    assert found.detail.startswith(str(format_of(data)))


# sizes


@pytest.mark.parametrize("data", [pictures.one_pixel_gif(), encoded(Image.new("RGB", (1, 1)), "PNG")])
def test_one_pixel(data):
    assert look(data) == look(data, min_side_px=1) == Rejection(RejectReason.ONE_PIXEL, "1x1 px")


def jpeg_of_height(height: int) -> bytes:
    data = bytearray(pictures.photo(1, 40, 40))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 2] = struct.pack(">H", height)
    return bytes(data)


def png_of_width(width: int) -> bytes:
    return pictures.png_bomb(width, 40)


def gif_of_frame(width: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, 5, 0) + b"\x02\x02\x44\x01\x00;"
    return b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6) + frame


def bmp_of_width(width: int) -> bytes:
    data = bytearray(pictures.photo(1, 40, 40, "BMP"))
    data[18:22] = struct.pack("<i", width)
    return bytes(data)


@pytest.mark.parametrize("data", [jpeg_of_height(0), png_of_width(0), gif_of_frame(0), bmp_of_width(0)])
def test_no_pixels(data):
    assert reason_of(data) is RejectReason.NO_PIXELS


def test_the_shorter_side_counts_and_the_limit_itself_is_allowed():
    assert reason_of(pictures.photo(1, 400, 63), min_side_px=64) is RejectReason.TOO_SMALL
    assert reason_of(pictures.photo(1, 63, 400), min_side_px=64) is RejectReason.TOO_SMALL
    assert facts_of(pictures.photo(1, 400, 64), min_side_px=64).height == 64


def test_a_small_broken_picture_is_broken():
    """Whether it is small counts only when it was read."""
    whole = pictures.photo(1, 20, 20, "PNG")
    assert reason_of(whole[:-60], min_side_px=64) is RejectReason.TRUNCATED


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


def test_frames_are_counted_not_believed():
    """2**31 frames do not fit the table's column."""
    images = [photo_image(seed, 40, 40) for seed in (1, 2)]
    data = encoded(images[0], "PNG", save_all=True, append_images=images[1:])
    at = data.index(b"acTL")
    claim = b"acTL" + struct.pack(">II", 0x80000000, 0)
    data = data[:at] + claim + struct.pack(">I", zlib.crc32(claim)) + data[at + 16 :]
    assert facts_of(data).frames == 2


def test_counting_the_frames_of_a_gif_decodes_none():
    whole = encoded(photo_image(1, 300, 300), "GIF")
    at = whole.index(b"\x2c" + struct.pack("<HHHH", 0, 0, 300, 300))
    data = whole[:at] + whole[at:-1] * 200 + b";"
    begun = time.process_time()
    assert facts_of(data).frames == 200
    assert time.process_time() - begun < 1.0


def test_a_jpeg_of_thousands_of_scans_is_not_decoded():
    """Each scan is a pass over all blocks, however short it is."""
    data = encoded(photo_image(1, 400, 400), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    found = rejection_of(data[:-2] + data[last:-2] * 3000 + data[-2:])
    assert (found.reason, "scans" in found.detail) == (RejectReason.CORRUPT, True)


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\x00", b"\xff\xd8", b"\xff\x01", b"\xff\xfe\x00\x02"])
def test_a_jpeg_of_nothing_but_markers_is_refused_soon(filling):
    begun = time.process_time()
    look(b"\xff\xd8\xff" + filling * (6_000_000 // len(filling)))
    assert time.process_time() - begun < 5.0


def test_compressed_metadata_do_not_explode():
    """Texts and colour profiles of a PNG are compressed: 64 MB of zeros in 64 kB."""
    bomb = zlib.compress(bytes(64_000_000), 9)
    for name, head in ((b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")):
        body = name + head + bomb
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        whole = pictures.photo(1, 40, 40, "PNG")
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        look(whole[:33] + chunk + whole[33:])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 30_000


def test_formats_whose_decoders_need_much_memory_have_limits_of_their_own():
    header = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0)
    webp = header + struct.pack("<I", 15_999)[:3] + struct.pack("<I", 15_999)[:3]
    found = rejection_of(webp, max_pixels=10**9)
    assert found.reason is RejectReason.TOO_MANY_PIXELS
    assert found.detail.startswith("16000x16000 px; the limit for such WEBP files is ")


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


_SMWRITABLE = photo_image(1, 24, 20)
SEEDS = [encoded(_SMWRITABLE, format) for format in WRITABLE] + [
    encoded(_SMWRITABLE, "TIFF", compression="tiff_lzw"),
    encoded(_SMWRITABLE, "TIFF", compression="jpeg"),
    encoded(_SMWRITABLE.convert("P"), "PNG", transparency=3),
    encoded(_SMWRITABLE.convert("CMYK"), "JPEG"),
    encoded(_SMWRITABLE, "GIF", save_all=True, append_images=[photo_image(2, 24, 20)]),
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
