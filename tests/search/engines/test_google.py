import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engines.google import Google
from tests.fakes import google_server
from tests.fakes.google_server import CX, GoogleServer
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, ask_divided, query_in

PAGE = (Path(__file__).parents[2] / "recorded" / "google" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with GoogleServer(numbered(23)) as server:
        pages = await ask_all(Google(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [10, 10, 3]
        assert [hit.rank for hit in hits_of(pages)] == list(range(23))
        assert [call.query["start"] for call in server.log.calls] == ["1", "11", "21"]


async def test_stops_at_100_without_asking_further_and_says_that_there_is_more():
    with GoogleServer(numbered(120)) as server:
        pages = await ask_all(Google(server.base_url), BEAGLE)
        assert len(hits_of(pages)) == 100
        assert [page.truncated for page in pages] == [False] * 9 + [True]
        assert {call.status for call in server.log.calls} == {200}
        assert server.log.count() == 10


async def test_exactly_100_are_all():
    with GoogleServer(numbered(100)) as server:
        pages = await ask_all(Google(server.base_url), BEAGLE)
        assert len(hits_of(pages)) == 100
        assert not pages[-1].truncated


def test_last_page_without_a_link_to_the_next_still_knows_that_there_is_more():
    answer = json.loads(PAGE)
    del answer["queries"]["nextPage"]
    page = Google().parse(json.dumps(answer).encode(), BEAGLE, {"start": 91})
    assert (page.next_cursor, page.truncated) == (None, True)
    assert Google().parse(json.dumps(answer).encode(), BEAGLE, {"start": 1}).truncated is False


async def test_slices_give_what_the_depth_hides():
    sizes = ("huge", "icon", "large", "medium", "small", "xlarge", "xxlarge")
    pictures = [
        {**picture, "size": sizes[n % 7] if n > 200 else "large", "color": ("color", "gray", "mono", "trans")[n % 4]}
        for n, picture in enumerate(numbered(500))
    ]
    with GoogleServer(pictures) as server:
        found = await ask_divided(Google(server.base_url), BEAGLE)
        assert len(found) == 500
        assert {call.status for call in server.log.calls} == {200}


def test_slices_travel_with_the_cursor_and_end():
    engine = Google()
    start = {"imgSize": "large", "imgColorType": "gray"}
    assert start in [part for size in engine.divide(None) for part in engine.divide(size)]
    assert not engine.divide(start)
    assert engine.parse(PAGE, BEAGLE, start).next_cursor == {**start, "start": 11}
    params = engine.request(BEAGLE, {**start, "start": 11}).params
    assert (params["imgSize"], params["imgColorType"], params["start"]) == ("large", "gray", 11)


async def test_no_items_is_no_result():
    with GoogleServer(numbered(3)) as server:
        (page,) = await ask_all(Google(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported, page.truncated) == ((), (), 0, False)


def test_recorded_page_in_full():
    page = Google().parse(PAGE, BEAGLE, None)
    assert page.next_cursor == {"start": 11}
    assert [hit.rank for hit in page.hits] == [0, *range(2, 10)]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.BAD_URL]
    assert (page.hits[1].width, page.hits[1].credit.page_url) == (None, "")  # an item without `image`
    assert page.hits[0].credit.page_url == "https://www.example.org/dogs/1"
    assert page.hits[2].credit.title == "小猎犬"


async def test_too_deep_ends_the_query():
    with GoogleServer(numbered(3)) as server:
        failure = await ask(Google(server.base_url), BEAGLE, {"start": 101})
        assert isinstance(failure, QueryRefused)
        assert "invalid argument" in str(failure)


async def test_wrong_search_engine_id_looks_the_same_and_is_hinted_at():
    with GoogleServer(numbered(3), cx="another") as server:
        failure = await ask(Google(server.base_url), BEAGLE)
        assert isinstance(failure, QueryRefused)
        assert "GOOGLE_SEARCH_CX" in failure.remedy


@pytest.mark.parametrize("keys", [{"GOOGLE_SEARCH_API_KEY": "wrong-key-value", "GOOGLE_SEARCH_CX": CX}, {}])
async def test_wrong_or_missing_key_stops_the_engine_and_names_the_variable(keys):
    with GoogleServer(numbered(3)) as server:
        failure = await ask(Google(server.base_url), BEAGLE, keys=keys)
        assert isinstance(failure, EngineRefused)
        assert "GOOGLE_SEARCH_API_KEY" in failure.remedy
        assert "wrong-key-value" not in str(failure)


async def test_new_projects_are_told_that_it_is_closed():
    with GoogleServer(numbered(3)) as server:
        server.at(1, google_server.no_access())
        failure = await ask(Google(server.base_url), BEAGLE)
        assert isinstance(failure, EngineRefused)
        assert "2026-01-20" in failure.remedy
        assert "does not have the access" in str(failure)


@pytest.mark.parametrize(
    ("window", "headers", "wait_s"),
    [
        ("minute", {}, 60.0),
        ("day", {"retry-after": "37"}, 37.0),
        ("day", {"date": "Fri, 06 Nov 2026 06:00:00 GMT"}, 7200.0),
        ("day", {"date": "Fri, 06 Nov 2026 20:00:00 GMT"}, 12 * 3600.0),
        ("day", {"date": "Fri, 06 Nov 2026 08:00:00 GMT"}, 24 * 3600.0),
        ("day", {}, 3600.0),
        ("hour", {}, None),
    ],
)
def test_quota_waits_until_it_begins_anew(window, headers, wait_s):
    reply = google_server.out_of_quota(window)
    failure = Google().failure(HttpAnswer(reply.status, headers, reply.body))
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == wait_s
    assert "Quota exceeded" in str(failure)


async def test_quota_of_the_service_itself():
    with GoogleServer(numbered(3)) as server:
        server.at(1, google_server.out_of_quota())
        failure = await ask(Google(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert 0 < (failure.retry_after_s or 0) <= 24 * 3600  # its Date header is a real clock's


def test_quota_in_the_older_form_is_no_ban():
    reply = google_server.error(403, "PERMISSION_DENIED", "dailyLimitExceeded", "Daily Limit Exceeded")
    failure = Google().failure(HttpAnswer(403, {}, reply.body))
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == 3600.0


@pytest.mark.parametrize("body", [PAGE[:-40], b"", b"<html>portal</html>"])
async def test_what_is_no_whole_json_is_asked_for_again(body):
    with GoogleServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(Google(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"queries": None},
        {"items": {"a": 1}},
        {"items": ["text"]},
        {"items": [{"link": 7}]},
        {"items": [{"link": "http://127.0.0.1/1.jpg", "image": "text"}]},
    ],
)
def test_changed_form_is_loud(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Google().parse(json.dumps({**json.loads(PAGE), **change}).encode(), BEAGLE, None)


@pytest.mark.parametrize("body", [b'{"error": "text"}', b'{"error": {"errors": [7], "details": null}}', b"null"])
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_in_another_form_is_still_an_error(status, body):
    failure = Google().failure(HttpAnswer(status, {}, body))
    assert isinstance(failure, {400: QueryRefused, 403: EngineRefused, 404: EngineRefused, 500: RateLimited}[status])
    assert failure.message


@pytest.mark.parametrize(
    ("language", "text", "sent"),
    [
        ("eng", "violin", {"hl": "en"}),
        ("cmn", "小提琴", {"hl": "zh-CN", "gl": "cn", "lr": "lang_zh-CN"}),
        ("heb", "כינור", {"hl": "iw", "gl": "il", "lr": "lang_iw"}),
        ("tha", "ไวโอลิน", {"hl": "th", "gl": "th"}),
    ],
)
async def test_language_and_the_text_arrive_whole(language, text, sent):
    with GoogleServer([{"title": text, "url": "http://127.0.0.1/1.jpg"}]) as server:
        (page,) = await ask_all(Google(server.base_url), query_in(language, text))
        asked = server.log.calls[0].query
        assert asked["q"] == text
        assert {name: asked[name] for name in ("hl", "gl", "lr") if name in asked} == sent
        assert page.reported == 1


def test_a_language_without_a_code_is_skipped_with_the_reason():
    assert Google().skips(BEAGLE, DOG) == ""
    assert Google().skips(query_in("lat", "canis"), DOG) == "google has no interface language for lat"


def test_end_of_the_service_is_announced_and_the_request_holds_no_key():
    assert "2027-01-01" in Google.info.notice
    request = Google().request(BEAGLE, None)
    assert {(secret.env, secret.name, secret.place) for secret in request.secrets} == {
        ("GOOGLE_SEARCH_API_KEY", "key", "param"),
        ("GOOGLE_SEARCH_CX", "cx", "param"),
    }
    assert KEY not in request.page_key()
