import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, UnexpectedResponse, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import Cursor
from imagenet_build.search.engines.webiq import WebIq
from tests.fakes import webiq_server
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.server import Reply
from tests.fakes.webiq_server import WebIqServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, ask_divided, query_in, send

PAGE = (Path(__file__).parents[2] / "recorded" / "webiq" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_thirty_are_all_and_it_is_said_that_there_are_more():
    with WebIqServer(numbered(50)) as server:
        (page,) = await ask_all(WebIq(server.base_url), BEAGLE)
        assert [hit.rank for hit in page.hits] == list(range(30))
        assert (page.next_cursor, page.truncated) == (None, True)
        assert server.log.calls[0].method == "POST"


async def test_slices_give_what_the_depth_hides():
    pictures = [
        {"title": "Beagle", "url": f"http://127.0.0.1/{n}.jpg", "width": width, "height": height}
        for n, (width, height) in enumerate(
            [(1024, 300 + n) for n in range(200)]
            + [(64 + 7 * n, 600) for n in range(500)]
            + [(40_000, 9 + n) for n in range(40)]
            + [(200, 40_000 + n) for n in range(25)]
        )
    ]
    with WebIqServer(pictures) as server:
        found = await ask_divided(WebIq(server.base_url), BEAGLE)
        assert {hit.url for hit in found.values()} == {picture["url"] for picture in pictures}
        assert {call.status for call in server.log.calls} == {200}


def covering(slices: list[Cursor], width: int, height: int) -> int:
    return sum(
        int(part.get("min_width", 0)) <= width <= int(part.get("max_width", 1 << 30))
        and int(part.get("min_height", 0)) <= height <= int(part.get("max_height", 1 << 30))
        for part in slices
    )


@pytest.mark.parametrize(
    "start",
    [
        None,
        {"max_width": 319},
        {"min_width": 1024, "max_width": 1279},
        {"min_width": 3000},
        {"min_width": 7, "max_width": 8},
        {"min_width": 1, "max_width": 1},
        {"min_width": 2, "max_width": 2},
        {"min_width": 1024, "max_width": 1024},
        {"min_width": 1024, "max_width": 1024, "min_height": 512, "max_height": 1023},
        {"min_width": 1024, "max_width": 1024, "min_height": 2050},
        {"min_width": 1024, "max_width": 1024, "max_height": 511},
    ],
)
def test_slices_are_disjoint_and_leave_nothing_out(start):
    slices = list(WebIq().divide(start))
    assert len(slices) >= 2
    sides = sorted({1, 2, 3, 7, 8, *(int(value) + d for part in slices for value in part.values() for d in (-1, 0, 1))})
    for width in sides:
        for height in sides:
            inside = 1 if min(width, height) > 0 and (start is None or covering([start], width, height)) else 0
            if min(width, height) > 0:
                assert covering(slices, width, height) == inside, (width, height)


def test_a_single_size_is_not_divided_further():
    one = {"min_width": 1024, "max_width": 1024, "min_height": 768, "max_height": 768}
    assert WebIq().divide(one) == []
    assert WebIq().divide({"min_width": 1 << 15}) == []


def test_slices_have_keys_of_their_own_in_the_store():
    engine = WebIq()
    keys = {engine.request(BEAGLE, part).page_key() for part in [None, *engine.divide(None)]}
    assert len(keys) == 10
    assert engine.request(BEAGLE, None).page_key() != engine.request(english("bugle"), None).page_key()
    assert engine.request(BEAGLE, None).page_key() == engine.request(BEAGLE, None).page_key()


@pytest.mark.parametrize("empty", ["missing", "null", "list"])
async def test_no_results_in_all_three_forms(empty):
    with WebIqServer(numbered(3), empty=empty) as server:
        (page,) = await ask_all(WebIq(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported, page.truncated) == ((), (), 0, False)


async def test_null_sizes_are_legal():
    with WebIqServer(numbered(1)) as server:
        (hit,) = hits_of(await ask_all(WebIq(server.base_url), BEAGLE))
        assert (hit.width, hit.height) == (None, None)


def test_recorded_page_in_full():
    page = WebIq().parse(PAGE, BEAGLE, None)
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 4]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL]
    assert page.hits[2].url == "https://photos.example.org/beagle.jpg?id=4"
    assert page.hits[1].credit.title == ""  # the caption is a model's, nobody's title
    assert page.hits[0].credit.page_url == "https://www.example.org/dogs/1"
    assert {hit.credit.license for hit in page.hits} == {"unknown"}


@pytest.mark.parametrize("keys", [{"WEBIQ_API_KEY": "wrong-key-value"}, {}])
async def test_401_stops_the_engine_and_names_the_variable(keys):
    with WebIqServer(numbered(3)) as server:
        failure = await ask(WebIq(server.base_url), BEAGLE, keys=keys)
        assert isinstance(failure, EngineRefused)
        assert "WEBIQ_API_KEY" in failure.remedy
        assert "wrong-key-value" not in str(failure)


@pytest.mark.parametrize("status", [429, 430, 408, 500, 503])
@pytest.mark.parametrize(("said", "wait_s"), [("60s", 60.0), ("1.5s", 1.5), ("7", 7.0), ("0s", 1.0), ("soon", None)])
async def test_pause_stands_in_the_body(status, said, wait_s):
    with WebIqServer(numbered(3)) as server:
        server.at(1, webiq_server.error(status, "TooManyRequests", "Slow down.", said))
        failure = await ask(WebIq(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == wait_s
        assert "Slow down." in str(failure)


async def test_pause_not_said_anywhere():
    with WebIqServer(numbered(3)) as server:
        server.at(1, webiq_server.error(430, "TooManyConcurrentRequests", "One at a time."))
        failure = await ask(WebIq(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s is None


async def test_403_is_about_the_key_or_about_the_query():
    with WebIqServer(numbered(3)) as server:
        server.at(1, webiq_server.error(403, "Forbidden", "This key may not search images."))
        server.at(2, webiq_server.error(403, "ContentFiltered", "The query was refused."))
        assert isinstance(await ask(WebIq(server.base_url), BEAGLE), EngineRefused)
        assert isinstance(await ask(WebIq(server.base_url), BEAGLE), QueryRefused)


async def test_400_ends_the_query():
    with WebIqServer(numbered(3)) as server:
        failure = await ask(WebIq(server.base_url), english(""))
        assert isinstance(failure, QueryRefused)
        assert "1 to 1000 characters" in str(failure)


async def test_plain_http_and_wrong_addresses_stop_the_engine():
    with WebIqServer(numbered(3)) as server:
        server.at(1, webiq_server.error(410, "Gone", "Use HTTPS."))
        over_http = await ask(WebIq(server.base_url), BEAGLE)
        assert isinstance(over_http, EngineRefused)
        assert "https" in over_http.remedy
        elsewhere = await ask(WebIq(f"{server.base_url}/elsewhere"), BEAGLE)
        assert isinstance(elsewhere, EngineRefused)
        assert "base_url" in elsewhere.remedy


async def test_wrong_content_type_is_the_adapters_fault():
    with WebIqServer(numbered(3)) as server:
        request = WebIq(server.base_url).request(BEAGLE, None)
        answer = await send(
            type(request)(request.url, {}, {"Content-Type": "text/plain"}, request.secrets, request.body)
        )
        assert answer.status == 415
        assert isinstance(WebIq().failure(answer), UnexpectedResponse)


async def test_fake_refuses_unknown_fields_and_get():
    with WebIqServer(numbered(3)) as server:
        request = WebIq(server.base_url).request(BEAGLE, None)
        body = json.dumps({**json.loads(request.body or b""), "offset": 30}).encode()
        answer = await send(type(request)(request.url, {}, request.headers, request.secrets, body))
        assert answer.status == 400
        assert "unknown field offset" in str(WebIq().failure(answer))
        assert (await send(type(request)(request.url, {}, {}, request.secrets))).status == 405


@pytest.mark.parametrize("body", [PAGE[:-40], b"", b"<html>portal</html>"])
async def test_what_is_no_whole_json_is_asked_for_again(body):
    with WebIqServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(WebIq(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "answer",
    [
        {"results": [], "traceId": "0"},
        {"imageResults": {"a": 1}},
        {"imageResults": [None]},
        {"imageResults": [{"url": 7}]},
        {"imageResults": [{"url": "http://127.0.0.1/1.jpg", "title": {}}]},
    ],
)
def test_changed_form_is_loud(answer):
    with pytest.raises((KeyError, TypeError, ValueError)):
        WebIq().parse(json.dumps(answer).encode(), BEAGLE, None)


async def test_language_and_region_and_the_text_arrive_whole():
    with WebIqServer([{"title": "小提琴", "url": "http://127.0.0.1/1.jpg"}]) as server:
        assert len(hits_of(await ask_all(WebIq(server.base_url), query_in("cmn", "小提琴")))) == 1
        assert server.posted == [
            {"query": "小提琴", "maxResults": 30, "language": "zh", "region": "CN", "safeSearch": "strict"}
        ]


def test_a_language_without_codes_is_skipped_with_the_reason():
    assert WebIq().skips(query_in("deu", "Hund"), DOG) == ""
    assert WebIq().skips(query_in("lat", "canis"), DOG) == "webiq has no language and region for lat"


def test_key_stands_in_a_header_and_not_in_the_request():
    request = WebIq().request(BEAGLE, None)
    assert [(secret.env, secret.name, secret.place) for secret in request.secrets] == [
        ("WEBIQ_API_KEY", "x-apikey", "header")
    ]
    assert KEY.encode() not in (request.body or b"")


def test_failure_needs_no_headers_for_a_kept_page():
    body = json.dumps({"errorCode": "BadRequest", "userMessage": "no"}).encode()
    assert isinstance(WebIq().failure(HttpAnswer(400, {}, body)), QueryRefused)
