import hashlib
import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import RejectReason
from imagenet_build.search.engine import SearchPage, SynsetFacts
from imagenet_build.search.engines.gbif import DEPTH, LIMIT, Gbif
from imagenet_build.search.engines.inaturalist import INaturalist
from tests.fakes import gbif_server
from tests.fakes.gbif_server import GbifServer
from tests.fakes.server import Reply
from tests.search.engines.asking import ask, ask_all, english, hits_of, send

RECORDED = Path(__file__).parents[2] / "recorded"
FOX = english("Vulpes vulpes")
NAMES = {
    "Vulpes vulpes": {"usageKey": 5219243},
    "Vulpes": {"usageKey": 5219234, "rank": "GENUS"},
    "Felis concolor": {"usageKey": 7, "acceptedUsageKey": 2435099, "status": "SYNONYM", "synonym": True},
    "Vulpes vulpex": {"usageKey": 5219243, "matchType": "FUZZY", "canonicalName": "Vulpes vulpes"},
    "Vulpes gigas": {"usageKey": 5219234, "matchType": "HIGHERRANK", "canonicalName": "Vulpes"},
    "Red fox": {"usageKey": 5219243, "canonicalName": "Vulpes vulpes"},
}
AT = {"taxon": 5219243, "offset": 0, "rank": 0}


def records(count: int, pictures: int = 1, **fields: object) -> list[dict[str, object]]:
    return [
        {
            "key": 100 + n,
            "taxonKey": 5219243,
            "media": [
                {"type": "StillImage", "identifier": f"https://museum.example.org/{n}/{p}.jpg"} for p in range(pictures)
            ],
            **fields,
        }
        for n in range(count)
    ]


async def test_name_to_taxon_to_pictures():
    with GbifServer(NAMES, records(700, pictures=2)) as server:
        taxon, *pages = await ask_all(Gbif(server.base_url), FOX)
        assert (taxon.hits, taxon.refused, taxon.reported) == ((), (), 0)
        assert [page.reported for page in pages] == [600, 600, 200]
        assert [hit.rank for hit in hits_of(pages)] == list(range(1400))
        assert not any(page.truncated for page in pages)
        match, search, *_ = server.log.calls
        assert match.query == {"name": "Vulpes vulpes", "strict": "true"}
        assert search.query == {
            "mediaType": "StillImage",
            "taxonKey": "5219243",
            "basisOfRecord": "HUMAN_OBSERVATION",
            "limit": "300",
            "offset": "0",
        }


async def test_limit_lowered_silently_loses_nothing():
    with GbifServer(NAMES, records(250), most=100) as server:
        hits = hits_of(await ask_all(Gbif(server.base_url), FOX))
        assert [hit.url for hit in hits] == [f"https://museum.example.org/{n}/0.jpg" for n in range(250)]


@pytest.mark.parametrize(
    ("text", "taxon"),
    [
        ("Vulpes vulpes", 5219243),
        ("Vulpes", 5219234),
        ("Felis concolor", 2435099),
        ("Vulpes vulpex", None),
        ("Vulpes gigas", None),
        ("Red fox", None),
        ("Nothing else", None),
        ("小提琴", None),
    ],
)
async def test_only_the_taxon_of_exactly_this_name_counts(text, taxon):
    with GbifServer(NAMES) as server:
        page = await ask(Gbif(server.base_url), english(text))
        assert isinstance(page, SearchPage)
        assert (page.next_cursor or {}).get("taxon") == taxon


def test_recorded_match():
    page = Gbif().parse((RECORDED / "gbif" / "match.json").read_bytes(), FOX, None)
    assert page == SearchPage((), AT, 0)


def test_recorded_pictures_in_full():
    page = Gbif().parse((RECORDED / "gbif" / "first_page.json").read_bytes(), FOX, AT)
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 5]
    assert page.reported == 7
    assert page.next_cursor == {"taxon": 5219243, "offset": 300, "rank": 7}
    assert [hit.credit.license for hit in page.hits] == ["by", "cc0", "unknown", "by-nc"]
    assert [hit.credit.license_version for hit in page.hits] == ["4.0", "1.0", "", "4.0"]
    assert [hit.credit.creator for hit in page.hits] == ["Example Person", "", "Example Museum", "Ana"]
    assert [hit.credit.page_url for hit in page.hits] == [
        "https://www.inaturalist.org/photos/300000001",
        "https://www.inaturalist.org/observations/200000001",
        "https://www.gbif.org/occurrence/4000000002",
        "https://www.gbif.org/occurrence/4000000003",
    ]
    original = b"https://inaturalist-open-data.s3.amazonaws.com/photos/300000001/original.jpg"
    assert page.hits[0].engine_id == f"4000000001/{hashlib.md5(original).hexdigest()}"
    assert {hit.width for hit in page.hits} == {None}
    assert [(item.engine_id.split("/")[0], item.rejection.reason) for item in page.refused] == [
        ("4000000002", RejectReason.NO_URL),
        ("4000000002", RejectReason.NO_URL),
        ("4000000003", RejectReason.BAD_URL),
    ]


def test_inaturalists_photos_have_the_address_that_inaturalist_gives():
    mine = Gbif().parse((RECORDED / "gbif" / "first_page.json").read_bytes(), FOX, AT)
    theirs = INaturalist().parse(
        (RECORDED / "inaturalist" / "first_page.json").read_bytes(), FOX, {"taxon": 1, "page": 1, "rank": 0}
    )
    assert mine.hits[0].url == theirs.hits[0].url


async def test_records_without_pictures_and_specimens():
    some = [*records(1, media=[]), *records(1, basisOfRecord="PRESERVED_SPECIMEN"), *records(2)]
    with GbifServer(NAMES, some) as server:
        _, page = await ask_all(Gbif(server.base_url), FOX)
        assert (len(page.hits), page.reported) == (2, 2)


async def test_depth_is_said_and_not_asked_beyond():
    with GbifServer(NAMES, records(1000), deepest=DEPTH) as server:
        server.records *= 101  # 101 000 records
        engine = Gbif(server.base_url)
        last = await ask(engine, FOX, {**AT, "offset": DEPTH - LIMIT, "rank": 99_700})
        assert isinstance(last, SearchPage)
        assert (len(last.hits), last.next_cursor, last.truncated) == (LIMIT, None, True)
        deep = await ask(engine, FOX, {**AT, "offset": DEPTH})
        assert isinstance(deep, QueryRefused)
        assert "Max offset of" in str(deep)


async def test_slices_cover_everything_once():
    some = [record for code in gbif_server.LICENSES for record in records(5, license=code)]
    for number, record in enumerate(some):
        record["key"] = number
    with GbifServer(NAMES, some) as server:
        engine = Gbif(server.base_url)
        assert not engine.divide(None)  # the taxon is not known yet
        slices = engine.divide(AT)
        found = []
        for start in slices:
            cursor = dict(start)
            while cursor:
                page = await ask(engine, FOX, cursor)
                assert isinstance(page, SearchPage)
                found += [hit.engine_id.split("/")[0] for hit in page.hits]
                assert page.next_cursor is None or page.next_cursor["license"] == start["license"]
                cursor = dict(page.next_cursor or {})
        assert sorted(map(int, found)) == list(range(25))
        assert not any(engine.divide(start) for start in slices)
        assert len(slices) == len(gbif_server.LICENSES)


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        (gbif_server.throttled(), RateLimited, None),
        (gbif_server.throttled(12), RateLimited, 12.0),
        (gbif_server.throttled(5, status=503), RateLimited, 5.0),
        (Reply.text("Invalid value for parameter license", 400), QueryRefused, None),
        (Reply.text("<html>maintenance</html>", kind="html"), Unreachable, None),
        (Reply(200, b'{"usageKey": 5219'), Unreachable, None),
        (Reply.text("blocked", 403), EngineRefused, None),
        (Reply.text("no such thing", 404), EngineRefused, None),
    ],
)
async def test_errors_mean_what_the_service_means(fault, kind, wait_s):
    with GbifServer(NAMES, records(1)) as server:
        server.at(1, fault)
        engine = Gbif(server.base_url)
        failure = await ask(engine, FOX)
        assert type(failure) is kind
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert len(hits_of(await ask_all(engine, FOX))) == 1


async def test_fake_refuses_what_the_service_refuses():
    with GbifServer(NAMES, records(1)) as server:
        request = Gbif(server.base_url).request(FOX, AT)
        bad = HttpRequest(request.url, {**request.params, "license": "cc0"})
        assert (await send(bad)).status == 400


def test_failure_needs_no_headers_for_a_kept_page():
    kept = HttpAnswer(400, {}, b"Max offset of 100001 exceeded: 100001 + 300")
    assert isinstance(Gbif().failure(kept), QueryRefused)


@pytest.mark.parametrize(
    "change",
    [
        {"results": None},
        {"results": [None]},
        {"results": [{"media": [{"identifier": "https://x.org/1.jpg"}]}]},  # no id
        {"results": [{"key": 1, "media": [{"identifier": 5}]}]},
        {"results": [{"key": 1, "media": "x"}]},
        {"limit": 0},
        {"limit": None},
    ],
)
def test_changed_form_is_loud(change):
    body = {**json.loads((RECORDED / "gbif" / "first_page.json").read_text()), **change}
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Gbif().parse(json.dumps(body).encode(), FOX, AT)


def test_end_of_records_must_be_said():
    body = json.loads((RECORDED / "gbif" / "first_page.json").read_text())
    del body["endOfRecords"]
    with pytest.raises(KeyError):
        Gbif().parse(json.dumps(body).encode(), FOX, AT)


def test_asked_for_latin_names_of_organisms_only():
    engine = Gbif()
    assert engine.skips(FOX, SynsetFacts("n02119789", is_organism=True)) == ""
    assert "Latin" in engine.skips(english("red fox"), SynsetFacts("n02119789", is_organism=True))
    assert "organisms" in engine.skips(FOX, SynsetFacts("n02119789", is_organism=False))
