import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engines.openverse import Openverse
from tests.fakes import openverse_server
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.server import Reply
from tests.search.engines.asking import ask, ask_all, english, hits_of, send

RECORDED = Path(__file__).parents[2] / "recorded" / "openverse"
BEAGLE = english("beagle")


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"title": f"Beagle {n}", "url": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


async def test_pages_are_read_to_the_end_in_order():
    with OpenverseServer(pictures(47)) as server:
        pages = await ask_all(Openverse(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [20, 20, 7]
        assert [hit.rank for hit in hits_of(pages)] == list(range(47))
        assert [hit.url for hit in hits_of(pages)] == [f"http://127.0.0.1/{n}.jpg" for n in range(47)]
        assert server.log.counts() == {"/v1/images/": 3}  # without the slash there would be a redirect before each


async def test_stops_at_depth_240_without_asking_further():
    with OpenverseServer(pictures(300)) as server:
        pages = await ask_all(Openverse(server.base_url), BEAGLE)
        assert len(hits_of(pages)) == 240
        assert server.log.count() == 12
        assert {call.status for call in server.log.calls} == {200}


async def test_stops_at_depth_also_when_the_service_counts_more_pages():
    body = json.loads((RECORDED / "last_page.json").read_text())
    body.update(page=12, page_count=40)
    assert Openverse().parse(json.dumps(body).encode(), BEAGLE, {"page": 12}).next_cursor is None


async def test_short_page_that_calls_itself_the_last_is_the_last():
    many = pictures(60)
    many[25]["dead"] = True
    with OpenverseServer(many) as server:
        pages = await ask_all(Openverse(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [20, 19]


async def test_counters_of_page_one_are_not_trusted():
    with OpenverseServer(pictures(100)) as server:

        def shrink(page: int) -> None:
            if page == 3:
                del server.pictures[30:]

        pages = await ask_all(Openverse(server.base_url), BEAGLE, before=shrink)
        assert [len(page.hits) for page in pages] == [20, 20, 0]
        assert pages[-1].reported == 0


async def test_no_results():
    with OpenverseServer(pictures(3)) as server:
        (page,) = await ask_all(Openverse(server.base_url), english("accordion"))
        assert (page.hits, page.refused, page.reported) == ((), (), 0)


async def test_null_fields_are_legal():
    nothing = dict.fromkeys(("creator", "creator_url", "license_version", "license_url", "source", "tags"))
    with OpenverseServer([{"title": "beagle", "url": "http://127.0.0.1/1.jpg", "license": "pdm", **nothing}]) as server:
        (hit,) = hits_of(await ask_all(Openverse(server.base_url), BEAGLE))
        assert (hit.width, hit.height) == (None, None)
        assert (hit.credit.license, hit.credit.license_version, hit.credit.creator) == ("pdm", "", "")


@pytest.mark.parametrize("seconds", [37, 1])
@pytest.mark.parametrize("header", [True, False])
async def test_throttling_is_rate_limited_with_the_wait(seconds, header):
    with OpenverseServer(pictures(3)) as server:
        server.at(1, openverse_server.throttled(seconds, header=header))
        failure = await ask(Openverse(server.base_url), BEAGLE)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == seconds
        assert "throttled" in str(failure)
        assert len(hits_of(await ask_all(Openverse(server.base_url), BEAGLE))) == 3  # the fault was for one call


async def test_burst_limit_of_the_service_itself():
    with OpenverseServer(pictures(3), burst=2) as server:
        engine = Openverse(server.base_url)
        await ask(engine, BEAGLE)
        await ask(engine, BEAGLE)
        failure = await ask(engine, BEAGLE)
        assert isinstance(failure, RateLimited)
        assert 0 < (failure.retry_after_s or 0) <= 60


async def test_too_deep_ends_the_query_only():
    with OpenverseServer(pictures(3)) as server:
        failure = await ask(Openverse(server.base_url), BEAGLE, {"page": 13})
        assert isinstance(failure, QueryRefused)
        assert "depth may not exceed 240" in str(failure)


async def test_bad_value_ends_the_query_in_both_forms():
    with OpenverseServer(pictures(3)) as server:
        engine = Openverse(server.base_url)
        own_form = await ask(engine, BEAGLE, {"page": 0})
        server.next(openverse_server.input_error("license", "License 'foo' does not exist."))
        documented_form = await ask(engine, BEAGLE)
        assert isinstance(own_form, QueryRefused)
        assert "page: Ensure this value" in str(own_form)
        assert isinstance(documented_form, QueryRefused)
        assert "License 'foo' does not exist." in str(documented_form)


async def test_gatekeepers_web_page_stops_the_engine_with_advice():
    with OpenverseServer(pictures(3)) as server:
        server.at(1, openverse_server.blocked())
        failure = await ask(Openverse(server.base_url), BEAGLE)
        assert isinstance(failure, EngineRefused)
        assert "another network" in failure.remedy
        assert "<html" not in str(failure)


async def test_server_error_is_worth_another_try():
    with OpenverseServer(pictures(3)) as server:
        server.at(1, Reply.json({"detail": "A server error occurred."}, 500))
        assert isinstance(await ask(Openverse(server.base_url), BEAGLE), RateLimited)


async def test_wrong_base_url_stops_the_engine():
    with OpenverseServer(pictures(3)) as server:
        failure = await ask(Openverse(f"{server.base_url}/elsewhere"), BEAGLE)
        assert isinstance(failure, EngineRefused)
        assert "base_url" in failure.remedy


async def test_web_page_with_status_200_is_not_an_empty_result():
    with OpenverseServer() as server:
        server.at(1, Reply.text("<html>maintenance</html>", kind="html"))
        assert isinstance(await ask(Openverse(server.base_url), BEAGLE), Unreachable)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"results": null, "page_count": 1}', b'{"results": [{"id": "1"}]}'])
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Openverse().parse(body, BEAGLE, None)


def test_recorded_page_in_full():
    page = Openverse().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert [hit.rank for hit in page.hits] == [0, 1, 2, 4, 5, 7]
    assert [(item.rejection.reason, item.engine_id[:8]) for item in page.refused] == [
        (RejectReason.NO_URL, "00000004"),
        (RejectReason.BAD_URL, "00000007"),
    ]
    assert page.hits[2].url == "https://museum.example.org/objects/3.jpg?id=3"
    assert page.hits[4].url == "https://photos.example.org/six.png"
    assert page.hits[5].width is None
    assert [hit.credit.license for hit in page.hits] == ["by-sa", "by-nc", "pdm", "cc0", "sampling+", "by-sa"]
    credit = page.hits[0].credit
    assert (credit.creator, credit.title, credit.license_version) == ("Example Person", "Beagle number 1", "2.0")
    assert credit.page_url == "https://www.flickr.com/photos/99999999@N00/50000000001"
    assert credit.license_url == "https://creativecommons.org/licenses/by-sa/2.0/"


def test_last_recorded_page_keeps_counting_ranks():
    page = Openverse().parse((RECORDED / "last_page.json").read_bytes(), BEAGLE, {"page": 2})
    assert page.next_cursor is None
    assert [hit.rank for hit in page.hits] == [20, 21, 22, 23]


def test_file_urls_from_the_service_are_refused():
    body = json.loads((RECORDED / "last_page.json").read_text())
    body["results"][0]["url"] = "file:///etc/passwd"
    page = Openverse().parse(json.dumps(body).encode(), BEAGLE, {"page": 2})
    assert [item.rejection.reason for item in page.refused] == [RejectReason.SCHEME_REFUSED]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("dog", "dog"),
        ("St. John's wort", "St. John's wort"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ('the "good" (old) dog~1 | -cat', "the good old dog 1 cat"),
        ("x" * 250, "x" * 200),
        ("小提琴", "小提琴"),
    ],
)
def test_text_is_literal_and_cut(text, sent):
    assert Openverse().request(english(text), None).params["q"] == sent


async def test_non_latin_text_arrives_whole():
    with OpenverseServer([{"title": "小提琴", "url": "http://127.0.0.1/1.jpg"}]) as server:
        assert len(hits_of(await ask_all(Openverse(server.base_url), english("小提琴")))) == 1
        assert server.log.calls[0].query == {"q": "小提琴", "page": "1", "page_size": "20"}


async def test_fake_has_the_services_other_manners():
    with OpenverseServer(pictures(3)) as server:
        request = Openverse(server.base_url).request(BEAGLE, None)
        for change, status in (
            ({"page_size": 21}, 401),
            ({"pagesize": 20}, 400),
            ({"license": "by,foo"}, 400),
            ({"source": "a", "excluded_source": "b"}, 400),
        ):
            answer = await send(type(request)(request.url, {**request.params, **change}))
            assert answer.status == status, change


def test_failure_needs_no_headers_for_a_kept_page():
    body = json.dumps({"detail": "pagination depth may not exceed 240 for anonymous requests"}).encode()
    assert isinstance(Openverse().failure(HttpAnswer(401, {}, body)), QueryRefused)
