import base64
import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, UnexpectedResponse, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.engines.yandex import DEPTH, Yandex
from tests.fakes import yandex_server
from tests.fakes.server import Reply
from tests.fakes.yandex_server import YandexServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all, in_language

RECORDED = Path(__file__).parents[2] / "recorded" / "yandex"
BEAGLE = english("beagle")
KEY = "AQVNexample0123456789example0123456789xyz"
KEYS = {"YANDEX_API_KEY": KEY}
FOLDER = "b1gexample0000000000"


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"words": "beagle", "url": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


def serving(found: list[dict[str, object]]) -> YandexServer:
    return YandexServer(found, key=KEY, folder_id=FOLDER)


def engine(server: YandexServer) -> Yandex:
    return Yandex(server.base_url, FOLDER)


def packed(xml: str | bytes) -> bytes:
    raw = xml.encode() if isinstance(xml, str) else xml
    return json.dumps({"rawData": base64.b64encode(raw).decode()}).encode()


async def test_pages_are_read_until_nothing_is_found():
    with serving(pictures(120)) as server:
        pages = await ask_all(engine(server), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [50, 50, 20, 0]
        assert [hit.rank for hit in hits_of(pages)] == list(range(120))
        assert [hit.url for hit in hits_of(pages)] == [f"http://127.0.0.1/{n}.jpg" for n in range(120)]
        assert [body["query"]["page"] for body in server.bodies] == ["0", "1", "2", "3"]
        assert not any(page.truncated for page in pages)


async def test_stops_at_depth_250_without_asking_further():
    with serving(pictures(900)) as server:
        pages = await ask_all(engine(server), BEAGLE, KEYS)
        assert len(hits_of(pages)) == DEPTH
        assert server.log.count() == 5
        assert [page.truncated for page in pages] == [False] * 4 + [True]


async def test_slices_give_what_depth_hides():
    some = pictures(1600)
    for n, picture in enumerate(some):
        picture["size"] = f"IMAGE_SIZE_{('ENORMOUS', 'LARGE', 'MEDIUM', 'SMALL')[n % 4]}"
        picture["orientation"] = f"IMAGE_ORIENTATION_{('HORIZONTAL', 'VERTICAL', 'SQUARE')[n // 4 % 3]}"
    with serving(some) as server:
        adapter = engine(server)
        seen: list[str] = []
        for size in adapter.divide(None):
            assert (await ask_all(adapter, BEAGLE, KEYS, size))[-1].truncated
            for start in adapter.divide(size):
                assert set(start) == {"size", "orientation"}
                assert not adapter.divide(start)
                seen += [hit.engine_id for hit in hits_of(await ask_all(adapter, BEAGLE, KEYS, start))]
        assert len(seen) == len(set(seen)) == 1600


async def test_what_is_posted():
    query = in_language("rus", "гончая собака")
    with serving([{"words": "гончая собака", "url": "http://127.0.0.1/1.jpg"}]) as server:
        request = engine(server).request(query, None)
        assert KEY not in repr(request)
        (hit,) = hits_of(await ask_all(engine(server), query, KEYS))[:1]
        assert hit.url == "http://127.0.0.1/1.jpg"
        assert server.bodies[0] == {
            "query": {
                "searchType": "SEARCH_TYPE_RU",
                "queryText": "гончая собака",
                "familyMode": "FAMILY_MODE_MODERATE",
                "page": "0",
                "fixTypoMode": "FIX_TYPO_MODE_OFF",
            },
            "docsOnPage": "50",
            "folderId": FOLDER,
        }
        assert (server.log.calls[0].method, server.log.calls[0].path) == ("POST", "/v2/image/search")
        assert server.log.calls[0].headers["authorization"] == f"Api-Key {KEY}"


def test_pages_texts_and_slices_have_keys_of_their_own():
    adapter = Yandex()
    requests = [
        adapter.request(BEAGLE, None),
        adapter.request(BEAGLE, {"page": 1}),
        adapter.request(BEAGLE, {"size": "IMAGE_SIZE_LARGE"}),
        adapter.request(english("小提琴"), None),
        adapter.request(in_language("rus", "beagle"), None),
    ]
    assert len({request.page_key() for request in requests}) == len(requests)
    assert adapter.request(BEAGLE, None).page_key() == requests[0].page_key()


@pytest.mark.parametrize(
    ("language", "index"),
    [("tur", "TR"), ("kaz", "KK"), ("bel", "BE"), ("uzn", "UZ"), ("ukr", "RU"), ("eng", "COM"), ("cmn", "COM")],
)
def test_language_chooses_the_index(language, index):
    body = json.loads(Yandex().request(in_language(language, "x"), None).body or b"")
    assert body["query"]["searchType"] == f"SEARCH_TYPE_{index}"
    assert Yandex().skips(in_language(language, "x"), SynsetFacts("n02084071", True)) == ""


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("and//or", "and or"),
        ('"beagle" -dog !house site:example.org', "beagle dog house site example.org"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ("word " * 100, ("word " * 80).strip()),
        ("//", "//"),
    ],
)
def test_text_is_literal_and_cut(text, sent):
    assert json.loads(Yandex().request(english(text), None).body or b"")["query"]["queryText"] == sent


@pytest.mark.parametrize("keys", [{}, {"YANDEX_API_KEY": "AQVNwrong" + "0123456789" * 3}])
async def test_missing_or_wrong_key_ends_the_engine_without_telling_the_key(keys):
    with serving(pictures(1)) as server:
        failure = await ask(engine(server), BEAGLE, keys)
        assert isinstance(failure, EngineRefused)
        assert "YANDEX_API_KEY" in failure.remedy
        assert "AQVNwrong" not in str(failure)


@pytest.mark.parametrize(("folder", "said"), [("", "folder ID"), ("b1gother", "Permission denied")])
async def test_missing_or_wrong_folder_ends_the_engine(folder, said):
    with serving(pictures(1)) as server:
        failure = await ask(Yandex(server.base_url, folder), BEAGLE, KEYS)
        assert isinstance(failure, EngineRefused)
        assert said in str(failure)
        assert "YANDEX_FOLDER_ID" in failure.remedy


@pytest.mark.parametrize(
    ("reply", "error", "wait_s"),
    [
        (yandex_server.search_error(1), QueryRefused, None),
        (yandex_server.search_error(18), QueryRefused, None),
        (yandex_server.search_error(20), RateLimited, None),
        (yandex_server.search_error(55), RateLimited, None),
        (yandex_server.search_error(32), RateLimited, 3600.0),
        (yandex_server.search_error(31), EngineRefused, None),
        (yandex_server.search_error(42), EngineRefused, None),
        (yandex_server.search_error(100), EngineRefused, None),
        (yandex_server.search_error(7777), UnexpectedResponse, None),
        (yandex_server.grpc_error(429, 8, "resource exhausted"), RateLimited, None),
        (yandex_server.grpc_error(400, 3, "queryText: too long"), QueryRefused, None),
        (yandex_server.grpc_error(503, 14, "unavailable"), RateLimited, None),
        (yandex_server.grpc_error(404, 5, "Not Found"), EngineRefused, None),
        (Reply.text("<html>Gateway Timeout</html>", 504, kind="html"), RateLimited, None),
    ],
)
async def test_what_errors_stand_for(reply, error, wait_s):
    with serving(pictures(1)) as server:
        server.at(1, reply)
        failure = await ask(engine(server), BEAGLE, KEYS)
        assert type(failure) is error
        assert failure.source == "yandex"
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert type(Yandex().failure(HttpAnswer(reply.status, {}, reply.body))) is error


async def test_retry_after_is_obeyed():
    with serving(pictures(1)) as server:
        server.at(1, Reply.json({"code": 8, "message": "too many"}, 429, {"Retry-After": "37"}))
        failure = await ask(engine(server), BEAGLE, KEYS)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == 37.0


async def test_nothing_found_is_an_empty_page():
    with serving(pictures(1)) as server:
        (page,) = await ask_all(engine(server), english("accordion"), KEYS)
        assert (page.hits, page.refused, page.reported, page.next_cursor) == ((), (), 0, None)


async def test_wrong_base_url_ends_the_engine():
    with serving(pictures(1)) as server:
        failure = await ask(Yandex(f"{server.base_url}/elsewhere", FOLDER), BEAGLE, KEYS)
        assert isinstance(failure, EngineRefused)
        assert "base_url" in failure.remedy


ENTITIES = (
    '<!DOCTYPE y [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<yandexsearch><response>&b;</response></yandexsearch>"
)
OUTSIDE = '<!DOCTYPE y SYSTEM "file:///etc/passwd"><yandexsearch><response/></yandexsearch>'


@pytest.mark.parametrize(
    "body",
    [
        b"<html>log in</html>",
        b'{"rawData": "PD94',
        b'{"rawData": "no base64 at all"}',
        b'{"rawData": null}',
        packed("<yandexsearch><response>"),
        packed("<html><body/></html>"),
        packed(ENTITIES),
        packed(OUTSIDE),
        packed(ENTITIES.encode("utf-16")),
        packed(ENTITIES.encode("utf-16-le")),
        packed(ENTITIES.encode("utf-16-be")),
        packed('<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16-le") + ENTITIES.encode("utf-16-le")),
        packed(b"\xef\xbb\xbf" + ENTITIES.encode()),
        packed(b"\xff\xfe\x00"),
    ],
)
async def test_unreadable_200_is_worth_another_try_and_no_entity_is_read(body):
    with serving(pictures(1)) as server:
        server.at(1, Reply(200, body, "application/json"))
        assert isinstance(await ask(engine(server), BEAGLE, KEYS), Unreachable)
        assert len(hits_of(await ask_all(engine(server), BEAGLE, KEYS))) == 1
    with pytest.raises((KeyError, TypeError, ValueError)):
        Yandex().parse(body, BEAGLE, None)


def test_another_json_object_is_left_to_parse():
    assert Yandex().failure(HttpAnswer(200, {}, b'{"unexpected": 1}')) is None
    with pytest.raises(KeyError):
        Yandex().parse(b'{"unexpected": 1}', BEAGLE, None)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": None, "thumb": "http://avatars.mds.yandex.net/i?id=1"}, RejectReason.NO_URL),
        ({"url": "file:///etc/passwd"}, RejectReason.SCHEME_REFUSED),
        ({"url": "http://["}, RejectReason.BAD_URL),
    ],
)
async def test_items_without_usable_address_are_refused(fields, reason):
    with serving([*pictures(1), *pictures(1, **fields)]) as server:
        page = await ask(engine(server), BEAGLE, KEYS)
        assert [item.rejection.reason for item in page.refused] == [reason]
        assert (len(page.hits), page.reported) == (1, 2)


def test_recorded_page_in_full():
    page = Yandex().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"page": 1}
    assert page.reported == 5
    assert [(hit.rank, hit.engine_id, hit.url) for hit in page.hits] == [
        (0, "Z0000000000000001", "https://dogs.example.ru/img/beagle1.jpg?a=1&b=2"),
        (1, "Z0000000000000002", "http://xn--80abwhrr.example/%D0%B1%D0%B8%D0%B3%D0%BB%D1%8C.png"),
        (3, "00000004-images-thumbs", "https://dogs.example.ru/img/beagle4.jpg"),
        (4, "https://dogs.example.ru/img/beagle5.jpg", "https://dogs.example.ru/img/beagle5.jpg"),
    ]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [
        ("Z0000000000000003", RejectReason.NO_URL)
    ]
    assert [(hit.width, hit.height) for hit in page.hits] == [(1600, 1066)] + [(None, None)] * 3
    assert page.hits[0].credit.page_url == "https://dogs.example.ru/beagle/"
    assert {hit.credit.license for hit in page.hits} == {"unknown"}


def test_a_slice_is_carried_along():
    start = {"size": "IMAGE_SIZE_LARGE", "orientation": "IMAGE_ORIENTATION_SQUARE"}
    page = Yandex().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, start)
    assert page.next_cursor == {**start, "page": 1}
    body = json.loads(Yandex().request(BEAGLE, page.next_cursor).body or b"")
    assert body["imageSpec"] == start
    assert body["query"]["page"] == "1"
