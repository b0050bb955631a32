"""Pure: bytes -> facts, or why they are refused. Cheap checks first: magic bytes, pixel count, strict decode.

Transparent pictures are seen as a viewer would see them, on white; hashes are those of the upright picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import warnings
from collections.abc import Collection

import imagehash
import numpy as np
from PIL import Image as PillowImage

from imagenet_build.records import ImageFacts, Rejection, RejectReason

TINY_PX = 32
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
MOST_FRAMES = 1000
"""Frames are counted up to here: a header may claim any number, and finding the last of n pages takes n * n steps."""
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
_DAMAGE = (OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError, struct.error, OverflowError)
"""Pillow's plugins raise all of these for damaged files."""

PillowImage.MAX_IMAGE_PIXELS = None  # the limit here is the configured one, checked before decoding


def format_of(data: bytes) -> str | None:
    """The format that the first bytes announce, in Pillow's names; None for anything else.

    >>> format_of(b"GIF89a...")
    'GIF'
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "TIFF"
    return None


def inspect_bytes(
    data: bytes, *, formats: Collection[str], min_side_px: int, max_pixels: int
) -> ImageFacts | Rejection:
    """Look at one file.

    Args:
        data: the file, whole.
        formats: allowed, in Pillow's names.
        min_side_px: the shorter side must have at least so many pixels.
        max_pixels: width times height, as announced in the header, must not be larger.
    Returns:
        The facts, or a rejection (EMPTY, NOT_AN_IMAGE, FORMAT_REFUSED, TOO_MANY_PIXELS, CORRUPT, TOO_SMALL).
    """
    if not data:
        return Rejection(RejectReason.EMPTY, "0 bytes")
    kind = format_of(data)
    if kind is None:
        return Rejection(RejectReason.NOT_AN_IMAGE, f"begins with {data[:24]!r}")
    if kind not in formats:
        return Rejection(RejectReason.FORMAT_REFUSED, kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities in metadata; what matters raises
            return _decode(data, kind, min_side_px, max_pixels)
    except _DAMAGE as error:
        return Rejection(RejectReason.CORRUPT, f"{kind}: {type(error).__name__}: {error}")


def _decode(data: bytes, kind: str, min_side_px: int, max_pixels: int) -> ImageFacts | Rejection:
    with PillowImage.open(io.BytesIO(data), formats=[kind]) as opened:
        width, height = opened.size
        if width * height > max_pixels:
            return Rejection(RejectReason.TOO_MANY_PIXELS, f"{width}x{height} px; the limit is {max_pixels} pixels")
        frames = _frames(opened, kind)
        orientation = _orientation(opened)
        mode, has_icc_profile = opened.mode, bool(opened.info.get("icc_profile"))
        opened.load()  # strict: ImageFile.LOAD_TRUNCATED_IMAGES stays off
        if min(width, height) < min_side_px:
            return Rejection(
                RejectReason.TOO_SMALL, f"{width}x{height} px; the shorter side must be {min_side_px} px or more"
            )
        turn = _UPRIGHT.get(_orientation(opened))  # asked again: Pillow turns TIFF files itself
        upright = opened if turn is None else opened.transpose(turn)
        picture, has_alpha = _on_white(upright)
    pixels = hashlib.sha256(struct.pack(">II", *picture.size))
    pixels.update(picture.tobytes())
    return ImageFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=pixels.hexdigest(),
        format=kind,
        width=picture.width,
        height=picture.height,
        has_alpha=has_alpha,
        frames=frames,
        orientation=orientation,
        mode=mode,
        has_icc_profile=has_icc_profile,
        dct_hash=_as_int(imagehash.phash(picture)),
        mirrored_hash=_as_int(imagehash.phash(picture.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT))),
        gradient_hash=_as_int(imagehash.dhash(picture)),
        tiny=picture.resize((TINY_PX, TINY_PX), PillowImage.Resampling.BILINEAR).tobytes(),
    )


def _frames(opened: PillowImage.Image, kind: str) -> int:
    """How many frames or pages, `MOST_FRAMES` at most; the first is the current one afterwards."""
    if kind != "TIFF":
        frames = min(int(getattr(opened, "n_frames", 1)), MOST_FRAMES)
    else:
        frames = 1
        with contextlib.suppress(*_DAMAGE):  # EOFError behind the last page; a broken later page ends the count too
            while frames < MOST_FRAMES:
                opened.seek(frames)
                frames += 1
    opened.seek(0)
    return frames


def _orientation(opened: PillowImage.Image) -> int:
    """EXIF orientation, 1 to 8; metadata that cannot be read does not spoil the picture."""
    try:
        said = opened.getexif().get(_ORIENTATION_TAG)
    except _DAMAGE:
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def _on_white(picture: PillowImage.Image) -> tuple[PillowImage.Image, bool]:
    """The picture as RGB; transparent parts on white. Also: whether there were any."""
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _to_eight_bits(picture)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        if layered.getchannel("A").getextrema() == (255, 255):
            return layered.convert("RGB"), False
        ground = PillowImage.new("RGBA", layered.size, (255, 255, 255, 255))
        return PillowImage.alpha_composite(ground, layered).convert("RGB"), True
    return picture.convert("RGB"), False


def _to_eight_bits(picture: PillowImage.Image) -> PillowImage.Image:
    """16- and 32-bit grey to 8 bits by range: Pillow's own conversion clips everything above 255 to white."""
    values = np.asarray(picture, dtype=np.float64)
    top = 65535.0 if picture.mode.startswith("I;16") or values.max(initial=0.0) > 255.0 else 255.0
    scaled = np.clip(values / max(top, values.max(initial=0.0)) * 255.0, 0.0, 255.0)
    return PillowImage.fromarray(scaled.astype(np.uint8))


def _as_int(found: imagehash.ImageHash) -> int:
    """64 booleans to an unsigned integer, row by row, first bit highest: the order of `str(hash)`."""
    return int.from_bytes(np.packbits(found.hash.flatten()).tobytes(), "big")
