import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.serpapi import SerpApi
from tests.fakes import serpapi_server
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.serpapi_server import BAD_KEY, MONTH, NO_RESULT, SerpApiServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, query_in

PAGE = (Path(__file__).parents[2] / "recorded" / "serpapi" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_uneven_pages_are_read_to_the_end_with_ranks_without_gaps():
    with SerpApiServer(numbered(250)) as server:
        pages = await ask_all(SerpApi(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [100, 99, 51]
        assert [hit.rank for hit in hits_of(pages)] == list(range(250))
        assert [call.query["ijn"] for call in server.log.calls] == ["0", "1", "2"]
        assert "seen" not in server.log.calls[2].query


def test_stops_at_the_last_page_that_may_be_asked_for():
    page = SerpApi().parse(PAGE, BEAGLE, {"ijn": 99, "seen": 9900})
    assert (page.next_cursor, page.truncated) == (None, True)
    assert page.hits[0].rank == 9900


async def test_200_with_the_no_result_error_is_an_empty_page():
    with SerpApiServer(numbered(3)) as server:
        (page,) = await ask_all(SerpApi(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported, page.next_cursor) == ((), (), 0, None)


async def test_no_result_on_a_later_page_is_the_end():
    with SerpApiServer(numbered(150)) as server:
        server.at(2, serpapi_server.said_with_200(NO_RESULT))
        pages = await ask_all(SerpApi(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [100, 0]


async def test_missing_original_is_refused_and_counted():
    without = {"title": "Beagle"}
    with SerpApiServer([*numbered(1), without, *numbered(2)]) as server:
        (page,) = await ask_all(SerpApi(server.base_url), BEAGLE)
        assert [hit.rank for hit in page.hits] == [0, 2, 3]
        assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL]
        assert page.reported == 4


async def test_cached_answers_are_answers():
    with SerpApiServer(numbered(3), status="Cached") as server:
        assert len(hits_of(await ask_all(SerpApi(server.base_url), BEAGLE))) == 3


async def test_unfinished_answers_are_asked_for_again():
    with SerpApiServer(numbered(3)) as server:
        server.at(1, Reply.json({"search_metadata": {"id": "0a1b", "status": "Processing"}}))
        assert isinstance(await ask(SerpApi(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    ("terms", "license"),
    [
        ("https://creativecommons.org/licenses/by-nc/2.0/", ("by-nc", "2.0")),
        ("https://creativecommons.org/publicdomain/zero/1.0/", ("cc0", "1.0")),
        ("https://stock.example.org/terms", ("unknown", "")),
    ],
)
async def test_link_to_the_terms_is_read_and_kept(terms, license):
    with SerpApiServer(numbered(1, terms=terms)) as server:
        (hit,) = hits_of(await ask_all(SerpApi(server.base_url), BEAGLE))
        assert (hit.credit.license, hit.credit.license_version) == license
        assert hit.credit.license_url == terms


def test_recorded_page_in_full():
    page = SerpApi().parse(PAGE, BEAGLE, None)
    assert page.next_cursor == {"ijn": 1, "seen": 5}
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 4]
    assert [hit.credit.license for hit in page.hits] == ["by", "unknown", "unknown", "unknown"]
    assert page.hits[2].width is None
    assert page.hits[0].credit.page_url == "https://www.example.org/dogs/1"


@pytest.mark.parametrize("keys", [{"SERPAPI_API_KEY": "wrong-key-value"}, {}])
async def test_wrong_or_missing_key_stops_the_engine_and_names_the_variable(keys):
    with SerpApiServer(numbered(3)) as server:
        failure = await ask(SerpApi(server.base_url), BEAGLE, keys=keys)
        assert server.log.calls[0].status == 401
        assert isinstance(failure, EngineRefused)
        assert "SERPAPI_API_KEY" in failure.remedy
        assert "wrong-key-value" not in str(failure)


async def test_out_of_searches_waits_an_hour_and_the_month_a_day():
    with SerpApiServer(numbered(3)) as server:
        server.at(1, serpapi_server.out_of_searches())
        server.at(2, serpapi_server.said_with_200(MONTH))
        hour = await ask(SerpApi(server.base_url), BEAGLE)
        month = await ask(SerpApi(server.base_url), BEAGLE)
        assert isinstance(hour, RateLimited)
        assert hour.retry_after_s == 3600
        assert isinstance(month, RateLimited)  # never an empty page: it would be kept as an answer
        assert month.retry_after_s == 24 * 3600
        assert isinstance(await ask(SerpApi(server.base_url), BEAGLE), SearchPage)


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        (BAD_KEY, "Error", EngineRefused),
        ("Your account is disabled.", "Error", EngineRefused),
        ("We couldn't get valid results for this search. Please try again later.", "Error", RateLimited),
        ("Something new.", "Error", RateLimited),
        ("Unsupported value of a parameter.", "Success", QueryRefused),
    ],
)
async def test_other_errors_with_200_are_no_empty_pages(words, status, kind):
    with SerpApiServer(numbered(3)) as server:
        server.at(1, serpapi_server.said_with_200(words, status))
        failure = await ask(SerpApi(server.base_url), BEAGLE)
        assert isinstance(failure, kind)
        assert words in str(failure)


async def test_missing_query_ends_the_query():
    with SerpApiServer(numbered(3)) as server:
        failure = await ask(SerpApi(server.base_url), english(""))
        assert isinstance(failure, QueryRefused)
        assert "Missing query" in str(failure)


@pytest.mark.parametrize("body", [PAGE[:-40], b"", b"<html>portal</html>"])
async def test_what_is_no_whole_json_is_asked_for_again(body):
    with SerpApiServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(SerpApi(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "answer",
    [
        {"search_metadata": {"status": "Success"}},
        {"images_results": None},
        {"images_results": ["text"]},
        {"images_results": [{"original": 7}]},
        {"images_results": [{"original": "http://127.0.0.1/1.jpg", "license_details_url": []}]},
    ],
)
def test_changed_form_is_loud(answer):
    with pytest.raises((KeyError, TypeError, ValueError)):
        SerpApi().parse(json.dumps(answer).encode(), BEAGLE, None)


async def test_language_and_the_text_arrive_whole():
    with SerpApiServer([{"title": "小提琴", "url": "http://127.0.0.1/1.jpg"}]) as server:
        assert len(hits_of(await ask_all(SerpApi(server.base_url), query_in("cmn", "小提琴")))) == 1
        asked = server.log.calls[0].query
        assert (asked["q"], asked["hl"], asked["gl"], asked["lr"]) == ("小提琴", "zh-cn", "cn", "lang_zh-CN")
        assert (asked["safe"], asked["nfpr"]) == ("active", "1")


def test_a_language_without_a_code_is_skipped_with_the_reason():
    assert SerpApi().skips(BEAGLE, DOG) == ""
    assert SerpApi().skips(query_in("lat", "canis"), DOG) == "serpapi has no interface language for lat"


def test_request_holds_no_key():
    request = SerpApi().request(BEAGLE, None)
    assert [(secret.env, secret.name, secret.place) for secret in request.secrets] == [
        ("SERPAPI_API_KEY", "api_key", "param")
    ]
    assert KEY not in request.page_key()


def test_failure_needs_no_headers_for_a_kept_page():
    assert SerpApi().failure(HttpAnswer(200, {}, PAGE)) is None
    kept = json.dumps({"search_metadata": {"status": "Success"}, "error": NO_RESULT}).encode()
    assert SerpApi().failure(HttpAnswer(200, {}, kept)) is None
