import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.serper import Serper
from tests.fakes import serper_server
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.serper_server import SerperServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, query_in, send

PAGE = (Path(__file__).parents[2] / "recorded" / "serper" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_empty_one():
    with SerperServer(numbered(230)) as server:
        pages = await ask_all(Serper(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [100, 100, 30, 0]
        assert [hit.rank for hit in hits_of(pages)] == list(range(230))
        assert [asked["page"] for asked in server.posted] == [1, 2, 3, 4]


async def test_stops_though_the_service_repeats_itself_for_ever():
    with SerperServer(numbered(100), repeats=True) as server:
        pages = await ask_all(Serper(server.base_url), BEAGLE)
        assert len(pages) == 10
        assert pages[-1].truncated
        assert len({hit.engine_id for hit in hits_of(pages)}) == 100


async def test_no_results():
    with SerperServer(numbered(3)) as server:
        (page,) = await ask_all(Serper(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported, page.truncated) == ((), (), 0, False)


def test_recorded_page_in_full():
    page = Serper().parse(PAGE, BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 4]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL]
    assert (page.hits[1].width, page.hits[1].height) == (None, None)
    assert page.hits[2].credit.title == "比格犬"
    assert page.hits[3].url == "https://www.example.org/img/5.png"
    assert page.hits[0].credit.page_url == "https://www.example.org/dogs/1"
    assert {hit.credit.license for hit in page.hits} == {"unknown"}


@pytest.mark.parametrize("keys", [{"SERPER_API_KEY": "wrong-key-value"}, {}])
async def test_wrong_or_missing_key_stops_the_engine_and_names_the_variable(keys):
    with SerperServer(numbered(3)) as server:
        failure = await ask(Serper(server.base_url), BEAGLE, keys=keys)
        assert server.log.calls[0].status == 403
        assert isinstance(failure, EngineRefused)
        assert "SERPER_API_KEY" in failure.remedy
        assert "wrong-key-value" not in str(failure)


async def test_empty_account_stops_the_engine():
    with SerperServer(numbered(300), credit=1) as server:
        first = await ask(Serper(server.base_url), BEAGLE)
        assert isinstance(first, SearchPage)
        failure = await ask(Serper(server.base_url), BEAGLE, first.next_cursor)
        assert isinstance(failure, EngineRefused)
        assert "credits" in failure.remedy


async def test_bad_parameter_ends_the_query():
    with SerperServer(numbered(3)) as server:
        assert isinstance(await ask(Serper(server.base_url), english("")), QueryRefused)


async def test_throttling_with_and_without_a_pause():
    with SerperServer(numbered(3)) as server:
        server.at(1, serper_server.error(429, "Too many requests"))
        server.at(2, Reply(429, b"{}", "application/json", {"Retry-After": "12"}))
        failure = await ask(Serper(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s is None
        failure = await ask(Serper(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == 12.0


@pytest.mark.parametrize("body", [PAGE[:-40], b"", b"<html>portal</html>"])
async def test_what_is_no_whole_json_is_asked_for_again(body):
    with SerperServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(Serper(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "answer",
    [
        {"searchParameters": {}},
        {"images": None},
        {"images": ["text"]},
        {"images": [{"imageUrl": 7}]},
        {"images": [{"imageUrl": "http://127.0.0.1/1.jpg", "link": {}}]},
    ],
)
def test_changed_form_is_loud(answer):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Serper().parse(json.dumps(answer).encode(), BEAGLE, None)


async def test_language_and_the_text_arrive_whole():
    with SerperServer([{"title": "小提琴", "url": "http://127.0.0.1/1.jpg"}]) as server:
        assert len(hits_of(await ask_all(Serper(server.base_url), query_in("cmn", "小提琴")))) == 1
        assert server.posted[0] == {
            "q": "小提琴",
            "hl": "zh-cn",
            "gl": "cn",
            "num": 100,
            "page": 1,
            "autocorrect": False,
        }


async def test_fake_takes_only_post():
    with SerperServer(numbered(3)) as server:
        request = Serper(server.base_url).request(BEAGLE, None)
        assert (await send(type(request)(request.url, {}, {}, request.secrets))).status == 404


def test_a_language_without_a_code_is_skipped_with_the_reason():
    assert Serper().skips(BEAGLE, DOG) == ""
    assert Serper().skips(query_in("lat", "canis"), DOG) == "serper has no interface language for lat"


def test_pages_and_queries_have_keys_of_their_own_and_no_secret():
    engine = Serper()
    requests = [
        engine.request(BEAGLE, None),
        engine.request(BEAGLE, {"page": 2}),
        engine.request(english("bugle"), None),
    ]
    assert len({request.page_key() for request in requests}) == 3
    assert [(secret.env, secret.name) for secret in requests[0].secrets] == [("SERPER_API_KEY", "X-API-KEY")]
    assert KEY.encode() not in (requests[0].body or b"")
