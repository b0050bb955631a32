import json
from itertools import pairwise
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.flickr import Flickr
from tests.fakes import flickr_server
from tests.fakes.flickr_server import FlickrServer
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, ask_divided, query_in, send

PAGE = (Path(__file__).parents[2] / "recorded" / "flickr" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with FlickrServer(numbered(1100)) as server:
        pages = await ask_all(Flickr(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [500, 500, 100]
        assert [hit.rank for hit in hits_of(pages)] == list(range(1100))
        assert not pages[-1].truncated
        assert server.log.counts() == {"/services/rest/": 3}


@pytest.mark.parametrize("beyond", ["repeat", "empty"])
async def test_stops_before_results_repeat_and_says_that_there_is_more(beyond):
    with FlickrServer(numbered(5000), beyond=beyond) as server:
        pages = await ask_all(Flickr(server.base_url), BEAGLE)
        assert len({hit.engine_id for hit in hits_of(pages)}) == len(hits_of(pages)) == 4000
        assert [page.truncated for page in pages] == [False] * 7 + [True]
        assert server.log.count() == 8


async def test_exactly_at_the_depth_nothing_is_missing():
    with FlickrServer(numbered(4000)) as server:
        pages = await ask_all(Flickr(server.base_url), BEAGLE)
        assert len(hits_of(pages)) == 4000
        assert not pages[-1].truncated


async def test_an_earlier_page_in_place_of_the_next_is_the_end():
    with FlickrServer(numbered(600)) as server:
        engine = Flickr(server.base_url)
        first = await send(engine.request(BEAGLE, None))
        page = engine.parse(first.body, BEAGLE, {"page": 2})
        assert page.next_cursor is None
        assert page.truncated is False  # 600 were said, and 1000 places were asked for


async def test_smaller_pages_than_asked_for_keep_ranks_and_depth():
    answer = json.loads(PAGE)
    answer["photos"].update(page=2, perpage=250, pages=28)
    page = Flickr().parse(json.dumps(answer).encode(), BEAGLE, {"page": 2})
    assert page.hits[0].rank == 250
    assert page.next_cursor == {"page": 3}
    answer["photos"].update(page=16)
    page = Flickr().parse(json.dumps(answer).encode(), BEAGLE, {"page": 16})
    assert (page.next_cursor, page.truncated) == (None, True)


async def test_slices_give_what_the_depth_hides():
    pictures = [
        {"title": "Beagle", "license": 0 if n % 10 else n // 10 % 17, "uploaded": 1_100_000_000 + 160_000 * n}
        for n in range(5000)
    ]
    with FlickrServer(pictures, depth=4000) as server:
        found = await ask_divided(Flickr(server.base_url), BEAGLE)
        assert len(found) == 5000
        assert all(call.status == 200 for call in server.log.calls)


async def test_slices_of_time_find_photos_of_one_afternoon_and_of_the_future():
    burst = [{"title": "Beagle", "license": 4, "uploaded": 1_500_000_000 + n // 300} for n in range(4500)]
    odd = [{"title": "Beagle", "license": 4, "uploaded": when} for when in (0, 1199145599, 1199145600, 1_900_000_000)]
    with FlickrServer([*odd, *burst]) as server:
        found = await ask_divided(Flickr(server.base_url), BEAGLE, {"license": "4"})
        assert len(found) == 4504


def test_slices_are_disjoint_and_leave_nothing_out():
    engine = Flickr()
    licences = [part["license"] for part in engine.divide(None)]
    assert sorted(map(int, licences)) == list(range(17))
    assert (licences[0], licences[-1]) == ("9", "0")  # the freest first, all rights reserved last
    for start, parts in (
        ({"from_s": 1_577_836_800}, 2),
        ({"to_s": 1_199_145_599}, 8),
        ({"from_s": 10, "to_s": 19}, 8),
        ({"from_s": 10, "to_s": 13}, 4),
        ({"from_s": 10, "to_s": 11}, 2),
        ({}, 5),
    ):
        spans = engine.divide({"license": "4", **start})
        assert spans[0].get("from_s") == start.get("from_s")
        assert spans[-1].get("to_s") == start.get("to_s")
        assert len(spans) == parts
        assert all(span.get("from_s", 0) <= span.get("to_s", 1 << 40) for span in spans)
        assert all(later["from_s"] == earlier["to_s"] + 1 for earlier, later in pairwise(spans))
        assert {span["license"] for span in spans} == {"4"}
    assert engine.divide({"license": "4", "from_s": 10, "to_s": 10}) == []
    assert engine.divide({"license": "4", "from_s": 4_200_000_000}) == []


def test_slices_travel_with_the_cursor_and_reach_the_service():
    start = {"license": "4", "from_s": 10, "to_s": 20}
    page = Flickr().parse(PAGE, BEAGLE, start)
    assert page.next_cursor == {**start, "page": 2}
    params = Flickr().request(BEAGLE, page.next_cursor).params
    assert (params["license"], params["min_upload_date"], params["max_upload_date"], params["page"]) == ("4", 10, 20, 2)


@pytest.mark.parametrize(
    ("side", "suffix", "width"),
    [(4000, "_b", 1024), (1024, "_b", 1024), (900, "_c", 800), (600, "", 500), (400, "_n", 320), (250, "_m", 240)],
)
async def test_polite_size_with_its_own_pixels(side, suffix, width):
    with FlickrServer(numbered(2, side=side, original=True)) as server:
        for hit in hits_of(await ask_all(Flickr(server.base_url), BEAGLE)):  # one with numbers, one with texts
            assert hit.url == f"https://live.staticflickr.com/65535/{hit.engine_id}_0a1b2c3d4e{suffix}.jpg"
            assert (hit.width, hit.height) == (width, width * 3 // 4)


async def test_original_only_where_there_is_nothing_else():
    with FlickrServer([*numbered(1, side=200, original=True), *numbered(1, side=200)]) as server:
        (page,) = await ask_all(Flickr(server.base_url), BEAGLE)
        assert [hit.url[-6:] for hit in page.hits] == ["_o.jpg"]
        assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [
            ("50000000001", RejectReason.NO_URL)
        ]


@pytest.mark.parametrize(
    ("number", "code", "version"),
    [
        (0, "arr", ""),
        ("1", "by-nc-sa", "2.0"),
        (2, "by-nc", "2.0"),
        ("3", "by-nc-nd", "2.0"),
        ("4", "by", "2.0"),
        (5, "by-sa", "2.0"),
        (6, "by-nd", "2.0"),
        ("7", "nkc", ""),
        (8, "usgov", ""),
        (9, "cc0", "1.0"),
        ("10", "pdm", "1.0"),
        (11, "by", "4.0"),
        ("12", "by-sa", "4.0"),
        (13, "by-nd", "4.0"),
        (14, "by-nc", "4.0"),
        ("15", "by-nc-sa", "4.0"),
        (16, "by-nc-nd", "4.0"),
        (17, "unknown", ""),
        (None, "unknown", ""),
        ("", "unknown", ""),
    ],
)
def test_licence_numbers(number, code, version):
    answer = json.loads(PAGE)
    answer["photos"]["photo"][0]["license"] = number
    credit = Flickr().parse(json.dumps(answer).encode(), BEAGLE, None).hits[0].credit
    assert (credit.license, credit.license_version) == (code, version)
    assert bool(credit.license_url) == (code not in ("arr", "unknown"))


def test_recorded_page_in_full():
    page = Flickr().parse(PAGE, BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert [hit.rank for hit in page.hits] == [0, 1, 2, 3, 5, 6, 8]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL, RejectReason.BAD_URL]
    assert (page.hits[4].width, page.hits[4].height) == (200, None)  # a size may be an empty text
    credit = page.hits[1].credit
    assert (credit.title, credit.creator) == ("比格犬, à la plage", "Example Person")
    assert credit.page_url == "https://www.flickr.com/photos/99999992@N00/50000000002"
    assert credit.creator_url == "https://www.flickr.com/people/99999992@N00/"


async def test_wrong_key_and_missing_key_stop_the_engine_and_name_the_variable():
    with FlickrServer(numbered(3)) as server:
        for keys in ({"FLICKR_API_KEY": "wrong-key-value"}, {}):
            failure = await ask(Flickr(server.base_url), BEAGLE, keys=keys)
            assert isinstance(failure, EngineRefused)
            assert "FLICKR_API_KEY" in failure.remedy
            assert "wrong-key-value" not in str(failure)


async def test_throttling_is_a_web_page_and_worth_another_try():
    with FlickrServer(numbered(3)) as server:
        server.at(1, flickr_server.throttled())
        failure = await ask(Flickr(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s is None
        assert "<" not in str(failure)
        assert isinstance(await ask(Flickr(server.base_url), BEAGLE), SearchPage)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, QueryRefused),
        (3, QueryRefused),
        (4, QueryRefused),
        (10, RateLimited),
        (18, QueryRefused),
        (105, RateLimited),
        (106, RateLimited),
        (111, EngineRefused),
        (112, EngineRefused),
        (116, EngineRefused),
    ],
)
async def test_errors_that_come_with_200(code, kind):
    with FlickrServer(numbered(3)) as server:
        server.at(1, flickr_server.failed(code, "Some words"))
        failure = await ask(Flickr(server.base_url), BEAGLE)
        assert isinstance(failure, kind)
        assert "Some words" in str(failure)
        assert isinstance(failure, RateLimited) or str(code) in str(failure)


async def test_empty_query_is_refused_by_the_service_and_ends_the_query():
    with FlickrServer(numbered(3)) as server:
        assert isinstance(await ask(Flickr(server.base_url), english("")), QueryRefused)


@pytest.mark.parametrize("body", [PAGE[: len(PAGE) // 2], b"", b"<html>portal</html>", b"[1]", b"[" * 200_000])
async def test_what_is_no_whole_json_object_is_asked_for_again(body):
    with FlickrServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(Flickr(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "change",
    [
        {"photo": None},
        {"photo": [None]},
        {"photo": [{"owner": "1"}]},
        {"photo": [{"id": "1", "url_l": 7}]},
        {"photo": [{"id": "1", "title": {}, "url_l": "http://127.0.0.1/1.jpg"}]},
        {"perpage": None},
        {"pages": "many"},
    ],
)
def test_changed_form_is_loud(change):
    answer = json.loads(PAGE)
    answer["photos"].update(change)
    with pytest.raises((KeyError, TypeError, ValueError)):
        Flickr().parse(json.dumps(answer).encode(), BEAGLE, None)


@pytest.mark.parametrize("size", [-5, 0, 1.5, "wide", "1e3", True, None, "9" * 30])
def test_sizes_that_are_none(size):
    answer = json.loads(PAGE)
    answer["photos"]["photo"][0]["width_l"] = size
    assert Flickr().parse(json.dumps(answer).encode(), BEAGLE, None).hits[0].width is None


async def test_every_language_is_asked_with_its_own_words():
    with FlickrServer([{"title": "小提琴"}]) as server:
        query = query_in("cmn", "小提琴")
        assert Flickr(server.base_url).skips(query, DOG) == ""
        assert len(hits_of(await ask_all(Flickr(server.base_url), query))) == 1
        assert server.log.calls[0].query["text"] == "小提琴"


def test_text_is_literal_and_the_request_holds_no_key():
    request = Flickr().request(english('the "good" dog -cat'), None)
    assert request.params["text"] == "the good dog cat"
    assert request.params["safe_search"] == 1
    assert [(secret.env, secret.name, secret.place) for secret in request.secrets] == [
        ("FLICKR_API_KEY", "api_key", "param")
    ]
    assert KEY not in request.page_key()


def test_failure_needs_no_headers_for_a_kept_page():
    body = json.dumps({"stat": "fail", "code": 18, "message": "Illogical arguments"}).encode()
    assert isinstance(Flickr().failure(HttpAnswer(200, {}, body)), QueryRefused)
    assert Flickr().failure(HttpAnswer(200, {}, PAGE)) is None
