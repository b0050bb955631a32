import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.brave import _LANGUAGES, Brave
from tests.fakes import brave_server
from tests.fakes.brave_server import COUNTRIES, LANGUAGES, BraveServer
from tests.fakes.keyed_server import KEY, numbered
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_web_indexes import DOG, ask, ask_all, query_in

PAGE = (Path(__file__).parents[2] / "recorded" / "brave" / "first_page.json").read_bytes()
BEAGLE = english("beagle")


async def test_one_page_is_all():
    with BraveServer(numbered(300, width=1600, height=1066)) as server:
        (page,) = await ask_all(Brave(server.base_url), BEAGLE)
        assert [hit.rank for hit in page.hits] == list(range(200))
        assert (page.next_cursor, page.truncated) == (None, True)
        assert Brave().divide(None) == ()  # no filters that divide
        assert server.log.count() == 1


async def test_fewer_than_asked_for_are_all_there_are():
    with BraveServer(numbered(7)) as server:
        (page,) = await ask_all(Brave(server.base_url), BEAGLE)
        assert (len(page.hits), page.truncated) == (7, False)
        assert {(hit.width, hit.height) for hit in page.hits} == {(None, None)}  # null sizes are legal


async def test_no_results():
    with BraveServer(numbered(3)) as server:
        (page,) = await ask_all(Brave(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported) == ((), (), 0)


async def test_item_without_any_field_is_refused_and_counted():
    with BraveServer([*numbered(1), {"title": "Beagle", "bare": True}]) as server:
        (page,) = await ask_all(Brave(server.base_url), BEAGLE)
        assert (len(page.hits), page.reported) == (1, 2)
        assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL]


def test_recorded_page_in_full():
    page = Brave().parse(PAGE, BEAGLE, None)
    assert [hit.rank for hit in page.hits] == [0, 1, 2, 5]
    assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL, RejectReason.BAD_URL]
    assert page.hits[2].url == "http://photos.example.org/%E6%AF%94%E6%A0%BC%E7%8A%AC.png?id=3"
    credit = page.hits[0].credit
    assert (credit.page_url, credit.title) == ("https://www.example.org/dogs/1", "Beagle number 1")
    assert (credit.license, credit.creator) == ("unknown", "")


def test_ids_are_of_the_address_not_of_the_place():
    answer = json.loads(PAGE)
    before = {hit.url: hit.engine_id for hit in Brave().parse(PAGE, BEAGLE, None).hits}
    answer["results"].reverse()
    after = {hit.url: hit.engine_id for hit in Brave().parse(json.dumps(answer).encode(), BEAGLE, None).hits}
    assert before == after
    assert len(set(before.values())) == 4


@pytest.mark.parametrize("keys", [{"BRAVE_API_KEY": "wrong-key-value"}, {}])
async def test_422_for_the_key_stops_the_engine_and_names_the_variable(keys):
    with BraveServer(numbered(3)) as server:
        failure = await ask(Brave(server.base_url), BEAGLE, keys=keys)
        assert server.log.calls[0].status == 422
        assert isinstance(failure, EngineRefused)
        assert "BRAVE_API_KEY" in failure.remedy
        assert "wrong-key-value" not in str(failure)


async def test_422_for_a_parameter_ends_the_query():
    with BraveServer(numbered(3)) as server:
        failure = await ask(Brave(server.base_url), english(""))
        assert isinstance(failure, QueryRefused)
        assert "VALIDATION" in str(failure)


@pytest.mark.parametrize(
    ("remaining", "reset", "wait_s"),
    [
        ("0, 19000", "1, 1200000", 1.0),
        ("0, 0", "1, 1200000", 1_200_000.0),
        ("12, 0", "1, 86400", 86_400.0),
        ("49, 19000", "3, 1200000", 3.0),
        ("0", "0", 1.0),
        ("none", "soon", None),
        ("0, 1", "", None),
    ],
)
async def test_pause_is_that_of_the_used_up_window(remaining, reset, wait_s):
    with BraveServer(numbered(3)) as server:
        server.at(1, brave_server.throttled(remaining, reset))
        failure = await ask(Brave(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == wait_s
        assert "RATE_LIMITED" in str(failure)


@pytest.mark.parametrize(("quota", "wait_s"), [(20_000, 86_400.0), (1000, None)])
async def test_without_headers_the_body_says_whether_the_month_is_used_up(quota, wait_s):
    with BraveServer(numbered(3)) as server:
        server.at(1, brave_server.throttled(headers=False, quota=quota))
        failure = await ask(Brave(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == wait_s


async def test_limit_of_the_service_itself():
    with BraveServer(numbered(3), per_second=1) as server:
        assert isinstance(await ask(Brave(server.base_url), BEAGLE), SearchPage)
        failure = await ask(Brave(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == 1.0


async def test_longer_of_two_pauses_counts():
    answer = HttpAnswer(429, {"retry-after": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4"}, b"{}")
    failure = Brave().failure(answer)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == 9.0


async def test_plan_without_images_stops_the_engine():
    with BraveServer(numbered(3)) as server:
        server.at(1, brave_server.not_in_plan())
        failure = await ask(Brave(server.base_url), BEAGLE)
        assert isinstance(failure, EngineRefused)
        assert "plan" in failure.remedy


@pytest.mark.parametrize("body", [PAGE[:-40], b"", b"<html>portal</html>"])
async def test_what_is_no_whole_json_is_asked_for_again(body):
    with BraveServer(numbered(3)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(Brave(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "web"},
        {"results": {"a": 1}},
        {"results": ["text"]},
        {"results": [{"properties": "text"}]},
        {"results": [{"properties": {"url": 7}}]},
        {"results": [{"properties": {"url": "http://127.0.0.1/1.jpg"}, "title": []}]},
    ],
)
def test_changed_form_is_loud(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Brave().parse(json.dumps({**json.loads(PAGE), **change}).encode(), BEAGLE, None)


@pytest.mark.parametrize("missing", [{"results": None}, {}])
def test_no_results_may_be_left_out(missing):
    page = Brave().parse(json.dumps({"type": "images", **missing}).encode(), BEAGLE, None)
    assert (page.reported, page.next_cursor) == (0, None)


async def test_languages_are_brave_s_own_codes_and_the_text_arrives_whole():
    with BraveServer([{"title": "バイオリン", "url": "http://127.0.0.1/1.jpg"}]) as server:
        assert len(hits_of(await ask_all(Brave(server.base_url), query_in("jpn", "バイオリン")))) == 1
        asked = server.log.calls[0].query
        assert (asked["q"], asked["search_lang"], asked["country"]) == ("バイオリン", "jp", "JP")
        assert (asked["spellcheck"], asked["safesearch"], asked["count"]) == ("false", "strict", "200")


def test_every_language_has_a_code_and_country_that_the_service_knows():
    for language in _LANGUAGES:
        params = Brave().request(query_in(language, "x"), None).params
        assert params["search_lang"] in LANGUAGES, language
        assert params["country"] in COUNTRIES, language
        assert Brave().skips(query_in(language, "x"), DOG) == ""


def test_a_language_without_a_code_is_skipped_with_the_reason():
    assert Brave().skips(query_in("fas", "سگ"), DOG) == "brave has no search_lang for fas"


async def test_long_texts_are_cut_to_what_is_taken():
    with BraveServer() as server:
        for text in ("word " * 80, "x" * 500, "longword " * 60):
            assert isinstance(await ask(Brave(server.base_url), english(text)), SearchPage)


def test_key_stands_in_a_header_and_not_in_the_request():
    request = Brave().request(BEAGLE, None)
    assert [(secret.env, secret.name, secret.place) for secret in request.secrets] == [
        ("BRAVE_API_KEY", "X-Subscription-Token", "header")
    ]
    assert KEY not in request.page_key()
