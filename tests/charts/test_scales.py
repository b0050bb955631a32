from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.charts.scales import bounded_scale, linear_scale, log_scale

FINITE = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(st.lists(FINITE, max_size=8))
def test_a_linear_axis_holds_all_values_between_its_first_and_last_tick(values: list[float]) -> None:
    scale = linear_scale(values, 10, 110)
    assert scale.ticks[0] == scale.low <= min([0.0, *values])
    assert scale.ticks[-1] == scale.high >= max([0.0, *values])
    assert 2 <= len(scale.ticks) <= 9
    assert scale(scale.low) == 10
    assert scale(scale.high) == 110


@given(st.lists(st.floats(min_value=1e-6, max_value=1e12), min_size=1, max_size=8))
def test_a_logarithmic_axis_holds_all_values_between_decades(values: list[float]) -> None:
    scale = log_scale(values, 0, 1)
    assert scale.low <= min(values) * (1 + 1e-9)
    assert scale.high >= max(values) * (1 - 1e-9)
    assert list(scale.ticks) == sorted(set(scale.ticks))
    assert len(scale.ticks) <= 9


def test_ticks_are_what_people_would_choose() -> None:
    assert linear_scale([97], 0, 1).ticks == (0, 20, 40, 60, 80, 100)
    assert linear_scale([3], 0, 1, whole=True).ticks == (0, 1, 2, 3)
    assert log_scale([3, 700], 0, 1).ticks == (1, 10, 100, 1000)
    assert log_scale([3, 70], 0, 1).ticks == (1, 2, 5, 10, 20, 50, 100)
    assert bounded_scale(0.8, 1.0, 0, 1).ticks == (0.8, 0.85, 0.9, 0.95, 1.0)


def test_places_follow_values() -> None:
    assert log_scale([1, 100], 0, 10)(10) == pytest.approx(5)
    downwards = linear_scale([10], 100, 0)
    assert downwards(5) == 50
    assert downwards(99) == 0, "what lies outside is drawn at the end"


def test_a_value_close_to_the_last_tick_of_a_wide_axis_lies_below_it() -> None:
    scale = linear_scale([0.0625, -250000001.0], 10, 110)
    assert scale.high >= 0.0625
    assert scale.low <= -250000001.0
