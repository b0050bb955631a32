"""Pure: whether a JPEG's data end before its picture does, though an end-of-image marker follows.

libjpeg fills what is missing with mid-grey and only warns, and Pillow keeps the warning to itself. A grey lower edge
alone says little: studio backgrounds are grey. But data that truly say "grey, grey, grey" repeat the same few bits for
each block, and data that break off do not.
"""

from __future__ import annotations

import re

from PIL import Image as PillowImage

_NOTHING = 128
_TAIL_BITS = 160
"""Before the end marker; that they repeat must show in a single row of blocks."""
_PERIODS = range(6, 81)
"""Bits of one group of blocks that is all grey: 6 where only grey is coded, 32 for colour with the usual tables."""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def ends_in_nothing(picture: PillowImage.Image, data: bytes, end: int | None) -> bool:
    """Whether the lower edge of a decoded baseline JPEG was never in the file.

    Args:
        picture: decoded, reduced or not; of mode RGB or L, else nothing is found.
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
    coded = data[max(0, end - _TAIL_BITS) : end - 3]  # without the marker, and the byte that is filled up
    if _RESTART.search(coded):
        return False  # restarts are numbered and never repeat: nothing can be said
    tail = int.from_bytes(coded.replace(b"\xff\x00", b"\xff")[-_TAIL_BITS // 8 :], "big")
    return not any(((tail >> period) ^ tail) & ((1 << _TAIL_BITS - period) - 1) == 0 for period in _PERIODS)
