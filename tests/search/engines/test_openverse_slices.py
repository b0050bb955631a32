"""Openverse beyond its depth limit: slices, wanted licences, larger pages with a token."""

import pytest

from imagenet_build.errors import QueryRefused, RateLimited
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.search.engine import Cursor, SearchPage, SynsetFacts
from imagenet_build.search.engines.openverse import LARGE_SOURCES, LICENSES, MAX_QUERY, WORDS, Openverse
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV
from tests.fakes.openverse_server import OpenverseServer
from tests.search.engines.asking import ask, ask_all, english, hits_of
from tests.search.openverse_catalogue import OpenverseCatalogue

BEAGLE = english("beagle")


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"title": f"Beagle {n}", "url": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


async def slice_by_slice(engine: Openverse, start: Cursor | None = None) -> dict[str, str]:
    """Id and URL of all that a query gives when every truncated search is divided, as a crawler would."""
    pages = await ask_all_of_slice(engine, start)
    found = {hit.engine_id: hit.url for hit in hits_of(pages)}
    if pages[-1].truncated:
        for part in engine.divide(start):
            found |= await slice_by_slice(engine, part)
    return found


async def ask_all_of_slice(engine: Openverse, cursor: Cursor | None) -> list[SearchPage]:
    pages = []
    while True:
        page = await ask(engine, BEAGLE, cursor)
        assert isinstance(page, SearchPage), page
        pages.append(page)
        if page.next_cursor is None:
            return pages
        cursor = page.next_cursor


def varied(count: int) -> list[dict[str, object]]:
    """Pictures of all licences, sizes, shapes, sources, words and kinds of file, common ones more often."""
    licenses, sizes = ["by"] * 3 + ["by-nc-sa"] * 2 + [*LICENSES], ["medium", "medium", "large", "small"]
    shapes, kinds = ["wide", "wide", "tall", "square"], ["jpg"] * 5 + ["png", "jpeg", "gif"]
    some = pictures(count)
    for n, picture in enumerate(some):
        picture["license"] = licenses[n % len(licenses)]
        picture["size"] = sizes[n // 3 % 4]
        picture["aspect_ratio"] = shapes[n // 7 % 4]
        picture["source"] = ("flickr", "flickr", "wikimedia", "met", None)[n // 5 % 5]
        picture["title"] = " ".join([str(picture["title"]), *(word for bit, word in enumerate(WORDS) if n >> bit & 2)])
        picture["extension"] = kinds[n // 11 % 8]
        picture["category"] = ("photograph", None, "illustration")[n % 3]
    return some


async def test_slices_reach_what_one_search_does_not():
    with OpenverseCatalogue(varied(5000)) as server:
        found = await slice_by_slice(Openverse(server.base_url))
        assert len(found) >= 0.95 * 5000
        assert {call.status for call in server.log.calls} == {200}
        asked = [tuple(sorted(call.query.items())) for call in server.log.calls]
        assert len(asked) == len(set(asked))


async def test_slices_are_disjoint_and_end():
    with OpenverseCatalogue(varied(3000)) as server:
        engine = Openverse(server.base_url)
        start: Cursor | None = None
        for name in ("license", "size", "aspect_ratio", "source", *WORDS, "extension", "category"):
            parts = engine.divide(start)
            assert all({**(start or {}), name: part[name]} == part for part in parts)
            found = [hit.engine_id for part in parts for hit in hits_of(await ask_all_of_slice(engine, part))]
            assert len(found) == len(set(found)) > 0
            if name == "source" or name in WORDS:  # these leave nothing out
                whole = await ask_all_of_slice(engine, start)
                assert whole[-1].truncated or set(found) == {hit.engine_id for hit in hits_of(whole)}
            start = parts[0 if name != WORDS[0] else 1]
        assert engine.divide(start) == []
        assert engine.divide({"license": "by", "page": 3}) == engine.divide({"license": "by"})


def test_what_stands_beside_the_query_is_what_the_service_knows():
    engine = Openverse()
    params = engine.request(BEAGLE, {"license": "by", "source": "others", WORDS[0]: WORDS[0], WORDS[1]: f"-{WORDS[1]}"})
    assert params.params["q"] == f"beagle {WORDS[0]} -{WORDS[1]}"
    assert params.params["excluded_source"] == ",".join(LARGE_SOURCES)
    assert not {"source", *WORDS} & params.params.keys()  # both source parameters together are refused
    flickr = engine.request(BEAGLE, {"license": "by", "source": "flickr", "page": 3})
    assert (flickr.params["q"], flickr.params["source"]) == ("beagle", "flickr")
    assert "excluded_source" not in flickr.params
    long = str(engine.request(english("beagle " * 40), {WORDS[0]: f"-{WORDS[0]}"}).params["q"])
    assert long.endswith(f" beagle -{WORDS[0]}")  # the service would cut the word off
    assert len(long) <= MAX_QUERY


@pytest.mark.parametrize(("held", "truncated"), [(239, False), (240, True), (900, True), (12, False), (0, False)])
async def test_a_search_is_truncated_only_where_the_count_stops_at_the_depth(held, truncated):
    with OpenverseServer(pictures(held)) as server:
        pages = await ask_all(Openverse(server.base_url), BEAGLE)
        assert [page.truncated for page in pages] == [False] * (len(pages) - 1) + [truncated]


async def test_a_slice_is_kept_from_page_to_page():
    some = pictures(50, license="cc0", size="large") + pictures(10, license="cc0", size="small")
    with OpenverseServer(some) as server:
        pages = await ask_all_of_slice(Openverse(server.base_url), {"license": "cc0", "size": "large"})
        assert [len(page.hits) for page in pages] == [20, 20, 10]
        assert [hit.rank for hit in hits_of(pages)] == list(range(50))


async def test_only_wanted_licences_are_asked_for():
    with OpenverseServer(varied(60)) as server:
        engine = Openverse(server.base_url, licenses=["cc0", "by", "unknown", "arr"])
        hits = hits_of(await ask_all(engine, BEAGLE))
        assert {hit.credit.license for hit in hits} == {"cc0", "by"}
        assert server.log.calls[0].query["license"] == "by,cc0"
        assert engine.divide(None) == [{"license": "by"}, {"license": "cc0"}]
        other_order = Openverse(server.base_url, licenses=["unknown", "by", "cc0"])
        assert other_order.request(BEAGLE, None) == engine.request(BEAGLE, None)


def test_nothing_is_asked_where_no_wanted_licence_is_known():
    facts = SynsetFacts("n02084071", is_organism=True)
    assert "licences" in Openverse(licenses=["unknown", "arr"]).skips(BEAGLE, facts)
    assert Openverse().skips(BEAGLE, facts) == ""
    assert "license" not in Openverse(licenses=LICENSES).request(BEAGLE, None).params


def test_a_token_means_larger_pages_and_a_faster_pace():
    anonymous, known = Openverse(), Openverse("https://example.org/", with_token=True)
    assert (anonymous.oauth, anonymous.info.keys, anonymous.info.page_size) == (None, (), 20)
    assert known.oauth is not None
    assert known.oauth.token_url == "https://example.org/v1/auth_tokens/token/"
    assert known.info.keys == (CLIENT_ID_ENV, CLIENT_SECRET_ENV)
    assert known.info.min_delay_s < anonymous.info.min_delay_s
    assert 240 % known.info.page_size == 0
    assert known.info.page_size <= 50
    assert Openverse.info.keys == ()
    assert known.request(BEAGLE, None).secrets == ()


async def test_a_token_taken_for_none_is_worth_another_try():
    with OpenverseServer(pictures(3)) as server:
        engine = Openverse(server.base_url, with_token=True)
        failure = await ask(engine, BEAGLE)  # without any token, as with a bad one
        assert isinstance(failure, RateLimited)
        assert "token" in str(failure)
        too_deep = HttpAnswer(401, {}, b'{"detail": "pagination depth may not exceed 240 for authenticated requests"}')
        assert isinstance(engine.failure(too_deep), QueryRefused)
