import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.unsplash import Unsplash
from tests.fakes import unsplash_server
from tests.fakes.server import Reply
from tests.fakes.unsplash_server import UnsplashServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

RECORDED = Path(__file__).parents[2] / "recorded" / "unsplash"
BEAGLE = english("beagle")
KEY = "0123456789ExampleUnsplashAccessKey0123456789"
KEYS = {"UNSPLASH_ACCESS_KEY": KEY}


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"id": f"id{n:09}", "alt_description": "brown beagle", **fields} for n in range(count)]


async def test_pages_are_read_to_the_end_in_order():
    with UnsplashServer(pictures(70), key=KEY) as server:
        pages = await ask_all(Unsplash(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [30, 30, 10]
        assert [hit.rank for hit in hits_of(pages)] == list(range(70))
        assert [hit.engine_id for hit in hits_of(pages)] == [f"id{n:09}" for n in range(70)]
        assert server.log.counts() == {"/search/photos": 3}


async def test_an_empty_page_ends_the_query_whatever_the_counter_says():
    with UnsplashServer(pictures(70), key=KEY) as server:
        server.at(2, Reply.json({"total": 70, "total_pages": 3, "results": []}))
        assert [len(page.hits) for page in await ask_all(Unsplash(server.base_url), BEAGLE, KEYS)] == [30, 0]


async def test_no_results():
    with UnsplashServer(pictures(3), key=KEY) as server:
        (page,) = await ask_all(Unsplash(server.base_url), english("accordion"), KEYS)
        assert (page.hits, page.reported) == ((), 0)


async def test_what_is_sent():
    query = in_language("cmn", "小提琴")
    with UnsplashServer([{"id": "a", "alt_description": "小提琴"}], key=KEY) as server:
        engine = Unsplash(server.base_url)
        assert KEY not in repr(engine.request(query, None))
        assert len(hits_of(await ask_all(engine, query, KEYS))) == 1
        await ask_all(engine, BEAGLE, KEYS)
        foreign, own = server.log.calls
        assert foreign.query == {"query": "小提琴", "page": "1", "per_page": "30", "lang": "zh"}
        assert own.query == {"query": "beagle", "page": "1", "per_page": "30"}
        assert own.headers["authorization"] == f"Client-ID {KEY}"
        assert own.headers["accept-version"] == "v1"


@pytest.mark.parametrize("keys", [{}, {"UNSPLASH_ACCESS_KEY": "wrong"}])
async def test_missing_or_wrong_key_ends_the_engine(keys):
    with UnsplashServer(pictures(1), key=KEY) as server:
        failure = await ask(Unsplash(server.base_url), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "access token is invalid" in str(failure)
        assert "UNSPLASH_ACCESS_KEY" in failure.remedy


async def test_hourly_limit_of_the_service_itself():
    with UnsplashServer(pictures(1), key=KEY, left=1) as server:
        engine = Unsplash(server.base_url)
        assert len(hits_of(await ask_all(engine, BEAGLE, KEYS))) == 1
        failure = await ask(engine, BEAGLE, KEYS)
        assert server.log.calls[-1].status == 403
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == 600.0


@pytest.mark.parametrize(
    ("reply", "error", "wait_s"),
    [
        (Reply.text("Rate Limit Exceeded", 403), RateLimited, 600.0),
        (Reply.text("Rate Limit Exceeded", 429, {"Retry-After": "42"}), RateLimited, 42.0),
        (Reply.text("Not now", 403, {"X-Ratelimit-Remaining": "0"}), RateLimited, 600.0),
        (Reply.text("Not now", 403, {"X-Ratelimit-Remaining": "12"}), EngineRefused, None),
        (unsplash_server.refused(403, "Missing permissions"), EngineRefused, None),
        (unsplash_server.refused(410, "This query looks like spam"), QueryRefused, None),
        (unsplash_server.refused(422, "query is too long"), QueryRefused, None),
        (unsplash_server.refused(404, "Couldn't find it"), EngineRefused, None),
        (unsplash_server.refused(500, "Something went wrong"), RateLimited, None),
        (Reply.json({"errors": {"deep": 1}}, 400), QueryRefused, None),
    ],
)
async def test_what_errors_stand_for(reply, error, wait_s):
    with UnsplashServer(pictures(1), key=KEY) as server:
        server.at(1, reply)
        failure = await ask(Unsplash(server.base_url), BEAGLE, KEYS)
        assert type(failure) is error
        assert failure.source == "unsplash"
        assert getattr(failure, "retry_after_s", None) == wait_s


async def test_bad_page_ends_the_query_only():
    with UnsplashServer(pictures(1), key=KEY) as server:
        assert isinstance(await ask(Unsplash(server.base_url), BEAGLE, KEYS, {"page": 0}), QueryRefused)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"total": 3, "results": [{"id"', b""])
async def test_200_that_is_no_json_object_is_worth_another_try(body):
    with UnsplashServer(pictures(1), key=KEY) as server:
        server.at(1, Reply(200, body))
        assert isinstance(await ask(Unsplash(server.base_url), BEAGLE, KEYS), Unreachable)


@pytest.mark.parametrize(
    "change",
    [
        {"results": None},
        {"results": [None]},
        {"results": [{"id": "a"}]},
        {"results": [{"id": "a", "urls": None}]},
        {"results": [{"id": "a", "urls": {"regular": 7}}]},
        {"results": [{"id": "a", "urls": {"regular": "http://a.example/1.jpg"}, "user": "somebody"}]},
        {"total_pages": None},
        {"total_pages": float("inf")},
    ],
)
def test_changed_form_is_loud(change):
    body = {**json.loads((RECORDED / "first_page.json").read_text()), **change}
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Unsplash().parse(json.dumps(body).encode(), BEAGLE, None)


def test_recorded_page_in_full():
    page = Unsplash().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert page.reported == 4
    assert [(hit.rank, hit.engine_id) for hit in page.hits] == [
        (0, "eOLpJytrbsQ"),
        (1, "f0000000002"),
        (3, "f0000000004"),
    ]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("f0000000003", RejectReason.NO_URL)]
    first = page.hits[0]
    raw = json.loads((RECORDED / "first_page.json").read_text())["results"][0]
    assert first.url == raw["urls"]["regular"]  # the terms want it exactly so
    assert (first.width, first.height) == (4000, 3000)
    assert first.credit.page_url == "https://unsplash.com/photos/eOLpJytrbsQ"
    assert (first.credit.creator, first.credit.creator_url) == ("Example Person", "https://unsplash.com/@example")
    assert first.credit.title == "A beagle called <Bob>"
    assert [(hit.credit.license, hit.credit.license_url) for hit in page.hits] == [
        ("site:unsplash", "https://unsplash.com/license"),
        ("site:unsplash-plus", "https://unsplash.com/plus/license"),
        ("unknown", ""),
    ]
    assert page.hits[1].credit.creator == "example"
    assert page.hits[2].credit.creator == ""


def test_other_languages_are_skipped_with_a_reason():
    dog = SynsetFacts("n02084071", True)
    assert Unsplash().skips(in_language("heb", "כלב"), dog) == ""
    assert "nno" in Unsplash().skips(in_language("nno", "hund"), dog)


def test_failure_needs_no_headers_for_a_kept_page():
    body = b'{"errors": ["This query looks like spam"]}'
    assert isinstance(Unsplash().failure(HttpAnswer(410, {}, body)), QueryRefused)


def test_prohibition_is_told():
    assert "training" in Unsplash.info.prohibition
