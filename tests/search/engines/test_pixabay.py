import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.pixabay import DEPTH, Pixabay
from tests.fakes import pixabay_server
from tests.fakes.pixabay_server import PixabayServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

RECORDED = Path(__file__).parents[2] / "recorded" / "pixabay"
BEAGLE = english("beagle")
KEY = "1234567-0123456789abcdef012345678"
KEYS = {"PIXABAY_API_KEY": KEY}


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"id": 1000 + n, "tags": "beagle, dog", **fields} for n in range(count)]


async def test_pages_are_read_to_the_end_in_order():
    with PixabayServer(pictures(450), key=KEY) as server:
        pages = await ask_all(Pixabay(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [200, 200, 50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(450))
        assert [hit.engine_id for hit in hits_of(pages)] == [str(1000 + n) for n in range(450)]
        assert server.log.counts() == {"/api/": 3}  # without the slash there would be a redirect before each
        assert not any(page.truncated for page in pages)


async def test_stops_at_depth_500_without_asking_further():
    with PixabayServer(pictures(900), key=KEY) as server:
        pages = await ask_all(Pixabay(server.base_url), BEAGLE, KEYS)
        assert len(hits_of(pages)) == DEPTH
        assert server.log.count() == 3
        assert [page.truncated for page in pages] == [False, False, True]


async def test_slices_give_what_depth_hides():
    some = pictures(2400)
    for n, picture in enumerate(some):
        picture["image_type"] = ("photo", "illustration", "vector")[n % 3]
        picture["orientation"] = ("horizontal", "vertical")[n // 3 % 2]
    with PixabayServer(some, key=KEY) as server:
        engine = Pixabay(server.base_url)
        seen: list[str] = []
        for kind in engine.divide(None):
            assert (await ask_all(engine, BEAGLE, KEYS, kind))[-1].truncated
            for start in engine.divide(kind):
                assert not engine.divide(start)
                seen += [hit.engine_id for hit in hits_of(await ask_all(engine, BEAGLE, KEYS, start))]
        assert len(seen) == len(set(seen)) == 2400


async def test_a_page_that_is_not_there_any_more_is_the_end_and_no_error():
    with PixabayServer(pictures(450), key=KEY) as server:
        engine = Pixabay(server.base_url)
        first = await ask(engine, BEAGLE, KEYS)
        del server.pictures[150:]
        page = await ask(engine, BEAGLE, KEYS, first.next_cursor)
        assert server.log.calls[-1].status == 400
        assert (page.hits, page.refused, page.reported, page.next_cursor) == ((), (), 0, None)


async def test_no_results():
    with PixabayServer(pictures(3), key=KEY) as server:
        (page,) = await ask_all(Pixabay(server.base_url), english("accordion"), KEYS)
        assert (page.hits, page.reported, page.truncated) == ((), 0, False)


async def test_sizes_are_the_originals_next_to_the_smaller_url():
    with PixabayServer(pictures(1), key=KEY) as server:
        (hit,) = hits_of(await ask_all(Pixabay(server.base_url), BEAGLE, KEYS))
        assert hit.url.endswith("_1280.jpg")
        assert (hit.width, hit.height) == (4000, 2250)


async def test_text_language_and_key_as_sent():
    query = in_language("cmn", "小提琴")
    with PixabayServer([{"id": 1, "tags": "小提琴"}], key=KEY) as server:
        request = Pixabay(server.base_url).request(query, None)
        assert KEY not in repr(request)
        assert "key" not in request.params
        assert len(hits_of(await ask_all(Pixabay(server.base_url), query, KEYS))) == 1
        sent = {"q": "小提琴", "lang": "zh", "page": "1", "per_page": "200", "key": KEY}
        assert server.log.calls[0].query == sent


@pytest.mark.parametrize("keys", [{}, {"PIXABAY_API_KEY": "7654321-fedcba9876543210fedcba987"}])
async def test_missing_or_wrong_key_ends_the_engine(keys):
    with PixabayServer(pictures(1), key=KEY) as server:
        failure = await ask(Pixabay(server.base_url), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "Invalid or missing API key" in str(failure)
        assert "PIXABAY_API_KEY" in failure.remedy


@pytest.mark.parametrize(
    ("reply", "wait_s"),
    [
        (pixabay_server.throttled(37), 37.0),
        (pixabay_server.throttled(0), 1.0),
        (pixabay_server.throttled(1_590_529_646), None),  # a moment, not a number of seconds
        (pixabay_server.throttled(), None),
        (Reply.text("API rate limit exceeded", 429, {"Retry-After": "5", "X-RateLimit-Reset": "60"}), 5.0),
        (Reply.text("Service Unavailable", 503), None),
    ],
)
async def test_throttling_and_trouble_are_retried(reply, wait_s):
    with PixabayServer(pictures(1), key=KEY) as server:
        server.at(1, reply)
        failure = await ask(Pixabay(server.base_url), BEAGLE, KEYS)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == wait_s
        assert len(hits_of(await ask_all(Pixabay(server.base_url), BEAGLE, KEYS))) == 1


async def test_other_plain_text_errors_end_the_query():
    with PixabayServer(pictures(1), key=KEY) as server:
        failure = await ask(Pixabay(server.base_url), BEAGLE, KEYS, {"image_type": "painting"})
        assert isinstance(failure, QueryRefused)
        assert '"image_type" is invalid' in str(failure)


async def test_wrong_base_url_ends_the_engine():
    with PixabayServer(pictures(1), key=KEY) as server:
        failure = await ask(Pixabay(f"{server.base_url}/elsewhere"), BEAGLE, KEYS)
        assert isinstance(failure, EngineRefused)
        assert "base_url" in failure.remedy


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"total": 3, "hits": [{"id"', b"", b"[]"])
async def test_200_that_is_no_json_object_is_worth_another_try(body):
    with PixabayServer(pictures(1), key=KEY) as server:
        server.at(1, Reply(200, body))
        assert isinstance(await ask(Pixabay(server.base_url), BEAGLE, KEYS), Unreachable)


@pytest.mark.parametrize(
    "change",
    [
        {"hits": None},
        {"hits": [None]},
        {"hits": [{"id": 1}]},
        {"hits": [{"id": [], "largeImageURL": "http://a.example/1.jpg"}]},
        {"hits": [{"id": 1, "largeImageURL": 7}]},
        {"totalHits": None},
        {"totalHits": float("inf")},
        {"totalHits": "many"},
        {"total": {}, "totalHits": 4},
    ],
)
def test_changed_form_is_loud(change):
    body = {**json.loads((RECORDED / "first_page.json").read_text()), **change}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Pixabay().parse(json.dumps(body).encode(), BEAGLE, None)


def test_recorded_page_in_full():
    page = Pixabay().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert page.reported == 4
    assert [(hit.rank, hit.engine_id, hit.url) for hit in page.hits] == [
        (0, "195893", "https://pixabay.com/get/gd99f2195893_1280.jpg"),
        (1, "195894", "https://pixabay.com/get/g35bbf195894_640.jpg"),
        (3, "195896", "https://pixabay.com/get/gd99f2195896_1280.jpg"),
    ]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("195895", RejectReason.NO_URL)]
    credit = page.hits[0].credit
    assert (credit.license, credit.license_url) == ("site:pixabay", "https://pixabay.com/service/license-summary/")
    assert (credit.creator, credit.creator_url) == ("Example", "https://pixabay.com/users/Example-48777/")
    assert (credit.page_url, credit.title) == ("https://pixabay.com/photos/beagle-195893/", "beagle, dog, pet")
    assert page.hits[1].credit.creator_url == ""
    assert page.hits[1].width is None


def test_long_text_is_cut_at_100_characters():
    assert Pixabay().request(english("word " * 40), None).params["q"] == ("word " * 20).strip()


@pytest.mark.parametrize(("language", "code"), [("eng", "en"), ("nob", "no"), ("ell", "el"), ("spa", "es")])
def test_languages_are_mapped_to_codes_that_the_service_knows(language, code):
    assert Pixabay().request(in_language(language, "x"), None).params["lang"] == code
    assert code in pixabay_server.LANGUAGES
    assert Pixabay().skips(in_language(language, "x"), SynsetFacts("n02084071", True)) == ""


def test_other_languages_are_skipped_with_a_reason():
    assert "eus" in Pixabay().skips(in_language("eus", "txakur"), SynsetFacts("n02084071", True))


def test_failure_needs_no_headers_for_a_kept_page():
    assert Pixabay().failure(HttpAnswer(400, {}, b'[ERROR 400] "page" is out of valid range.')) is None
    assert isinstance(Pixabay().failure(HttpAnswer(400, {}, b'[ERROR 400] "q" is too long.')), QueryRefused)
    assert isinstance(Pixabay().failure(HttpAnswer(500, {}, b'[ERROR 400] "page" is out of valid range.')), RateLimited)


def test_prohibition_is_told():
    assert "mass downloads" in Pixabay.info.prohibition
