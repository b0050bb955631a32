"""What the adapters of all museums and archives survive, against a fake server of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import Origin, Query
from imagenet_build.search.engine import Engine, SearchPage, SynsetFacts
from imagenet_build.search.engines import europeana, smithsonian
from imagenet_build.search.engines.artic import Artic
from imagenet_build.search.engines.catalogues import literal_words
from imagenet_build.search.engines.cleveland import Cleveland
from imagenet_build.search.engines.europeana import Europeana
from imagenet_build.search.engines.internetarchive import InternetArchive
from imagenet_build.search.engines.json_answers import json_object
from imagenet_build.search.engines.loc import LibraryOfCongress
from imagenet_build.search.engines.met import Met
from imagenet_build.search.engines.nasa import Nasa
from imagenet_build.search.engines.smithsonian import Smithsonian
from tests.fakes import europeana_server, smithsonian_server
from tests.fakes.artic_server import ArticServer
from tests.fakes.catalogue_server import CatalogueServer, bot_page, numbered
from tests.fakes.cleveland_server import ClevelandServer
from tests.fakes.europeana_server import EuropeanaServer
from tests.fakes.internetarchive_server import InternetArchiveServer
from tests.fakes.loc_server import LocServer
from tests.fakes.met_server import MetServer
from tests.fakes.nasa_server import NasaServer
from tests.fakes.server import Reply
from tests.fakes.smithsonian_server import SmithsonianServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

BEAGLE = english("beagle")
KEYS = {smithsonian.KEY_ENV: smithsonian_server.KEY, europeana.KEY_ENV: europeana_server.KEY}


@dataclass(frozen=True)
class Museum:
    engine: Callable[[str], Engine]
    server: Callable[[Sequence[Mapping[str, Any]]], CatalogueServer]
    languages: tuple[str, ...]
    """In which it is asked, of those tried."""
    steps: int = 1
    """Requests until the first hits."""


MUSEUMS = {
    "met": Museum(Met, MetServer, ("eng",), steps=2),
    "artic": Museum(Artic, ArticServer, ("eng",)),
    "cleveland": Museum(Cleveland, ClevelandServer, ("eng",)),
    "loc": Museum(LibraryOfCongress, LocServer, ("eng",)),
    "nasa": Museum(Nasa, NasaServer, ("eng",)),
    "internetarchive": Museum(InternetArchive, InternetArchiveServer, ("eng", "lat", "cmn", "spa"), steps=2),
    "smithsonian": Museum(Smithsonian, SmithsonianServer, ("eng", "lat")),
    "europeana": Museum(Europeana, EuropeanaServer, ("eng", "lat", "cmn", "spa")),
}


@pytest.fixture(params=MUSEUMS)
def museum(request: pytest.FixtureRequest) -> Museum:
    return MUSEUMS[request.param]


@pytest.fixture
def server(museum: Museum) -> Iterator[CatalogueServer]:
    with museum.server(numbered(3)) as running:
        yield running


@pytest.fixture
def engine(museum: Museum, server: CatalogueServer) -> Engine:
    return museum.engine(server.base_url)


async def test_all_hits_of_a_short_answer(engine, server, museum):
    pages = await ask_all(engine, BEAGLE, KEYS)
    hits = hits_of(pages)
    assert [hit.rank for hit in hits] == [0, 1, 2]
    assert [hit.credit.title for hit in hits] == ["Beagle 0", "Beagle 1", "Beagle 2"]
    assert len({hit.engine_id for hit in hits}) == len({hit.url for hit in hits}) == 3
    assert all(page.reported == len(page.hits) + len(page.refused) for page in pages)
    assert {call.status for call in server.log.calls} == {200}
    assert {call.method for call in server.log.calls} == {"GET"}
    assert server.log.count() == len({call.path + str(sorted(call.query.items())) for call in server.log.calls})


async def test_no_results(engine):
    pages = await ask_all(engine, english("accordion"), KEYS)
    assert [(page.hits, page.refused, page.reported, page.next_cursor) for page in pages] == [((), (), 0, None)]


@pytest.mark.parametrize("text", ["小提琴", "Łódź café", "St. John's wort", "jack-o'-lantern", "a & b = c?d#e"])
async def test_any_text_arrives_whole(museum, text):
    with museum.server([{"title": text}]) as server:
        engine = museum.engine(server.base_url)
        assert [hit.credit.title for hit in hits_of(await ask_all(engine, english(text), KEYS))] == [text]


def every_step(museum: Museum) -> range:
    return range(1, museum.steps + 1)


async def at_step(engine: Engine, server: CatalogueServer, step: int, reply: Reply) -> SearchPage | SourceError:
    """What the answer to request number `step` is read as, when it is replaced by a fault."""
    cursor = None
    for _ in range(step - 1):
        page = await ask(engine, BEAGLE, KEYS, cursor)
        assert isinstance(page, SearchPage)
        cursor = page.next_cursor
    server.next(reply)
    return await ask(engine, BEAGLE, KEYS, cursor)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_trouble_is_retried_after_the_wait_asked_for(engine, server, museum, status):
    for step in every_step(museum):
        failure = await at_step(engine, server, step, Reply.text("busy", status, {"Retry-After": "37"}))
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == 37


@pytest.mark.parametrize("body", ["<html>maintenance</html>", "", '{"total": 3, "objectIDs": [45734, ', "[]", "null"])
async def test_status_200_without_an_object_is_worth_another_try(engine, server, museum, body):
    for step in every_step(museum):
        assert isinstance(await at_step(engine, server, step, Reply.text(body)), Unreachable)


async def test_a_fault_is_forgotten_at_the_next_try(engine, server):
    server.at(1, bot_page(503))
    assert isinstance(await ask(engine, BEAGLE, KEYS), RateLimited)
    assert len(hits_of(await ask_all(engine, BEAGLE, KEYS))) == 3


async def test_wrong_base_url_stops_the_engine(museum, server):
    failure = await ask(museum.engine(f"{server.base_url}/elsewhere"), BEAGLE, KEYS)
    assert isinstance(failure, EngineRefused)
    assert "base_url" in failure.remedy


async def test_a_refused_query_ends_the_query_only(engine, server):
    server.at(1, Reply.json({"success": False, "error": "cannot be read"}, 400))
    assert isinstance(await ask(engine, BEAGLE, KEYS), QueryRefused)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"unexpected": 1}',
        b'{"data": null, "results": null, "items": null, "response": null, "collection": null, "objectIDs": 7}',
        b'{"data": [7], "results": [7], "items": [7], "response": {"rows": [7], "docs": [7], "rowCount": 1},'
        b' "collection": {"items": [7]}, "objectIDs": ["x"], "total": 1, "config": {"iiif_url": ""},'
        b' "pagination": {"total": 1, "next": null}, "info": {"total": 1}}',
        b'{"a":' * 100_000,
    ],
)
def test_changed_form_is_loud(museum, body):
    with pytest.raises((KeyError, TypeError, ValueError)):
        museum.engine("https://example.org").parse(body, BEAGLE, None)


def test_only_languages_that_the_records_are_in_are_asked(museum):
    engine = museum.engine("https://example.org")
    facts = SynsetFacts("n02084071", is_organism=True)
    asked = [code for code in ("eng", "lat", "cmn", "spa") if not engine.skips(in_language(code, "x"), facts)]
    assert asked == list(museum.languages)
    refusal = engine.skips(Query("n02084071", "x", "xxx", Origin.TRANSLATION, 0), facts)
    assert refusal == "" or engine.info.title in refusal


def test_kept_pages_are_judged_without_headers(museum):
    engine = museum.engine("https://example.org")
    for status in (400, 401, 403, 404, 410, 429, 500):
        failure = engine.failure(HttpAnswer(status, {}, b"some text"))
        assert isinstance(failure, SourceError)
        assert failure.source == engine.info.name


@pytest.mark.parametrize("env", sorted(KEYS))
def test_keys_stand_in_no_request(env):
    engine = {smithsonian.KEY_ENV: Smithsonian(), europeana.KEY_ENV: Europeana()}[env]
    request = engine.request(BEAGLE, None)
    assert engine.info.keys == (env,)
    assert [(secret.env, secret.name, secret.place) for secret in request.secrets] == [(env, "X-Api-Key", "header")]
    assert "key" not in request.full_url().lower()


@pytest.mark.parametrize("keys", [{}, dict.fromkeys(KEYS, "wrong-key-of-mine")])
@pytest.mark.parametrize("name", ["smithsonian", "europeana"])
async def test_missing_or_wrong_key_stops_the_engine(name, keys):
    museum = MUSEUMS[name]
    with museum.server(numbered(3)) as server:
        engine = museum.engine(server.base_url)
        failure = await ask(engine, BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert engine.info.keys[0] in failure.remedy
        assert "wrong-key-of-mine" not in str(failure)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ('File:dog OR -cat "a" b* (c) [d]', "File dog or cat a b c d"),
        ("and not or", "and not or"),
        ("AND", "and"),
        ("rock 'n' roll", "rock 'n' roll"),
        ("half-timbered", "half-timbered"),
        ("+dog --cat !x a+b", "dog cat x a+b"),
        ("小提琴", "小提琴"),
        ('"', ""),
    ],
)
def test_words_lose_what_a_query_parser_would_read(text, literal):
    assert literal_words(text) == literal


def test_deep_nesting_is_a_page_that_cannot_be_read():
    with pytest.raises(ValueError, match=r"nested|Expecting"):
        json_object(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    assert json_object(json.dumps({"a": 1}).encode()) == {"a": 1}
