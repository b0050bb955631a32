import random
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.network.retry import CAP_S, LEAST_S, MOST_S, backoff_s, retry_after_s

NOW_S = datetime(2027, 12, 31, 23, 59, 0, tzinfo=timezone.utc).timestamp()


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, timezone.utc), usegmt=True)


@pytest.mark.parametrize(("value", "seconds"), [("37", 37.0), (" 37 ", 37.0), ("0", LEAST_S), ("0000120", 120.0)])
def test_seconds(value, seconds):
    assert retry_after_s({"retry-after": value}) == seconds


@pytest.mark.parametrize(
    "value",
    ["Fri, 31 Dec 2027 23:59:45 GMT", "Friday, 31-Dec-27 23:59:45 GMT", "Fri Dec 31 23:59:45 2027"],
    ids=["imf-fixdate", "rfc850", "asctime"],
)
def test_all_three_date_forms_count_from_now(value):
    assert retry_after_s({"retry-after": value}, now_s=NOW_S) == 45.0


def test_a_date_counts_from_the_servers_own_clock():
    headers = {"retry-after": http_date(NOW_S + 90), "date": http_date(NOW_S + 60)}
    assert retry_after_s(headers, now_s=NOW_S) == 30.0


def test_a_clock_at_its_very_beginning_is_a_clock():
    assert retry_after_s({"retry-after": http_date(20), "date": http_date(0)}, now_s=NOW_S) == 20.0


def test_a_past_date_still_means_a_pause():
    assert retry_after_s({"retry-after": http_date(NOW_S - 3600)}, now_s=NOW_S) == LEAST_S


@pytest.mark.parametrize(
    "value", ["", "   ", "soon", "-5", "3.5", "1e9", "²", "٣٤", "Fri, 99 Dec 2027 23:59:59 GMT", ";"]
)
def test_junk_asks_for_nothing(value):
    assert retry_after_s({"retry-after": value}, now_s=NOW_S) is None


def test_a_date_without_any_clock_asks_for_nothing():
    assert retry_after_s({"retry-after": http_date(NOW_S)}) is None
    assert retry_after_s({}) is None


@pytest.mark.parametrize("value", ["9" * 20, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_can_park_us_for_ever(value):
    assert retry_after_s({"retry-after": value}, now_s=NOW_S) == MOST_S


def test_of_several_headers_the_longest_counts():
    assert retry_after_s({"retry-after": "30\n60\nsoon"}) == 60.0


@given(st.text(), st.text(), st.floats(0, 1e11))
def test_whatever_the_headers_say_it_is_a_pause_within_bounds_or_none(value, date, now_s):
    wait = retry_after_s({"retry-after": value, "date": date}, now_s=now_s)
    assert wait is None or LEAST_S <= wait <= MOST_S


@given(st.integers(1, 2000), st.integers())
def test_full_jitter_stays_within_the_doubling_bound(attempt, seed):
    wait = backoff_s(attempt, random.Random(seed))
    assert 0.0 <= wait <= (CAP_S if attempt > 9 else min(CAP_S, 2.0 ** (attempt - 1)))


def test_jitter_is_full():
    """Spread over the whole interval, from nothing on: equal jitter would stay above the half."""
    rng = random.Random(1)
    waits = sorted(backoff_s(5, rng) for _ in range(1000))
    assert waits[100] < 3.2
    assert waits[900] > 12.8


def test_base_and_cap_can_be_chosen():
    waits = [backoff_s(30, random.Random(seed), base_s=0.01, cap_s=0.05) for seed in range(50)]
    assert max(waits) <= 0.05
