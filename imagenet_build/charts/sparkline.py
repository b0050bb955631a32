"""Pure: a line the size of a word (Tufte 2006, "Beautiful Evidence")."""

from __future__ import annotations

from collections.abc import Sequence

from imagenet_build.charts.numbers import short
from imagenet_build.charts.svg import path, picture, tag

_EDGE = 1.5


def sparkline(
    values: Sequence[float], *, label: str = "", width: float = 80, height: float = 16, bars: bool = False
) -> str:
    """A small picture of a series, from zero upwards.

    Args:
        values: not negative; none draws a base line only.
        label: what the values are; their ends and largest are said after it.
        width: user units.
        height: user units.
        bars: a bar for each value instead of a line.
    """
    top = max(values, default=0) or 1
    base, tall = height - _EDGE, height - 2 * _EDGE
    said = f"{label}: {short(values[0])} to {short(values[-1])}, at most {short(max(values))}" if values else label
    parts = [path([(0, base), (width, base)], "grid")]
    if bars and values:
        step = width / len(values)
        for place, value in enumerate(values):
            if value > 0:
                high = max(1.0, value / top * tall)
                parts.append(
                    tag("rect", x=place * step, y=base - high, width=max(0.5, step - 0.5), height=high, class_="bar s0")
                )
    elif values:
        step = (width - 2 * _EDGE) / max(1, len(values) - 1)
        points = [(_EDGE + place * step, base - value / top * tall) for place, value in enumerate(values)]
        if len(points) > 1:
            parts.append(path(points, "step l0"))
        parts.append(tag("circle", cx=points[-1][0], cy=points[-1][1], r=_EDGE, class_="dot s0"))
    return picture(width, height, said, parts)
