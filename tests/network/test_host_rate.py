"""How fast a host is asked, as a matter of numbers: no clock, no socket."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.network.host_rate import FLOOR_DELAY_S, MOST_DELAY_S, STEPS_PER_PLACE, USUAL_AFTER, HostRate


def test_the_rule_counts_while_nothing_is_wrong():
    rate = HostRate(1.0, 4)
    for number in range(200):
        assert not rate.success(number, 0.1, number + 0.1)
    assert (rate.delay_s, rate.places, rate.is_full) == (1.0, 4, True)


def test_trouble_halves_the_rate_and_takes_a_place():
    rate = HostRate(1.0, 4)
    seen = []
    for now in range(3):
        assert rate.trouble(now, now + 0.5)
        seen.append((rate.delay_s, rate.places))
    assert seen == [(2.0, 3), (4.0, 2), (8.0, 1)]


def test_a_host_without_a_delay_gets_one_from_the_floor_on():
    rate = HostRate(0.0, 2)
    rate.trouble(0, 1)
    assert (rate.delay_s, rate.places) == (pytest.approx(FLOOR_DELAY_S), 1)
    rate.trouble(2, 3)
    assert rate.delay_s == pytest.approx(2 * FLOOR_DELAY_S)


def test_requests_sent_before_the_slowing_down_do_not_slow_down_again():
    """Ten answers of 429 to ten requests under way are one piece of news."""
    rate = HostRate(1.0, 10)
    assert rate.trouble(5.0, 6.0)
    assert not any(rate.trouble(began, 6.1) for began in (5.1, 5.5, 5.9))
    assert (rate.delay_s, rate.places) == (2.0, 9)
    assert rate.trouble(6.2, 7.0)


@pytest.mark.parametrize(("delay_s", "slowest"), [(0.0, MOST_DELAY_S), (1.0, MOST_DELAY_S), (100.0, 100.0)])
def test_slowness_has_an_end(delay_s, slowest):
    rate = HostRate(delay_s, 1)
    for now in range(100):
        rate.trouble(now, now + 0.5)
    assert rate.delay_s == pytest.approx(slowest)


def test_recovery_is_additive_and_ends_at_the_rule():
    rate = HostRate(1.0, 3)
    rate.trouble(0, 1)
    rates = [1 / rate.delay_s]
    said = 0
    for number in range(2, 200):
        said += rate.success(number, 0.1, number + 0.1)
        rates.append(1 / rate.delay_s)
        if rate.is_full:
            break
    gains = [later - earlier for earlier, later in pairwise(rates) if later < 1.0]
    assert max(gains) == pytest.approx(min(gains))
    assert (rate.delay_s, rate.places, said) == (1.0, 3, 1)
    assert number > 25 + STEPS_PER_PLACE / 2


def test_what_was_kept_is_taken_up_again():
    rate = HostRate(1.0, 4, adapted_delay_s=8.0, adapted_places=2)
    assert (rate.delay_s, rate.places) == (8.0, 2)
    assert HostRate(10.0, 1, adapted_delay_s=8.0, adapted_places=2).delay_s == 10.0, "a slower rule counts"
    assert HostRate(10.0, 1, adapted_delay_s=20.0, adapted_places=2).places == 1


# slow answers


def known_host(usual_s: float) -> HostRate:
    rate = HostRate(0.0, 2)
    for number in range(USUAL_AFTER):
        rate.success(number, usual_s, number + usual_s)
    return rate


def test_answers_much_slower_than_usual_are_trouble():
    rate = known_host(0.2)
    assert [rate.success(20 + n, 1.5, 21.5 + n) for n in range(3)] == [False, False, True]
    assert (rate.delay_s, rate.places) == (pytest.approx(FLOOR_DELAY_S), 1)


def test_a_single_slow_answer_is_none():
    rate = known_host(0.2)
    for number in range(20, 60, 2):
        rate.success(number, 1.5, number + 1.5)
        rate.success(number + 1.6, 0.2, number + 1.8)
    assert rate.is_full


@pytest.mark.parametrize(("usual_s", "slow_s"), [(0.001, 0.5), (2.0, 6.0)])
def test_neither_milliseconds_nor_a_host_that_is_always_slow(usual_s, slow_s):
    rate = known_host(usual_s)
    assert not any(rate.success(100 + n, slow_s, 101 + n) for n in range(3))
    assert rate.is_full


def test_a_host_that_nothing_is_known_of_is_not_slow():
    rate = HostRate(0.0, 2)
    assert not any(rate.success(n, 10.0 if n > 3 else 0.01, n + 10) for n in range(USUAL_AFTER))
    assert rate.is_full


@given(
    st.floats(0, 100),
    st.integers(1, 8),
    st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=300),
)
def test_never_faster_than_the_rule_whatever_happens(delay_s, places, events):
    rate = HostRate(delay_s, places)
    for now, (good, took) in enumerate(events):
        if good:
            rate.success(now, took, now + took)
        else:
            rate.trouble(now, now + took)
        assert delay_s <= rate.delay_s <= max(MOST_DELAY_S, delay_s) * 1.0001
        assert 1 <= rate.places <= places
