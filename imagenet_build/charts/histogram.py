"""Pure: how many things fall into each bin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imagenet_build.charts.axes import HEIGHT, WIDTH, Axis, Frame, frame, legend, y_axis
from imagenet_build.charts.scales import linear_scale
from imagenet_build.charts.svg import SMALL_PX, path, picture, tag, text, titled
from imagenet_build.charts.text_width import text_width


class Column(NamedTuple):
    """One bin: what it is called, and its height for each series."""

    name: str
    heights: tuple[float, ...]
    note: str = ""


def histogram(
    columns: Sequence[Column],
    *,
    label: str,
    x: Axis,
    y: Axis,
    series: Sequence[str] = (),
    width: float = WIDTH,
    height: float = HEIGHT,
    whole: bool = True,
    marks: Sequence[tuple[float, str]] = (),
    standalone: bool = False,
) -> str:
    """Upright columns of equal width, side by side; a second series is drawn as a step line over them.

    Args:
        columns: bins from left to right.
        label: what the picture shows.
        x: title of the bins.
        y: title and words of the heights.
        series: names, for the legend; of one series none is drawn.
        width: user units.
        height: user units.
        whole: heights are counts.
        marks: upright dashed lines: place in columns (1.5: the middle of the second), words.
        standalone: a file of its own.
    """
    heights = [height for column in columns for height in column.heights]
    scale = linear_scale(heights, 0, 1, ticks=4, whole=whole)
    names = list(series) if len(series) > 1 else []
    room = frame(width, height, names, [y.words(tick) for tick in scale.ticks])
    scale = linear_scale(heights, room.bottom, room.top, ticks=4, whole=whole)
    step = (room.right - room.left) / max(1, len(columns))

    def parts() -> Iterator[str]:
        yield from y_axis(scale, y, room)
        yield from legend(names, room.left, 22, room.right - room.left)
        for number, column in enumerate(columns):
            left = room.left + number * step
            if column.heights and column.heights[0] > 0:
                top = scale(column.heights[0])
                wide = max(0.8, step - (2 if step > 6 else 0.4))
                bar = tag("rect", x=left, y=top, width=wide, height=room.bottom - top, class_="bar s0")
                yield titled(bar, column.note)
        for one in range(1, max((len(column.heights) for column in columns), default=1)):
            yield path(_steps([scale(column.heights[one]) for column in columns], room, step), f"step l{one}")
        yield from _names(columns, room, step)
        for place, said in marks:
            at = room.left + place * step
            yield path([(at, room.top), (at, room.bottom)], "mark")
            is_right = at + text_width(said, SMALL_PX) + 6 > room.right
            yield text(at + (-4 if is_right else 4), room.top + 10, said, "small end" if is_right else "small")
        yield path([(room.left, room.bottom), (room.right, room.bottom)], "axis")
        yield text((room.left + room.right) / 2, room.bottom + 34, x.title, "quiet middle")

    return picture(width, height, label, parts(), standalone=standalone)


def _steps(tops: Sequence[float], room: Frame, step: float) -> list[tuple[float, float]]:
    points = [(room.left, room.bottom)]
    for number, top in enumerate(tops):
        points += [(room.left + number * step, top), (room.left + (number + 1) * step, top)]
    return [*points, (room.right, room.bottom)]


def _names(columns: Sequence[Column], room: Frame, step: float) -> Iterator[str]:
    """As many names as there is room for, at even distances."""
    widest = max((text_width(column.name, SMALL_PX) for column in columns), default=0.0)
    every = max(1, -(-int(widest + 4) // max(1, int(step))))
    for number in range(0, len(columns), every):
        middle = room.left + (number + 0.5) * step
        yield text(middle, room.bottom + 15, columns[number].name, "small middle")
