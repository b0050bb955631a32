"""Depth by slices: an engine that shows 240 of 5000 pictures gives nearly all of them, each once, and no page twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.config.models import SearchConfig
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Origin, Query
from imagenet_build.search.crawl import EngineCrawler, SearchOutcome
from imagenet_build.search.engines.openverse import LICENSES, Openverse
from imagenet_build.search.pages import PageSource
from imagenet_build.storage.page_store import PageStore
from tests.fakes.openverse_server import DEPTH, OpenverseServer
from tests.fakes.server import Reply
from tests.search.openverse_catalogue import OpenverseCatalogue

HELD = 5000
FEWER = 2500
"""Enough for three slices within each other, where the test is not about how much is found."""
DOG = Query("n02084071", "dog", "eng", Origin.SYNONYM, 0)
DEEP = SearchConfig(candidates_per_synset=2 * HELD, max_hits_per_query=2 * HELD, attempts=3)
Shares = Mapping[str, Mapping[str | None, float]]
"""Parts of the pictures that each filter finds; of None, the service does not know the value."""
EVEN: Shares = {
    "license": {
        **dict.fromkeys(LICENSES, 0.02),
        "by": 0.17,
        "by-sa": 0.14,
        "by-nc": 0.14,
        "by-nc-nd": 0.19,
        "by-nc-sa": 0.19,
    },
    "size": {"large": 0.6, "medium": 0.3, "small": 0.08, None: 0.02},
    "aspect_ratio": {"wide": 0.55, "tall": 0.35, "square": 0.09, None: 0.01},
    "source": {"flickr": 0.7, "wikimedia": 0.15, "stocksnap": 0.1, None: 0.05},
    "extension": {"jpg": 0.9, "png": 0.05, "jpeg": 0.02, "gif": 0.01, "webp": 0.01, "tiff": 0.01},
    "category": {"photograph": 0.3, None: 0.7},
}
STEEP: Shares = {
    "license": {**dict.fromkeys(LICENSES, 0.02), "by": 0.1, "by-sa": 0.1, "by-nc-nd": 0.2, "by-nc-sa": 0.5},
    "size": {"large": 0.8, "medium": 0.15, "small": 0.03, None: 0.02},
    "aspect_ratio": {"wide": 0.7, "tall": 0.25, "square": 0.04, None: 0.01},
    "source": {"flickr": 0.8, "inaturalist": 0.1, "stocksnap": 0.08, None: 0.02},
    "extension": {"jpg": 0.97, "png": 0.02, "gif": 0.01},
    "category": {"photograph": 0.1, None: 0.9},
}
"""A quarter of all is large, wide, of one licence and from one source, in one kind of file: words alone divide it."""
WORD_SHARES = {"nature": 0.35, "people": 0.25, "outdoors": 0.25, "travel": 0.15}
"""Parts of the titles that hold a word, whatever other words they hold."""


def pictures(count: int, spread: Shares = EVEN) -> list[dict[str, Any]]:
    """Pictures of dogs spread over the filters' values as in a catalogue: most are in a few of them."""
    rng = random.Random(5)
    columns = {name: rng.choices(list(shares), list(shares.values()), k=count) for name, shares in spread.items()}
    words = [[word for word, share in WORD_SHARES.items() if rng.random() < share] for _ in range(count)]
    return [
        {
            "title": " ".join(["dog", str(number), *words[number]]),
            "url": f"https://photos.example.org/{number}.jpg",
            **{name: column[number] for name, column in columns.items() if column[number] is not None},
        }
        for number in range(count)
    ]


@pytest.fixture
def openverse() -> Iterator[OpenverseServer]:
    with OpenverseCatalogue(pictures(FEWER)) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    pages = PageStore(tmp_path / "engine.sqlite")
    yield pages
    pages.close()


async def search(server: OpenverseServer, store: PageStore, config: SearchConfig = DEEP) -> SearchOutcome:
    engine = Openverse(server.base_url)
    async with HttpClient(contact="operator@example.org", policy=AddressPolicy(["127.0.0.1"])) as client:

        async def send(request: HttpRequest) -> HttpAnswer:
            return await client.get(request.full_url(), timeout_s=config.timeout_s, max_bytes=config.max_page_bytes)

        source = PageSource(engine, send, store, Pace(0.0), config, random.Random(1))
        return await EngineCrawler(engine, source, config).search([DOG])


def asked(server: OpenverseServer) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple(sorted(call.query.items())) for call in server.log.calls)


@pytest.mark.parametrize("spread", [EVEN, STEEP], ids=["even", "steep"])
async def test_slices_find_nearly_all_that_one_query_hides(openverse, store, spread):
    openverse.pictures = pictures(HELD, spread)
    outcome = await search(openverse, store)
    found = [hit.hit.engine_id for hit in outcome.hits]
    assert len(set(found)) == len(found)  # no picture twice
    assert 0.95 * HELD <= len(found) <= HELD
    assert outcome.slices > 10
    assert max(asked(openverse).values()) == 1
    assert outcome.requests == openverse.log.count() == store.page_count()
    # as many requests as the pictures fill, and the waste of dividing: what a parent has shown, and short last pages
    assert outcome.requests < 4 * HELD / 20


async def test_without_slices_there_would_be_240(openverse, store, monkeypatch):
    monkeypatch.setattr(Openverse, "divide", lambda self, start: ())
    assert len((await search(openverse, store)).hits) == DEPTH


async def test_a_second_crawl_sends_nothing_and_finds_the_same(openverse, store):
    first = await search(openverse, store)
    openverse.always(Reply.text("nobody should ask", 500))
    openverse.log.clear()
    again = await search(openverse, store)
    assert (openverse.log.count(), again.requests) == (0, 0)
    assert again.hits == first.hits
    assert again.slices == first.slices


async def test_a_crawl_broken_off_within_the_slices_goes_on_there(openverse, tmp_path):
    whole, broken = PageStore(tmp_path / "whole.sqlite"), PageStore(tmp_path / "broken.sqlite")
    undisturbed = await search(openverse, whole)
    once = asked(openverse)
    openverse.log.clear()
    some = undisturbed.requests // 2
    openverse.at(undisturbed.requests + some + 1, Reply.text("blocked", 403))
    with pytest.raises(Exception, match="403"):
        await search(openverse, broken)
    assert broken.page_count() == some
    outcome = await search(openverse, broken)
    assert outcome.hits == undisturbed.hits
    assert outcome.requests == undisturbed.requests - some
    assert {question: times for question, times in asked(openverse).items() if times != 1}.keys() <= once.keys()
    assert sum(asked(openverse).values()) == sum(once.values()) + 1  # the refused one alone is asked again
    whole.close()
    broken.close()


async def test_slices_end_when_there_is_enough(openverse, store):
    config = DEEP.model_copy(update={"max_hits_per_query": 1000})
    outcome = await search(openverse, store, config)
    assert len(outcome.hits) == 1000
    assert openverse.log.count() < 2 * 1000 / 20 + len(LICENSES)


async def test_an_item_that_is_refused_is_one_row_however_many_slices_show_it(openverse, store):
    for place in range(0, 200, 10):
        openverse.pictures[place]["url"] = "file:///etc/passwd" if place % 20 else None
        openverse.pictures[place]["id"] = f"picture-{place}"
    outcome = await search(openverse, store)
    refused = Counter((item.engine_id, item.url) for _, item in outcome.refused)
    assert len(refused) == 20
    assert max(refused.values()) == 1
