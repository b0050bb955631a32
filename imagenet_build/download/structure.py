"""Pure: how a picture file is built, without decoding: its size, frames, end, and the parts that hold no pixels.

Decoders stop when they have their pixels: they do not say that a file ends early by some bytes, nor what lies behind
the picture, and some count frames in quadratic time. A walk over the file's own lengths says it in some microseconds.
JPEG and PNG are here; the other formats, and the choice, are in `structure_others.py`.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

MOST_FRAMES = 1000
"""Frames are counted up to here; a header may claim any number."""
MOST_SCANS = 200
"""Scans of a JPEG; encoders make 10 or so. Each costs a pass over all blocks, however few bytes it has."""
_MOST_PARTS = 200_000
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's frame headers, SOF0 to SOF15 (ITU-T T.81, table B.1)."""
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What is no stuffed byte, restart or filling: outside a scan it skips junk, as decoders do."""
_CHUNK_NAME = re.compile(rb"[A-Za-z]{4}")


@dataclass(slots=True)
class Structure:
    """What a file's own lengths and headers say. Nothing in it is sure: the decoder judges."""

    size: tuple[int, int] | None = None
    """Width and height in pixels, not turned; None: not found."""
    end: int | None = None
    """First byte behind the picture; None: not known."""
    cut: str = ""
    """What is missing, when the file ends before the picture does."""
    broken: str = ""
    """What is wrong, when no decoder should be asked."""
    frames: int = 1
    components: int = 3
    """Of a JPEG: 1 grey, 3 colour, 4 CMYK."""
    is_progressive: bool = False
    is_held: bool = False
    """A JPEG of several scans, progressive or not: its coefficients are all held in memory."""
    beside: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the file, up to `end`, that hold no pixels."""


def jpeg(data: bytes) -> Structure:
    """Segments up to the end-of-image marker (ITU-T T.81, annex B). Further pictures behind it do not count."""
    found = Structure()
    at, scans = 2, 0
    for _ in range(_MOST_PARTS):
        following = _MARKER.search(data, at)
        if following is None:
            found.cut = "no end-of-image marker"
            return found
        at = following.start()
        marker = data[at + 1]
        if marker == 0xD9:
            found.end = at + 2
            return found
        if marker == 0xD8 and scans:
            found.cut = f"another JPEG begins at byte {at}, before this one's end"
            return found
        if marker in (0x01, 0xD8):
            at += 2
            continue
        if marker < 0xC0:
            return found  # no JPEG any more: the decoder will say what it thinks of it
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 2 + length > len(data):
            found.cut = f"the segment at byte {at} has {length} bytes, the file {len(data)}"
            return found
        if marker in _SIZES and found.size is None and length >= 8:
            found.size = int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
            found.components = data[at + 9]
            found.is_progressive = marker in _PROGRESSIVE
        elif marker == 0xDA:
            scans += 1
            if scans == 1:
                found.beside.append((2, at))
                found.is_held = found.is_progressive or data[at + 4] < found.components
            elif scans > MOST_SCANS:
                found.broken = f"more than {MOST_SCANS} scans"
                return found
        at += 2 + length
    found.broken = f"more than {_MOST_PARTS} segments"
    return found


def png(data: bytes) -> Structure:
    """Chunks up to IEND, checksums included (W3C Portable Network Graphics, third edition, section 5)."""
    found = Structure()
    at, frames, first_pixels, last_pixels = 8, 0, 0, 0
    for _ in range(_MOST_PARTS):
        name = data[at + 4 : at + 8]
        if len(name) < 4:
            found.cut = "no IEND chunk"
            return found
        length = int.from_bytes(data[at : at + 4], "big")
        if not _CHUNK_NAME.fullmatch(name) or (at == 8) != (name == b"IHDR"):
            found.broken = f"no chunk at byte {at}"
            return found
        if at + 12 + length > len(data):
            found.cut = f"the chunk {name.decode()} at byte {at} has {length} bytes, the file {len(data)}"
            return found
        checksum = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        if name[0] < 97 and zlib.crc32(data[at + 4 : at + 8 + length]) != checksum:  # upper case: needed for the pixels
            found.broken = f"the checksum of the chunk {name.decode()} at byte {at} is wrong"
            return found
        if name == b"IHDR":
            found.size = int.from_bytes(data[at + 8 : at + 12], "big"), int.from_bytes(data[at + 12 : at + 16], "big")
        elif name == b"fcTL":
            frames += 1
        elif name == b"IDAT":
            first_pixels = first_pixels or at
            last_pixels = at + 12 + length
        at += 12 + length
        if name == b"IEND":
            found.end = at
            found.frames = min(max(frames, 1), MOST_FRAMES)
            found.beside = [(8, first_pixels), (last_pixels, at)]
            return found
    found.broken = f"more than {_MOST_PARTS} chunks"
    return found
