"""What every engine's adapter must do, on one recorded page each: `tests/recorded/<engine>/first_page.json`.

The page is the answer to the first request for the query `beagle` and holds at least two usable items. A new engine in
the registry is tested here as soon as it has such a page, and fails until it has.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

import pytest

from imagenet_build.config.models import EngineConfig
from imagenet_build.errors import QueryRefused, RateLimited, SourceError
from imagenet_build.licenses import is_license_code
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import NO_LANGUAGE, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage, SynsetFacts
from imagenet_build.search.engines.collection import Collection
from imagenet_build.search.registry import engine_infos, make_engine
from tests.search.engines import first_pages_museums as museums
from tests.search.engines import first_pages_of_steps as steps
from tests.search.engines.asking import english

RECORDED = Path(__file__).parents[2] / "recorded"
BEAGLE = english("beagle")
NAMES = [info.name for info in engine_infos()]
CURSORS = {**steps.CURSORS, **museums.FIRST_PAGE_CURSORS}
"""Of engines whose recorded page is not the answer to their first request."""


def first_cursors(engine: Engine) -> list[Cursor | None]:
    """Where a search begins: with its first request and, for engines that look a name up first, behind that."""
    behind = CURSORS.get(engine.info.name)
    return [None] if behind is None else [None, behind]


def asked(request: HttpRequest) -> str:
    """All that is sent, readable: query string and body."""
    return unquote_plus(request.full_url()) + (request.body or b"").decode()


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """The adapter, made without an index on disk where it needs one."""
    if request.param == "collection":
        return Collection(Path("/index.sqlite"), "0123456789abcdef")
    return make_engine(EngineConfig(name=request.param))


@pytest.fixture
def body(engine: Engine) -> bytes:
    path = RECORDED / engine.info.name / "first_page.json"
    assert path.is_file(), f"{engine.info.name} needs a recorded page at {path}"
    return path.read_bytes()


@pytest.fixture
def page(engine: Engine, body: bytes) -> SearchPage:
    return engine.parse(body, BEAGLE, CURSORS.get(engine.info.name))


def test_info_is_complete(engine):
    may_be_empty = {"prohibition", "notice"} | (set() if engine.info.is_live else {"docs_url"})
    for field in fields(engine.info):
        assert field.name in may_be_empty or getattr(engine.info, field.name) != "", field.name
    assert engine.info.options <= set(EngineConfig.model_fields) - {"name"}
    assert engine.info.depth is None or engine.info.depth > 0
    assert not engine.info.is_live or engine.info.min_delay_s > 0


def test_request_holds_the_query(engine):
    request = engine.request(BEAGLE, None)
    assert urlsplit(request.full_url()).scheme
    assert "beagle" in asked(request) or engine.info.name in steps.ASKED_WITHOUT_WORDS
    assert request.page_key() == engine.request(BEAGLE, None).page_key(), "the same page must have the same key"


def test_keys_stand_in_no_request(engine):
    request = engine.request(BEAGLE, None)
    assert {secret.env for secret in request.secrets} <= set(engine.info.keys)
    assert all(secret.env.isupper() and secret.name for secret in request.secrets)


def test_only_commons_is_asked_by_concept(engine):
    concept = Query(BEAGLE.wnid, "Q144", NO_LANGUAGE, Origin.CONCEPT, 0)
    for is_organism in (True, False):
        skipped = engine.skips(concept, SynsetFacts(BEAGLE.wnid, is_organism))
        assert bool(skipped) == (engine.info.name != "wikimedia")


def test_other_texts_ask_other_things(engine):
    texts = ["beagle", "bugle", "小提琴", "小号", "Hund"]
    keys = {engine.request(english(text), None).page_key() for text in texts}
    assert len(keys) == len(texts) or engine.info.name in steps.ASKED_WITHOUT_WORDS


def test_slices_are_other_pages_and_are_divided_at_most_so_deep(engine):
    """Dividing on and on ends, and every slice is a request of its own."""
    starts = first_cursors(engine)
    seen = {engine.request(BEAGLE, start).page_key() for start in starts}
    for _ in range(4):
        parts = [part for start in starts[:3] for part in engine.divide(start)]
        for part in parts:
            assert json.loads(json.dumps(dict(part))) == dict(part)
            key = engine.request(BEAGLE, part).page_key()
            assert key not in seen
            seen.add(key)
        starts = list(parts)


def test_page_is_no_failure(engine, body):
    assert engine.failure(HttpAnswer(200, {}, body)) is None


def test_items_are_hits_or_refused(page):
    assert len(page.hits) >= 2
    assert page.reported == len(page.hits) + len(page.refused)
    assert all(item.rejection.reason for item in page.refused)


def test_ranks_increase(page):
    ranks = [hit.rank for hit in page.hits]
    assert ranks == sorted(set(ranks))
    assert ranks[0] >= 0


def test_hits_are_complete(engine, page):
    for hit in page.hits:
        parts = urlsplit(hit.url)
        assert parts.scheme in (("http", "https") if engine.info.is_live else ("http", "https", "file"))
        assert parts.netloc or parts.scheme == "file"
        assert "utm_" not in hit.url
        assert hit.engine == engine.info.name
        assert hit.query is BEAGLE
        assert hit.engine_id
        assert is_license_code(hit.credit.license), hit.credit.license
        for size in (hit.width, hit.height):
            assert size is None or size > 0
    assert len({hit.engine_id for hit in page.hits}) == len(page.hits)


def test_next_page_is_another_one(engine, page):
    if engine.info.depth is not None and engine.info.depth <= engine.info.page_size:
        assert page.next_cursor is None  # one page is all that it gives
        return
    assert page.next_cursor is not None, "record a page that is not the last"
    cursor = json.loads(json.dumps(dict(page.next_cursor)))
    assert cursor == dict(page.next_cursor)
    assert engine.request(BEAGLE, cursor).page_key() != engine.request(BEAGLE, None).page_key()


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b'"text"', b'{"unexpected": 1}', b"\xff\xfe"])
def test_nonsense_is_an_error_and_no_empty_page(engine, body):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        engine.parse(body, BEAGLE, None)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_of_the_service_is_retried(engine, status):
    failure = engine.failure(HttpAnswer(status, {"retry-after": "7"}, b"trouble"))
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == 7.0


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 429, 500])
def test_other_statuses_are_errors_that_name_the_engine(engine, status):
    failure = engine.failure(HttpAnswer(status, {}, b"some text"))
    assert isinstance(failure, SourceError)
    assert failure.source == engine.info.name
    assert failure.message
    assert not isinstance(failure, QueryRefused) or status < 429
