"""Pure: how GIF, WebP, BMP, TIFF, AVIF and HEIF files are built; see `structure.py`."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from imagenet_build.download.structure import MOST_FRAMES, Structure, jpeg, png

_EDGE = 65_536
"""Bytes at either end of a file without an order of its own (TIFF) in which other files are looked for."""
_MOST_PARTS = 200_000
_TIFF_NUMBERS = {1: "u1", 3: "u2", 4: "u4"}
_WIDTH, _HEIGHT = 256, 257
_PIXEL_OFFSETS, _PIXEL_LENGTHS = (273, 324), (279, 325)
"""Strips, tiles (TIFF 6.0, section 8 and 15)."""
_BOXES = (b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid", b"mpvd")
_PIXEL_CHUNKS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")


def structure_of(data: bytes, kind: str) -> Structure:
    """Walk over a file of the format `kind`. Never an exception, whatever the bytes are; in linear time."""
    try:
        return _WALKS[kind](data)
    except (struct.error, IndexError):  # read beyond the end
        return Structure(cut=f"the file ends within its header, after {len(data)} bytes")


def _gif(data: bytes) -> Structure:
    """Blocks up to the trailer (GIF89a specification, section 17 and following). Size: of screen and first frame."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    found, frames = Structure(), 0
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    found.beside.append((6, at))
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            found.end = at + 1
            return found
        begin = at
        if kind == 0x2C:
            left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, at + 1)
            if not frames:
                empty = not (frame_width and frame_height)
                found.size = (0, 0) if empty else (max(width, left + frame_width), max(height, top + frame_height))
            frames += 1
            found.frames = min(frames, MOST_FRAMES)
            at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        elif kind == 0x21:
            at += 2
        else:
            return found  # decoders go on in different ways
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if kind == 0x21 and len(found.beside) < MOST_FRAMES:
            found.beside.append((begin, min(at, len(data))))
    found.cut = "no trailer"
    return found


def _webp(data: bytes) -> Structure:
    """Chunks of the RIFF container (RFC 9649, section 2)."""
    found = Structure()
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        found.cut = f"the container has {end} bytes, the file {len(data)}"
    chunk = data[12:16]
    if chunk == b"VP8X":
        found.size = 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    elif chunk == b"VP8L" and data[20:21] == b"\x2f":
        bits = int.from_bytes(data[21:25], "little")
        found.size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        found.size = width & 0x3FFF, height & 0x3FFF
    at, frames, parts = 12, 0, 0
    while at + 8 <= min(end, len(data)) and parts < _MOST_PARTS:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            found.cut = found.cut or f"the chunk at byte {at} has {length} bytes, the file {len(data)}"
        frames += name == b"ANMF"
        if name not in _PIXEL_CHUNKS and len(found.beside) < MOST_FRAMES:
            found.beside.append((at, min(at + 8 + length, len(data))))
        at += 8 + length + length % 2
        parts += 1
    found.frames = min(max(frames, 1), MOST_FRAMES)
    found.end = None if found.cut else end
    return found


def _bmp(data: bytes) -> Structure:
    """File header and information header (Microsoft, BITMAPFILEHEADER, BITMAPINFOHEADER)."""
    said, _, pixels_at, header = struct.unpack_from("<IIII", data, 2)
    found = Structure(beside=[(2, min(pixels_at, len(data)))])
    compression = 0
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if header not in (12, 16, 40, 52, 56, 64, 108, 124):
        return found
    found.size = max(width, 0), abs(height)
    end = said if 0 < said <= len(data) else len(data)
    if compression in (0, 3):
        needed = pixels_at + (max(width, 0) * bits + 31) // 32 * 4 * abs(height)
        if needed > len(data):
            found.cut = f"the pixels reach to byte {needed}, the file has {len(data)}"
        end = max(needed, end)
    found.end = None if found.cut else end
    return found


def _tiff(data: bytes) -> Structure:
    """Directories, one a page, and where the first one's pixels lie (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    found = Structure(frames=0, beside=[(4, 1024), (max(4, len(data) - _EDGE), len(data))])
    at = struct.unpack_from(order + "I", data, 4)[0]
    seen: set[int] = set()
    while at and at not in seen and found.frames < MOST_FRAMES:
        if at + 2 > len(data):
            if not found.frames:
                found.cut = f"the directory lies at byte {at}, the file has {len(data)}"
            break  # a page that is not there ends the count: decoders do not read it
        seen.add(at)
        count = struct.unpack_from(order + "H", data, at)[0]
        if at + 2 + 12 * count > len(data):
            if not found.frames:
                found.cut = f"the directory at byte {at} has {count} entries, the file {len(data)} bytes"
            break
        if not found.frames:
            _first_page(data, order, at + 2, count, found)
        found.frames += 1
        following = data[at + 2 + 12 * count : at + 6 + 12 * count]
        at = struct.unpack(order + "I", following)[0] if len(following) == 4 else 0
    found.frames = max(found.frames, 1)
    return found


def _first_page(data: bytes, order: str, at: int, count: int, found: Structure) -> None:
    numbers: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
    for entry in range(at, at + 12 * count, 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, entry)
        if tag not in (_WIDTH, _HEIGHT, *_PIXEL_OFFSETS, *_PIXEL_LENGTHS) or kind not in _TIFF_NUMBERS:
            continue
        width = int(_TIFF_NUMBERS[kind][1])
        place = entry + 8 if length * width <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        if place + length * width > len(data):
            found.cut = f"the values of tag {tag} reach to byte {place + length * width}, the file has {len(data)}"
            return
        numbers[tag] = np.frombuffer(data, order + _TIFF_NUMBERS[kind], length, place).astype(np.int64)
    if len(numbers.get(_WIDTH, ())) and len(numbers.get(_HEIGHT, ())):
        found.size = int(numbers[_WIDTH][0]), int(numbers[_HEIGHT][0])
    for offsets, lengths in zip(_PIXEL_OFFSETS, _PIXEL_LENGTHS, strict=True):
        if len(numbers.get(offsets, ())) and len(numbers.get(lengths, ())):
            parts = min(len(numbers[offsets]), len(numbers[lengths]))
            end = int((numbers[offsets][:parts] + numbers[lengths][:parts]).max())
            if end > len(data):
                found.cut = f"the pixels reach to byte {end}, the file has {len(data)}"


def _boxes(data: bytes) -> Structure:
    """Boxes at the file's top level (ISO/IEC 14496-12, section 4.2)."""
    found = Structure()
    at, parts = 0, 0
    while at + 8 <= len(data) and data[at + 4 : at + 8].isalnum() and parts < _MOST_PARTS:
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        elif length == 0:
            length = len(data) - at
        if length < 8 or (at + length > len(data) and name not in _BOXES):
            break
        if at + length > len(data):
            found.cut = f"the box {name.decode()} at byte {at} has {length} bytes, the file {len(data)}"
            return found
        if name not in (b"mdat", b"mpvd") and len(found.beside) < MOST_FRAMES:
            found.beside.append((at + 8, at + length))
        at += length
        parts += 1
    found.end = at
    return found


_WALKS: dict[str, Callable[[bytes], Structure]] = {
    "JPEG": jpeg,
    "PNG": png,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
    "AVIF": _boxes,
    "HEIF": _boxes,
}
