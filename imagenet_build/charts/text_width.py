"""Pure: how wide a text is in a sans-serif face, well enough to know whether it fits."""

from __future__ import annotations

import unicodedata

_NARROW = frozenset("ijl.,:;'|!()[]{}Itfr /-")
_WIDE = frozenset("mwMW@%")
_EM_OF_NARROW, _EM_OF_WIDE, _EM_OF_CAPITAL, _EM_OF_OTHERS = 0.33, 0.88, 0.69, 0.565


def text_width(text: str, size: float) -> float:
    """The width of a text, a little too much rather than too little.

    Args:
        text: any characters; those that East Asian typography sets wide count one em, combining ones nothing.
        size: of the type, in user units.
    Returns:
        user units.

    >>> text_width("ill", 10) < text_width("Mammal", 10) < text_width("哺乳动物哺乳", 10) == 60
    True
    """
    return size * sum(map(_em_of, text))


def _em_of(letter: str) -> float:
    if letter in _NARROW:
        return _EM_OF_NARROW
    if letter in _WIDE:
        return _EM_OF_WIDE
    if letter.isascii():
        return _EM_OF_CAPITAL if letter.isupper() else _EM_OF_OTHERS
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return _EM_OF_CAPITAL if letter.isupper() else _EM_OF_OTHERS


def shortened(text: str, size: float, room: float) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; empty where not even two letters do.

    >>> shortened("musical instrument", 10, 60), shortened("harp", 10, 60), shortened("musical", 10, 8)
    ('musical in…', 'harp', '')
    """
    if text_width(text, size) <= room:
        return text
    left = room - size * _EM_OF_WIDE
    for place, letter in enumerate(text):
        left -= size * _em_of(letter)
        if left < 0:
            return f"{text[:place].rstrip()}…" if place >= 2 else ""
    return text
