from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from imagenet_build.errors import DataError
from imagenet_build.stats.average_image import average_image, png_bytes, tiny_pictures

RNG = np.random.default_rng(0)
SOME = RNG.integers(0, 256, (37, 32, 32, 3), np.uint8)


def test_the_average_is_the_rounded_mean_in_any_order() -> None:
    exact = SOME.astype(np.float64).mean(axis=0)
    found = average_image(SOME)
    assert np.abs(found - exact).max() <= 0.5
    assert np.array_equal(found, average_image(SOME[::-1]))


def test_a_half_is_rounded_up() -> None:
    pair = np.stack([np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)])
    assert set(average_image(pair).ravel().tolist()) == {128}


def test_many_white_pictures_stay_white() -> None:
    assert average_image(np.full((3000, 1, 1, 3), 255, np.uint8)).tolist() == [[[255, 255, 255]]]


def test_the_column_tiny_becomes_pictures() -> None:
    rows = [one.tobytes() for one in SOME]
    assert np.array_equal(tiny_pictures(rows), SOME)
    assert np.array_equal(tiny_pictures(b"".join(rows)), SOME)
    with pytest.raises(DataError, match="no whole number"):
        tiny_pictures([rows[0], b"x"])


def test_nothing_has_no_average() -> None:
    with pytest.raises(DataError, match="no picture"):
        average_image(SOME[:0])


def test_the_png_shows_the_same_pixels_larger() -> None:
    with Image.open(io.BytesIO(png_bytes(SOME[0], scale=3))) as opened:
        assert opened.size == (96, 96)
        assert np.array_equal(np.asarray(opened)[1::3, 1::3], SOME[0])
