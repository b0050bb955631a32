from __future__ import annotations

import itertools
import re

import pytest

from imagenet_build.charts.axes import Axis
from imagenet_build.charts.bars import Bar, bar_chart
from imagenet_build.charts.histogram import Column, histogram
from imagenet_build.charts.lines import Curve, Point, line_chart, scatter
from imagenet_build.charts.sparkline import sparkline
from imagenet_build.charts.svg import DARK_STYLE, STYLE, picture, text
from imagenet_build.charts.text_width import text_width
from tests.charts.markup import number, read, texts, with_class

HOSTILE = 'a<b>&"c\x00\x1f\ud800'


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def color_of(style: str, selector: str) -> str:
    found = re.search(rf"{re.escape(selector)}\{{fill:(#[0-9a-f]{{3,6}})\}}", style)
    assert found, selector
    value = found[1]
    return value if len(value) == 7 else "#" + "".join(2 * letter for letter in value[1:])


@pytest.mark.parametrize(("style", "ground"), [(STYLE, "#ffffff"), (DARK_STYLE, "#161618")])
def test_text_and_marks_can_be_read_on_their_ground(style: str, ground: str) -> None:
    words, quiet = re.search(r"\.chart text\{fill:(#\w+)", style), color_of(style, ".chart .quiet")
    assert words
    ink = words[1] if len(words[1]) == 7 else "#" + "".join(2 * letter for letter in words[1][1:])
    tints = [color_of(style, f".chart .t{number}") for number in range(8)]
    for back in (ground, *tints):
        assert contrast(ink, back) >= 4.5
        assert contrast(quiet, back) >= 4.5
    for number_of in range(6):
        assert contrast(color_of(style, f".chart .s{number_of}"), ground) >= 3


def test_what_comes_from_outside_is_escaped_everywhere() -> None:
    axis = Axis(HOSTILE)
    for svg in (
        bar_chart([Bar(HOSTILE, (1.0, 2.0), HOSTILE)], label=HOSTILE, series=(HOSTILE, "b")),
        histogram([Column(HOSTILE, (1.0, 2.0), HOSTILE)], label=HOSTILE, x=axis, y=axis, series=(HOSTILE, "b")),
        line_chart([Curve(HOSTILE, [(1, 1)], notes=[HOSTILE]), Curve("b", [(1, 2)])], label=HOSTILE, x=axis, y=axis),
        scatter([Point(1, 1, HOSTILE)], label=HOSTILE, x=axis, y=axis),
        sparkline([1, 2], label=HOSTILE),
    ):
        assert 'a<b>&"c' in (read(svg).get("aria-label") or "")
        assert "<b>" not in svg
        assert "a&lt;b&gt;" in svg.partition("</title>")[2] or svg.startswith(sparkline([1, 2], label=HOSTILE))


def test_a_file_of_its_own_brings_its_style_and_a_ground() -> None:
    alone = read(picture(10, 10, "x", [text(1, 2, "y")], standalone=True))
    assert with_class(alone, "ground")
    assert "prefers-color-scheme:dark" in "".join(alone.itertext())
    assert not with_class(read(picture(10, 10, "x", [])), "ground")


def test_bars_are_as_long_as_their_values() -> None:
    root = read(bar_chart([Bar("a", (100.0,)), Bar("b", (50.0,)), Bar("none", (0.0,)), Bar("?", (None,))], label="x"))
    bars = with_class(root, "bar")
    assert len(bars) == 2
    assert number(bars[0], "width") == pytest.approx(2 * number(bars[1], "width"), abs=0.2)
    assert {"100", "50", "0"} <= set(texts(root))


def test_bars_on_a_logarithmic_axis_grow_by_the_factor() -> None:
    root = read(bar_chart([Bar("a", (1000.0,)), Bar("b", (100.0,)), Bar("c", (10.0,))], label="x", is_log=True))
    widths = [number(bar, "width") for bar in with_class(root, "bar")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert len(widths) == 2, "the smallest is where the axis begins"


def test_a_second_series_has_bars_of_its_own_or_lies_inside() -> None:
    bars = [Bar("a", (100.0, 40.0))]
    beside = with_class(read(bar_chart(bars, label="x", series=("all", "part"))), "bar")
    inside = with_class(read(bar_chart(bars, label="x", series=("all", "part"), overlay=True)), "bar")
    first, second = beside[2:]  # behind two samples of the legend
    assert number(second, "y") >= number(first, "y") + number(first, "height")
    first, second = inside[2:]
    assert number(first, "y") < number(second, "y") < number(first, "y") + number(first, "height")


def test_columns_stand_on_the_axis_and_names_do_not_touch() -> None:
    columns = [Column(f"{number}000–{number}999", (float(number),)) for number in range(1, 30)]
    root = read(histogram(columns, label="x", x=Axis("x"), y=Axis("y")))
    bars = with_class(root, "bar")
    assert len(bars) == 29
    assert len({round(number(bar, "y") + number(bar, "height"), 1) for bar in bars}) == 1
    heights = [number(bar, "height") for bar in bars]
    assert heights[19] == pytest.approx(2 * heights[9], abs=0.2)
    named = [each for each in with_class(root, "middle") if "–" in (each.text or "")]
    for left, right in itertools.pairwise(named):
        room = number(right, "x") - number(left, "x")
        assert room > (text_width(left.text or "", 11) + text_width(right.text or "", 11)) / 2


def test_curves_go_through_their_points_and_show_their_intervals() -> None:
    curve = Curve("a", [(1, 0.5), (2, 1.0)], [(0.25, 0.75), (0.9, 1.0)])
    root = read(line_chart([curve], label="x", x=Axis("x"), y=Axis("y"), y_range=(0.0, 1.0), x_ticks=[1, 2]))
    middle = with_class(root, "dot")[0]
    bar = with_class(root, "error")[0]
    assert bar is not None
    ends = [float(part) for part in re.findall(r"[\d.]+", bar.get("d", ""))]
    assert ends[0] == ends[2] == number(middle, "cx")
    assert (ends[1] + ends[3]) / 2 == pytest.approx(number(middle, "cy"), abs=0.1)
    line = with_class(root, "line")[0]
    assert f"{middle.get('cx')} {middle.get('cy')}" in line.get("d", "")


def test_what_a_logarithmic_axis_cannot_show_is_left_out() -> None:
    log = Axis("x", is_log=True)
    curve = Curve("a", [(0, 1), (1, 0), (10, 10), (100, 5)], [(0, 2), (0, 1), (5, 20), (1, 9)], notes="abcd")
    root = read(line_chart([curve], label="x", x=log, y=log))
    assert len(with_class(root, "dot")) == 2
    assert len(with_class(read(scatter([Point(0, 1), Point(1, 1)], label="x", x=log, y=log)), "cloud")) == 1


@pytest.mark.parametrize("values", [[], [0], [5], [0, 0], [1, 3, 2]])
@pytest.mark.parametrize("bars", [False, True])
def test_sparklines_of_anything(values: list[float], bars: bool) -> None:
    root = read(sparkline(values, label="hits", bars=bars))
    assert number(root, "width") == 80


def test_empty_charts_are_charts() -> None:
    axis = Axis("x")
    for svg in (
        bar_chart([], label="x"),
        histogram([], label="x", x=axis, y=axis),
        line_chart([], label="x", x=axis, y=axis),
        scatter([], label="x", x=Axis("x", is_log=True), y=axis, diagonal=True),
    ):
        read(svg)
