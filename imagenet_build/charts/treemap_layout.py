"""Pure: rectangles whose areas are as given, as square as can be.

Source: Bruls, Huizing and van Wijk, "Squarified treemaps", Joint Eurographics and IEEE TCVG Symposium (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Rect(NamedTuple):
    """A rectangle; x to the right, y down, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def squarified(values: Sequence[float], room: Rect) -> list[Rect]:
    """A rectangle for each value, together filling the room.

    Args:
        values: areas in any unit, not negative. Larger ones are placed first, equal ones in their order.
        room: what is to be filled.
    Returns:
        the rectangles in the order of `values`; of value 0, of no size.

    >>> squarified([6, 2], Rect(0, 0, 4, 2))
    [Rect(x=0, y=0, width=3.0, height=2), Rect(x=3.0, y=0, width=1.0, height=2)]
    """
    total = float(sum(values))
    placed = [Rect(room.x, room.y, 0.0, 0.0)] * len(values)
    if total <= 0 or room.width <= 0 or room.height <= 0:
        return placed
    unit = room.width * room.height / total
    order = sorted(
        (place for place, value in enumerate(values) if value > 0), key=lambda place: (-values[place], place)
    )
    at = 0
    while at < len(order):
        side = min(room.width, room.height)
        end, area = at + 1, values[order[at]] * unit
        largest = area
        worst = _worst(side, area, largest, largest)
        while end < len(order):
            smallest = values[order[end]] * unit
            next_worst = _worst(side, area + smallest, largest, smallest)
            if next_worst > worst:
                break
            worst, area, end = next_worst, area + smallest, end + 1
        room = _lay_out(order[at:end], values, unit, area, room, placed)
        at = end
    return placed


def _worst(side: float, area: float, largest: float, smallest: float) -> float:
    """The largest ratio of sides in a row of this area along a side (section 3.2 of the paper)."""
    squared = side * side
    return max(squared * largest / (area * area), area * area / (squared * smallest))


def _lay_out(
    row: Sequence[int], values: Sequence[float], unit: float, area: float, room: Rect, placed: list[Rect]
) -> Rect:
    """Place a row along the shorter side; what is left of the room."""
    x, y = room.x, room.y
    if room.width >= room.height:
        wide = min(room.width, area / room.height)
        for number, place in enumerate(row):
            is_last = number == len(row) - 1
            tall = room.y + room.height - y if is_last else values[place] * unit / wide
            placed[place] = Rect(x, y, wide, tall)
            y += tall
        return Rect(room.x + wide, room.y, max(0.0, room.width - wide), room.height)
    tall = min(room.height, area / room.width)
    for number, place in enumerate(row):
        is_last = number == len(row) - 1
        wide = room.x + room.width - x if is_last else values[place] * unit / tall
        placed[place] = Rect(x, y, wide, tall)
        x += wide
    return Rect(room.x, room.y + tall, room.width, max(0.0, room.height - tall))
