import json
from pathlib import Path

import pytest

from imagenet_build.errors import QueryRefused, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engines import internetarchive
from imagenet_build.search.engines.internetarchive import MOST_FILES, InternetArchive
from tests.fakes.catalogue_server import numbered
from tests.fakes.internetarchive_server import InternetArchiveServer, file
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all
from tests.search.engines.first_pages_museums import FIRST_PAGE_CURSORS

RECORDED = Path(__file__).parents[2] / "recorded" / "internetarchive"
BEAGLE = english("beagle")
ITEM = {"items": "one", "page": 0, "rank": 0}


async def test_items_are_looked_up_page_by_page_in_order():
    with InternetArchiveServer(numbered(120)) as server:
        pages = await ask_all(InternetArchive(server.base_url), BEAGLE, {})
        hits = hits_of(pages)
        assert [hit.engine_id for hit in hits] == [f"example_item_{n}/example_item_{n}.jpg" for n in range(120)]
        assert [hit.rank for hit in hits] == list(range(120))
        assert server.log.counts()["/advancedsearch.php"] == 3
        assert server.log.count() == 123
        kinds = ["search" if call.path == "/advancedsearch.php" else "item" for call in server.log.calls]
        assert kinds[50:53] == ["item", "search", "item"]
        assert server.log.calls[0].query["q"] == "mediatype:image AND (beagle)"


async def test_depth_is_not_passed(monkeypatch):
    monkeypatch.setattr(internetarchive, "DEPTH", 100)
    with InternetArchiveServer(numbered(180)) as server:
        server.depth = 100
        assert len(hits_of(await ask_all(InternetArchive(server.base_url), BEAGLE, {}))) == 100
        assert {call.status for call in server.log.calls} == {200}


async def test_too_deep_ends_the_query_though_the_status_is_200():
    with InternetArchiveServer(numbered(3)) as server:
        failure = await ask(InternetArchive(server.base_url), BEAGLE, {}, {"items": "", "page": 201, "rank": 0})
        assert isinstance(failure, QueryRefused)
        assert "RANGE_OUT_OF_BOUNDS" in str(failure)


async def test_items_without_pictures_are_refused_and_the_query_goes_on():
    entries = [
        {"title": "Beagle 0", "gone": True},
        {"title": "Beagle 1", "dark": True},
        {"title": "Beagle 2", "files": [file("a.pdf", format="Text PDF"), file("__ia_thumb.jpg")]},
        {"title": "Beagle 3"},
    ]
    with InternetArchiveServer(entries) as server:
        pages = await ask_all(InternetArchive(server.base_url), BEAGLE, {})
        refused = [(item.engine_id, item.rejection.reason) for page in pages for item in page.refused]
        assert refused == [(f"example_item_{n}", RejectReason.NO_URL) for n in range(3)]
        assert [hit.rank for hit in hits_of(pages)] == [0]


def pictures_of(*files: dict[str, object]) -> list[str]:
    body = json.dumps({"files": files, "metadata": {}}).encode()
    return [hit.engine_id.removeprefix("one/") for hit in InternetArchive().parse(body, BEAGLE, ITEM).hits]


def test_originals_before_derivatives_and_never_too_many():
    derived = file("b.jpg", source="derivative")
    assert pictures_of(file("a.jpg"), derived) == ["a.jpg"]
    assert pictures_of(file("a.tif", format="TIFF"), derived) == ["b.jpg"]
    assert pictures_of(*(file(f"{n}.jpg") for n in range(100))) == [f"{n}.jpg" for n in range(MOST_FILES)]


@pytest.mark.parametrize(
    "url", [None, [], ["http://creativecommons.org/publicdomain/zero/1.0/"], "https://example.org/x"]
)
def test_licences_in_every_form(url):
    metadata = {"title": ["Dogs", "More"], "creator": None, "licenseurl": url}
    body = json.dumps({"files": [file("a.jpg")], "metadata": metadata}).encode()
    (hit,) = InternetArchive().parse(body, BEAGLE, ITEM).hits
    assert hit.credit.license == ("cc0" if isinstance(url, list) and url else "unknown")
    assert (hit.credit.title, hit.credit.creator) == ("Dogs", "")


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        (b'{"error": "Couldn\'t locate item"}', None),
        (b'{"response": {"docs": [{"identifier": "../etc"}], "numFound": 1}}', None),
        (b'{"response": {"docs": [{"identifier": "two words"}], "numFound": 1}}', None),
        (b'{"metadata": {}}', ITEM),
        (b'{"files": [{"format": "JPEG"}]}', ITEM),
        (b'{"files": {}, "metadata": []}', {"items": "one", "page": "x", "rank": 0}),
    ],
)
def test_hostile_values_are_loud(body, cursor):
    with pytest.raises((KeyError, TypeError, ValueError)):
        InternetArchive().parse(body, BEAGLE, cursor)


def test_an_item_that_cannot_be_located_is_no_end_of_the_query():
    answer = HttpAnswer(200, {}, b'{"error": "Couldn\'t locate item \'one\'"}')
    assert InternetArchive().failure(answer) is None
    assert len(InternetArchive().parse(answer.body, BEAGLE, ITEM).refused) == 1
    assert isinstance(InternetArchive().failure(HttpAnswer(200, {}, b"<html>")), Unreachable)


def test_recorded_item():
    body = (RECORDED / "first_page.json").read_bytes()
    page = InternetArchive().parse(body, BEAGLE, FIRST_PAGE_CURSORS["internetarchive"])
    assert [hit.url for hit in page.hits] == [
        "https://archive.org/download/example_beagles/Beagle%20one.jpg",
        "https://archive.org/download/example_beagles/album/beagle%20%232%20%C3%9F.png",
    ]
    assert [(hit.width, hit.height) for hit in page.hits] == [(1024, 768), (None, None)]
    assert page.next_cursor == {"items": "example_dogs", "page": 2, "rank": 2}
    credit = page.hits[0].credit
    assert (credit.license, credit.license_version, credit.creator) == ("by-sa", "4.0", "Example Person")
    assert credit.page_url == "https://archive.org/details/example_beagles"
