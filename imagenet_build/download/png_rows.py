"""Pure: whether the compressed pixels of a PNG end before its last row.

Pillow is content when the compressed stream ends: rows that never came stay zero, black or transparent. Only where the
last row is all zero the stream is unpacked once more, and counted; never more than a little of it is held.
"""

from __future__ import annotations

import zlib

from PIL import Image as PillowImage

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Per pixel, by colour type (W3C Portable Network Graphics, third edition, table 11.1)."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7 (section 8.1): first column and row of each pass, and the steps."""
_IN_BYTES, _OUT_BYTES = 1 << 14, 1 << 20


def missing_rows(picture: PillowImage.Image, data: bytes, pixels: tuple[int, int]) -> str:
    """What is missing, in words; empty: nothing.

    Args:
        picture: decoded.
        data: the file, whose chunks have been walked over and are sound.
        pixels: first byte of its first IDAT chunk, and first byte behind its last one.
    """
    if not data[28] and not _is_zero_below(picture):
        return ""
    needed = needed_bytes(data)
    found = _unpacked_bytes(data, pixels, needed)
    return f"its pixels end after {found} of {needed} bytes" if found < needed else ""


def needed_bytes(data: bytes) -> int:
    """Of all rows, unpacked, each with its filter's number (section 7.2); by the header at the file's start."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    bits = data[24] * _SAMPLES.get(data[25], 0)
    passes = _PASSES if data[28] else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _is_zero_below(picture: PillowImage.Image) -> bool:
    width, height = picture.size
    bands = picture.crop((0, height - 1, width, height)).getextrema()
    return all(band in (0, (0, 0)) for band in bands)


def _unpacked_bytes(data: bytes, pixels: tuple[int, int], most: int) -> int:
    unpacking, found = zlib.decompressobj(), 0
    at, end = pixels
    while at < end:
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            for begin in range(at + 8, at + 8 + length, _IN_BYTES):
                packed = data[begin : min(begin + _IN_BYTES, at + 8 + length)]
                while packed:
                    try:
                        found += len(unpacking.decompress(packed, _OUT_BYTES))
                    except zlib.error:
                        return found
                    if found >= most or unpacking.eof:
                        return found
                    packed = unpacking.unconsumed_tail
        at += 12 + length
    return found + len(unpacking.flush(_OUT_BYTES))
