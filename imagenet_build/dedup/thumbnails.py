"""Pure: a picture's bytes -> a small JPEG of it, upright and on white; or its tiny image, enlarged."""

from __future__ import annotations

import io
import warnings

from PIL import Image as PillowImage
from PIL import ImageOps

from imagenet_build.download.pixels import DAMAGE, TINY_PX, opened_picture

THUMBNAIL_PX = 160
"""The longer side."""
_QUALITY = 78
_MOST_PIXELS = 50_000_000
"""Of formats that are decoded in full: more would take more than 200 MB for one thumbnail."""
_WHITE = (255, 255, 255, 255)


def thumbnail(data: bytes, kind: str, tiny: bytes) -> bytes:
    """A JPEG of at most `THUMBNAIL_PX` by `THUMBNAIL_PX`.

    Args:
        data: the file; one that was decoded before without complaint. What can no longer be decoded, is very large, or
            has more than 8 bits per channel is shown by its tiny image.
        kind: its format, in Pillow's names.
        tiny: its tiny image, 3072 bytes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = _reduced(data, kind)
    except (*DAMAGE, MemoryError):
        small = None
    if small is None:
        return enlarged(tiny, THUMBNAIL_PX, THUMBNAIL_PX)
    return _as_jpeg(small)


def enlarged(tiny: bytes, width: int, height: int) -> bytes:
    """The tiny image as a JPEG of the size of a thumbnail, in the shape of a picture of `width` by `height` pixels."""
    by = THUMBNAIL_PX / max(width, height)
    size = max(1, round(width * by)), max(1, round(height * by))
    picture = PillowImage.frombytes("RGB", (TINY_PX, TINY_PX), tiny)
    return _as_jpeg(picture.resize(size, PillowImage.Resampling.BILINEAR))


def _reduced(data: bytes, kind: str) -> PillowImage.Image | None:
    """At the size of a thumbnail, on white; None where that is too much work, or more than showing."""
    with opened_picture(data, kind) as opened:
        if kind != "JPEG" and opened.width * opened.height > _MOST_PIXELS:
            return None
        if opened.mode.startswith("I") or opened.mode == "F":
            return None
        if opened.mode in ("P", "PA", "1") or "transparency" in opened.info:
            layered = opened.convert("RGBA")
        else:
            opened.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))  # a JPEG is decoded at a fraction of its size
            layered = opened
        upright = ImageOps.exif_transpose(layered).convert("RGBA")
    upright.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    return PillowImage.alpha_composite(PillowImage.new("RGBA", upright.size, _WHITE), upright).convert("RGB")


def _as_jpeg(picture: PillowImage.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
