import json
from pathlib import Path

import pytest

from imagenet_build.errors import RateLimited
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.met import BLOCK_S, MOST_OBJECTS, MOST_VIEWS, Met
from tests.fakes.catalogue_server import numbered
from tests.fakes.met_server import MetServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all
from tests.search.engines.first_pages_museums import FIRST_PAGE_CURSORS

RECORDED = Path(__file__).parents[2] / "recorded" / "met"
BEAGLE = english("beagle")


async def test_search_then_object_by_object():
    with MetServer(numbered(5)) as server:
        pages = await ask_all(Met(server.base_url), BEAGLE, {})
        assert [(len(page.hits), page.reported) for page in pages] == [(0, 0), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)]
        assert server.log.calls[0].query == {"hasImages": "true", "q": "beagle"}
        assert [call.path.rpartition("/")[2] for call in server.log.calls[1:]] == [str(45734 + n) for n in range(5)]


async def test_the_small_rendering_is_taken_and_further_views_follow_it():
    views = [f"https://images.metmuseum.org/CRDImages/as/original/V{n}.jpg" for n in range(20)]
    with MetServer([{"title": "Beagle", "additionalImages": [*views[:2], "", "ftp://x/y.jpg", *views[2:]]}]) as server:
        pages = await ask_all(Met(server.base_url), BEAGLE, {})
        hits = hits_of(pages)
        assert hits[0].url.endswith("/web-large/DP000000.jpg")
        assert [hit.url for hit in hits[1:3]] == views[:2]
        assert [hit.engine_id for hit in hits[:3]] == ["45734", "45734/2", "45734/3"]
        assert [hit.rank for hit in hits] == list(range(len(hits)))
        assert pages[1].reported == MOST_VIEWS == len(hits) + 1
        assert [(item.engine_id, item.rejection.reason) for item in pages[1].refused] == [
            ("45734/4", RejectReason.BAD_URL)
        ]


async def test_objects_without_picture_or_gone_are_refused_and_the_query_goes_on():
    entries = [
        {"title": "Beagle 0", "gone": True},
        {"title": "Beagle 1", "primaryImage": "", "primaryImageSmall": "", "isPublicDomain": False},
        {"title": "Beagle 2", "isPublicDomain": False},
        {"title": "Beagle 3", "primaryImageSmall": "", "additionalImages": None},
    ]
    with MetServer(entries) as server:
        pages = await ask_all(Met(server.base_url), BEAGLE, {})
        refused = [(item.engine_id, item.rejection.reason) for page in pages for item in page.refused]
        assert refused == [("45734", RejectReason.NO_URL), ("45735", RejectReason.NO_URL)]
        first, second = hits_of(pages)
        assert [(hit.rank, hit.credit.license) for hit in (first, second)] == [(0, "unknown"), (1, "cc0")]
        assert second.url.endswith("/original/DP000003.jpg")


async def test_the_bot_page_is_a_pause_not_an_end():
    with MetServer(numbered(3), calls_before_block=2) as server:
        engine = Met(server.base_url)
        cursor = None
        for _ in range(2):
            page = await ask(engine, BEAGLE, {}, cursor)
            assert isinstance(page, SearchPage)
            cursor = page.next_cursor
        failure = await ask(engine, BEAGLE, {}, cursor)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == BLOCK_S
        assert "<html" not in str(failure)
        server.calls_before_block = None
        assert isinstance(await ask(engine, BEAGLE, {}, cursor), SearchPage)


def test_as_many_objects_as_are_looked_up_and_none_twice():
    ids = [*range(1, 5000), 1, 2]
    page = Met().parse(json.dumps({"total": len(ids), "objectIDs": ids}).encode(), BEAGLE, None)
    assert page.next_cursor is not None
    assert str(page.next_cursor["objects"]).split(",") == [str(n) for n in range(1, MOST_OBJECTS + 1)]
    page = Met().parse(b'{"total": 3, "objectIDs": [7, 8, 7]}', BEAGLE, None)
    assert page.next_cursor == {"objects": "7,8", "rank": 0}


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        (b'{"total": 9, "objectIDs": null}', None),
        (b'{"message": "ObjectID not found"}', None),
        (b'{"message": "something else"}', {"objects": "1", "rank": 0}),
        (b'{"primaryImage": {}, "primaryImageSmall": {}}', {"objects": "1", "rank": 0}),
        (b'{"primaryImage": "", "primaryImageSmall": "", "additionalImages": "x"}', {"objects": "1", "rank": 0}),
        (b'{"primaryImage": "", "primaryImageSmall": ""}', {"objects": "../x", "rank": 0}),
    ],
)
def test_hostile_values_are_loud(body, cursor):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Met().parse(body, BEAGLE, cursor)


def test_recorded_object():
    page = Met().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, FIRST_PAGE_CURSORS["met"])
    assert [hit.engine_id for hit in page.hits] == ["45734", "45734/2", "45734/3"]
    assert page.next_cursor == {"objects": "45735,45736", "rank": 3}
    credit = page.hits[0].credit
    assert (credit.license, credit.license_version, credit.creator) == ("cc0", "1.0", "Example Person")
    assert credit.page_url == "https://www.metmuseum.org/art/collection/search/45734"
