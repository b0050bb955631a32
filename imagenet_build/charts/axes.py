"""Pure: the frame of a plot: room for it, grid lines, ticks, titles, a legend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imagenet_build.charts.numbers import short
from imagenet_build.charts.scales import Scale
from imagenet_build.charts.svg import SERIES, SMALL_PX, path, tag, text
from imagenet_build.charts.text_width import text_width

Words = Callable[[float], str]
"""How a value is written."""
WIDTH = 440.0
HEIGHT = 260.0
LINE_PX = 16.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The room that is left for the plot, in user units from the upper left corner of the picture."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Axis:
    """What is written along an axis."""

    title: str
    is_log: bool = False
    words: Words = short


def frame(width: float, height: float, legend: Sequence[str] = (), y_words: Sequence[str] = ("0,000",)) -> Frame:
    """Room for a plot with titles on both axes and a legend above, if there is one."""
    left = 12 + max((text_width(said, SMALL_PX) for said in y_words), default=0.0) + 8
    lines = len(legend_rows(legend, width - left - 12))
    return Frame(left, 24 + (LINE_PX * lines if lines else 0), width - 12, height - 42)


def x_axis(scale: Scale, axis: Axis, room: Frame, *, grid: bool = False) -> Iterator[str]:
    """The axis at the bottom, its title in the middle below it."""
    yield path([(room.left, room.bottom), (room.right, room.bottom)], "axis")
    end = -1e9
    for value in scale.ticks:
        x = scale(value)
        said = axis.words(value)
        if grid:
            yield path([(x, room.top), (x, room.bottom)], "grid")
        yield path([(x, room.bottom), (x, room.bottom + 4)], "axis")
        half = text_width(said, SMALL_PX) / 2
        if x - half > end + 4:
            yield text(x, room.bottom + 16, said, "small middle")
            end = x + half
    yield text((room.left + room.right) / 2, room.bottom + 34, axis.title, "quiet middle")


def y_axis(scale: Scale, axis: Axis, room: Frame) -> Iterator[str]:
    """Grid lines with their values at the left; the title stands above, where it reads without turning the head."""
    for value in scale.ticks:
        y = scale(value)
        yield path([(room.left, y), (room.right, y)], "grid")
        yield text(room.left - 6, y + 4, axis.words(value), "small end")
    yield text(2, 13, axis.title, "quiet")


def legend_rows(names: Sequence[str], room: float) -> list[list[str]]:
    """The names in rows that fit."""
    rows: list[list[str]] = []
    used = 0.0
    for name in names:
        wide = text_width(name, SMALL_PX) + 34
        if not rows or used + wide > room:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += wide
    return rows


def legend(names: Sequence[str], left: float, top: float, room: float, *, lines: bool = False) -> Iterator[str]:
    """A row of samples with names; of `lines` with their dashes and markers, else filled squares."""
    number = 0
    for row, held in enumerate(legend_rows(names, room)):
        x, y = left, top + row * LINE_PX
        for name in held:
            look = number % SERIES
            if lines:
                yield path([(x, y + 6), (x + 18, y + 6)], f"line l{look} d{look}")
                yield marker(x + 9, y + 6, look)
            else:
                yield tag("rect", x=x + 4, y=y + 1, width=10, height=10, class_=f"bar s{look}")
            yield text(x + 22, y + 10, name, "small")
            x += text_width(name, SMALL_PX) + 34
            number += 1


def marker(x: float, y: float, look: int, size: float = 3.2) -> str:
    """A point of a series: another shape for each, for those who do not tell the colours apart."""
    class_ = f"dot s{look % SERIES}"
    shape = look % SERIES
    if shape == 1:
        return tag("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, class_=class_)
    if shape in (2, 3):
        up = 1.2 * size * (1 if shape == 2 else -1)
        return _polygon([(x - 1.2 * size, y + up), (x + 1.2 * size, y + up), (x, y - up)], class_)
    if shape == 4:
        far = 1.4 * size
        return _polygon([(x, y - far), (x + far, y), (x, y + far), (x - far, y)], class_)
    return tag("circle", cx=x, cy=y, r=size if shape == 0 else size * 0.6, class_=class_)


def _polygon(corners: Sequence[tuple[float, float]], class_: str) -> str:
    return path([*corners, corners[0]], class_)


def error_bar(x: float, low: float, high: float) -> str:
    """An interval as an upright line with short ends; places, not values."""
    ends = "".join(path([(x - 3, y), (x + 3, y)], "error") for y in (low, high))
    return path([(x, low), (x, high)], "error") + ends
