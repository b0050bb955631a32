"""The crawler against servers that speak the engines' protocols: pages, waits, faults, resuming."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imagenet_build.config.models import SearchConfig
from imagenet_build.errors import EngineRefused, RateLimited, UnexpectedResponse, Unreachable
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Hit, Origin, Query, RejectReason
from imagenet_build.search.crawl import EngineCrawler, SearchOutcome
from imagenet_build.search.engine import Cursor, Engine, SearchPage
from imagenet_build.search.engines import gbif
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.engines.wikimedia import Wikimedia
from imagenet_build.search.pages import PageSource
from imagenet_build.storage.page_store import PageStore
from tests.fakes import commons_server, gbif_server, openverse_server
from tests.fakes.commons_server import CommonsServer
from tests.fakes.gbif_server import GbifServer
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.server import FakeServer, Reply

PORTAL = Reply.text("<!doctype html><title>Hotel WLAN</title>", kind="html")
CHANGED = Reply.json({"result_count": 5, "pictures": []})
"""An answer of another version of the service."""
CONFIG = SearchConfig(attempts=3)


class Impatient(random.Random):
    """Backs off by the least that is allowed: nothing."""

    def uniform(self, a: float, b: float) -> float:
        return a


class Patient(random.Random):
    """Backs off by the most that is allowed."""

    def uniform(self, a: float, b: float) -> float:
        return b


def query(text: str = "dog", position: int = 0) -> Query:
    return Query("n02084071", text, "eng", Origin.SYNONYM, position)


def pictures(count: int, title: str = "dog") -> list[dict[str, str]]:
    return [
        {"title": f"{title} {number}", "url": f"https://photos.example.org/{number}.jpg"} for number in range(count)
    ]


@pytest.fixture
def openverse() -> Iterator[OpenverseServer]:
    with OpenverseServer() as server:
        yield server


@pytest.fixture
def commons() -> Iterator[CommonsServer]:
    with CommonsServer() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    pages = PageStore(tmp_path / "engine.sqlite")
    yield pages
    pages.close()


@asynccontextmanager
async def crawler(
    engine: Engine,
    store: PageStore,
    config: SearchConfig = CONFIG,
    *,
    min_delay_s: float = 0.0,
    rng: random.Random | None = None,
) -> AsyncIterator[EngineCrawler]:
    policy = AddressPolicy(["127.0.0.1"])
    async with HttpClient(contact="operator@example.org", policy=policy) as client:

        async def send(request: HttpRequest) -> HttpAnswer:
            return await client.get(request.full_url(), timeout_s=config.timeout_s, max_bytes=config.max_page_bytes)

        source = PageSource(engine, send, store, Pace(min_delay_s), config, rng or Impatient())
        yield EngineCrawler(engine, source, config)


async def search(
    server: FakeServer,
    store: PageStore,
    queries: Sequence[Query] = (query(),),
    config: SearchConfig = CONFIG,
    engine: Engine | None = None,
    **options: object,
) -> SearchOutcome:
    adapter = Wikimedia if isinstance(server, CommonsServer) else Openverse
    async with crawler(engine or adapter(server.base_url), store, config, **options) as made:
        return await made.search(queries)


def hits_of(outcome: SearchOutcome) -> list[Hit]:
    return [found.hit for found in outcome.hits]


def asked(server: FakeServer) -> list[tuple[tuple[str, str], ...]]:
    """The questions that a server was asked."""
    return [tuple(sorted(call.query.items())) for call in server.log.calls]


# pages


async def test_pages_go_on_to_the_end(openverse, store):
    openverse.pictures = pictures(45)
    outcome = await search(openverse, store)
    assert [hit.rank for hit in hits_of(outcome)] == list(range(45))
    assert [call.query["page"] for call in openverse.log.calls] == ["1", "2", "3"]
    assert (outcome.requests, store.page_count()) == (3, 3)


async def test_pages_go_on_to_the_engines_depth_and_no_further(openverse, store):
    """Deeper than that only slices lead; no request of any of them passes the depth."""
    openverse.pictures = pictures(300)
    outcome = await search(openverse, store, config=SearchConfig(attempts=3, candidates_per_synset=240))
    assert len(outcome.hits) == 240
    assert [call.query["page"] for call in openverse.log.calls] == [str(page) for page in range(1, 13)]
    outcome = await search(openverse, store)
    sliced = [call for call in openverse.log.calls[12:] if "license" in call.query]
    assert len(sliced) == openverse.log.count() - 12 == outcome.requests > 0
    assert all(int(call.query["page"]) <= 12 for call in openverse.log.calls)
    assert outcome.queries_refused == 0


async def test_answers_that_give_a_batch_in_parts_go_on_too(commons, store):
    commons.pictures = [{"title": f"Dog {number}.jpg"} for number in range(120)]
    commons.infos_per_answer = 20
    outcome = await search(commons, store)
    assert [hit.rank for hit in hits_of(outcome)] == list(range(120))
    assert len({found.url_key for found in outcome.hits}) == 120
    assert store.page_count() == commons.log.count() == outcome.requests > 3


async def test_no_hits_is_an_answer(openverse, store):
    outcome = await search(openverse, store, [query("nothing")])
    assert (outcome.hits, outcome.refused, outcome.requests, store.page_count()) == ([], [], 1, 1)


@pytest.mark.parametrize("kind", [OpenverseServer, CommonsServer])
async def test_an_answered_page_is_never_asked_again(kind, store):
    queries = [query("dog"), query("nothing", 1), query("dog 7", 2)]
    with kind([{**picture, "title": f"{picture['title']}.jpg"} for picture in pictures(65)]) as server:
        first = await search(server, store, queries)
        assert first.requests == server.log.count() > 3
        server.log.clear()
        again = await search(server, store, queries)
    assert server.log.count() == again.requests == 0
    assert again.hits == first.hits
    assert again.refused == first.refused


async def test_slices_begin_behind_a_name_that_was_looked_up(store, monkeypatch):
    monkeypatch.setattr(gbif, "DEPTH", 2 * gbif.LIMIT)
    licenses = list(gbif_server.LICENSES)
    records = [
        {
            "key": number,
            "taxonKey": 7,
            "license": licenses[number % len(licenses)],
            "media": [{"type": "StillImage", "identifier": f"https://photos.example.org/{number}.jpg"}],
        }
        for number in range(1000)
    ]
    config = SearchConfig(candidates_per_synset=5000, max_hits_per_query=5000)
    with GbifServer({"Vulpes vulpes": {"usageKey": 7}}, records) as server:
        outcome = await search(server, store, [query("Vulpes vulpes")], config, gbif.Gbif(server.base_url))
        assert len(outcome.hits) == 1000
        assert outcome.slices == len(licenses)
        assert [call.path for call in server.log.calls].count("/v1/species/match") == 1


async def test_a_picture_shown_twice_in_one_answer_is_one_hit_but_each_query_keeps_its_own(openverse, store):
    twin = {"title": "dog again", "url": "https://photos.example.org/0.jpg#top"}
    openverse.pictures = [*pictures(2), twin]
    outcome = await search(openverse, store, [query("dog"), query("dog 0", 1)])
    assert [(hit.query.text, hit.rank) for hit in hits_of(outcome)] == [("dog", 0), ("dog", 1), ("dog 0", 0)]
    assert len({found.url_key for found in outcome.hits}) == 2


# limits


async def test_a_synset_with_enough_candidates_asks_no_more(openverse, store):
    openverse.pictures = pictures(100)
    config = SearchConfig(candidates_per_synset=30)
    outcome = await search(openverse, store, [query(), query("dog 1", 1)], config)
    assert len(outcome.hits) == 40  # what was answered is not thrown away
    assert [(call.query["q"], call.query["page"]) for call in openverse.log.calls] == [("dog", "1"), ("dog", "2")]


async def test_candidates_of_several_queries_are_counted_once_each(openverse, store):
    openverse.pictures = pictures(12)
    queries = [query("dog"), query("dog 1", 1), query("dog 2", 2)]
    outcome = await search(openverse, store, queries, SearchConfig(candidates_per_synset=13))
    assert openverse.log.count() == 3
    assert len({found.url_key for found in outcome.hits}) == 12


@pytest.mark.parametrize(("most", "requests"), [(1, 1), (19, 1), (20, 1), (21, 2), (40, 2), (500, 3)])
async def test_one_query_brings_no_more_hits_than_allowed_and_asks_for_no_more(openverse, store, most, requests):
    openverse.pictures = pictures(50)
    outcome = await search(openverse, store, config=SearchConfig(max_hits_per_query=most))
    assert len(outcome.hits) == min(most, 50)
    assert openverse.log.count() == requests


# items that are no hits


async def test_a_live_engine_cannot_make_us_read_our_own_disk(openverse, store):
    class Careless(Openverse):
        """Gives whatever URL stands in the answer."""

        def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
            hits = [Hit(query, "openverse", 0, item["url"]) for item in json.loads(body)["results"]]
            return SearchPage(tuple(hits), None, len(hits))

    openverse.pictures = [
        {"title": "dog", "url": "file:///etc/passwd"},
        {"title": "dog", "url": "https://example.org/a"},
    ]
    for engine in (Openverse(openverse.base_url), Careless(openverse.base_url)):
        outcome = await search(openverse, store, engine=engine)
        assert [hit.url for hit in hits_of(outcome)] == ["https://example.org/a"]
        ((asked_for, item),) = outcome.refused
        assert (asked_for.text, item.rejection.reason) == ("dog", RejectReason.SCHEME_REFUSED)
        assert item.url == "file:///etc/passwd"


@pytest.mark.parametrize(("url", "reason"), [("", RejectReason.NO_URL), ("http://[::1/a.jpg", RejectReason.BAD_URL)])
async def test_an_item_without_a_usable_url_is_a_row(openverse, store, url, reason):
    openverse.pictures = [{"title": "dog", "url": url}]
    outcome = await search(openverse, store)
    assert outcome.hits == []
    assert [item.rejection.reason for _, item in outcome.refused] == [reason]


# waits and faults


@pytest.mark.parametrize("reply", [openverse_server.throttled(1), openverse_server.throttled(1, header=False)])
async def test_429_waits_as_long_as_it_says_and_goes_on(openverse, store, reply):
    openverse.pictures = pictures(45)
    openverse.at(2, reply)
    outcome = await search(openverse, store)
    assert len(outcome.hits) == 45
    assert [call.query["page"] for call in openverse.log.calls] == ["1", "2", "2", "3"]
    assert openverse.log.gaps_s()[1] >= 0.99


@pytest.mark.parametrize("reply", [commons_server.lagged(1), commons_server.throttled(1)])
async def test_commons_own_ways_to_say_later(commons, store, reply):
    commons.pictures = [{"title": "Dog.jpg"}]
    commons.at(1, reply)
    outcome = await search(commons, store)
    assert len(outcome.hits) == 1
    assert commons.log.gaps_s()[0] >= 0.99
    assert store.page_count() == 1


@pytest.mark.parametrize(
    "fault",
    [
        Reply.text("bad gateway", 502),
        Reply.text("no such thing", 501),
        Reply.text("web server is down", 521),
        Reply(200, b'{"result_count": 1', "application/json", mode="cut"),
        PORTAL,
        Reply(200, b'{"result_count": 45, "results": [{"id"', "application/json"),
        Reply.json({"results": None}),
        Reply.json([]),
        Reply(200, b"", "application/json"),
    ],
    ids=["502", "501", "521", "cut", "portal", "cut JSON", "null", "list", "empty"],
)
async def test_trouble_that_passes_leaves_no_trace(openverse, store, fault):
    openverse.pictures = pictures(45)
    openverse.at(2, fault)
    outcome = await search(openverse, store)
    assert [hit.rank for hit in hits_of(outcome)] == list(range(45))
    assert (openverse.log.count(), outcome.requests, outcome.queries_refused) == (4, 4, 0)
    openverse.always(Reply.text("nobody should ask", 500))
    assert (await search(openverse, store)).hits == outcome.hits


async def test_a_connection_that_closes_unanswered_is_trouble_that_passes(openverse, store):
    openverse.pictures = pictures(45)
    for call in (2, 3):  # aiohttp by itself sends a request once more when the first of them happens
        openverse.at(call, Reply(mode="drop"))
    outcome = await search(openverse, store)
    assert len(outcome.hits) == 45
    assert openverse.log.count() == 5


async def test_connections_that_always_close_unanswered_are_an_error(openverse, store):
    openverse.always(Reply(mode="drop"))
    with pytest.raises(Unreachable):
        await search(openverse, store)
    assert CONFIG.attempts <= openverse.log.count() <= 2 * CONFIG.attempts
    assert store.page_count() == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Reply(200, b'{"result_count": 1', "application/json", mode="cut"), Unreachable),
        (Reply(mode="hang"), Unreachable),
        (Reply.text("down", 503), RateLimited),
        (Reply.text("down", 524), RateLimited),
        (PORTAL, Unreachable),
        (CHANGED, UnexpectedResponse),
    ],
    ids=["cut", "silent", "503", "524", "portal", "changed"],
)
async def test_trouble_that_lasts_is_an_error_after_all_attempts(openverse, store, fault, error):
    openverse.pictures = pictures(5)
    openverse.always(fault)
    with pytest.raises(error) as caught:
        await search(openverse, store, config=SearchConfig(attempts=3, timeout_s=0.5))
    assert openverse.log.count() == 3
    assert not isinstance(caught.value, EngineRefused)
    openverse.always(None)
    assert len((await search(openverse, store)).hits) == 5
    assert openverse.log.count() == 4


async def test_an_answer_that_stays_unreadable_is_kept_for_whoever_repairs_the_adapter(openverse, store):
    openverse.always(CHANGED)
    with pytest.raises(UnexpectedResponse, match="cannot be read") as caught:
        await search(openverse, store)
    assert Openverse(openverse.base_url).request(query(), None).full_url() in str(caught.value)
    key = Openverse(openverse.base_url).request(query(), None).full_url()
    assert store.page(key).body == CHANGED.body

    class Repaired(Openverse):
        def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
            assert body == CHANGED.body
            return SearchPage((Hit(query, "openverse", 0, "https://example.org/a.jpg"),), None, 1)

    openverse.log.clear()
    outcome = await search(openverse, store, engine=Repaired(openverse.base_url))
    assert len(outcome.hits) == 1
    assert openverse.log.count() == 0


async def test_an_adapter_that_reads_nothing_from_a_page_with_items_is_loud_and_the_page_is_kept(openverse, store):
    class Blind(Openverse):
        def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
            return SearchPage((), None, len(json.loads(body)["results"]))

    openverse.pictures = pictures(3)
    for _ in range(2):  # asking again would bring the same
        with pytest.raises(UnexpectedResponse, match="holds 3 items, but none was read"):
            await search(openverse, store, engine=Blind(openverse.base_url))
        assert openverse.log.count() == store.page_count() == 1
    assert len((await search(openverse, store)).hits) == 3
    assert openverse.log.count() == 1


async def test_pages_that_lead_in_a_circle_are_loud(openverse, store):
    class Circling(Openverse):
        def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
            page = super().parse(body, query, cursor)
            return SearchPage(page.hits, {"page": 1}, page.reported)

    openverse.pictures = pictures(45)
    with pytest.raises(UnexpectedResponse, match="read before"):
        await asyncio.wait_for(search(openverse, store, engine=Circling(openverse.base_url)), 10)
    assert openverse.log.count() == 1


async def test_an_engine_that_refuses_us_is_asked_once(openverse, store):
    openverse.always(openverse_server.blocked())
    with pytest.raises(EngineRefused) as caught:
        await search(openverse, store)
    assert caught.value.remedy
    assert openverse.log.count() == 1
    assert store.page_count() == 0  # it may be lifted


async def test_a_refused_query_ends_alone_and_stays_refused(openverse, store):
    openverse.pictures = pictures(45)
    openverse.at(2, Reply.json({"detail": "pagination depth may not exceed 20 for anonymous requests"}, 401))
    queries = [query("dog"), query("dog 7", 1)]
    outcome = await search(openverse, store, queries)
    assert [hit.query.text for hit in hits_of(outcome)] == ["dog"] * 20 + ["dog 7"]
    assert (outcome.requests, outcome.queries_refused) == (3, 1)
    again = await search(openverse, store, queries)
    assert again.hits == outcome.hits
    assert (again.requests, again.queries_refused) == (0, 1)


async def test_a_pause_too_long_to_wait_for_is_left_to_a_later_run(openverse, store):
    openverse.at(1, openverse_server.throttled(3600))
    start_s = time.monotonic()
    with pytest.raises(RateLimited, match="60 minutes"):
        await search(openverse, store)
    assert time.monotonic() - start_s < 5
    assert openverse.log.count() == 1


async def test_nobody_waits_after_the_last_attempt(openverse, store):
    openverse.always(Reply(mode="drop"))
    start_s = time.monotonic()
    with pytest.raises(Unreachable):
        await search(openverse, store, config=SearchConfig(attempts=1), rng=Patient())
    assert time.monotonic() - start_s < 0.9


# pace


async def test_requests_keep_their_distance_and_never_overlap(openverse, store):
    openverse.pictures = pictures(100)
    openverse.at(3, Reply.text("down", 503))
    await search(openverse, store, min_delay_s=0.15)
    gaps = openverse.log.gaps_s()
    assert len(gaps) == 5
    assert min(gaps) > 0.13  # starts are measured at the server, some milliseconds after they were timed
    assert openverse.log.most_at_once() == 1


# killed between pages


@pytest.mark.parametrize("call", range(1, 7))
async def test_a_crawl_cancelled_in_flight_repeats_that_page_and_no_other(openverse, tmp_path, call):
    openverse.pictures = pictures(65)
    queries = [query("dog"), query("dog 1", 1), query("nothing", 2)]
    whole = PageStore(tmp_path / "whole.sqlite")
    undisturbed = await search(openverse, whole, queries)
    questions = asked(openverse)
    openverse.log.clear()

    openverse.at(len(questions) + call, Reply(mode="hang"))
    broken = PageStore(tmp_path / "broken.sqlite")
    task = asyncio.create_task(search(openverse, broken, queries))
    await asyncio.to_thread(openverse.log.wait_for, call)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    broken.close()

    resumed = PageStore(tmp_path / "broken.sqlite")
    outcome = await search(openverse, resumed, queries)
    assert outcome.hits == undisturbed.hits
    assert asked(openverse) == questions[:call] + questions[call - 1 :]
    assert outcome.requests == len(questions) - call + 1
    resumed.close()
    whole.close()


async def test_crawls_cancelled_at_random_moments_ask_no_answered_page_again(openverse, tmp_path):
    openverse.pictures = pictures(65)
    queries = [query("dog"), query("dog 1", 1), query("dog 2", 2), query("nothing", 3)]
    shuffler = random.Random(11)
    for attempt in range(8):
        openverse.log.clear()
        path = tmp_path / f"{attempt}.sqlite"
        outcome = None
        answered: set[str] = set()
        while outcome is None:
            pages = PageStore(path)
            before = openverse.log.count()
            task = asyncio.create_task(search(openverse, pages, queries))
            try:
                outcome = await asyncio.wait_for(task, shuffler.uniform(0.001, 0.03))
            except asyncio.TimeoutError:
                outcome = None
            repeated = [str(question) for question in asked(openverse)[before:] if str(question) in answered]
            assert repeated == []
            answered |= {
                str(question)
                for question in asked(openverse)
                if pages.page(_url(openverse, dict(question))) is not None
            }
            pages.close()
        assert len(outcome.hits) == 65 + 1 + 1
        assert len(answered) == 7


def _url(server: FakeServer, question: dict[str, str]) -> str:
    cursor = {"page": int(question["page"])}
    return Openverse(server.base_url).request(query(question["q"]), cursor).full_url()
