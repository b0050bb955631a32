import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.pexels import DEPTH, PAGE_SIZE, Pexels
from tests.fakes import pexels_server
from tests.fakes.pexels_server import PexelsServer
from tests.fakes.server import Reply
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

RECORDED = Path(__file__).parents[2] / "recorded" / "pexels"
BEAGLE = english("beagle")
KEY = "0123456789ExamplePexelsKey0123456789ExamplePexelsKey0123"
KEYS = {"PEXELS_API_KEY": KEY}


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"id": 1000 + n, "alt": "A beagle", **fields} for n in range(count)]


async def test_pages_are_read_while_another_is_named():
    with PexelsServer(pictures(190), key=KEY) as server:
        pages = await ask_all(Pexels(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [80, 80, 30]
        assert [hit.rank for hit in hits_of(pages)] == list(range(190))
        assert [hit.engine_id for hit in hits_of(pages)] == [str(1000 + n) for n in range(190)]
        assert server.log.counts() == {"/v1/search": 3}


def test_stops_at_depth_8000_and_says_that_there_is_more():
    body = (RECORDED / "first_page.json").read_bytes()
    last = DEPTH // PAGE_SIZE
    before = Pexels().parse(body, BEAGLE, {"page": last - 1})
    page = Pexels().parse(body, BEAGLE, {"page": last})
    assert (before.next_cursor, before.truncated) == ({"page": last}, False)
    assert (page.next_cursor, page.truncated) == (None, True)
    assert page.hits[0].rank == DEPTH - PAGE_SIZE


async def test_slices_are_disjoint_and_carried_along():
    some = pictures(300)
    for n, picture in enumerate(some):
        picture["orientation"] = ("landscape", "portrait", "square")[n % 3]
    with PexelsServer(some, key=KEY) as server:
        engine = Pexels(server.base_url)
        seen: list[str] = []
        for start in engine.divide(None):
            assert not engine.divide(start)
            pages = await ask_all(engine, BEAGLE, KEYS, start)
            assert len(pages) == 2
            seen += [hit.engine_id for hit in hits_of(pages)]
        assert len(seen) == len(set(seen)) == 300


async def test_no_results():
    with PexelsServer(pictures(3), key=KEY) as server:
        (page,) = await ask_all(Pexels(server.base_url), english("accordion"), KEYS)
        assert (page.hits, page.reported, page.truncated) == ((), 0, False)


async def test_the_next_pages_address_is_not_followed():
    body = json.loads((RECORDED / "first_page.json").read_text())
    body["next_page"] = "https://elsewhere.example.org/v1/search?page=2"
    with PexelsServer(pictures(90), key=KEY) as server:
        server.at(1, Reply.json(body))
        await ask_all(Pexels(server.base_url), BEAGLE, KEYS)
        assert [call.query["page"] for call in server.log.calls] == ["1", "2"]


async def test_text_locale_and_bare_key_as_sent():
    query = in_language("cmn", "小提琴")
    with PexelsServer([{"id": 1, "alt": "小提琴"}], key=KEY) as server:
        assert KEY not in repr(Pexels(server.base_url).request(query, None))
        assert len(hits_of(await ask_all(Pexels(server.base_url), query, KEYS))) == 1
        (call,) = server.log.calls
        assert call.query == {"query": "小提琴", "locale": "zh-CN", "page": "1", "per_page": "80"}
        assert call.headers["authorization"] == KEY


@pytest.mark.parametrize("keys", [{}, {"PEXELS_API_KEY": "wrong"}])
async def test_missing_or_wrong_key_ends_the_engine(keys):
    with PexelsServer(pictures(1), key=KEY) as server:
        failure = await ask(Pexels(server.base_url), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "PEXELS_API_KEY" in failure.remedy


@pytest.mark.parametrize(
    ("reply", "error", "wait_s"),
    [
        (pexels_server.throttled(), RateLimited, 600.0),
        (Reply.json({"error": "slow down"}, 429, {"Retry-After": "42"}), RateLimited, 42.0),
        (pexels_server.refused(401, "Authorization field missing"), EngineRefused, None),
        (Reply.text("<html>Attention Required!</html>", 403, kind="html"), EngineRefused, None),
        (pexels_server.refused(400, "Invalid page"), QueryRefused, None),
        (Reply.json({"status": 404, "error": "Not Found"}, 404), EngineRefused, None),
        (Reply.text("upstream failed", 502), RateLimited, None),
        (Reply.json({"error": {"deep": ["x"]}}, 400), QueryRefused, None),
    ],
)
async def test_what_errors_stand_for(reply, error, wait_s):
    with PexelsServer(pictures(1), key=KEY) as server:
        server.at(1, reply)
        failure = await ask(Pexels(server.base_url), BEAGLE, KEYS)
        assert type(failure) is error
        assert failure.source == "pexels"
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert type(Pexels().failure(HttpAnswer(reply.status, {}, reply.body))) is error


async def test_bad_page_ends_the_query_only():
    with PexelsServer(pictures(1), key=KEY) as server:
        assert isinstance(await ask(Pexels(server.base_url), BEAGLE, KEYS, {"page": 0}), QueryRefused)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"page": 1, "photos": [{"id"', b""])
async def test_200_that_is_no_json_object_is_worth_another_try(body):
    with PexelsServer(pictures(1), key=KEY) as server:
        server.at(1, Reply(200, body))
        assert isinstance(await ask(Pexels(server.base_url), BEAGLE, KEYS), Unreachable)


@pytest.mark.parametrize(
    "photos",
    [None, {}, [None], [{"id": 1}], [{"id": 1, "src": None}], [{"id": 1, "src": {"large2x": 7}}], [{"src": {}}]],
)
def test_changed_form_is_loud(photos):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Pexels().parse(json.dumps({"photos": photos}).encode(), BEAGLE, None)


def test_recorded_page_in_full():
    page = Pexels().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 2}
    assert page.reported == 4
    original = "https://images.pexels.com/photos/{0}/pexels-photo-{0}.jpeg"
    assert [(hit.rank, hit.engine_id, hit.url) for hit in page.hits] == [
        (0, "2014422", original.format(2014422) + "?auto=compress&cs=tinysrgb&dpr=2&h=650&w=940"),
        (1, "2014423", original.format(2014423)),
        (3, "2014425", original.format(2014425) + "?auto=compress&cs=tinysrgb&dpr=2&h=650&w=940"),
    ]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("2014424", RejectReason.NO_URL)]
    assert [(hit.width, hit.height) for hit in page.hits] == [(3024, 3024), (None, 3024), (3024, 3024)]
    credit = page.hits[0].credit
    assert (credit.license, credit.license_url) == ("site:pexels", "https://www.pexels.com/license/")
    assert (credit.creator, credit.creator_url) == ("Example Person", "https://www.pexels.com/@example")
    assert (credit.page_url, credit.title) == ("https://www.pexels.com/photo/beagle-2014422/", "Beagle on grass")


def test_other_languages_are_skipped_with_a_reason():
    dog = SynsetFacts("n02084071", True)
    assert Pexels().skips(in_language("spa", "perro"), dog) == ""
    assert Pexels().request(in_language("spa", "perro"), None).params["locale"] == "es-ES"
    assert "eus" in Pexels().skips(in_language("eus", "txakur"), dog)


def test_prohibition_is_told():
    assert "data sets" in Pexels.info.prohibition
