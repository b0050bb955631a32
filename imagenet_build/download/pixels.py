"""Pure: an opened picture -> its hashes, tiny image and the digest of its pixels, by one decode and in little memory.

A JPEG is decoded at a half, a quarter or an eighth of its size where enough pixels remain: libjpeg then reads every bit
of the file all the same, but computes fewer pixels. Every other picture is taken in full, in stripes, so that beside
the decoder's own 4 bytes per pixel one byte per pixel is held, and no second copy of the picture.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import JpegImagePlugin

from imagenet_build.download.descriptors import Box, Grids, grids_of, grids_of_reduced

TINY_PX = 32
REDUCED_SIDE_PX = 46
"""Shorter side, at least, of a reduced picture: more than a pixel for each point of the 32 x 32 grid. Measured by
scripts/bench/hash_drift.py: from there on the DCT hash is within 4 bits of the full picture's."""
_STRIPE_PIXELS = 1 << 20
_REDUCTIONS = (8, 4, 2)
_ORIENTATION_TAG = 0x0112
_WHITE = 255
_UPRIGHT = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    RuntimeError,
    struct.error,
    OverflowError,
)
"""Pillow's plugins raise all of these for damaged files."""

PillowImage.MAX_IMAGE_PIXELS = None  # the limit here is the configured one, checked before decoding


class View(NamedTuple):
    """What the pixels say."""

    grids: Grids
    tiny: bytes
    pixel_sha256: str
    has_alpha: bool


def opened_picture(data: bytes, kind: str) -> PillowImage.Image:
    """Read the header. Raises one of `DAMAGE`."""
    if kind == "JPEG":  # not through `open`, which follows stereo files to their second picture
        picture = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        picture.decodermaxblock = len(data)  # the file as it is, not copied together piece by piece
        return picture
    return PillowImage.open(io.BytesIO(data), formats=[kind])


def reduction_of(width: int, height: int) -> int:
    """By how much the decoder shall reduce a JPEG: 8, 4, 2 or 1.

    >>> reduction_of(500, 375), reduction_of(4000, 3000), reduction_of(100, 100)
    (8, 8, 2)
    """
    shorter = min(width, height)
    return next((by for by in _REDUCTIONS if -(-shorter // by) >= REDUCED_SIDE_PX), 1)


def decode(opened: PillowImage.Image, kind: str) -> Box | None:
    """Decode, strictly; raises one of `DAMAGE`, or MemoryError.

    Returns: where the picture lies in what was decoded, if that was reduced; None: it was decoded in full.
    """
    box: Box | None = None
    if kind == "JPEG" and isinstance(opened, JpegImagePlugin.JpegImageFile):
        width, height = opened.size
        by = reduction_of(width, height)
        drafted = opened.draft(None, (width // by, height // by)) if by > 1 else None
        box = None if drafted is None else drafted[1]
    opened.load()  # strict: ImageFile.LOAD_TRUNCATED_IMAGES stays off
    return box


def orientation_of(opened: PillowImage.Image, kind: str) -> int:
    """EXIF orientation, 1 to 8; metadata that cannot be read does not spoil the picture."""
    if kind == "JPEG" and "exif" not in opened.info and "xmp" not in opened.info:
        return 1
    try:
        said = opened.getexif().get(_ORIENTATION_TAG)
    except DAMAGE:
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def view_of(picture: PillowImage.Image, box: Box | None, orientation: int) -> View:
    """Look at a decoded picture as a viewer would see it: upright, and transparent parts on white.

    Args:
        picture: decoded.
        box: where the picture lies in it, if it was reduced; None: it is there in full.
        orientation: EXIF orientation of `picture`.
    """
    if box is None:
        return _view_in_full(picture, orientation)
    turn = _UPRIGHT.get(orientation)
    upright = picture if turn is None else picture.transpose(turn)
    box = _turned(box, picture.size, orientation)
    rgb = upright if upright.mode == "RGB" else upright.convert("RGB")
    digest = hashlib.sha256(struct.pack(">II", *rgb.size))
    digest.update(rgb.tobytes())
    tiny = rgb.resize((TINY_PX, TINY_PX), PillowImage.Resampling.BILINEAR, box=box)
    return View(grids_of_reduced(rgb.convert("L"), box), tiny.tobytes(), digest.hexdigest(), has_alpha=False)


def _turned(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """A box that begins at the top left, in the coordinates of the upright picture."""
    (_, _, right, bottom), (width, height) = box, size
    if orientation in (5, 6, 7, 8):
        right, bottom, width, height = bottom, right, height, width
    left = width - right if orientation in (2, 3, 6, 7) else 0.0
    top = height - bottom if orientation in (3, 4, 7, 8) else 0.0
    return left, top, left + right, top + bottom


def _view_in_full(picture: PillowImage.Image, orientation: int) -> View:
    width, height = picture.size[::-1] if orientation >= 5 else picture.size
    digest = hashlib.sha256(struct.pack(">II", width, height))
    by = max(1, min(width, height) // (4 * TINY_PX))  # the tiny image is made of a picture of 128 px or more
    grey = PillowImage.new("L", (width, height))
    small = PillowImage.new("RGB", (-(-width // by), -(-height // by)))
    has_alpha = False
    top = 0
    for stripe, shows_through in _stripes(picture, orientation, by):
        has_alpha |= shows_through
        digest.update(stripe.tobytes())
        grey.paste(stripe.convert("L"), (0, top))
        small.paste(stripe.reduce(by) if by > 1 else stripe, (0, top // by))
        top += stripe.height
    tiny = small.resize((TINY_PX, TINY_PX), PillowImage.Resampling.BILINEAR, box=(0, 0, width / by, height / by))
    return View(grids_of(grey), tiny.tobytes(), digest.hexdigest(), has_alpha)


def _stripes(picture: PillowImage.Image, orientation: int, by: int) -> Iterator[tuple[PillowImage.Image, bool]]:
    """The upright picture from top to bottom in RGB, in stripes whose heights are multiples of `by`."""
    width, height = picture.size
    across, down = (height, width) if orientation >= 5 else (width, height)
    rows = max(1, _STRIPE_PIXELS // across // by) * by
    turn = _UPRIGHT.get(orientation)
    white_level = _white_level(picture, rows)
    for top in range(0, down, rows):
        bottom = min(top + rows, down)
        box = (
            (0, top, width, bottom),  # 1, 2: the upright picture's rows are the file's rows
            (0, height - bottom, width, height - top),  # 3, 4: from below
            (top, 0, bottom, height),  # 5, 6: the columns
            (width - bottom, 0, width - top, height),  # 7, 8: the columns, from the right
        )[(orientation - 1) // 2]
        stripe = picture if box == (0, 0, width, height) else picture.crop(box)
        stripe = stripe if turn is None else stripe.transpose(turn)
        yield _on_white(stripe, white_level)


def _white_level(picture: PillowImage.Image, rows: int) -> float:
    """What is white in pixels of 16 or 32 bits. Pillow's own conversion clips everything above 255 to white."""
    if picture.mode.startswith("I;16"):
        return 65535.0
    if picture.mode not in ("I", "F"):
        return float(_WHITE)
    tops = range(0, picture.height, rows)
    parts = (picture.crop((0, top, picture.width, min(top + rows, picture.height))) for top in tops)
    most = float(np.nanmax([np.nan_to_num(np.asarray(part), posinf=0.0).max() for part in parts]))
    return max(65535.0 if most > _WHITE else float(_WHITE), most)


def _on_white(picture: PillowImage.Image, white_level: float) -> tuple[PillowImage.Image, bool]:
    """The picture as RGB; transparent parts on white. Also: whether there were any."""
    if picture.mode[0] in "IF":
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=white_level)
        picture = PillowImage.fromarray(np.clip(values / white_level * _WHITE, 0, _WHITE).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        if layered.getchannel("A").getextrema() == (_WHITE, _WHITE):
            return layered.convert("RGB"), False
        ground = PillowImage.new("RGBA", layered.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        return PillowImage.alpha_composite(ground, layered).convert("RGB"), True
    return picture if picture.mode == "RGB" else picture.convert("RGB"), False
