"""Pure: curves of several series, with error bars where values are uncertain; and clouds of points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imagenet_build.charts.axes import HEIGHT, WIDTH, Axis, error_bar, frame, legend, marker, x_axis, y_axis
from imagenet_build.charts.scales import Scale, bounded_scale, linear_scale, log_scale
from imagenet_build.charts.svg import SERIES, path, picture, tag, titled


class Curve(NamedTuple):
    """A series of points, in the order in which they are joined."""

    name: str
    points: Sequence[tuple[float, float]]
    intervals: Sequence[tuple[float, float]] = ()
    """Of y, one for each point, or none."""
    has_markers: bool = True
    notes: Sequence[str] = ()


class Point(NamedTuple):
    """A point of a cloud."""

    x: float
    y: float
    note: str = ""
    series: int = 0


def line_chart(
    curves: Sequence[Curve],
    *,
    label: str,
    x: Axis,
    y: Axis,
    y_range: tuple[float, float] | None = None,
    x_ticks: Sequence[float] = (),
    width: float = WIDTH,
    height: float = HEIGHT,
    standalone: bool = False,
) -> str:
    """Curves in one frame; each series has its own colour, dashes and marker.

    Args:
        curves: points that a logarithmic axis cannot show (0 and below) are left out.
        label: what the picture shows.
        x: the axis at the bottom.
        y: the axis at the left.
        y_range: where it begins and ends; None: from zero (or a decade) to beyond the largest.
        x_ticks: whole numbers at which ticks stand, the first and the last near the ends; none: round values.
        width: user units.
        height: user units.
        standalone: a file of its own.
    """
    shown = [_showable(curve, x, y) for curve in curves]
    xs = [point[0] for curve in shown for point in curve.points]
    ys = [
        value for curve in shown for value in (*(p[1] for p in curve.points), *(v for i in curve.intervals for v in i))
    ]
    names = [curve.name for curve in shown] if len(shown) > 1 else []
    words = [y.words(tick) for tick in _y_scale(ys, y, y_range, 1, 0).ticks]
    room = frame(width, height, names, words)
    along = _x_scale(xs, x, room.left, room.right)
    if x_ticks:
        along = Scale(min(x_ticks) - 0.5, max(x_ticks) + 0.5, room.left, room.right, False, tuple(x_ticks))
    up = _y_scale(ys, y, y_range, room.bottom, room.top)

    def parts() -> Iterator[str]:
        yield from y_axis(up, y, room)
        yield from x_axis(along, x, room)
        yield from legend(names, room.left, 22, room.right - room.left, lines=True)
        for number, curve in enumerate(shown):
            yield from _curve(curve, number % SERIES, along, up)

    return picture(width, height, label, parts(), standalone=standalone)


def scatter(
    points: Sequence[Point],
    *,
    label: str,
    x: Axis,
    y: Axis,
    series: Sequence[str] = (),
    diagonal: bool = False,
    width: float = WIDTH,
    height: float = HEIGHT,
    standalone: bool = False,
) -> str:
    """A cloud of points; on logarithmic axes those at 0 and below are left out.

    Args:
        points: drawn in their order.
        label: what the picture shows.
        x: the axis at the bottom.
        y: the axis at the left.
        series: names, for the legend; of one series none is drawn.
        diagonal: draw where both are equal.
        width: user units.
        height: user units.
        standalone: a file of its own.
    """
    shown = [point for point in points if (point.x > 0 or not x.is_log) and (point.y > 0 or not y.is_log)]
    xs, ys = [point.x for point in shown], [point.y for point in shown]
    if diagonal:
        xs, ys = xs + ys, xs + ys
    names = list(series) if len(series) > 1 else []
    room = frame(width, height, names, [y.words(tick) for tick in _y_scale(ys, y, None, 1, 0).ticks])
    along, up = _x_scale(xs, x, room.left, room.right), _y_scale(ys, y, None, room.bottom, room.top)

    def parts() -> Iterator[str]:
        yield from y_axis(up, y, room)
        yield from x_axis(along, x, room, grid=True)
        yield from legend(names, room.left, 22, room.right - room.left)
        if diagonal:
            low, high = max(along.low, up.low), min(along.high, up.high)
            yield path([(along(low), up(low)), (along(high), up(high))], "mark")
        for point in shown:
            dot = tag("circle", cx=along(point.x), cy=up(point.y), r=2.4, class_=f"cloud s{point.series % SERIES}")
            yield titled(dot, point.note)

    return picture(width, height, label, parts(), standalone=standalone)


def _showable(curve: Curve, x: Axis, y: Axis) -> Curve:
    keep = [
        number
        for number, point in enumerate(curve.points)
        if (point[0] > 0 or not x.is_log) and (point[1] > 0 or not y.is_log)
    ]
    if len(keep) == len(curve.points):
        return curve
    return curve._replace(
        points=[curve.points[number] for number in keep],
        intervals=[curve.intervals[number] for number in keep] if curve.intervals else (),
        notes=[curve.notes[number] for number in keep] if curve.notes else (),
    )


def _x_scale(values: Sequence[float], axis: Axis, start: float, end: float) -> Scale:
    return log_scale(values, start, end) if axis.is_log else linear_scale(values, start, end)


def _y_scale(
    values: Sequence[float], axis: Axis, between: tuple[float, float] | None, start: float, end: float
) -> Scale:
    if between is not None:
        return bounded_scale(*between, start, end)
    return log_scale(values, start, end) if axis.is_log else linear_scale(values, start, end)


def _curve(curve: Curve, look: int, along: Scale, up: Scale) -> Iterator[str]:
    places = [(along(x), up(y)) for x, y in curve.points]
    for (x, _), (low, high) in zip(places, curve.intervals, strict=bool(curve.intervals)) if curve.intervals else ():
        yield error_bar(x, up(low), up(high))
    if len(places) > 1:
        yield path(places, f"line l{look} d{look}")
    if curve.has_markers or len(places) == 1:
        notes = curve.notes or [""] * len(places)
        for (x, y), note in zip(places, notes, strict=True):
            yield titled(marker(x, y, look), note)
