"""Pure: horizontal bars with a name at the left and the value at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imagenet_build.charts.axes import LINE_PX, Words, legend, legend_rows
from imagenet_build.charts.numbers import grouped
from imagenet_build.charts.scales import Scale, linear_scale, log_scale
from imagenet_build.charts.svg import FONT_PX, SERIES, SMALL_PX, path, picture, tag, text, titled
from imagenet_build.charts.text_width import shortened, text_width

_BAR_PX = 13.0
_BETWEEN_PX = 6.0
_WIDEST_NAME = 0.42
"""Of the picture."""


class Bar(NamedTuple):
    """One row; a value for each series, None where there is none."""

    name: str
    values: tuple[float | None, ...]
    note: str = ""
    """Shown when it is pointed at."""
    interval: tuple[float, float] | None = None
    """Around the first value."""


def bar_chart(
    bars: Sequence[Bar],
    *,
    label: str,
    series: Sequence[str] = (),
    width: float = 440,
    is_log: bool = False,
    words: Words = grouped,
    overlay: bool = False,
    standalone: bool = False,
) -> str:
    """Bars from zero; on a logarithmic axis from the decade below the smallest.

    Args:
        bars: from top to bottom.
        label: what the picture shows.
        series: names of the values, for the legend; of one series none is drawn.
        width: user units.
        is_log: a logarithmic axis: values of 0 have no bar.
        words: how the values at the ends are written.
        overlay: the second series is a part of the first and is drawn inside its bar.
        standalone: a file of its own.
    """
    count = max((len(bar.values) for bar in bars), default=1)
    lanes = 1 if overlay else count
    names = list(series) if count > 1 else []
    head = LINE_PX * len(legend_rows(names, width - 20)) + (4 if names else 0)
    name_room = min(_WIDEST_NAME * width, max((text_width(bar.name, FONT_PX) for bar in bars), default=0.0) + 4)
    ends = [_said(bar, lane, words) for bar in bars for lane in range(lanes)]
    end_room = max((text_width(said, SMALL_PX) for said in ends), default=0.0) + 8
    values = [value for bar in bars for value in (*bar.values, *(bar.interval or ())) if value is not None]
    left, right = name_room + 6, width - end_room
    scale = log_scale(values, left, right) if is_log else linear_scale([0.0, *values], left, right)
    if values and max(values) > scale.low:
        scale = Scale(scale.low, max(values), left, right, is_log, scale.ticks)
    row = lanes * _BAR_PX + _BETWEEN_PX
    height = head + row * len(bars) + 4

    def parts() -> Iterator[str]:
        yield from legend(names, 4, 0, width - 20)
        for number, bar in enumerate(bars):
            top = head + number * row + _BETWEEN_PX / 2
            yield titled("".join(_row(bar, top, lanes, scale, words, name_room)), bar.note)
        if bars:
            yield path([(left, head), (left, height - 2)], "axis")

    return picture(width, height, label, parts(), standalone=standalone)


def _said(bar: Bar, lane: int, words: Words) -> str:
    value = bar.values[lane] if lane < len(bar.values) else None
    return "" if value is None else words(value)


def _row(bar: Bar, top: float, lanes: int, scale: Scale, words: Words, name_room: float) -> Iterator[str]:
    middle = top + lanes * _BAR_PX / 2
    yield text(name_room, middle + 4, shortened(bar.name, FONT_PX, name_room), "end")
    for number, value in enumerate(bar.values):
        if value is None:
            continue
        lane = min(number, lanes - 1)
        y = top + lane * _BAR_PX
        inset = 3.0 if number >= lanes else 0.0
        shown = value > 0 or not scale.is_log
        long = max(0.0, scale(value) - scale.start) if shown else 0.0
        if long > 0:
            yield tag(
                "rect",
                x=scale.start,
                y=y + 1 + inset,
                width=max(long, 0.8),
                height=_BAR_PX - 2 - 2 * inset,
                class_=f"bar s{number % SERIES}",
            )
        end = scale.start + long
        if number == 0 and bar.interval is not None:
            low, high = (scale(edge) for edge in bar.interval)
            yield path([(low, middle), (high, middle)], "error")
            end = max(end, high)
        if number < lanes:
            yield text(end + 4, y + _BAR_PX - 3, words(value), "small")
