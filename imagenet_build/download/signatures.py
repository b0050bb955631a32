"""Pure: what bytes are by their first bytes, and whether a second file hides beside a picture.

What cameras and programs write behind a picture is left alone: further JPEG pictures (stereo, thumbnails, gain and
depth maps), a film (motion photographs), Samsung's trailer, padding. What some other program would open, unpack or run
is not.
"""

from __future__ import annotations

import re

EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "AVIF": "avif",
    "HEIF": "heic",
}

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)
_OTHER_PICTURES = (
    (b"\x00\x00\x01\x00", "ICO"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"II+\x00", "BigTIFF"),
    (b"MM\x00+", "BigTIFF"),
    (b"qoif", "QOI"),
    (b"II\xbc\x01", "JPEG XR"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

_MARKUP = re.compile(rb"<(?:[!?]|/?[a-z][a-z0-9:]*[\s/>])", re.IGNORECASE)
_FIRST_ELEMENT = re.compile(rb"<([a-z][a-z0-9:]*)", re.IGNORECASE)
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_START = 4096
"""Bytes in which markup is looked for."""

_BURIED = (
    ("a RAR archive", re.compile(rb"Rar!\x1a\x07")),
    ("a 7z archive", re.compile(rb"7z\xbc\xaf\x27\x1c")),
    ("a PDF document", re.compile(rb"%PDF-[12]\.\d")),
    ("a program (ELF)", re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01")),
    ("a web page or script", re.compile(rb"<(?i:!doctype html|html|body|script|iframe|\?php)[\s/>]")),
)
_AT_THE_START = (
    ("a program (MZ)", re.compile(rb"MZ.{58}", re.DOTALL)),
    ("a script", re.compile(rb"#! ?/")),
)
_ZIP_MEMBER, _ZIP_END = b"PK\x03\x04", b"PK\x05\x06"
_ZIP_END_WITHIN = 22 + 65535
"""Bytes from a zip archive's end in which its closing record lies (PKWARE APPNOTE 4.3.16)."""


def format_of(data: bytes) -> str | None:
    """The format that the first bytes announce, in Pillow's names; None for anything else.

    >>> format_of(b"GIF89a...")
    'GIF'
    >>> format_of(b"....ftypheic....mif1heic")
    'HEIF'
    """
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4], "big"), 256), 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
        if any(brand in _HEIF_BRANDS for brand in brands):
            return "HEIF"
    return None


def other_picture(data: bytes) -> str | None:
    """The name of a picture format that is known and never read; None for anything else.

    >>> other_picture(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    'SVG'
    """
    for magic, name in _OTHER_PICTURES:
        if data.startswith(magic):
            return name
    element = _FIRST_ELEMENT.search(_text_start(data)) if is_markup(data) else None
    return "SVG" if element is not None and element[1].lower() in (b"svg", b"svg:svg") else None


def is_markup(data: bytes) -> bool:
    """Whether it begins as HTML or XML does, behind a byte order mark and white space.

    >>> is_markup(b"\\r\\n <!DOCTYPE html>")
    True
    """
    return _MARKUP.match(_text_start(data)) is not None


def _text_start(data: bytes) -> bytes:
    start = data[:_START]
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            start = start[len(mark) :].decode(encoding, "ignore").encode()
            break
    return start.lstrip(b" \t\r\n\f\0")


def buried_file(data: bytes, start: int, stop: int) -> str | None:
    """What other kind of file lies in `data[start:stop]`, in words; None: nothing known.

    A zip archive counts where both a member and the closing record are: two chance bytes in a film do not make one.
    """
    for name, pattern in _BURIED:
        if pattern.search(data, start, stop):
            return name
    for name, pattern in _AT_THE_START:
        if start and pattern.match(data, start, stop):
            return name
    if data.find(_ZIP_MEMBER, start, stop) >= 0 and data.rfind(_ZIP_END, max(0, len(data) - _ZIP_END_WITHIN)) >= 0:
        return "a zip archive"
    return None
