from pathlib import Path

from imagenet_build.errors import RateLimited
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.loc import BLOCK_S, DEPTH, PAGE_SIZE, LibraryOfCongress
from tests.fakes import loc_server
from tests.fakes.catalogue_server import numbered
from tests.fakes.loc_server import LocServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "loc"
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with LocServer(numbered(250)) as server:
        pages = await ask_all(LibraryOfCongress(server.base_url), BEAGLE, {})
        assert [len(page.hits) for page in pages] == [100, 100, 50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(250))
        assert server.log.calls[1].query == {
            "q": "beagle",
            "fo": "json",
            "c": "100",
            "sp": "2",
            "fa": "online-format:image",
            "at": "results,pagination",
        }


async def test_404_says_no_results_also_on_a_kept_page():
    with LocServer(numbered(3)) as server:
        page = await ask(LibraryOfCongress(server.base_url), english("accordion"), {})
        assert page == SearchPage((), None, 0)
        assert server.log.calls[0].status == 404
    kept = HttpAnswer(404, {}, b'{"status": 404, "message": "Not Found"}')
    assert LibraryOfCongress().failure(kept) is None
    assert LibraryOfCongress().parse(kept.body, BEAGLE, {"page": 9}) == SearchPage((), None, 0)


async def test_a_page_that_vanished_in_the_meantime_is_the_end():
    with LocServer(numbered(250)) as server:
        engine = LibraryOfCongress(server.base_url)
        first = await ask(engine, BEAGLE, {})
        assert isinstance(first, SearchPage)
        del server.entries[50:]
        assert await ask(engine, BEAGLE, {}, first.next_cursor) == SearchPage((), None, 0)


async def test_a_block_is_waited_out():
    with LocServer(numbered(3)) as server:
        for reply in (loc_server.blocked(), loc_server.captcha()):
            server.next(reply)
            failure = await ask(LibraryOfCongress(server.base_url), BEAGLE, {})
            assert isinstance(failure, RateLimited)
            assert failure.retry_after_s == BLOCK_S
            assert "<html" not in str(failure)


def test_nothing_is_asked_past_the_depth():
    body = (RECORDED / "first_page.json").read_bytes()
    last = LibraryOfCongress().parse(body, BEAGLE, {"page": DEPTH // PAGE_SIZE})
    before = LibraryOfCongress().parse(body, BEAGLE, {"page": DEPTH // PAGE_SIZE - 1})
    assert (last.next_cursor, last.truncated) == (None, True)
    assert (before.next_cursor, before.truncated) == ({"page": DEPTH // PAGE_SIZE}, False)


def test_recorded_page():
    page = LibraryOfCongress().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert [hit.url for hit in page.hits[:1]] == [
        "https://tile.loc.gov/storage-services/service/pnp/cph/3f00v.jpg"  # the largest; protocol and fragment settled
    ]
    assert [(hit.width, hit.height) for hit in page.hits] == [(680, 1024), (680, 1024), (None, None), (680, 1024)]
    assert [hit.credit.license for hit in page.hits] == ["nkc", "unknown", "nkc", "nkc"]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [
        ("http://www.loc.gov/item/2000002/", RejectReason.NO_URL)
    ]
    assert page.hits[0].credit.page_url == "https://www.loc.gov/item/2000000/"
    assert page.hits[0].credit.creator == "example person"
