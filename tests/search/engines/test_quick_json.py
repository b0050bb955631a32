"""The quick JSON parser takes what the standard one takes, and says the same of it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.search.engines import quick_json
from imagenet_build.search.engines.quick_json import json_of

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(TREES, st.booleans())
def test_same_as_the_standard_parser(tree, ascii_only):
    body = json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert json_of(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "half \\ud800 of a pair"}',
        '{"title": "é"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"title": "mark"}',
        b'{"width": Infinity}',
        b'{"width": 1e999}',
        b'{"a": 1, "a": 2}',
        b"[" * 900 + b"]" * 900,
    ],
)
def test_what_only_the_standard_parser_takes_is_taken(body):
    assert json_of(body) == json.loads(body)


def test_not_a_number_is_taken():
    assert math.isnan(json_of(b"[NaN]")[0])


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"results": [', b'{"a": 1} x', b'{"a": "\xff"}', b"{'a': 1}"])
def test_no_json_is_the_standard_parsers_error(body):
    with pytest.raises(ValueError) as expected:  # noqa: PT011 (whatever it is)
        json.loads(body)
    with pytest.raises(type(expected.value)) as raised:
        json_of(body)
    assert str(raised.value) == str(expected.value)


def test_an_answer_is_parsed_once_though_two_look_at_it(monkeypatch):
    parsed = []
    quick = quick_json.orjson.loads

    class Counting:
        JSONDecodeError = quick_json.orjson.JSONDecodeError

        @staticmethod
        def loads(body):
            parsed.append(body)
            return quick(body)

    monkeypatch.setattr(quick_json, "orjson", Counting)
    json_of.cache_clear()
    body, other = b'{"page": 1}', b'{"page": 2}'
    assert [json_of(body), json_of(body), json_of(other), json_of(body)] == [{"page": n} for n in (1, 1, 2, 1)]
    assert parsed == [body, other, body]
