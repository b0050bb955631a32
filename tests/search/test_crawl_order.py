"""Where the next request goes, what a licence filter does, and reading kept pages without the network."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from imagenet_build.config.models import SearchConfig
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Credit, Hit, Origin, Query, RejectReason
from imagenet_build.search.crawl import EngineCrawler, SearchOutcome
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage
from imagenet_build.search.pages import PageSource
from imagenet_build.search.yields import Kind, Yield
from imagenet_build.storage.page_store import PageStore

SIZE = 10


class Shelf(EngineDefaults):
    """Holds so many pictures per text, ten a page."""

    info = EngineInfo("shelf", "Shelf", "", "", "", None, 0.0, page_size=SIZE)

    def __init__(self, holds: Mapping[str, int], licenses: Sequence[str] = ("by",)) -> None:
        self.holds = holds
        self.licenses = licenses

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        return HttpRequest("http://shelf.test/", {"q": query.text, "page": int((cursor or {"page": 0})["page"])})

    def failure(self, answer: HttpAnswer) -> None:
        return None

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        page = int((cursor or {"page": 0})["page"])
        numbers = range(page * SIZE, min(self.holds.get(query.text, 0), (page + 1) * SIZE))
        hits = tuple(
            Hit(
                *(query, "shelf", number, f"http://pictures.test/{query.text}/{number}.jpg", f"{query.text}{number}"),
                credit=Credit(license=self.licenses[number % len(self.licenses)]),
            )
            for number in numbers
        )
        more = self.holds.get(query.text, 0) > (page + 1) * SIZE
        return SearchPage(hits, {"page": page + 1} if more else None, len(hits))


@pytest.fixture
def store(tmp_path):
    pages = PageStore(tmp_path / "shelf.sqlite")
    yield pages
    pages.close()


async def crawl(
    engine: Shelf,
    queries: Sequence[Query],
    store: PageStore,
    *,
    known: Mapping[Kind, Yield] | None = None,
    offline: bool = False,
    **config: object,
) -> tuple[SearchOutcome, list[str]]:
    sent: list[str] = []

    async def send(request: HttpRequest) -> HttpAnswer:
        sent.append(f"{request.params['q']}/{request.params['page']}")
        return HttpAnswer(200, {}, b"{}")

    search = SearchConfig.model_validate(config)
    source = PageSource(engine, None if offline else send, store, Pace(0.0), search, random.Random(1))
    return await EngineCrawler(engine, source, search).search(queries, known or {}), sent


def queries(*texts: tuple[str, Origin]) -> list[Query]:
    return [Query("n02084071", text, "eng", origin, place) for place, (text, origin) in enumerate(texts)]


ASKED = queries(("dog", Origin.SYNONYM), ("hound", Origin.SYNONYM), ("dog pet", Origin.PARENT_WORD))


async def test_with_nothing_known_the_best_query_goes_first(store):
    _, sent = await crawl(Shelf({}), ASKED, store)
    assert sent == ["dog/0", "hound/0", "dog pet/0"]


async def test_a_rich_query_is_followed_before_a_poor_one_is_tried(store):
    """Ten new addresses on a page promise eight on the next; a parent word promises three."""
    _, sent = await crawl(Shelf({"dog": 25, "hound": 5, "dog pet": 30}), ASKED, store)
    assert sent == ["dog/0", "dog/1", "dog/2", "hound/0", "dog pet/0", "dog pet/1", "dog pet/2"]


async def test_what_was_learnt_changes_the_order(store):
    known = {("eng", "synonym"): Yield(100, 10), ("eng", "parent_word"): Yield(100, 900)}
    _, sent = await crawl(Shelf({}), ASKED, store, known=known)
    assert sent == ["dog pet/0", "dog/0", "hound/0"]


async def test_the_same_answers_give_the_same_order_and_hits(store, tmp_path):
    shelf = Shelf({"dog": 25, "hound": 5, "dog pet": 30})
    first, sent = await crawl(shelf, ASKED, store, candidates_per_synset=30)
    other = PageStore(tmp_path / "other.sqlite")
    second, again = await crawl(shelf, ASKED, other, candidates_per_synset=30)
    other.close()
    assert (sent, first) == (again, second)
    resumed, nothing = await crawl(shelf, ASKED, store, candidates_per_synset=30)
    assert nothing == []
    assert resumed.hits == first.hits


async def test_it_stops_when_there_is_enough(store):
    outcome, sent = await crawl(Shelf({"dog": 100}), ASKED, store, candidates_per_synset=15)
    assert sent == ["dog/0", "dog/1"]
    assert len(outcome.hits) == 20


async def test_yields_say_what_first_pages_brought(store):
    outcome, _ = await crawl(Shelf({"dog": 25, "hound": 5, "dog pet": 30}), ASKED, store)
    assert outcome.yields == {("eng", "synonym"): Yield(2, 15), ("eng", "parent_word"): Yield(1, 10)}
    assert outcome.queries_answered == 3


async def test_licences_that_are_not_wanted_are_rows_of_their_own(store):
    shelf = Shelf({"dog": 9}, licenses=("by", "unknown", "by-nc"))
    outcome, _ = await crawl(shelf, ASKED[:1], store, licenses=["by", "cc0"])
    assert {found.hit.credit.license for found in outcome.hits} == {"by"}
    assert [item.rejection.reason for _, item in outcome.refused] == [RejectReason.LICENSE_REFUSED] * 6
    everything, _ = await crawl(shelf, ASKED[:1], store)
    assert len(everything.hits) == 9


async def test_kept_pages_are_read_again_without_the_network(store):
    shelf = Shelf({"dog": 25})
    await crawl(shelf, ASKED[:1], store)
    outcome, sent = await crawl(shelf, ASKED, store, offline=True)  # the other two were never asked
    assert sent == []
    assert len(outcome.hits) == 25
    assert outcome.requests == 0
