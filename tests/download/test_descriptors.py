"""The hashes beside those of the reference library, and those of really mirrored pictures."""

import io
import os
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from imagenet_build.download.descriptors import dct_hashes, gradient_hash, grids_of, grids_of_reduced
from imagenet_build.errors import DataError
from tests.download.looking import facts_of
from tests.fakes.pictures import encoded, photo_image

HERE = Path(os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[3] / "shared")
PHOTOS = sorted((HERE / "photos").glob("*.jpg"))


def bits_between(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def reference(image: Image.Image) -> tuple[int, int]:
    return int(str(imagehash.phash(image)), 16), int(str(imagehash.dhash(image)), 16)


def own(image: Image.Image) -> tuple[int, int]:
    grids = grids_of(image.convert("L"))
    return dct_hashes(grids.square)[0], gradient_hash(grids.gradient)


def drawing(kind: str) -> Image.Image:
    """Pictures whose coefficients are zero, or equal to each other: rounding decides in a careless implementation."""
    y, x = np.mgrid[0:96, 0:128]
    pixels = {
        "flat": np.full_like(x, 77),
        "white": np.full_like(x, 255),
        "gradient": x * 2,
        "lower half": (y >= 48) * 200,
        "disc on white": 255 - 200 * ((x - 63.5) ** 2 + (y - 47.5) ** 2 < 900),
        "stripes": (x // 4 % 2) * 255,
        "checks": ((x // 16 + y // 16) % 2) * 255,
    }[kind]
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("kind", ["flat", "white", "gradient", "lower half", "disc on white", "stripes", "checks"])
def test_flat_and_symmetric_pictures_have_the_hashes_of_the_reference(kind):
    assert own(drawing(kind)) == reference(drawing(kind))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 300), st.integers(8, 300))
def test_any_picture_has_the_hashes_of_the_reference(seed, width, height):
    """Two pixels side by side are another matter: half of the coefficients is zero, and the reference's bits noise."""
    image = photo_image(seed, width, height)
    assert own(image) == reference(image)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(32, 300), st.integers(32, 300))
def test_the_mirrored_hash_is_that_of_the_mirrored_picture(seed, width, height):
    """Up to two bits: Pillow's resampling rounds a row from left to right as from right to left, but for ties."""
    image = photo_image(seed, width, height)
    mirrored = dct_hashes(grids_of(image.convert("L")).square)[1]
    assert bits_between(mirrored, reference(ImageOps.mirror(image))[0]) <= 2


@given(st.integers(0, 10**6))
def test_where_nothing_is_resampled_the_mirrored_hash_is_exact(seed):
    image = photo_image(seed, 32, 32)
    assert dct_hashes(np.asarray(image.convert("L")))[1] == reference(ImageOps.mirror(image))[0]


@given(st.integers(0, 10**6), st.integers(33, 200), st.integers(33, 200), st.floats(0, 0.99), st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_grids_by_matrices_are_those_of_pillow(seed, width, height, beyond_right, beyond_bottom):
    grey = photo_image(seed, width, height).convert("L")
    box = (0.0, 0.0, width - beyond_right, height - beyond_bottom)
    found = grids_of_reduced(grey, box)
    for grid, size in ((found.square, (32, 32)), (found.gradient, (9, 8))):
        wanted = np.asarray(grey.resize(size, Image.Resampling.LANCZOS, box=box)).astype(int)
        assert np.abs(grid - wanted).max() <= 1


def test_a_reduced_picture_of_any_length_has_grids():
    grey = photo_image(1, 3000, 40).convert("L")
    found = grids_of_reduced(grey, (0.0, 0.0, 2999.5, 40.0))
    assert (found.square.shape, found.gradient.shape) == ((32, 32), (8, 9))


def test_a_grid_of_another_shape_is_refused():
    with pytest.raises(DataError, match=r"\(9, 8\) where \(8, 9\)"):
        gradient_hash(np.zeros((9, 8), np.uint8))
    with pytest.raises(DataError, match=r"\(32, 31\)"):
        dct_hashes(np.zeros((32, 31), np.uint8))
    with pytest.raises(DataError, match="mode RGB"):
        grids_of(photo_image(1, 40, 40))


@pytest.mark.parametrize("size", [(500, 375), (1280, 853), (1025, 4097), (257, 255)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_reduced_jpeg_has_nearly_the_hashes_of_the_full_one(size, options):
    image = photo_image(3, *size)
    data = encoded(image, "JPEG", **options)
    facts = facts_of(data)
    assert (facts.width, facts.height) == size
    dct, gradient = reference(Image.open(io.BytesIO(data)))
    assert bits_between(facts.dct_hash, dct) <= 4
    assert bits_between(facts.gradient_hash, gradient) <= 8


@pytest.mark.skipif(not PHOTOS, reason="real photographs are not here; set IMAGENET_BUILD_SHARED to their folder")
def test_real_photographs_are_accepted_and_their_hashes_within_4_bits():
    drift = []
    for path in PHOTOS:
        facts = facts_of(path.read_bytes(), min_side_px=64)
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
        assert (facts.width, facts.height) == upright.size
        drift.append(bits_between(facts.dct_hash, reference(upright)[0]))
    assert max(drift) <= 4
    assert np.mean(drift) < 0.5
