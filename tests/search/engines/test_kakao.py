import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.kakao import DEPTH, Kakao
from tests.fakes import kakao_server
from tests.fakes.kakao_server import KakaoServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

RECORDED = Path(__file__).parents[2] / "recorded" / "kakao"
BEAGLE = english("beagle")
KEY = "0123456789abcdef0123456789abcdef"
KEYS = {"KAKAO_REST_API_KEY": KEY}


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"words": "beagle dog", "image_url": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


async def test_pages_are_read_until_is_end():
    with KakaoServer(pictures(170), key=KEY) as server:
        pages = await ask_all(Kakao(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [80, 80, 10]
        assert [hit.rank for hit in hits_of(pages)] == list(range(170))
        assert [hit.url for hit in hits_of(pages)] == [f"http://127.0.0.1/{n}.jpg" for n in range(170)]
        assert server.log.counts() == {"/v2/search/image": 3}


async def test_is_end_counts_and_not_the_estimate_of_all():
    with KakaoServer(pictures(400), key=KEY, pageable=160) as server:
        pages = await ask_all(Kakao(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [80, 80]
        assert server.log.count() == 2


@pytest.mark.parametrize(("pageable", "is_cut"), [(3998, False), (10_000, True)])
async def test_page_50_is_the_last_that_is_asked_for(pageable, is_cut):
    with KakaoServer(pictures(5000), key=KEY, pageable=pageable) as server:
        pages = await ask_all(Kakao(server.base_url), BEAGLE, KEYS)
        assert len(hits_of(pages)) == min(pageable, DEPTH)
        assert server.log.count() == 50
        assert [page.truncated for page in pages] == [False] * 49 + [is_cut]
        assert {call.status for call in server.log.calls} == {200}


async def test_no_results():
    with KakaoServer(pictures(3), key=KEY) as server:
        (page,) = await ask_all(Kakao(server.base_url), english("accordion"), KEYS)
        assert (page.hits, page.refused, page.reported) == ((), (), 0)


def test_an_empty_page_ends_the_query_whatever_is_end_says():
    page = Kakao().parse(b'{"documents": [], "meta": {"is_end": false}}', BEAGLE, None)
    assert (page.next_cursor, page.truncated) == (None, False)


async def test_korean_text_arrives_whole_and_the_key_stands_in_no_request():
    query = in_language("kor", "진돗개")
    with KakaoServer([{"words": "진돗개", "image_url": "http://127.0.0.1/1.jpg"}], key=KEY) as server:
        assert KEY not in repr(Kakao(server.base_url).request(query, None))
        assert len(hits_of(await ask_all(Kakao(server.base_url), query, KEYS))) == 1
        (call,) = server.log.calls
        assert call.query == {"query": "진돗개", "sort": "accuracy", "page": "1", "size": "80"}
        assert call.headers["authorization"] == f"KakaoAK {KEY}"


@pytest.mark.parametrize("keys", [{}, {"KAKAO_REST_API_KEY": "f" * 32}])
async def test_missing_or_wrong_key_ends_the_engine_without_telling_the_key(keys):
    with KakaoServer(pictures(1), key=KEY) as server:
        failure = await ask(Kakao(server.base_url), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "KAKAO_REST_API_KEY" in failure.remedy
        assert "f" * 32 not in str(failure)  # the service sends it back
        assert "appKey" in str(failure) or "KakaoAK header" in str(failure)


@pytest.mark.parametrize(
    ("reply", "error", "wait_s"),
    [
        (kakao_server.throttled(), RateLimited, 3600.0),
        (kakao_server.search_error(429, "RequestThrottled", "too many requests in a second"), RateLimited, None),
        (kakao_server.platform_error(400, -10, "API limit has been exceeded."), RateLimited, 3600.0),
        (kakao_server.platform_error(400, -1, "internal error"), RateLimited, None),
        (kakao_server.platform_error(400, -7, "maintenance"), RateLimited, None),
        (kakao_server.platform_error(503, -9798, "service is under maintenance"), RateLimited, None),
        (kakao_server.platform_error(400, -2, "page should be a number"), QueryRefused, None),
        (kakao_server.search_error(400, "InvalidArgument", "page is more than max"), QueryRefused, None),
        (kakao_server.platform_error(401, -401, "wrong appKey"), EngineRefused, None),
        (kakao_server.platform_error(403, -3, "the app disabled the search service"), EngineRefused, None),
        (kakao_server.platform_error(400, -9, "the API has ended"), EngineRefused, None),
        (Reply.text("Not Found", 404), EngineRefused, None),
        (Reply.text("Bad Gateway", 502), RateLimited, None),
        (Reply.json({"code": [], "msg": {}}, 400), QueryRefused, None),
    ],
)
async def test_what_errors_stand_for(reply, error, wait_s):
    with KakaoServer(pictures(1), key=KEY) as server:
        server.at(1, reply)
        failure = await ask(Kakao(server.base_url), BEAGLE, KEYS)
        assert type(failure) is error
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert type(Kakao().failure(HttpAnswer(reply.status, {}, reply.body))) is error


@pytest.mark.parametrize("page", [51, 0])
async def test_pages_out_of_range_end_the_query_only(page):
    with KakaoServer(pictures(1), key=KEY) as server:
        failure = await ask(Kakao(server.base_url), BEAGLE, KEYS, {"page": page})
        assert isinstance(failure, QueryRefused)
        assert "than m" in str(failure)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"documents": [', b"", b"null"])
async def test_200_that_is_no_json_object_is_worth_another_try(body):
    with KakaoServer(pictures(1), key=KEY) as server:
        server.at(1, Reply(200, body))
        assert isinstance(await ask(Kakao(server.base_url), BEAGLE, KEYS), Unreachable)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"documents": null, "meta": {"is_end": true}}',
        b'{"documents": []}',
        b'{"documents": [], "meta": null}',
        b'{"documents": [], "meta": {"is_end": "false"}}',
        b'{"documents": [{}], "meta": {"is_end": true}}',
        b'{"documents": [{"image_url": {}}], "meta": {"is_end": true}}',
        b'{"documents": [{"image_url": "http://a.example/1.jpg", "doc_url": []}], "meta": {"is_end": true}}',
    ],
)
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Kakao().parse(body, BEAGLE, None)


def test_recorded_page_in_full():
    page = Kakao().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert page.reported == 6
    assert [(hit.rank, hit.url) for hit in page.hits] == [
        (0, "http://blog.example.kr/img/beagle1.jpg"),
        (1, "https://blog.example.kr/attach/2.png?original"),
        (2, "http://news.example.kr/3.jpg"),
        (5, "https://shop.example.kr/6.gif"),
    ]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL, RejectReason.BAD_URL]
    assert "argon" in page.refused[0].url  # a thumbnail that does not tell where the picture is
    assert [(hit.width, hit.height) for hit in page.hits] == [(1200, 800), (None, None), (1200, 800), (1200, 800)]
    credit = page.hits[0].credit
    assert (credit.page_url, credit.license, credit.creator) == ("http://blog.example.kr/post/1", "unknown", "")


def test_last_recorded_page_keeps_counting_ranks():
    page = Kakao().parse((RECORDED / "last_page.json").read_bytes(), BEAGLE, {"page": 3})
    assert (page.next_cursor, page.truncated, [hit.rank for hit in page.hits]) == (None, False, [160])


@pytest.mark.parametrize("width", ["1200", 1200])
def test_sizes_may_be_texts(width):
    body = json.loads((RECORDED / "last_page.json").read_text())
    body["documents"][0]["width"] = width
    (hit,) = Kakao().parse(json.dumps(body).encode(), BEAGLE, None).hits
    assert hit.width == 1200


def test_other_languages_are_skipped_with_a_reason():
    dog = SynsetFacts("n02084071", True)
    assert Kakao().skips(english("dog"), dog) == ""
    assert Kakao().skips(in_language("kor", "개"), dog) == ""
    assert "spa" in Kakao().skips(in_language("spa", "perro"), dog)
