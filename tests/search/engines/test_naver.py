import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.naver import DEPTH, Naver
from tests.fakes import naver_server
from tests.fakes.naver_server import NaverServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language, send

RECORDED = Path(__file__).parents[2] / "recorded" / "naver"
BEAGLE = english("beagle")
KEYS = {"NAVER_CLIENT_ID": "x1example", "NAVER_CLIENT_SECRET": "ExampleSecret0123456789ExampleSecret0123"}


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"title": f"Beagle {n}", "link": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


def serving(found: list[dict[str, object]]) -> NaverServer:
    return NaverServer(found, client_id=KEYS["NAVER_CLIENT_ID"], client_secret=KEYS["NAVER_CLIENT_SECRET"])


async def test_pages_are_read_to_the_end_in_order():
    with serving(pictures(247)) as server:
        pages = await ask_all(Naver(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [100, 100, 47]
        assert [hit.rank for hit in hits_of(pages)] == list(range(247))
        assert [hit.url for hit in hits_of(pages)] == [f"http://127.0.0.1/{n}.jpg" for n in range(247)]
        assert {hit.engine_id for hit in hits_of(pages)} == {hit.url for hit in hits_of(pages)}
        assert server.log.counts() == {"/search/v1/image": 3}


async def test_a_full_last_page_is_not_followed_by_an_empty_one():
    with serving(pictures(200)) as server:
        assert [len(page.hits) for page in await ask_all(Naver(server.base_url), BEAGLE, KEYS)] == [100, 100]
        assert server.log.count() == 2


async def test_depth_ends_at_the_last_place_that_may_be_asked_for():
    with serving(pictures(1500)) as server:
        pages = await ask_all(Naver(server.base_url), BEAGLE, KEYS)
        starts = [int(call.query["start"]) for call in server.log.calls]
        assert starts == [*range(1, 1000, 100), 1000]
        assert {call.status for call in server.log.calls} == {200}
        assert [page.truncated for page in pages] == [False] * 10 + [True]
        found = {hit.rank: hit.url for hit in hits_of(pages)}
        assert found == {n: f"http://127.0.0.1/{n}.jpg" for n in range(DEPTH)}


async def test_size_slices_give_what_depth_hides():
    some = pictures(3000)
    for n, picture in enumerate(some):
        picture["size"] = naver_server.FILTERS[1 + n % 3]
    with serving(some) as server:
        engine = Naver(server.base_url)
        seen: list[str] = []
        for start in engine.divide(None):
            pages = await ask_all(engine, BEAGLE, KEYS, start)
            assert not pages[-1].truncated
            assert not engine.divide(start)
            seen += [hit.url for hit in hits_of(pages)]
        assert len(seen) == len(set(seen)) == 3000
        assert {call.query["filter"] for call in server.log.calls} == {"large", "medium", "small"}


async def test_no_results():
    with serving(pictures(3)) as server:
        (page,) = await ask_all(Naver(server.base_url), english("accordion"), KEYS)
        assert (page.hits, page.refused, page.reported, page.truncated) == ((), (), 0, False)
    page = Naver().parse((RECORDED / "no_results.json").read_bytes(), BEAGLE, None)
    assert (page.reported, page.next_cursor) == (0, None)


async def test_searched_words_in_titles_are_plain_text():
    with serving(pictures(1)) as server:
        raw = await send(Naver(server.base_url).request(BEAGLE, None), KEYS)
        assert "<b>Beagle</b> 0" in raw.body.decode()
        (hit,) = hits_of(await ask_all(Naver(server.base_url), BEAGLE, KEYS))
        assert hit.credit.title == "Beagle 0"
        assert (hit.width, hit.height, hit.credit.license) == (1200, 800, "unknown")


@pytest.mark.parametrize("size", ["", "0", "-5", "big", "12.5", None, 0, "²", "9" * 5000])
async def test_unreadable_sizes_are_unknown(size):
    with serving(pictures(1, sizewidth=size)) as server:
        (hit,) = hits_of(await ask_all(Naver(server.base_url), BEAGLE, KEYS))
        assert (hit.width, hit.height) == (None, 800)


async def test_korean_text_arrives_whole_with_both_keys_in_headers():
    query = in_language("kor", "진돗개")
    with serving([{"title": "진돗개", "link": "http://127.0.0.1/1.jpg"}]) as server:
        request = Naver(server.base_url).request(query, None)
        assert not any(key in repr(request) for key in KEYS.values())
        assert len(hits_of(await ask_all(Naver(server.base_url), query, KEYS))) == 1
        (call,) = server.log.calls
        assert call.query == {"query": "진돗개", "display": "100", "start": "1", "sort": "sim", "format": "json"}
        assert call.headers["x-ncp-apigw-api-key-id"] == KEYS["NAVER_CLIENT_ID"]
        assert call.headers["x-ncp-apigw-api-key"] == KEYS["NAVER_CLIENT_SECRET"]


@pytest.mark.parametrize(
    "keys", [{}, {**KEYS, "NAVER_CLIENT_SECRET": "wrong"}, {"NAVER_CLIENT_ID": KEYS["NAVER_CLIENT_ID"]}]
)
async def test_missing_or_wrong_key_ends_the_engine(keys):
    with serving(pictures(1)) as server:
        failure = await ask(Naver(server.base_url), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "Authentication Failed" in str(failure)
        assert "NAVER_CLIENT_ID" in failure.remedy


async def test_used_up_day_waits_for_hours_but_haste_only_for_moments():
    with serving(pictures(1)) as server:
        server.at(1, naver_server.quota_exceeded())
        server.at(2, naver_server.too_fast())
        server.at(3, naver_server.search_error(429, "010", "Query limit exceeded (쿼리한도가 초과되었습니다.)"))
        failures = [await ask(Naver(server.base_url), BEAGLE, KEYS) for _ in range(3)]
        assert [type(failure) for failure in failures] == [RateLimited] * 3
        assert [failure.retry_after_s for failure in failures] == [3600.0, None, 3600.0]
        assert "Query limit exceeded" in str(failures[2])


@pytest.mark.parametrize("cursor", [{"start": 1001}, {"start": 0}, {"filter": "huge"}])
async def test_bad_values_end_the_query_only(cursor):
    with serving(pictures(1)) as server:
        assert isinstance(await ask(Naver(server.base_url), BEAGLE, KEYS, cursor), QueryRefused)


async def test_gateways_bad_request_ends_the_query_and_trouble_is_retried():
    with serving(pictures(1)) as server:
        server.at(1, naver_server.gateway_error(400, "100", "Bad Request Exception"))
        server.at(2, naver_server.gateway_error(503, "500", "Endpoint Error"))
        server.at(3, naver_server.search_error(500, "SE99", "System Error"))
        failures = [await ask(Naver(server.base_url), BEAGLE, KEYS) for _ in range(3)]
        assert [type(failure) for failure in failures] == [QueryRefused, RateLimited, RateLimited]


async def test_wrong_base_url_ends_the_engine():
    with serving(pictures(1)) as server:
        failure = await ask(Naver(f"{server.base_url}/elsewhere"), BEAGLE, KEYS)
        assert isinstance(failure, EngineRefused)
        assert "base_url" in failure.remedy


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"total": 3, "items": [{"title"', b"", b"[" * 100_000])
async def test_200_that_is_no_json_object_is_worth_another_try(body):
    with serving(pictures(1)) as server:
        server.at(1, Reply(200, body))
        assert isinstance(await ask(Naver(server.base_url), BEAGLE, KEYS), Unreachable)
        assert len(hits_of(await ask_all(Naver(server.base_url), BEAGLE, KEYS))) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"items": null, "total": 1}',
        b'{"items": {}, "total": 1}',
        b'{"items": [null], "total": 1}',
        b'{"items": [{"title": "no link"}], "total": 1}',
        b'{"items": [{"link": 7}], "total": 1}',
        b'{"items": [{"link": "http://a.example/1.jpg", "title": []}], "total": 1}',
        b'{"items": [{"link": "http://a.example/1.jpg"}], "total": null}',
        b'{"items": [{"link": "http://a.example/1.jpg"}], "total": Infinity}',
        b'{"items": [{"link": "http://a.example/1.jpg"}], "total": true}',
    ],
)
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Naver().parse(body, BEAGLE, None)


@pytest.mark.parametrize("inner", ["file:///etc/passwd", "javascript:alert(1)", "http://[", "http%3A%2F%2F%5B"])
def test_proxies_cannot_smuggle_other_schemes(inner):
    link = f"https://search.pstatic.net/common/?src={inner}"
    body = json.dumps({"items": [{"link": link, "thumbnail": link}], "total": 1}).encode()
    (refused,) = Naver().parse(body, BEAGLE, None).refused
    assert refused.rejection.reason in (RejectReason.BAD_URL, RejectReason.SCHEME_REFUSED)


def test_recorded_page_in_full():
    page = Naver().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"start": 101}
    assert page.reported == 6
    assert [(hit.rank, hit.url) for hit in page.hits] == [
        (0, "https://blog.example.kr/img/beagle1.jpg"),
        (1, "http://cafe.example.kr/img/beagle2.png?id=2&size=l"),
        (2, "https://photo.example.kr/3.jpg"),
        (5, "https://shop.example.kr/goods/%EB%B9%84%EA%B8%80.jpg?no=6"),
    ]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL, RejectReason.NO_URL]
    assert page.hits[0].credit.title == 'Beagle 강아지 "봄이" 사진'
    assert page.hits[1].credit.title == "비글 & 친구들"
    assert [(hit.width, hit.height) for hit in page.hits] == [(1200, 800), (None, None), (450, 600), (1000, 1000)]


@pytest.mark.parametrize(
    ("text", "sent"), [('"진돗개" -개 | +a', "진돗개 개 a"), ("St. John's-wort", "St. John's-wort")]
)
def test_text_is_literal(text, sent):
    assert Naver().request(english(text), None).params["query"] == sent


def test_other_languages_are_skipped_with_a_reason():
    dog = SynsetFacts("n02084071", True)
    assert Naver().skips(english("dog"), dog) == ""
    assert Naver().skips(in_language("kor", "개"), dog) == ""
    assert "cmn" in Naver().skips(in_language("cmn", "狗"), dog)


def test_failure_needs_no_headers_for_a_kept_page():
    body = json.dumps({"errorMessage": "Invalid start value", "errorCode": "SE03"}).encode()
    failure = Naver().failure(HttpAnswer(400, {}, body))
    assert isinstance(failure, QueryRefused)
    assert "Invalid start value" in str(failure)
