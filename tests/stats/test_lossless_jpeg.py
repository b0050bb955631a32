from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.stats.lossless_jpeg import PREDICTORS, encode, sizes
from tests.stats.sof3_decoder import decode

Picture = NDArray[np.uint8]


def wave(height: int, width: int) -> Picture:
    """A smooth picture, of whole numbers only."""
    y, x = np.mgrid[:height, :width]
    parts = [(7 * y + 5 * x) % 256, (y * x // 3) % 256, (3 * y + (x * x) // 5) % 256]
    return np.stack(parts, axis=2).astype(np.uint8)


def pictures() -> Iterator[tuple[str, Picture]]:
    rng = np.random.default_rng(3)
    yield "black", np.zeros((32, 32, 3), np.uint8)
    yield "white", np.full((32, 32, 3), 255, np.uint8)
    yield "smooth", wave(32, 32)
    yield "noise", rng.integers(0, 256, (32, 32, 3), np.uint8)
    yield "extremes", (255 * rng.integers(0, 2, (32, 32, 3))).astype(np.uint8)
    yield "one pixel", np.array([[[0, 128, 255]]], np.uint8)
    yield "a row", wave(1, 9)
    yield "a column", wave(9, 1)
    yield "odd", wave(5, 31)


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize(("name", "picture"), list(pictures()))
def test_decoding_gives_the_same_pixels(name: str, picture: Picture, predictor: int) -> None:
    assert np.array_equal(decode(encode(picture, predictor)), picture)


def test_other_programs_read_the_files() -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason="pip install imagecodecs")
    for name, picture in pictures():
        for predictor in PREDICTORS:
            data = encode(picture, predictor)
            assert np.array_equal(imagecodecs.jpeg8_decode(data), picture), (name, predictor, "libjpeg-turbo")
            if name not in ("one pixel", "a row", "a column"):
                assert np.array_equal(imagecodecs.ljpeg_decode(data), picture), (name, predictor, "liblj92")


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_sizes_of_many_are_those_of_each(predictor: int) -> None:
    same_shape = [picture for _, picture in pictures() if picture.shape == (32, 32, 3)]
    assert sizes(np.stack(same_shape), predictor).tolist() == [len(encode(one, predictor)) for one in same_shape]


def test_the_bytes_never_change() -> None:
    """Sizes are a published statistic: whoever changes them changes what was published."""
    data = encode(wave(32, 32))
    assert len(data) == 1768
    assert hashlib.sha256(data).hexdigest()[:16] == "ad63036ce7689a7a"


def test_codes_are_as_short_as_they_can_be() -> None:
    """Against the entropy of the symbols: at most one bit more for each, and never less."""
    picture = wave(32, 32)
    held = picture.astype(np.int64)
    predicted = np.full_like(held, 128)
    predicted[0, 1:], predicted[1:, 0] = held[0, :-1], held[:-1, 0]
    predicted[1:, 1:] = (held[1:, :-1] + held[:-1, 1:]) >> 1
    bits = np.array([int(value).bit_length() for value in np.abs(held - predicted).ravel()])
    share = np.bincount(bits) / len(bits)
    entropy = -float((share[share > 0] * np.log2(share[share > 0])).sum())
    around = 2 + 19 + 21 + len(set(bits.tolist())) + 14 + 2
    coded = 8 * (len(encode(picture)) - around - encode(picture).count(b"\xff\x00")) - int(bits.sum())
    assert entropy * len(bits) <= coded + 8
    assert coded - 8 <= (entropy + 0.2) * len(bits)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)])
def test_other_arrays_are_refused(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(DataError, match="must be uint8"):
        encode(wrong)
