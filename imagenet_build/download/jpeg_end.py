"""Pure: whether a JPEG's data end before its picture does, though an end-of-image marker follows.

libjpeg fills what is missing with mid-grey and only warns, and Pillow keeps the warning to itself. A grey lower edge
alone says little: studio backgrounds are grey. But data that truly say "grey, grey, grey" repeat the same few bits for
each block, and data that break off do not.
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image as PillowImage

_NOTHING = 128
_BLOCK = 8
_TAIL_BITS = 160
"""Before the end marker; that they repeat must show in a single row of blocks."""
_PERIODS = range(6, 81)
"""Bits of one group of blocks that is all grey: 6 where only grey is coded, 32 for colour with the usual tables."""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def ends_in_nothing(picture: PillowImage.Image, full_height: int, data: bytes, end: int | None) -> bool:
    """Whether the lower edge of a decoded baseline JPEG was never in the file.

    Args:
        picture: decoded, reduced or not; of mode RGB or L, else nothing is found.
        full_height: pixels that the file has from top to bottom.
        data: the file.
        end: first byte behind its end-of-image marker.
    """
    if picture.mode not in ("RGB", "L") or end is None:
        return False
    width, height = picture.size
    nothing = (_NOTHING,) * 3 if picture.mode == "RGB" else _NOTHING
    if picture.getpixel((width - 1, height - 1)) != nothing:
        return False
    edge = picture.crop((0, height - 1, width, height)).getextrema()
    if edge not in ((_NOTHING, _NOTHING), ((_NOTHING, _NOTHING),) * 3):
        return False
    if not _last_blocks_are_grey(picture, full_height):
        return False  # a grey border that begins within the last blocks: those are in the file
    coded = data[max(0, end - _TAIL_BITS) : end - 3]  # without the marker, and the byte that is filled up
    if _RESTART.search(coded):
        return False  # restarts are numbered and never repeat: nothing can be said
    tail = int.from_bytes(coded.replace(b"\xff\x00", b"\xff")[-_TAIL_BITS // 8 :], "big")
    return not any(((tail >> period) ^ tail) & ((1 << _TAIL_BITS - period) - 1) == 0 for period in _PERIODS)


def _last_blocks_are_grey(picture: PillowImage.Image, full_height: int) -> bool:
    """Whether the last row of blocks is grey from its top, in brightness: colours run over from the row above."""
    rows = _BLOCK * max((layer[2] for layer in getattr(picture, "layer", ())), default=1)
    top = (full_height - 1) // rows * rows * picture.height // full_height
    lines = np.asarray(picture.crop((0, top, picture.width, picture.height)).convert("L"))
    return bool(lines.min() >= _NOTHING - 1 and lines.max() <= _NOTHING + 1)
