import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import NO_LANGUAGE, Origin, Query, RejectReason
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.wikimedia import SETTLED, Wikimedia
from tests.fakes import commons_server
from tests.fakes.commons_server import CommonsServer
from tests.fakes.server import Reply
from tests.search.engines.asking import ask, ask_all, english, hits_of, send

RECORDED = Path(__file__).parents[2] / "recorded" / "wikimedia"
BEAGLE = english("beagle")


def pictures(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"title": f"Beagle {n}.jpg", **fields} for n in range(count)]


def titles(pages: list[SearchPage]) -> list[str]:
    return [hit.engine_id for hit in hits_of(pages)]


async def test_batches_are_read_to_the_end_in_rank_order():
    with CommonsServer(pictures(120)) as server:
        pages = await ask_all(Wikimedia(server.base_url), BEAGLE)
        assert [len(page.hits) for page in pages] == [50, 50, 20]
        assert titles(pages) == [f"File:Beagle {n}.jpg" for n in range(120)]
        assert [hit.rank for hit in hits_of(pages)] == list(range(120))
        sent = [page["pageid"] for page in json.loads((await send(_first(server))).body)["query"]["pages"]]
        assert sent == sorted(sent)  # so the order above is the adapter's doing


def _first(server: CommonsServer) -> HttpRequest:
    return Wikimedia(server.base_url).request(BEAGLE, None)


@pytest.mark.parametrize("extra_answer", [False, True])
@pytest.mark.parametrize("infos_per_answer", [50, 20, 7])
async def test_split_batches_give_each_file_once(infos_per_answer, extra_answer):
    some = pictures(120)
    some[3]["gone"] = some[77]["gone"] = True
    with CommonsServer(some, infos_per_answer=infos_per_answer, extra_answer=extra_answer) as server:
        pages = await ask_all(Wikimedia(server.base_url), BEAGLE)
        assert sorted(titles(pages)) == sorted(f"File:Beagle {n}.jpg" for n in range(120) if n not in (3, 77))
        refused = [(item.engine_id, item.rejection.reason) for page in pages for item in page.refused]
        assert refused == [
            ("File:Beagle 3.jpg", RejectReason.NO_URL),
            ("File:Beagle 77.jpg", RejectReason.NO_URL),
        ]
        assert sum(page.reported for page in pages) == 120
        assert [hit.rank for hit in hits_of(pages)] == [n for n in range(120) if n not in (3, 77)]


def test_recorded_split_batch():
    engine = Wikimedia()
    cursor = None
    seen = []
    for part in (1, 2, 3):
        page = engine.parse((RECORDED / f"batch_part_{part}.json").read_bytes(), BEAGLE, cursor)
        seen.append([(hit.rank, hit.engine_id) for hit in page.hits])
        assert page.refused == ()
        cursor = page.next_cursor
        if part < 3:
            assert SETTLED not in engine.request(BEAGLE, cursor).params
    assert seen == [
        [(2, "File:Beagle example 01.jpg"), (3, "File:Beagle example 04.jpg")],
        [(0, "File:Beagle example 02.jpg"), (1, "File:Beagle example 03.jpg")],
        [],
    ]
    assert cursor is None


def test_a_split_second_batch_is_asked_again_at_its_own_offset():
    body = (RECORDED / "batch_part_1.json").read_bytes()  # its `continue` does not repeat gsroffset
    page = Wikimedia().parse(body, BEAGLE, {"gsroffset": 50, "continue": "gsroffset||"})
    params = Wikimedia().request(BEAGLE, page.next_cursor).params
    assert params["gsroffset"] == 50
    assert params["iicontinue"] == "Beagle_example_02.jpg|20200101000000"


async def test_a_concept_is_searched_in_what_files_depict():
    some = [
        {"title": "Beagle 1.jpg", "depicts": ["Q144", "Q25376"]},
        {"title": "Q144 P180 haswbstatement.jpg"},
        {"title": "Rex.jpg", "depicts": ["Q144"]},
        {"title": "Rex.webm", "depicts": ["Q144"], "mime": "video/webm"},
        {"title": "Cat.jpg", "depicts": ["Q1443", "Q146"]},
    ]
    concept = Query("n02084071", "Q144", NO_LANGUAGE, Origin.CONCEPT, 5)
    with CommonsServer(some) as server:
        engine = Wikimedia(server.base_url)
        assert titles(await ask_all(engine, concept)) == ["File:Beagle 1.jpg", "File:Rex.jpg"]
        assert engine.request(concept, None).params["gsrsearch"] == "haswbstatement:P180=Q144 filetype:bitmap"
        assert titles(await ask_all(engine, english("haswbstatement:P180=Q144"))) == [
            "File:Q144 P180 haswbstatement.jpg"
        ]


async def test_no_hits_means_no_query_key():
    with CommonsServer(pictures(3)) as server:
        (page,) = await ask_all(Wikimedia(server.base_url), english("accordion"))
        assert page == SearchPage((), None, 0)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"batchcomplete": true, "query": {}}'])
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Wikimedia().parse(body, BEAGLE, None)


def test_continuing_in_the_same_place_is_loud():
    cursor = {"gsroffset": 50, "continue": "gsroffset||"}
    with pytest.raises(ValueError, match="where it began"):
        Wikimedia().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, cursor)


async def test_large_originals_are_fetched_at_the_standard_width():
    some = [
        {"title": "Beagle large.jpg", "width": 4000, "height": 3000},
        {"title": "Beagle small.jpg", "width": 960, "height": 700},
    ]
    with CommonsServer(some, thumb_host="localhost") as server:
        large, small = hits_of(await ask_all(Wikimedia(server.base_url), BEAGLE))
        assert large.url.startswith(f"http://localhost:{server.port}/wikipedia/commons/thumb/")
        assert large.url.endswith("/960px-Beagle_large.jpg")
        assert (large.width, large.height) == (4000, 3000)
        assert small.url.startswith(f"{server.base_url}/wikipedia/commons/")
        assert "/thumb/" not in small.url
        assert (small.width, small.height) == (960, 700)
        for hit in (large, small):
            assert "utm_" not in hit.url
            assert (await send(HttpRequest(hit.url))).status == 200


async def test_request_is_polite_and_complete():
    with CommonsServer(pictures(60)) as server:
        await ask_all(Wikimedia(server.base_url), BEAGLE)
        first, second = (call.query for call in server.log.calls)
        assert first["gsrsearch"] == "beagle filetype:bitmap"
        assert (first["maxlag"], first["gsrlimit"], first["iiurlwidth"]) == ("5", "50", "960")
        assert second == {**first, "gsroffset": "50", "continue": "gsroffset||"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("jack-o'-lantern", "jack-o'-lantern filetype:bitmap"),
        ('File:dog OR -cat insource:/x/ "a" b*', "File dog cat insource /x/ a b filetype:bitmap"),
        ("Oregon or Washington", "Oregon or Washington filetype:bitmap"),
        ("小提琴", "小提琴 filetype:bitmap"),
    ],
)
def test_text_is_literal(text, sent):
    assert Wikimedia().request(english(text), None).params["gsrsearch"] == sent


async def test_long_text_is_cut_to_what_the_service_takes():
    with CommonsServer(pictures(1)) as server:
        page = await ask(Wikimedia(server.base_url), english("beagle " * 60))
        assert isinstance(page, SearchPage)
        assert len(server.log.calls[0].query["gsrsearch"]) <= 300
        assert server.log.calls[0].query["gsrsearch"].endswith("beagle filetype:bitmap")


async def test_unidentified_client_stops_the_engine_and_names_the_contact():
    with CommonsServer(pictures(1)) as server:
        failure = await ask(Wikimedia(server.base_url), BEAGLE, agent="python-requests/2.31")
        assert isinstance(failure, EngineRefused)
        assert "network.contact" in failure.remedy
        assert "robot policy" in str(failure)


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        (commons_server.lagged(5), RateLimited, 5.0),
        (commons_server.throttled(20), RateLimited, 20.0),
        (commons_server.api_error("ratelimited", "You've exceeded your rate limit."), RateLimited, None),
        (commons_server.api_error("cirrussearch-backend-error", "An error has occurred."), RateLimited, None),
        (commons_server.api_error("internal_api_error_DBQueryError", "[abc] Caught exception"), RateLimited, None),
        (Reply.text("upstream connect error", 503), RateLimited, None),
        (commons_server.api_error("cirrussearch-query-too-long", "Actual: 345; allowed: 300"), QueryRefused, None),
        (commons_server.api_error("something-new", "?"), QueryRefused, None),
        (commons_server.api_error("blocked", "You have been blocked."), EngineRefused, None),
        (commons_server.api_error("readapidenied", "You need read permission."), EngineRefused, None),
        (Reply.text("no such wiki", 404), EngineRefused, None),
    ],
)
async def test_errors_mean_what_the_service_means(fault, kind, wait_s):
    with CommonsServer(pictures(1)) as server:
        server.at(1, fault)
        failure = await ask(Wikimedia(server.base_url), BEAGLE)
        assert type(failure) is kind
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert len(titles(await ask_all(Wikimedia(server.base_url), BEAGLE))) == 1


async def test_depth_is_not_asked_beyond():
    with CommonsServer(pictures(10_120)) as server:
        engine = Wikimedia(server.base_url)
        page = await ask(engine, BEAGLE, {"gsroffset": 9950, "continue": "gsroffset||"})
        assert isinstance(page, SearchPage)
        assert len(page.hits) == 50
        assert page.hits[-1].rank == 9999
        assert page.next_cursor is None
        refusal = await ask(engine, BEAGLE, {"gsroffset": 10_000, "continue": "gsroffset||"})
        assert isinstance(refusal, QueryRefused)
        assert "cirrussearch-offset-too-large" in str(refusal)


def test_a_description_that_says_error_is_no_error():
    page = json.loads((RECORDED / "first_page.json").read_text())
    page["query"]["pages"][0]["imageinfo"][0]["extmetadata"]["ObjectName"]["value"] = 'a "error" in a name'
    page["query"]["pages"][0]["error"] = {"code": "maxlag"}
    assert Wikimedia().failure(HttpAnswer(200, {}, json.dumps(page).encode())) is None


async def test_hidden_files_are_refused_items():
    with CommonsServer([{"title": "Beagle 1.jpg", "hidden": True}, {"title": "Beagle 2.jpg"}]) as server:
        (page,) = await ask_all(Wikimedia(server.base_url), BEAGLE)
        assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL]
        assert [hit.rank for hit in page.hits] == [1]


def test_recorded_page_in_full():
    page = Wikimedia().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert page.next_cursor == {"gsroffset": 50, "continue": "gsroffset||"}
    assert [item.engine_id for item in page.refused] == ["File:Beagle example 09.jpg"]
    one, two, seven, plage, eight = page.hits
    assert [hit.rank for hit in page.hits] == [0, 1, 2, 3, 5]

    assert one.url == (
        "https://thumb.wikimedia.org/wikipedia/commons/thumb/6/6b/Beagle_example_01.jpg/960px-Beagle_example_01.jpg"
    )
    assert one.credit.creator == "ExampleUser"
    assert one.credit.creator_url == "https://commons.wikimedia.org/wiki/User:ExampleUser"
    assert one.credit.title == "Beagle example 01"
    assert one.credit.page_url == "https://commons.wikimedia.org/wiki/File:Beagle_example_01.jpg"
    assert one.credit.license_url == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert (two.credit.license, two.credit.license_version, two.credit.license_url) == ("pdm", "", "")
    assert two.credit.creator == "Unknown author"  # the hidden copy of it is not shown
    assert (seven.credit.license, seven.credit.title) == ("unknown", "Beagle example 07")  # extmetadata is []
    assert plage.url.startswith("https://upload.wikimedia.org/wikipedia/commons/")
    assert (plage.width, plage.height) == (800, 600)
    assert (eight.credit.creator, eight.credit.title) == ("Ana & Bob of Example", "Ein Beagle am Strand")
    assert (eight.credit.license, eight.credit.license_url) == ("unknown", "http://www.gnu.org/copyleft/fdl.html")


async def test_fake_serves_files_as_the_media_servers_do():
    with CommonsServer([{"title": "Beagle.jpg", "width": 1200, "height": 900}], originals_left=1) as server:
        (hit,) = hits_of(await ask_all(Wikimedia(server.base_url), BEAGLE))
        odd = await send(HttpRequest(hit.url.replace("/960px-", "/1000px-")))
        assert (odd.status, b"w.wiki/GHai" in odd.body) == (400, True)
        original = hit.url.replace("/thumb/", "/").rpartition("/")[0]
        statuses = [(await send(HttpRequest(original))).status for _ in range(2)]
        assert statuses == [200, 429]
