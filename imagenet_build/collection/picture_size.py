"""How large a local picture is, from its header alone."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels as stored; None if the header cannot be read. Nothing is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                return int(width), int(height)
    except Exception:  # noqa: BLE001 - a hostile header makes decoders raise anything; an unknown size is legal
        return None
