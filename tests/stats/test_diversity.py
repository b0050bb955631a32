from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagenet_build.errors import DataError
from imagenet_build.stats.average_image import average_image
from imagenet_build.stats.diversity import compared_size, diversity_of
from imagenet_build.stats.lossless_jpeg import encode

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED", Path(__file__).parents[3] / "shared")) / "photos"
Pictures = NDArray[np.uint8]


def tiny(picture: Image.Image) -> Pictures:
    return np.asarray(picture.convert("RGB").resize((32, 32), Image.Resampling.BOX))


def generated(number: int) -> Image.Image:
    """Coloured shapes before a coloured ground, different for each number: 200 x 200."""
    rng = np.random.default_rng(number)
    ground = Image.fromarray(rng.integers(0, 256, (3, 3, 3), np.uint8)).resize((200, 200), Image.Resampling.BICUBIC)
    for _ in range(6):
        size = tuple(int(side) for side in rng.integers(20, 100, 2))
        colour = tuple(int(part) for part in rng.integers(0, 256, 3))
        ground.paste(Image.new("RGB", size, colour), tuple(int(place) for place in rng.integers(0, 180, 2)))
    return ground


def variants(picture: Image.Image, count: int) -> Pictures:
    """One picture as it is found in many places: other sizes, brightness, compression, a cut edge."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        left, top = (int(cut) for cut in rng.integers(0, 4, 2))
        cut = picture.crop((left, top, picture.width - left, picture.height - top))
        made.append(tiny(cut.point([min(255, int(level * rng.uniform(0.9, 1.1))) for level in range(256)] * 3)))
    return np.stack(made)


def scene(picture: Image.Image, others: list[Image.Image]) -> Pictures:
    """One place, photographed from slightly different points, with something else standing in it each time."""
    rng = np.random.default_rng(2)
    made = []
    for other in others:
        side = round(min(picture.size) * rng.uniform(0.9, 0.97))
        left, top = int(rng.integers(0, picture.width - side)), int(rng.integers(0, picture.height - side))
        view = picture.crop((left, top, left + side, top + side)).resize((64, 64))
        view.paste(other.convert("RGB").resize((24, 24)), tuple(int(place) for place in rng.integers(0, 40, 2)))
        made.append(tiny(view))
    return np.stack(made)


def photos() -> list[Image.Image]:
    if not SHARED.is_dir():
        pytest.skip(f"no photographs at {SHARED}")
    found = []
    for path in sorted(SHARED.glob("*.jpg"))[:120]:
        with Image.open(path) as opened:
            opened.draft("RGB", (200, 200))
            found.append(opened.convert("RGB"))
    return found


@pytest.mark.parametrize("source", ["photographs", "generated"])
def test_variants_of_one_picture_a_scene_and_random_pictures_are_ordered(source: str) -> None:
    """As the paper says: the more diverse, the smaller the file. The intervals do not meet."""
    held = photos() if source == "photographs" else [generated(number) for number in range(60)]
    same = diversity_of(variants(held[0], 60), 25)
    place = diversity_of(scene(held[0], held), 25)
    random = diversity_of(np.stack([tiny(picture) for picture in held]), 25)
    assert same.low > place.high
    assert place.low > random.high
    assert same.whole_bytes > place.whole_bytes > random.whole_bytes


NOISE = np.random.default_rng(5).integers(0, 256, (40, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("averaged", [None, 7, 20])
def test_the_order_of_pictures_does_not_matter(averaged: int | None) -> None:
    order = np.random.default_rng(1).permutation(40)
    assert diversity_of(NOISE, averaged) == diversity_of(NOISE[order], averaged)


def test_the_numbers_never_change() -> None:
    """They are published: whoever changes them changes what was published."""
    stripes = np.stack([np.roll(np.arange(3072) * 7 % 256, 11 * one).reshape(32, 32, 3) for one in range(30)])
    found = diversity_of(stripes.astype(np.uint8), 10)
    assert (found.bytes, round(found.low, 6), round(found.high, 6), found.whole_bytes) == (
        2345.75,
        2093.379196,
        2598.120804,
        1873,
    )


def test_the_mean_over_draws_is_that_of_new_pictures() -> None:
    """Averages of 10 of these 60 pictures are as large as averages of 10 others; a bootstrap's are larger."""
    rng = np.random.default_rng(9)
    coarse = rng.integers(0, 256, (3000, 4, 4, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    truth = float(np.mean([len(encode(average_image(coarse[60 + 10 * one : 70 + 10 * one]))) for one in range(290)]))
    found = diversity_of(coarse[:60], 10)
    again = [len(encode(average_image(coarse[rng.integers(0, 10, 10)]))) for _ in range(200)]
    assert found.low < truth < found.high
    assert float(np.mean(again)) > found.high


def test_whole_averages_have_an_interval_too() -> None:
    found = diversity_of(NOISE)
    assert found.bytes == found.whole_bytes == len(encode(average_image(NOISE)))
    assert found.low < found.bytes < found.high
    assert (found.pictures, found.averaged) == (40, 40)


def test_averages_of_fewer_pictures_are_larger() -> None:
    assert diversity_of(NOISE, 5).low > diversity_of(NOISE, 20).high


@pytest.mark.parametrize(("count", "averaged"), [(1, None), (9, 5), (0, None)])
def test_too_few_pictures_are_refused(count: int, averaged: int | None) -> None:
    with pytest.raises(DataError):
        diversity_of(NOISE[:count], averaged)


def test_the_compared_size_is_reached_by_most_synsets() -> None:
    assert compared_size([]) == compared_size([3, 4]) == 5
    assert compared_size([20] * 3 + [1]) == 10
    assert compared_size([20] * 2 + [1] * 2) == 5
