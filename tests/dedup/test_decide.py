import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import Look, compare, tiny_rms
from tests.dedup.looks import COLOURS, CONFIG, drawings, found_same, jpeg, look_at, near, resized
from tests.fakes.pictures import encoded, photo_image

SEEDS = range(1, 9)


@cache
def photograph(seed: int) -> Image.Image:
    return photo_image(seed, 400, 300)


@cache
def looks_of_drawings() -> dict[str, Look]:
    return {name: look_at(picture) for name, picture in drawings().items()}


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
def test_a_photograph_encoded_again_is_the_same(quality):
    for seed in SEEDS:
        assert found_same(look_at(photograph(seed)), look_at(jpeg(photograph(seed), quality)))


@pytest.mark.parametrize("percent", [50, 75, 133, 200])
def test_a_photograph_resized_and_encoded_again_is_the_same(percent):
    for seed in SEEDS:
        assert found_same(look_at(photograph(seed)), look_at(jpeg(resized(photograph(seed), percent), 80)))


def test_a_photograph_a_little_brighter_is_the_same():
    for seed in SEEDS:
        brighter = photograph(seed).point(lambda level: min(255, level + 12))
        assert found_same(look_at(photograph(seed)), look_at(jpeg(brighter, 90)))


def test_different_photographs_are_not_the_same():
    looks = [look_at(photograph(seed)) for seed in range(1, 40)]
    close = [near(a, b).difference for i, a in enumerate(looks) for b in looks[:i]]
    assert min(close) > 2 * CONFIG.tiny_difference


def test_different_drawings_are_not_the_same():
    looks = looks_of_drawings()
    names = list(looks)
    merged = [(a, b) for i, a in enumerate(names) for b in names[:i] if compare(looks[a], looks[b], CONFIG).same]
    assert merged == []


@pytest.mark.parametrize("percent", [50, 75, 100, 200])
def test_a_drawing_resized_and_encoded_again_is_the_same(percent):
    looks = looks_of_drawings()
    missed = [
        name
        for name, picture in drawings().items()
        if not found_same(looks[name], look_at(jpeg(resized(picture, percent), 75)))
    ]
    assert missed == []


def test_a_drawing_resized_badly_is_the_same():
    missed = [
        name
        for name, picture in drawings().items()
        if not found_same(looks_of_drawings()[name], look_at(resized(picture, 80, Image.Resampling.BILINEAR)))
    ]
    assert missed == []


def test_one_colour_is_not_another_but_survives_a_jpeg():
    looks = {name: look_at(Image.new("RGB", (160, 120), name)) for name in COLOURS}
    for name, look in looks.items():
        same = {other for other, their in looks.items() if compare(look, their, CONFIG).same}
        assert same == {name}
        assert found_same(look, look_at(jpeg(Image.new("RGB", (80, 60), name), 60)))


def test_one_place_that_differs_is_enough():
    picture = photograph(3)
    changed = picture.copy()
    changed.paste("black", (188, 132, 212, 150))
    comparison = near(look_at(picture), look_at(changed))
    assert comparison.difference < CONFIG.tiny_difference
    assert comparison.worst > CONFIG.tiny_worst
    assert not comparison.same


def test_the_reason_is_the_strongest_that_holds():
    data = encoded(photograph(1), "PNG")
    one = look_at(data)
    assert compare(one, look_at(data), CONFIG).reason == "exact"
    other_file = look_at(encoded(photograph(1), "PNG", compress_level=1))
    assert other_file.sha256 != one.sha256
    assert compare(one, other_file, CONFIG).reason == "same_pixels"
    assert compare(one, look_at(jpeg(photograph(1), 90)), CONFIG).reason == "near"
    different = compare(one, look_at(photograph(2)), CONFIG)
    assert (different.same, different.reason) == (False, "")


def test_both_thresholds_are_taken_from_the_configuration():
    one, other = look_at(photograph(1)), look_at(jpeg(resized(photograph(1), 50), 40))
    found = compare(one, other, CONFIG)
    assert found.same
    assert found.difference > 0
    assert found.worst > 0
    for strict in (
        DedupConfig(tiny_difference=found.difference / 2),
        DedupConfig(tiny_worst=found.worst / 2),
    ):
        assert not compare(one, other, strict).same
    assert compare(one, other, DedupConfig(tiny_difference=found.difference, tiny_worst=found.worst)).same


tinies = arrays.arrays(np.uint8, (32, 32, 3))


@settings(deadline=None)
@given(tinies, tinies, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_comparing_is_symmetric_and_a_picture_is_itself(left, right, left_hash, right_hash):
    one = Look("a", "a", left_hash, right_hash, left.tobytes())
    other = Look("b", "b", right_hash, left_hash, right.tobytes())
    assert compare(one, other, CONFIG) == compare(other, one, CONFIG)
    itself = compare(one, replace(one, sha256="c", pixel_sha256="c"), CONFIG)
    assert itself.same
    assert (itself.difference, itself.worst, itself.tiny_rms, itself.dct_distance) == (0, 0, 0, 0)


@settings(deadline=None)
@given(tinies, tinies)
def test_the_plain_difference_is_the_definition(left, right):
    expected = np.sqrt(np.mean((left.astype(float) - right.astype(float)) ** 2))
    assert tiny_rms(left.tobytes(), right.tobytes()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_real_photographs_are_told_apart_and_found_again():
    shared = os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[2].parent / "shared"
    files = sorted((Path(shared) / "photos").glob("*.jpg"))[::4]
    if not files:
        pytest.skip("the 200 photographs lie neither in IMAGENET_BUILD_SHARED nor in ../shared")
    looks = {}
    for file in files:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        looks[file.name] = look_at(file.read_bytes())
        assert found_same(looks[file.name], look_at(jpeg(picture, 40))), file
        assert found_same(looks[file.name], look_at(jpeg(resized(picture, 60), 80))), file
    found = list(looks.values())
    assert [(i, j) for i, a in enumerate(found) for j, b in enumerate(found[:i]) if compare(a, b, CONFIG).same] == []
