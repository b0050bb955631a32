import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import decide, plain_difference
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.shapes import shapes_of
from imagenet_build.records import ImageFacts
from tests.dedup.looks import COLOURS, CONFIG, drawings, found_same, grouped, jpeg, look_at, looks_of, resized
from tests.fakes.pictures import encoded, photo_image

SEEDS = range(1, 9)


@cache
def photograph(seed: int) -> Image.Image:
    return photo_image(seed, 400, 300)


@cache
def look_of_photograph(seed: int) -> ImageFacts:
    return look_at(photograph(seed))


@cache
def looks_of_drawings() -> dict[str, ImageFacts]:
    return {name: look_at(picture) for name, picture in drawings().items()}


def every_pair(looks: Looks) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.triu_indices(len(looks), 1)
    return i.astype(np.int64), j.astype(np.int64)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    across, down = round(picture.width * share), round(picture.height * share)
    return picture.crop((across, down, picture.width - across, picture.height - down))


def captioned(picture: Image.Image) -> Image.Image:
    made = picture.copy()
    ImageDraw.Draw(made).rectangle((0, made.height * 9 // 10, made.width, made.height), "black")
    return made


def marked(picture: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", picture.size)
    ImageDraw.Draw(layer).text((200, 150), "SAMPLE", (255, 255, 255, 128), ImageFont.load_default(50), anchor="mm")
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


CHANGES = {
    "cropped by 5 %": lambda picture: cropped(picture, 0.05),
    "cropped by 10 %": lambda picture: cropped(picture, 0.10),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "more contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.25),
    "framed": lambda picture: ImageOps.expand(picture, 20, "white"),
    "mirrored": ImageOps.mirror,
    "turned": lambda picture: picture.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="black"),
    "captioned": captioned,
    "marked": marked,
    "mirrored and cropped": lambda picture: cropped(ImageOps.mirror(picture), 0.08),
    "framed and smaller": lambda picture: resized(ImageOps.expand(picture, 20, "black"), 40),
}


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
def test_a_photograph_encoded_again_is_the_same(quality):
    for seed in SEEDS:
        assert found_same(look_of_photograph(seed), look_at(jpeg(photograph(seed), quality)))


@pytest.mark.parametrize("percent", [25, 50, 75, 133, 200])
def test_a_photograph_resized_and_encoded_again_is_the_same(percent):
    for seed in SEEDS:
        assert found_same(look_of_photograph(seed), look_at(jpeg(resized(photograph(seed), percent), 80)))


@pytest.mark.parametrize("name", CHANGES)
def test_a_photograph_that_was_changed_is_the_same_and_the_reason_says_if_it_was_mirrored(name):
    for seed in SEEDS:
        picture = photograph(seed)
        (member,) = grouped(look_at(picture), look_at(jpeg(CHANGES[name](picture), 85))).members
        assert member.reason == ("mirrored" if "mirrored" in name else "near")
        assert 0 < member.distance <= max(1 - CONFIG.agreement, CONFIG.tiny_difference)
        assert member.dct_distance <= 32


def test_different_photographs_are_not_the_same():
    looks = looks_of(*(look_at(photograph(seed)) for seed in range(1, 60)))
    i, j = every_pair(looks)
    found = decide(looks, shapes_of(looks), i, j, CONFIG)
    assert not found.same.any()
    assert found.distance.min() > 0.25


def test_different_drawings_are_not_the_same():
    names = list(looks_of_drawings())
    looks = looks_of(*looks_of_drawings().values())
    i, j = every_pair(looks)
    same = decide(looks, shapes_of(looks), i, j, CONFIG).same
    assert [(names[a], names[b]) for a, b in zip(i[same], j[same], strict=True)] == []


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
    facts = [look_at(Image.new("RGB", (160, 120), name)) for name in COLOURS]
    looks = looks_of(*facts)
    assert not decide(looks, shapes_of(looks), *every_pair(looks), CONFIG).same.any()
    for name, look in zip(COLOURS, facts, strict=True):
        assert found_same(look, look_at(jpeg(Image.new("RGB", (80, 60), name), 60)))


def test_a_letter_is_not_its_mirror_image():
    looks = looks_of_drawings()
    for name in ("letter L", "letter F", "quarter note", "thin line"):
        assert not found_same(looks[name], look_at(ImageOps.mirror(drawings()[name]))), name


def test_the_reason_is_the_strongest_that_holds():
    data = encoded(photograph(1), "PNG")
    one = look_at(data)

    def reason(other: ImageFacts) -> str:
        (member,) = grouped(one, other).members
        return member.reason

    assert reason(look_at(data)) == "exact"
    other_file = look_at(encoded(photograph(1), "PNG", compress_level=1))
    assert other_file.sha256 != one.sha256
    assert reason(other_file) == "same_pixels"
    assert reason(look_at(jpeg(photograph(1), 90))) == "near"
    assert grouped(one, look_at(photograph(2))).members == []


def test_thresholds_are_taken_from_the_configuration():
    one = look_at(photograph(1))
    moved = look_at(jpeg(cropped(photograph(1), 0.06), 80))
    encoded_again = look_at(jpeg(resized(photograph(1), 50), 40))
    assert found_same(one, moved)
    assert not found_same(one, moved, DedupConfig(agreement=0.999))
    assert not found_same(one, moved, DedupConfig(shape_agreement=1.0))
    assert found_same(one, encoded_again, DedupConfig(agreement=1.0))
    for strict in (DedupConfig(agreement=1.0, tiny_difference=0.0), DedupConfig(agreement=1.0, tiny_worst=0.0)):
        assert not found_same(one, encoded_again, strict)


tinies = arrays.arrays(np.uint8, (32, 32, 3))


@settings(deadline=None)
@given(tinies, tinies, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_deciding_is_symmetric_and_a_picture_is_itself(left, right, left_hash, right_hash):
    hashes = np.array([left_hash, right_hash, left_hash], np.uint64)
    looks = Looks(list("abc"), list("abc"), hashes, hashes[::-1], hashes, np.stack([left, right, left]))
    shapes = shapes_of(looks)
    places = np.array([0, 1, 0], np.int64), np.array([1, 0, 2], np.int64)
    found = decide(looks, shapes, *places, CONFIG)
    assert found.same[0] == found.same[1]
    assert found.distance[0] == found.distance[1]
    assert found.same[2]
    assert found.distance[2] == 0


def test_a_decision_does_not_depend_on_the_company():
    facts = [look_at(jpeg(CHANGES[name](photograph(seed)), 85)) for seed in (1, 2, 3) for name in CHANGES]
    looks = looks_of(*facts)
    i, j = every_pair(looks)
    together = decide(looks, shapes_of(looks), i, j, CONFIG)
    order = np.random.default_rng(5).permutation(len(i))[:120]
    for at in order:
        pair = np.array([i[at], j[at]])
        alone = looks.take(pair)
        found = decide(alone, shapes_of(alone), np.array([1]), np.array([0]), CONFIG)
        assert (found.same[0], found.mirrored[0], found.distance[0]) == tuple(column[at] for column in together)


@settings(deadline=None)
@given(tinies)
def test_pictures_without_difference_have_none(tiny):
    difference, worst = plain_difference(tiny[None], tiny[None])
    assert (difference[0], worst[0]) == (0, 0)


def test_a_common_shift_counts_half_and_one_place_counts_alone():
    picture = np.tile(np.arange(32, dtype=np.uint8)[:, None, None] * 4, (1, 32, 3))[None]
    difference, worst = plain_difference(picture, picture + 20)
    contrast = plain_difference(picture, np.full_like(picture, 62))[0] * 0 + np.std(np.arange(32) * 4.0)
    assert difference[0] == pytest.approx(0.5 * 20 / contrast[0], rel=0.05)
    assert worst[0] == 0
    spotted = picture.copy()
    spotted[0, 16, 16] = 255
    assert plain_difference(picture, spotted)[1][0] > 40


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
        (member,) = grouped(looks[file.name], look_at(jpeg(ImageOps.mirror(picture), 75))).members
        assert member.reason == "mirrored", file
    assert grouped(*looks.values()).members == []
