import json
from pathlib import Path

from imagenet_build.errors import QueryRefused, RateLimited
from imagenet_build.records import RejectReason
from imagenet_build.search.engines.artic import Artic
from tests.fakes.artic_server import ArticServer
from tests.fakes.catalogue_server import bot_page, numbered
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "artic"
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with ArticServer(numbered(250)) as server:
        pages = await ask_all(Artic(server.base_url), BEAGLE, {})
        assert [len(page.hits) for page in pages] == [100, 100, 50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(250))
        assert not pages[-1].truncated


async def test_only_what_holds_all_words_and_may_be_used_comes_back():
    entries = [
        {"title": "Beagle puppy"},
        {"title": "Cat"},
        {"title": "Beagle puppy", "is_public_domain": False},
        {"title": "Beagle puppy", "image_id": None},
        {"title": "Beagle"},
    ]
    with ArticServer(entries) as server:
        assert [
            hit.engine_id for hit in hits_of(await ask_all(Artic(server.base_url), english("beagle puppy"), {}))
        ] == ["27000"]
        sent = server.log.calls[0]
        assert sent.headers["aic-user-agent"] == "imagenet_build"
        assert json.loads(sent.query["params"])["fields"]


async def test_depth_ends_the_search_and_eras_go_on():
    entries = [
        {"title": f"Beagle {n}", "date_start": year}
        for n, year in enumerate([1400, 1700, 1830, 1880, 1920, 2000, None] * 200)
    ]
    with ArticServer(entries) as server:
        engine = Artic(server.base_url)
        pages = await ask_all(engine, BEAGLE, {})
        assert len(hits_of(pages)) == 1000
        assert [page.truncated for page in pages] == [False] * 9 + [True]
        slices = engine.divide(None)
        found = [hits_of(await ask_all(engine, BEAGLE, {}, start)) for start in slices]
        assert [len(hits) for hits in found] == [200] * 7
        assert len({hit.engine_id for hits in found for hit in hits}) == 1400
        assert [engine.divide(start) for start in slices] == [()] * 7
        assert {call.status for call in server.log.calls} == {200}


async def test_too_deep_ends_the_query_and_the_gatekeeper_is_a_pause():
    with ArticServer(numbered(3)) as server:
        engine = Artic(server.base_url)
        too_deep = await ask(engine, BEAGLE, {}, {"page": 11})
        assert isinstance(too_deep, QueryRefused)
        assert "too many results" in str(too_deep)
        server.next(bot_page())
        blocked = await ask(engine, BEAGLE, {})
        assert isinstance(blocked, RateLimited)
        assert blocked.retry_after_s == 60


def test_recorded_page():
    page = Artic().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert [hit.url.removeprefix("https://www.artic.edu/iiif/2/") for hit in page.hits] == [
        "11111111-2222-3333-4444-000000000000/full/843,/0/default.jpg",
        "66666666-7777-8888-9999-000000000000/full/843,/0/default.jpg",
        "11111111-2222-3333-4444-000000000002/full/640,/0/default.jpg",  # never wider than the original
        "11111111-2222-3333-4444-000000000003/full/843,/0/default.jpg",
    ]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("27004", RejectReason.NO_URL)]
    assert [(hit.width, hit.height) for hit in page.hits[:3]] == [(4000, 3000), (None, None), (640, 480)]
    credit = page.hits[0].credit
    assert (credit.license, credit.creator) == ("cc0", "Example Person American, 1850-1920")
    assert credit.page_url == "https://www.artic.edu/artworks/27000"
    assert page.next_cursor == {"page": 2}
