"""Pictures as the dedup stage sees them: through the same inspection that every downloaded file passes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.collapse import Grouping, find_groups
from imagenet_build.dedup.groups import Standing
from imagenet_build.dedup.looks import Looks
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts
from tests.fakes.pictures import encoded

CONFIG = DedupConfig()


def look_at(picture: Image.Image | bytes) -> ImageFacts:
    """A file, or a picture saved as PNG, in a hurry."""
    data = picture if isinstance(picture, bytes) else encoded(picture, "PNG", compress_level=1)
    facts = inspect_bytes(data, formats=("JPEG", "PNG", "WEBP", "GIF"), min_side_px=1, max_pixels=10**8)
    assert isinstance(facts, ImageFacts), facts
    return facts


def looks_of(*facts: ImageFacts) -> Looks:
    dct, mirrored, gradient = (
        np.array([getattr(each, name) for each in facts], np.uint64)
        for name in ("dct_hash", "mirrored_hash", "gradient_hash")
    )
    tiny = np.frombuffer(b"".join(each.tiny for each in facts), np.uint8).reshape(-1, 32, 32, 3)
    return Looks([each.sha256 for each in facts], [each.pixel_sha256 for each in facts], dct, mirrored, gradient, tiny)


def grouped(*facts: ImageFacts, config: DedupConfig = CONFIG) -> Grouping:
    """In the order of arrival, the largest kept."""
    standings = [Standing(f"{at:06d}", each.width * each.height, "", at) for at, each in enumerate(facts)]
    return find_groups(looks_of(*facts), standings, config)


def found_same(left: ImageFacts, right: ImageFacts, config: DedupConfig = CONFIG) -> bool:
    """Whether the pair is proposed and then decided to be the same picture."""
    return len(grouped(left, right, config=config).members) == 1


def resized(picture: Image.Image, percent: int, resample: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    size = (max(1, picture.width * percent // 100), max(1, picture.height * percent // 100))
    return picture.resize(size, resample)


def jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


SIDE = 240


def drawn(draw: Callable[[ImageDraw.ImageDraw], None], side: int = SIDE) -> Image.Image:
    """Black on white; `draw` works on a square of 240 px, whatever the size of the result."""
    large = Image.new("RGB", (4 * SIDE, 4 * SIDE), "white")
    scaled = ImageDraw.Draw(large)
    draw(scaled)
    return large.resize((side, side), Image.Resampling.LANCZOS)


def letter(text: str) -> Image.Image:
    font = ImageFont.load_default(640)
    return drawn(lambda pen: pen.text((480, 480), text, "black", font, anchor="mm"))


def _note(flags: int, hollow: bool = False, stem: bool = True) -> Callable[[ImageDraw.ImageDraw], None]:
    def draw(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((300, 640, 560, 820), "black")
        if hollow:
            pen.ellipse((350, 680, 510, 780), "white")
        if stem:
            pen.rectangle((530, 160, 560, 730), "black")
        for flag in range(flags):
            top = 160 + 130 * flag
            pen.polygon([(560, top), (720, top + 180), (690, top + 290), (660, top + 200), (560, top + 110)], "black")

    return draw


def _pawn(pen: ImageDraw.ImageDraw) -> None:
    pen.ellipse((390, 180, 570, 360), "black")
    pen.polygon([(420, 340), (540, 340), (620, 760), (340, 760)], "black")
    pen.rectangle((300, 760, 660, 840), "black")


def _bishop(pen: ImageDraw.ImageDraw) -> None:
    pen.ellipse((450, 100, 510, 160), "black")
    pen.ellipse((390, 150, 570, 420), "black")
    pen.line((500, 210, 440, 330), "white", 24)
    pen.polygon([(430, 400), (530, 400), (620, 760), (340, 760)], "black")
    pen.rectangle((300, 760, 660, 840), "black")


def _rook(pen: ImageDraw.ImageDraw) -> None:
    for left in (340, 440, 540):
        pen.rectangle((left, 180, left + 80, 280), "black")
    pen.rectangle((340, 260, 620, 330), "black")
    pen.polygon([(390, 330), (570, 330), (610, 760), (350, 760)], "black")
    pen.rectangle((300, 760, 660, 840), "black")


def _queen(pen: ImageDraw.ImageDraw) -> None:
    pen.polygon(
        [(320, 240), (400, 420), (420, 200), (480, 400), (540, 200), (560, 420), (640, 240), (590, 560), (370, 560)],
        "black",
    )
    pen.polygon([(400, 560), (560, 560), (620, 760), (340, 760)], "black")
    pen.rectangle((300, 760, 660, 840), "black")


def _king(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((465, 100, 495, 260), "black")
    pen.rectangle((410, 150, 550, 180), "black")
    pen.polygon([(340, 300), (620, 300), (580, 560), (380, 560)], "black")
    pen.polygon([(400, 560), (560, 560), (620, 760), (340, 760)], "black")
    pen.rectangle((300, 760, 660, 840), "black")


@cache
def drawings() -> Mapping[str, Image.Image]:
    """Different things, drawn black on white: much alike for a hash, different for anybody who looks."""
    pictures = {f"letter {text}": letter(text) for text in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    pictures |= {
        "whole note": drawn(_note(0, hollow=True, stem=False)),
        "half note": drawn(_note(0, hollow=True)),
        "quarter note": drawn(_note(0)),
        "eighth note": drawn(_note(1)),
        "sixteenth note": drawn(_note(2)),
        "pawn": drawn(_pawn),
        "bishop": drawn(_bishop),
        "rook": drawn(_rook),
        "queen": drawn(_queen),
        "king": drawn(_king),
        "blank": drawn(lambda pen: None),
        "dot": drawn(lambda pen: pen.ellipse((440, 440, 520, 520), "black")),
        "thin line": drawn(lambda pen: pen.line((100, 860, 860, 100), "black", 12)),
        "thin line, the other way": drawn(lambda pen: pen.line((100, 100, 860, 860), "black", 12)),
        "faint disc": drawn(lambda pen: pen.ellipse((240, 240, 720, 720), (235, 235, 235))),
        "faint square": drawn(lambda pen: pen.rectangle((240, 240, 720, 720), (235, 235, 235))),
    }
    return pictures


COLOURS = ("white", "black", "red", "lime", "blue", "yellow", "grey", "silver", "navy", "pink", "orange", "ivory")
