"""What the web does to a picture: named changes, each seeded, for measuring how well copies are found.

Where a name leaves room (what colour has a border, does a turned picture grow, is a caption laid over the picture or
put below it), the seed decides, so that a method is not fitted to one reading.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Iterator, Mapping

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Change = Callable[[Image.Image, random.Random], Image.Image]
_WORDS = ("sample", "my photo album", "when you see it", "© 2014 studio", "breaking news today", "home")
_COLOURS = ("black", "white", "white", "#808080", "#c0392b", "#f5e6c8")


def _resized(percent: int) -> Change:
    def change(picture: Image.Image, _: random.Random) -> Image.Image:
        size = (max(1, picture.width * percent // 100), max(1, picture.height * percent // 100))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return change


def _grey(picture: Image.Image, _: random.Random) -> Image.Image:
    return picture.convert("L").convert("RGB")


def _brightness(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(rng.choice((0.7, 0.8, 1.2, 1.3)))


def _contrast(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Contrast(picture).enhance(rng.choice((0.7, 0.8, 1.2, 1.3)))


def _caption(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A strip of text of 10 to 14 % of the height, below the picture or over its lower or upper edge."""
    high = max(8, round(picture.height * rng.uniform(0.10, 0.14)))
    ground, ink = rng.choice((("white", "black"), ("black", "white")))
    where = rng.choice(("below", "over", "over", "top"))
    strip = Image.new("RGB", (picture.width, high), ground)
    font = ImageFont.load_default(max(6, high * 2 // 3))
    ImageDraw.Draw(strip).text((picture.width / 2, high / 2), rng.choice(_WORDS), ink, font, anchor="mm")
    made = Image.new("RGB", (picture.width, picture.height + (high if where == "below" else 0)))
    made.paste(picture, (0, 0))
    made.paste(strip, (0, 0 if where == "top" else made.height - high))
    return made


def _watermark(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Half transparent text across the middle, or a corner."""
    layer = Image.new("RGBA", picture.size, (255, 255, 255, 0))
    pen = ImageDraw.Draw(layer)
    alpha = rng.choice((96, 128, 160))
    if rng.random() < 0.6:
        font = ImageFont.load_default(max(8, min(picture.size) // 6))
        pen.text((picture.width / 2, picture.height / 2), "SAMPLE", (255, 255, 255, alpha), font, anchor="mm")
    else:
        font = ImageFont.load_default(max(8, min(picture.size) // 10))
        corner = (picture.width * 0.97, picture.height * 0.97)
        pen.text(corner, rng.choice(_WORDS), (255, 255, 255, alpha), font, anchor="rs")
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _cropped(percent: int) -> Change:
    """Up to so much off each side, at least half of it off two of them."""

    def change(picture: Image.Image, rng: random.Random) -> Image.Image:
        sides = [rng.uniform(0.5, 1.0), rng.uniform(0.5, 1.0), rng.uniform(0.0, 1.0), rng.uniform(0.0, 1.0)]
        rng.shuffle(sides)
        left, top, right, bottom = (side * percent / 100 for side in sides)
        box = (left * picture.width, top * picture.height, (1 - right) * picture.width, (1 - bottom) * picture.height)
        return picture.crop(tuple(round(edge) for edge in box))

    return change


def _cropped_all(percent: int) -> Change:
    def change(picture: Image.Image, _: random.Random) -> Image.Image:
        across, down = picture.width * percent // 100, picture.height * percent // 100
        return picture.crop((across, down, picture.width - across, picture.height - down))

    return change


def _bordered(percent: int) -> Change:
    def change(picture: Image.Image, rng: random.Random) -> Image.Image:
        return ImageOps.expand(picture, max(1, round(max(picture.size) * percent / 100)), rng.choice(_COLOURS))

    return change


def _mirrored(picture: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.mirror(picture)


def _turned(degrees: float) -> Change:
    def change(picture: Image.Image, rng: random.Random) -> Image.Image:
        angle = degrees * rng.choice((-1, 1))
        fill = rng.choice(("black", "white"))
        return picture.rotate(angle, Image.Resampling.BICUBIC, expand=rng.random() < 0.5, fillcolor=fill)

    return change


def _same(picture: Image.Image, _: random.Random) -> Image.Image:
    return picture


def _saved(picture: Image.Image, kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    options = {} if kind == "PNG" else {"quality": quality}
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


CHANGES: Mapping[str, tuple[Change, str, int]] = {
    "JPEG 30": (_same, "JPEG", 30),
    "JPEG 50": (_same, "JPEG", 50),
    "JPEG 75": (_same, "JPEG", 75),
    "PNG": (_same, "PNG", 0),
    "WebP": (_same, "WEBP", 75),
    "resized 50 %": (_resized(50), "JPEG", 85),
    "resized 25 %": (_resized(25), "JPEG", 85),
    "grey": (_grey, "JPEG", 85),
    "brightness": (_brightness, "JPEG", 85),
    "contrast": (_contrast, "JPEG", 85),
    "caption strip": (_caption, "JPEG", 85),
    "watermark": (_watermark, "JPEG", 85),
    "cropped 5 %": (_cropped(5), "JPEG", 85),
    "cropped 10 %": (_cropped(10), "JPEG", 85),
    "cropped 10 % all sides": (_cropped_all(10), "JPEG", 85),
    "border 5 %": (_bordered(5), "JPEG", 85),
    "mirrored": (_mirrored, "JPEG", 85),
    "turned 5 degrees": (_turned(5.0), "JPEG", 85),
}
"""Name -> what is done, and how the result is stored: format, quality."""
PAIRED = tuple(name for name in CHANGES if name not in ("PNG", "WebP", "JPEG 75", "JPEG 50"))
"""Of these, two different ones make a combination."""


def changed(picture: Image.Image, name: str) -> Iterator[tuple[str, bytes]]:
    """Every single change of a picture, then three combinations of two: name and bytes of the copy.

    Args:
        picture: RGB.
        name: of the picture; seeds what is drawn by lot.
    """
    for title, (change, kind, quality) in CHANGES.items():
        yield title, _saved(change(picture, _lot(name, title)), kind, quality)
    lot = _lot(name, "pairs")
    for number in range(1, 4):
        first, second = lot.sample(PAIRED, 2)
        made = CHANGES[second][0](CHANGES[first][0](picture, _lot(name, first)), _lot(name, second))
        yield f"two changes, {number}", _saved(made, "JPEG", min(CHANGES[first][2], CHANGES[second][2]))


def _lot(*parts: str) -> random.Random:
    return random.Random(int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8], "big"))
