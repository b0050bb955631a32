import json

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.search.engines.web_answers import (
    address_id,
    failure_by_status,
    json_object,
    object_or_none,
    start_of,
    text_at,
)
from imagenet_build.search.engines.web_queries import google_language, literal_text


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
    failure = failure_by_status("engine", HttpAnswer(status, {}, b"some text"), "", ("A_KEY",))
    assert isinstance(failure, kind)
    assert failure.source == "engine"
    assert "some text" in str(failure)
    assert ("A_KEY" in failure.remedy) == (status in (401, 403))


@pytest.mark.parametrize(
    ("header", "elsewhere", "wait_s"), [("7", None, 7.0), ("7", 3.0, 7.0), ("7", 30.0, 30.0), ("", 3.0, 3.0)]
)
def test_longer_pause_counts(header, elsewhere, wait_s):
    failure = failure_by_status("e", HttpAnswer(429, {"retry-after": header}, b""), "", (), wait_s=elsewhere)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == wait_s


def test_messages_hold_no_web_page_and_stay_short():
    assert start_of(b"  <!DOCTYPE html><html>...") == "a web page"
    assert start_of(b"") == "nothing"
    assert len(start_of(b"x" * 5000)) == 200
    assert text_at({"a": {"b": "x\n" * 500}}, "a", "b").count("x") == 100
    assert text_at({"a": []}, "a", "b") == text_at(None, "a") == text_at({"a": {"b": {}}}, "a", "b") == ""


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[]", b"7", b"\xff\xfe", b'{"a":' * 100_000])
def test_what_is_no_json_object(body):
    assert object_or_none(body) is None
    with pytest.raises((ValueError, TypeError)):
        json_object(body)


def test_deep_nesting_inside_a_whole_object_is_no_crash():
    assert object_or_none(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}") is None
    assert object_or_none(json.dumps({"a": 1}).encode()) == {"a": 1}


def test_ids_agree_for_spellings_of_one_address():
    assert address_id("http://www.example.org/a.jpg") == address_id("https://example.org/a.jpg?utm_source=x")
    assert address_id("https://example.org/a.jpg") != address_id("https://example.org/b.jpg")
    assert len(address_id("https://example.org/" + "a" * 5000)) == 32


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("dog", "dog"),
        ("St. John's wort", "St. John's wort"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ("-cat +dog", "cat dog"),
        ("this OR that", "this that"),
        ("oratorio", "oratorio"),
        ("1..9", "1 9"),
        ("filetype:svg", "filetype svg"),
        ('""', '""'),
        ("小提琴", "小提琴"),
    ],
)
def test_text_is_literal(text, sent):
    assert literal_text(text) == sent


def test_language_that_was_not_to_be_asked():
    with pytest.raises(KeyError):
        google_language("lat", restrict=True)
