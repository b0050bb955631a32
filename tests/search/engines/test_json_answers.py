import json

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    json_object,
    no_object,
    object_or_none,
    rate_limited,
    shown,
    start_of,
    text_at,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, EngineRefused),
        (400, QueryRefused),
        (401, EngineRefused),
        (402, EngineRefused),
        (403, EngineRefused),
        (404, EngineRefused),
        (410, EngineRefused),
        (422, QueryRefused),
        (429, RateLimited),
        (430, RateLimited),
        (500, RateLimited),
        (503, RateLimited),
    ],
)
def test_class_of_each_status(status, kind):
    failure = failure_by_status(HttpAnswer(status, {}, b"some text"), "engine", keys=("A_KEY",))
    assert isinstance(failure, kind)
    assert failure.source == "engine"
    assert "some text" in str(failure)
    assert ("A_KEY" in failure.remedy) == (status in (401, 403))


@pytest.mark.parametrize(
    ("header", "elsewhere", "wait_s"), [("7", None, 7.0), ("7", 3.0, 7.0), ("7", 30.0, 30.0), ("", 3.0, 3.0)]
)
def test_longer_pause_counts(header, elsewhere, wait_s):
    failure = failure_by_status(HttpAnswer(429, {"retry-after": header}, b""), "e", wait_s=elsewhere)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == wait_s


def test_messages_hold_no_web_page_and_stay_short():
    assert start_of(b"  <!DOCTYPE html><html>...") == "a web page"
    assert start_of(b"") == "nothing"
    assert len(start_of(b"ab, " * 5000)) <= 200
    assert text_at({"a": {"b": "x\n  y"}}, "a", "b") == "x y"
    assert len(shown("x " * 5000)) == 199
    assert text_at({"a": []}, "a", "b") == text_at(None, "a") == text_at({"a": {"b": {}}}, "a", "b") == ""


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[]", b"7", b"\xff\xfe", b'{"a":' * 100_000])
def test_what_is_no_json_object(body):
    assert object_or_none(body) is None
    with pytest.raises((ValueError, TypeError)):
        json_object(body)


def test_deep_nesting_inside_a_whole_object_is_no_crash():
    assert object_or_none(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}") is None
    assert object_or_none(json.dumps({"a": 1}).encode()) == {"a": 1}


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), ("", 3600.0)])
def test_pause_where_the_answer_asks_for_none(header, wait_s):
    failure = rate_limited(HttpAnswer(400, {"retry-after": header}, b""), "e", "the day is over", else_s=3600.0)
    assert failure.retry_after_s == wait_s
    assert str(failure) == "e answered 400: the day is over"


@pytest.mark.parametrize("body", [b"", b"<html>portal</html>", b"[]", b'{"a": 1', b'{"a": 1, "b": {"c": 2}', b"{{}}"])
def test_a_good_status_without_a_whole_object_is_worth_another_try(body):
    failure = no_object(HttpAnswer(200, {}, body), "engine")
    assert isinstance(failure, Unreachable)
    assert failure.source == "engine"
    assert no_object(HttpAnswer(404, {}, body), "engine") is None
    assert no_object(HttpAnswer(200, {}, b' {"a": 1}\n'), "engine") is None


@pytest.mark.parametrize("key", ["f" * 32, "AIzaSyA-1234_abcdefghij", "0123456789abcdef0123", "AbCdEfGhIjKlMnOpQrStUv"])
def test_no_message_holds_what_looks_like_a_key(key):
    for said in (key, f"key={key}&x=1", f"wrong key '{key}'"):
        assert key not in shown(said)
        assert key not in str(failure_by_status(HttpAnswer(400, {}, said.encode()), "engine"))
        assert key not in str(failure_by_status(HttpAnswer(401, {}, b""), "engine", said))


@pytest.mark.parametrize("said", ["SUBSCRIPTION_TOKEN_INVALID", "cirrussearch-backend-error", "Too many requests."])
def test_codes_are_shown(said):
    assert shown(said) == said


@pytest.mark.parametrize(
    ("value", "count"), [(7, 7), ("7", 7), ("12300000000", 12_300_000_000), (7.0, 7), (0, 0), (-1, -1)]
)
def test_whole_numbers(value, count):
    assert count_of(value, "total") == count


@pytest.mark.parametrize("value", [None, True, "", "many", "1.5", 1.5, float("inf"), float("nan"), [], "9" * 5000])
def test_what_is_no_whole_number(value):
    with pytest.raises(TypeError, match="total must be a whole number"):
        count_of(value, "total")
