"""The page of groups: what is on it, in which order, and that it needs nothing else."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from imagenet_build.dedup.review import (
    MEMBERS_SHOWN,
    Duplicate,
    Group,
    Picture,
    RefusedPair,
    review_page,
    worst_first,
)
from imagenet_build.dedup.thumbnails import THUMBNAIL_PX, enlarged, thumbnail
from tests.fakes.pictures import animated_gif, cmyk_jpeg, encoded, photo, photo_image, rgba_png, rotated_jpeg

EVIL = """a"b'<script>alert(1)</script>&amp;ü.jpg"""
TINY = bytes([200, 30, 30]) * 1024


class Page(HTMLParser):
    """What a browser would make of it, as far as it matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.figures: list[dict[str, str]] = []
        self.headings: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "figure":
            self.figures.append({"kind": given["class"], "title": given["title"], "said": ""})
        if tag == "img":
            assert given["loading"] == "lazy"
            assert given["alt"] == self.figures[-1]["title"]
        self.sources += [given[name] for name in ("src", "href") if name in given]
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")

    def handle_data(self, data):
        if self.tags[-1] in ("h1", "h2", "h3") and not self.headings[-1]:
            self.headings[-1] = data
        if "figure" in self.tags and self.figures:
            self.figures[-1]["said"] += data
        self.text += data

    @property
    def titles(self) -> list[str]:
        return [figure["title"] for figure in self.figures]


def duplicate(place: int, distance: float, reason: str = "near") -> Duplicate:
    return Duplicate(place, reason, distance, 3, 5)


def page_of(groups, refused=None, names=None, title="Duplicates", facts=()) -> Page:
    def picture(place: int) -> Picture:
        return Picture(names[place] if names else f"{place}.jpg", f"{place}×1 px", enlarged(TINY, 4, 3))

    return Page("".join(review_page(title, facts, groups, refused, picture)))


def test_kept_first_then_the_members_farthest_first():
    page = page_of([Group(7, [duplicate(1, 0.01, "same_pixels"), duplicate(2, 0.15, "mirrored"), duplicate(3, 0.1)])])
    assert page.titles == ["7.jpg", "2.jpg", "3.jpg", "1.jpg"]
    assert [figure["kind"] for figure in page.figures] == ["kept", "dup", "dup", "dup"]
    kept, worst, _, best = (figure["said"] for figure in page.figures)
    assert "kept" in kept
    assert "7×1 px" in kept
    assert "mirrored 0.1500 (3, 5 bits)" in worst
    assert "same pixels 0.0100" in best


def test_the_worst_group_comes_first_whatever_the_order():
    groups = [
        Group(0, [duplicate(1, 0.05)]),
        Group(2, [duplicate(3, 0.01), duplicate(4, 0.19)], "dog n02084071"),
        Group(5, [duplicate(6, 0.0, "exact")]),
        Group(8, [duplicate(9, 0.05)]),
    ]
    for order in (groups, groups[::-1]):
        assert [group.kept for group in worst_first(order)] == [2, 0, 8, 5]
    page = page_of(worst_first(groups))
    assert page.headings[2:] == ["dog n02084071: 0.1900 and less, 2 duplicates", "0.0500", "0.0500", "0.0000"]


def test_names_are_text_and_never_markup():
    page = page_of(
        [Group(0, [duplicate(1, 0.1)], EVIL)], [RefusedPair(0, 1, 0.2)], [EVIL, EVIL], title=EVIL, facts=[EVIL]
    )
    assert page.titles == [EVIL] * 4
    assert page.headings[0] == EVIL
    assert page.text.count(EVIL) == 8  # title, h1, fact, heading, four captions
    assert "script" not in page.tags


def test_it_needs_nothing_but_itself():
    page = page_of([Group(0, [duplicate(1, 0.1)])], [RefusedPair(2, 3, 0.3)])
    assert len(page.sources) == 4
    for source in page.sources:
        kind, data = source.split(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=["JPEG"]) as opened:
            assert opened.size == (160, 120)
    assert not {"link", "script", "iframe"} & set(page.tags)
    assert "@media(prefers-color-scheme:dark)" in page.text
    assert "url(" not in page.text


def test_refused_pairs_come_in_their_order_or_are_not_spoken_of():
    page = page_of([], [RefusedPair(4, 5, 0.21), RefusedPair(0, 1, 0.3)])
    assert page.titles == ["4.jpg", "5.jpg", "0.jpg", "1.jpg"]
    assert page.headings[1:] == ["Accepted", "Refused", "0.2100", "0.3000"]
    assert page.text.count("None.") == 1
    assert page_of([], []).text.count("None.") == 2
    assert page_of([], None).headings == ["Duplicates", "Accepted"]


def test_of_a_huge_group_the_farthest_are_shown_and_only_they_are_asked_for():
    many = [duplicate(number, number / 10_000) for number in range(1, 1001)]
    asked = []

    def picture(place: int) -> Picture:
        asked.append(place)
        return Picture(f"{place}", "", b"")

    text = "".join(review_page("t", [], [Group(0, many)], None, picture))
    assert asked == [0, *range(1000, 1000 - MEMBERS_SHOWN, -1)]
    assert f"and {1000 - MEMBERS_SHOWN} more" in text


def test_pictures_are_asked_for_one_after_the_other():
    asked = []

    def picture(place: int) -> Picture:
        asked.append(place)
        return Picture(f"{place}", "", b"")

    parts = review_page("t", [], [Group(0, [duplicate(1, 0.1)]), Group(2, [duplicate(3, 0.1)])], None, picture)
    while "0.1000" not in next(parts):
        assert asked == []
    assert asked == [0, 1]


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in levels."""
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other.resize(one.size), np.float64)).mean())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (photo(1), "JPEG"),
        (cmyk_jpeg(1), "JPEG"),
        (photo(1, format="PNG"), "PNG"),
        (photo(1, format="WEBP"), "WEBP"),
        (photo(1, format="GIF"), "GIF"),
        (encoded(photo_image(1).convert("L"), "PNG"), "PNG"),
    ],
)
def test_a_thumbnail_shows_the_picture(data, kind):
    small = opened(thumbnail(data, kind, TINY))
    assert small.size == (160, 120)
    assert difference(small.convert("L"), photo_image(1).convert("L")) < 8


def test_a_thumbnail_stands_upright():
    small = opened(thumbnail(rotated_jpeg(1, 6), "JPEG", TINY))
    assert small.size == (120, 160)
    assert difference(small, photo_image(1).transpose(Image.Transpose.ROTATE_270)) < 8


def test_transparent_parts_are_white():
    small = opened(thumbnail(rgba_png(1), "PNG", TINY))
    assert min(small.getpixel((2, 2))) > 245
    assert difference(small.crop((60, 40, 100, 80)), photo_image(1).resize((160, 120)).crop((60, 40, 100, 80))) < 12


def test_of_an_animation_the_first_picture_is_shown():
    assert difference(opened(thumbnail(animated_gif(), "GIF", TINY)), photo_image(1, 120, 90)) < 12


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"nothing of the kind", "JPEG"),
        (photo(1)[:200], "JPEG"),
        (photo(1, format="PNG")[:3000], "PNG"),
        (encoded(Image.fromarray(np.arange(4800, dtype=np.uint16).reshape(60, 80) * 13), "PNG"), "PNG"),
    ],
)
def test_what_cannot_be_shown_is_shown_by_its_tiny_image(data, kind):
    small = opened(thumbnail(data, kind, TINY))
    assert small.size == (THUMBNAIL_PX, THUMBNAIL_PX)
    assert np.abs(np.asarray(small, np.int64) - [200, 30, 30]).max() < 6


@pytest.mark.parametrize(("size", "shown"), [((400, 300), (160, 120)), ((10, 1000), (2, 160)), ((5000, 1), (160, 1))])
def test_an_enlarged_tiny_image_has_the_shape_of_its_picture(size, shown):
    assert opened(enlarged(TINY, *size)).size == shown
