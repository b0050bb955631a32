"""Pure: numbers as people and SVG read them."""

from __future__ import annotations

import math

_THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def coordinate(value: float) -> str:
    """A length or place in user units, to a tenth, without a needless zero.

    >>> [coordinate(value) for value in (3.0, 2.04, 2.06, -0.01)]
    ['3', '2', '2.1', '0']
    """
    text = f"{value:.1f}"
    if text.endswith(".0"):
        text = text[:-2]
    return "0" if text == "-0" else text


def grouped(value: float, digits: int = 0) -> str:
    """With commas between thousands.

    >>> grouped(14197114), grouped(1234.56, 1)
    ('14,197,114', '1,234.6')
    """
    return f"{value:,.{digits}f}"


def short(value: float) -> str:
    """Three figures at most, for axes and small labels.

    >>> [short(value) for value in (0, 0.25, 7, 950, 1500, 2000, 14197114, 0.0004)]
    ['0', '0.25', '7', '950', '1.5k', '2k', '14.2M', '0.0004']
    """
    size = abs(value)
    for unit, name in _THOUSANDS:
        if size >= unit * 0.9995:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}" if size == 0 or size >= 0.001 else f"{value:.1g}"


def percent(share: float, digits: int | None = None) -> str:
    """A share as percent; between 0 and 0.1 % it is never rounded to nothing, nor up to everything.

    >>> [percent(share) for share in (0, 0.00004, 0.031, 0.5, 0.9994, 0.99996, 1)]
    ['0 %', '<0.1 %', '3.1 %', '50 %', '99.9 %', '>99.9 %', '100 %']
    """
    if digits is not None:
        return f"{100 * share:.{digits}f} %"
    if share <= 0 or share >= 1 or math.isnan(share):
        return f"{100 * share:.0f} %"
    if share < 0.001:
        return "<0.1 %"
    if share > 0.9995:
        return ">99.9 %"
    near_an_end = share < 0.1 or share > 0.9
    text = f"{100 * share:.1f}" if near_an_end else f"{100 * share:.0f}"
    return f"{text.removesuffix('.0')} %"
