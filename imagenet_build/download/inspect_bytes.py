"""Pure: bytes -> facts, or why they are refused. Cheap checks first: magic bytes, structure, size, strict decode.

Transparent pictures are seen as a viewer would see them, on white; hashes are those of the upright picture.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Collection

import numpy as np
from PIL import AvifImagePlugin, features
from PIL import Image as PillowImage

from imagenet_build.download.descriptors import dct_hashes, gradient_hash
from imagenet_build.download.jpeg_end import ends_in_nothing
from imagenet_build.download.pixels import DAMAGE, decode, opened_picture, orientation_of, view_of
from imagenet_build.download.png_rows import missing_rows
from imagenet_build.download.signatures import EXTENSIONS, buried_file, format_of, is_markup, other_picture
from imagenet_build.download.structure import MOST_FRAMES, Structure
from imagenet_build.download.structure_others import structure_of
from imagenet_build.records import ImageFacts, Rejection, RejectReason

__all__ = ["EXTENSIONS", "MOST_FRAMES", "format_of", "inspect_bytes"]

MOST_DECODED_BYTES = 600_000_000
"""What decoding one picture may need, by the estimate below."""
_BYTES_PER_PIXEL = {"JPEG": 0.2, "PNG": 5.5, "GIF": 5.5, "BMP": 5.5, "TIFF": 9, "WEBP": 17, "AVIF": 18, "HEIF": 18}
"""Peaks measured at 100 million pixels, decoder and view together (AVIF: twice its planes, for 10 bits)."""
_MOST_BEHIND = 65_536
"""Bytes behind a picture whose format has no use for any: more of them, not all zero, are another file."""
_PADDED = ("JPEG", "TIFF")
"""Formats behind which cameras write more: see `signatures.py`. (In a TIFF nothing is behind.)"""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a worker has one core


def inspect_bytes(
    data: bytes, *, formats: Collection[str], min_side_px: int, max_pixels: int
) -> ImageFacts | Rejection:
    """Look at one file.

    Args:
        data: the file, whole.
        formats: allowed, in Pillow's names.
        min_side_px: the shorter side must have at least so many pixels.
        max_pixels: width times height, as announced in the header, must not be larger. Formats whose decoders need much
            memory have a limit of their own, below which decoding needs less than `MOST_DECODED_BYTES`.
    Returns:
        The facts, or a rejection, looked for in this order: EMPTY, HTML, FORMAT_REFUSED, NOT_AN_IMAGE (by the first
        bytes), NO_PIXELS, TOO_MANY_PIXELS, TRUNCATED, CORRUPT, POLYGLOT (by the file's structure), TRUNCATED, CORRUPT
        (by a strict decode), ONE_PIXEL, TOO_SMALL.
    Raises:
        MemoryError: the process may not have the memory that the decoder asks for. Where a decoder only says that it
            failed, that is so when the process may not have what the estimate says.
    """
    if not data:
        return Rejection(RejectReason.EMPTY, "0 bytes")
    kind = format_of(data)
    if kind is None:
        return _no_picture(data)
    if kind not in formats:
        return Rejection(RejectReason.FORMAT_REFUSED, kind)
    if not _is_readable(kind):
        return Rejection(RejectReason.FORMAT_REFUSED, f"{kind}: the installed Pillow has no decoder for it")
    structure = structure_of(data, kind)
    refused = _too_large(structure.size, kind, max_pixels, structure) or _misbuilt(data, kind, structure)
    if refused is not None:
        return refused
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities in metadata; what matters raises
            return _decode(data, kind, structure, min_side_px, max_pixels)
    except DAMAGE as error:
        if "out of memory" in str(error).lower():
            raise MemoryError(str(error)) from error
        said = f"{type(error).__name__}: {error}"
    # behind the `except`: what the decoder held is free again
    is_cut = "truncated" in said.lower()
    if not is_cut:
        _ask_for_memory(kind, structure)
    return Rejection(RejectReason.TRUNCATED if is_cut else RejectReason.CORRUPT, f"{kind}: {said}")


def _no_picture(data: bytes) -> Rejection:
    other = other_picture(data)
    if other is not None:
        return Rejection(RejectReason.FORMAT_REFUSED, other)
    reason = RejectReason.HTML if is_markup(data) else RejectReason.NOT_AN_IMAGE
    return Rejection(reason, f"begins with {data[:24]!r}")


def _is_readable(kind: str) -> bool:
    if kind in ("WEBP", "AVIF"):
        return bool(features.check(kind.lower()))
    return kind != "HEIF" or kind in PillowImage.OPEN  # there only when a plugin was registered


def _too_large(size: tuple[int, int] | None, kind: str, max_pixels: int, structure: Structure) -> Rejection | None:
    """Checked twice: what the file's structure says before a decoder allocates, and what the decoder says."""
    if size is None:
        return None
    width, height = size
    if not (width and height):
        return Rejection(RejectReason.NO_PIXELS, f"{kind}: {width}x{height} px")
    said = f"{width}x{height} px; "
    if width * height > max_pixels:
        return Rejection(RejectReason.TOO_MANY_PIXELS, f"{said}the limit is {max_pixels} pixels")
    limit = int(MOST_DECODED_BYTES / _bytes_per_pixel(kind, structure))
    if width * height > limit:
        return Rejection(RejectReason.TOO_MANY_PIXELS, f"{said}the limit for such {kind} files is {limit} pixels")
    return None


def _bytes_per_pixel(kind: str, structure: Structure) -> float:
    # a coefficient has 2 bytes
    return 2 * structure.components if structure.is_held else _BYTES_PER_PIXEL[kind]


def _ask_for_memory(kind: str, structure: Structure) -> None:
    """Raise MemoryError if this process may not have what the picture needs: decoders then call the file damaged."""
    if structure.size is not None:
        width, height = structure.size
        np.empty(int(width * height * _bytes_per_pixel(kind, structure)), np.uint8)  # reserved, never touched


def _misbuilt(data: bytes, kind: str, structure: Structure) -> Rejection | None:
    """What the decoder need not be asked about, or would not say."""
    if structure.cut:
        return Rejection(RejectReason.TRUNCATED, f"{kind}: {structure.cut}")
    if structure.broken:
        return Rejection(RejectReason.CORRUPT, f"{kind}: {structure.broken}")
    for start, stop in structure.beside:
        buried = buried_file(data, start, stop)
        if buried is not None:
            return Rejection(RejectReason.POLYGLOT, f"{kind} and {buried}, within the file")
    end = structure.end
    if end is None or end >= len(data):
        return None
    buried = buried_file(data, end, len(data))
    if buried is not None:
        return Rejection(RejectReason.POLYGLOT, f"{kind} of {end} bytes, and {buried} behind it")
    if kind not in _PADDED and len(data) - end > _MOST_BEHIND and data[end:].strip(b"\0"):
        return Rejection(RejectReason.POLYGLOT, f"{kind} of {end} bytes, and {len(data) - end} bytes behind it")
    return None


def _decode(data: bytes, kind: str, structure: Structure, min_side_px: int, max_pixels: int) -> ImageFacts | Rejection:
    with opened_picture(data, kind) as opened:
        width, height = opened.size
        structure.size = structure.size or opened.size
        refused = _too_large((width, height), kind, max_pixels, structure)
        if refused is not None:
            return refused
        if kind in ("AVIF", "HEIF"):
            structure.frames = min(int(getattr(opened, "n_frames", 1)), MOST_FRAMES)
        orientation = (
            1 if kind == "PNG" else orientation_of(opened, kind)
        )  # asked for it, a PNG decodes, and keeps quiet
        mode, has_icc_profile = opened.mode, bool(opened.info.get("icc_profile"))
        box = decode(opened, kind)
        if kind == "JPEG" and not structure.is_progressive and ends_in_nothing(opened, height, data, structure.end):
            return Rejection(RejectReason.TRUNCATED, "JPEG: its lower part has no data, and is grey")
        if kind == "PNG" and len(structure.beside) == 2:
            missing = missing_rows(opened, data, (structure.beside[0][1], structure.beside[1][0]))
            if missing:
                return Rejection(RejectReason.TRUNCATED, f"PNG: {missing}")
        if width == height == 1:
            return Rejection(RejectReason.ONE_PIXEL, "1x1 px")
        if min(width, height) < min_side_px:
            return Rejection(
                RejectReason.TOO_SMALL, f"{width}x{height} px; the shorter side must be {min_side_px} px or more"
            )
        turned_by = orientation if kind == "JPEG" else orientation_of(opened, kind)  # Pillow turns TIFF files itself,
        width, height = (width, height) if kind == "JPEG" else opened.size  # and PNG may say it behind the pixels
        if turned_by >= 5:
            width, height = height, width
        view = view_of(opened, box, turned_by)
    dct_hash, mirrored_hash = dct_hashes(view.grids.square)
    return ImageFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=view.pixel_sha256,
        format=kind,
        width=width,
        height=height,
        has_alpha=view.has_alpha,
        frames=structure.frames,
        orientation=max(orientation, turned_by),
        mode=mode,
        has_icc_profile=has_icc_profile,
        dct_hash=dct_hash,
        mirrored_hash=mirrored_hash,
        gradient_hash=gradient_hash(view.grids.gradient),
        tiny=view.tiny,
    )
