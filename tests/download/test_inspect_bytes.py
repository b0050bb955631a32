"""What good files say: format, size, hashes, tiny image."""

import hashlib
import io
import struct

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imagenet_build.download import pixels
from imagenet_build.download.inspect_bytes import EXTENSIONS, format_of
from tests.download.looking import WRITABLE, facts_of
from tests.fakes import pictures
from tests.fakes.pictures import encoded, photo_image

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def as_seen(data: bytes) -> Image.Image:
    """What a viewer shows of a plain file."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def tiny_of(facts) -> np.ndarray:
    return np.frombuffer(facts.tiny, np.uint8).reshape(32, 32, 3).astype(int)


def difference(one, other) -> int:
    """Largest difference of two tiny images, in levels of 255."""
    return int(np.abs(tiny_of(one) - tiny_of(other)).max())


@pytest.mark.parametrize("format", WRITABLE)
def test_every_format(format):
    data = pictures.photo(3, 112, 84, format)  # no JPEG is reduced
    facts = facts_of(data)
    picture = as_seen(data)
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.pixel_sha256 == hashlib.sha256(struct.pack(">II", 112, 84) + picture.tobytes()).hexdigest()
    assert (facts.format, facts.width, facts.height) == (format, 112, 84)
    assert (facts.has_alpha, facts.frames, facts.orientation) == (False, 1, 1)
    assert facts.dct_hash == int(str(imagehash.phash(picture)), 16)
    assert facts.gradient_hash == int(str(imagehash.dhash(picture)), 16)
    assert len(facts.tiny) == 3072
    assert np.abs(tiny_of(facts).mean(axis=(0, 1)) - np.asarray(picture).mean(axis=(0, 1))).max() < 1.0
    assert format_of(data) == format
    assert format in EXTENSIONS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 90), st.integers(8, 90), st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_hashes_are_those_of_the_reference_library(seed, width, height, format):
    data = pictures.photo(seed, width, height, format)
    facts = facts_of(data)
    assert facts.dct_hash == int(str(imagehash.phash(as_seen(data))), 16)
    assert facts.gradient_hash == int(str(imagehash.dhash(as_seen(data))), 16)
    assert 0 <= facts.dct_hash < 1 << 64
    assert len(facts.tiny) == 3072


def test_lossless_formats_of_one_picture_have_equal_pixels_and_different_files():
    found = [facts_of(pictures.photo(5, 90, 60, format)) for format in ("PNG", "BMP", "TIFF")]
    assert len({facts.pixel_sha256 for facts in found}) == 1
    assert len({facts.sha256 for facts in found}) == 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_picture_is_the_upright_picture(format, orientation):
    """The same coded pixels without the tag, turned by hand."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = photo_image(2, 112, 84)
    turned = facts_of(encoded(image, format, exif=exif))
    picture = as_seen(encoded(image, format))
    upright = picture.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else picture
    wanted = facts_of(encoded(upright, "PNG"))
    assert turned.orientation == orientation
    assert (turned.width, turned.height) == upright.size == (wanted.width, wanted.height)
    assert turned.pixel_sha256 == wanted.pixel_sha256
    assert (turned.dct_hash, turned.gradient_hash, turned.tiny) == (wanted.dct_hash, wanted.gradient_hash, wanted.tiny)


def orientation_entry(kind: int, count: int, value: bytes) -> bytes:
    entry = struct.pack("<HHI4s", 0x0112, kind, count, value)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 0)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0junk that is no directory",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        orientation_entry(2, 4, b"abc\0"),
        orientation_entry(3, 1, b"\x63\0\0\0"),
        orientation_entry(3, 0, b"\0\0\0\0"),
        orientation_entry(5, 1, b"\0\0\0\0"),
        orientation_entry(99, 9, b"\xff\xff\xff\xff"),
    ],
    ids=["empty", "junk", "far", "text", "99", "none", "fraction", "unknown kind"],
)
def test_broken_metadata_does_not_spoil_a_good_picture(exif):
    image = photo_image(2, 112, 84)
    facts = facts_of(encoded(image, "JPEG", exif=exif))
    assert facts.orientation == 1
    assert facts.pixel_sha256 == facts_of(encoded(image, "JPEG")).pixel_sha256


def test_cmyk():
    facts = facts_of(pictures.cmyk_jpeg(4))
    assert (facts.format, facts.has_alpha) == ("JPEG", False)
    assert difference(facts, facts_of(pictures.photo(4))) <= 12  # a conversion without profiles, and JPEG's loss


def test_cmyk_as_prepress_stores_it():
    """TIFF's CMYK is not inverted; Adobe's JPEG is."""
    facts = facts_of(encoded(photo_image(4).convert("CMYK"), "TIFF"))
    assert (facts.mode, facts_of(pictures.cmyk_jpeg(4)).mode) == ("CMYK", "CMYK")
    assert difference(facts, facts_of(pictures.photo(4, format="PNG"))) <= 2


def test_how_pixels_are_stored_and_colour_profiles_are_noted():
    image = photo_image(6, 120, 90)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        assert facts_of(encoded(image, format, icc_profile=profile)).has_icc_profile
        assert not facts_of(encoded(image, format)).has_icc_profile
    modes = [facts_of(encoded(image.convert(mode), "PNG")).mode for mode in ("RGB", "L", "P", "1", "RGBA")]
    assert modes == ["RGB", "L", "P", "1", "RGBA"]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_looked_at_in_stripes_is_the_same_picture(monkeypatch, format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for image in (photo_image(3, 301, 263), cut_out()[0]):
        data = encoded(image, format, exif=exif)
        whole = facts_of(data)
        monkeypatch.setattr(pixels, "_STRIPE_PIXELS", 3000)
        assert facts_of(data) == whole
        monkeypatch.undo()


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_black_and_white_and_palette(mode):
    image = photo_image(6, 120, 90).convert(mode)
    facts = facts_of(encoded(image, "PNG"))
    assert facts.pixel_sha256 == facts_of(encoded(image.convert("RGB"), "PNG")).pixel_sha256


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_the_eight_bit_picture(format):
    grey = photo_image(7, 120, 90).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert difference(facts_of(encoded(deep, format)), facts_of(encoded(grey, "PNG"))) <= 1


def test_a_dark_sixteen_bit_picture_stays_dark():
    dark = Image.fromarray((np.arange(90 * 120).reshape(90, 120) % 256).astype(np.uint16))
    assert tiny_of(facts_of(encoded(dark, "PNG"))).max() <= 1


def test_floating_point_pixels():
    ramp = np.linspace(0.0, 255.0, 90 * 120, dtype=np.float32).reshape(90, 120)
    found = facts_of(encoded(Image.fromarray(ramp), "TIFF"))
    assert difference(found, facts_of(encoded(Image.fromarray(ramp.astype(np.uint8)), "PNG"))) <= 1
    ramp[3, 4] = np.nan
    ramp[5, 6] = np.inf
    facts_of(encoded(Image.fromarray(ramp), "TIFF"))


# transparency


def cut_out() -> tuple[Image.Image, Image.Image]:
    """A picture with a transparent left half, and what a viewer shows of it."""
    image = photo_image(8, 128, 96).convert("RGBA")
    alpha = np.full((96, 128), 255, np.uint8)
    alpha[:, :64] = 0
    image.putalpha(Image.fromarray(alpha))
    shown = Image.new("RGB", image.size, "white")
    shown.paste(image, mask=image.getchannel("A"))
    return image, shown


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_transparent_parts_are_white(format):
    image, shown = cut_out()
    options = {"lossless": True} if format == "WEBP" else {}
    facts = facts_of(encoded(image, format, **options))
    wanted = facts_of(encoded(shown, "PNG"))
    assert facts.has_alpha
    assert (tiny_of(facts)[:, :15] == 255).all()
    assert facts.pixel_sha256 == wanted.pixel_sha256
    assert (facts.dct_hash, facts.gradient_hash) == (wanted.dct_hash, wanted.gradient_hash)


def test_half_transparent_parts_are_mixed_with_white():
    facts = facts_of(encoded(Image.new("RGBA", (64, 64), (100, 0, 200, 128)), "PNG"))
    assert np.abs(tiny_of(facts)[0, 0] - (177, 127, 227)).max() <= 1


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_entry(format):
    _, shown = cut_out()
    palette = shown.quantize(64)
    pixels = np.asarray(palette).copy()
    pixels[:, :64] = 63
    image = Image.fromarray(pixels, "P")
    colours = [*palette.getpalette()[: 63 * 3], 255, 0, 0]
    image.putpalette(colours)
    facts = facts_of(encoded(image, format, transparency=63))
    assert facts.has_alpha
    assert (tiny_of(facts)[:, :15] == 255).all()


def test_a_transparent_colour():
    image = Image.new("RGB", (64, 64), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 32, 64))
    facts = facts_of(encoded(image, "PNG", transparency=(255, 0, 0)))
    assert facts.has_alpha
    assert tiny_of(facts)[0, 31].tolist() == [255, 255, 255]
    assert tiny_of(facts)[0, 0].tolist() == [0, 0, 255]


def test_grey_with_alpha():
    image = Image.new("LA", (64, 64), (0, 0))
    assert tiny_of(facts_of(encoded(image, "PNG"))).min() == 255


def test_an_alpha_channel_that_hides_nothing_is_no_transparency():
    image = photo_image(8, 128, 96)
    facts = facts_of(encoded(image.convert("RGBA"), "PNG"))
    assert not facts.has_alpha
    assert facts.pixel_sha256 == facts_of(encoded(image, "PNG")).pixel_sha256


# several frames


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_several_frames_the_first_is_looked_at(format):
    images = [photo_image(seed, 120, 90) for seed in (1, 2, 3)]
    options = {"lossless": True} if format == "WEBP" else {}
    several = facts_of(encoded(images[0], format, save_all=True, append_images=images[1:], **options))
    alone = facts_of(encoded(images[0], format, **options))
    assert (several.frames, alone.frames) == (3, 1)
    if format != "AVIF":  # coded in another way when there are several
        assert several.pixel_sha256 == alone.pixel_sha256
    assert difference(several, alone) <= 8


def test_a_jpeg_with_more_pictures_behind_it_is_its_first_picture():
    """Stereo, thumbnails, gain maps: nothing that moves, and nothing hostile."""
    images = [photo_image(seed, 120, 90) for seed in (1, 2)]
    facts = facts_of(encoded(images[0], "MPO", save_all=True, append_images=images[1:], quality=90))
    assert (facts.format, facts.frames) == ("JPEG", 1)
    assert difference(facts, facts_of(encoded(images[0], "JPEG"))) <= 2


def test_a_flat_picture_has_hashes_too():
    facts = facts_of(encoded(Image.new("RGB", (64, 64), (9, 9, 9)), "PNG"))
    assert facts.gradient_hash == 0
    assert facts.tiny == bytes([9]) * 3072
