import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import Origin, Query, RejectReason
from imagenet_build.search.engine import SearchPage, SynsetFacts
from imagenet_build.search.engines.inaturalist import INaturalist
from tests.fakes import inaturalist_server
from tests.fakes.inaturalist_server import INaturalistServer, photo
from tests.fakes.server import Reply
from tests.search.engines.asking import ask, ask_all, english, hits_of

RECORDED = Path(__file__).parents[2] / "recorded" / "inaturalist"
FOX = english("Vulpes vulpes")
TAXA = [
    {"id": 1, "name": "Vulpes vulpinus"},
    {"id": 42069, "name": "Vulpes vulpes", "preferred_common_name": "Red Fox"},
    {"id": 3, "name": "Morus", "rank": "genus", "iconic_taxon_name": "Aves"},
    {"id": 4, "name": "Morus", "rank": "genus", "iconic_taxon_name": "Plantae"},
    {"id": 5, "name": "Puma concolor", "older_names": ["Felis concolor"]},
    {"id": 6, "name": "Canidae", "rank": "family"},
    {"id": 7, "name": "Canis lupus familiaris", "rank": "subspecies"},
    {"id": 8, "name": "Canis lupus"},
]
AT = {"taxon": 42069, "page": 1, "rank": 0}


def observations(count: int, photos: int = 1, taxon: int = 42069) -> list[dict[str, object]]:
    return [
        {"id": 1000 + n, "taxon_id": taxon, "photos": [photo(10_000 + n * photos + p) for p in range(photos)]}
        for n in range(count)
    ]


async def test_name_to_taxon_to_photos():
    with INaturalistServer(TAXA, observations(3, photos=2)) as server:
        taxon, photos = await ask_all(INaturalist(server.base_url), FOX)
        assert (taxon.hits, taxon.refused, taxon.reported) == ((), (), 0)
        assert [hit.rank for hit in photos.hits] == list(range(6))
        assert [hit.engine_id for hit in photos.hits] == [str(10_000 + n) for n in range(6)]
        first, second = server.log.calls
        assert first.query == {"q": "Vulpes vulpes", "rank": "species,hybrid", "per_page": "30"}
        assert (second.query["taxon_id"], second.query["quality_grade"]) == ("42069", "research")


@pytest.mark.parametrize(
    ("text", "taxon"),
    [
        ("Vulpes vulpes", 42069),
        ("vulpes vulpes", 42069),
        ("Red Fox", None),  # a common name is not asked for, and would not count
        ("Vulpes", None),
        ("Morus", None),  # gannets or mulberries
        ("Felis concolor", 5),
        ("Canidae", 6),
        ("Canis lupus", 8),
        ("Canis lupus familiaris", 7),
        ("小提琴", None),
    ],
)
async def test_only_the_taxon_of_exactly_this_name_counts(text, taxon):
    with INaturalistServer(TAXA) as server:
        page = await ask(INaturalist(server.base_url), english(text))
        assert isinstance(page, SearchPage)
        assert page.next_cursor == (None if taxon is None else {"taxon": taxon, "page": 1, "rank": 0})


def test_recorded_taxa():
    page = INaturalist().parse((RECORDED / "taxa.json").read_bytes(), FOX, None)
    assert page == SearchPage((), AT, 0)


def test_recorded_photos_in_full():
    page = INaturalist().parse((RECORDED / "first_page.json").read_bytes(), FOX, AT)
    licensed, closed, undated, nc, mark, other = page.hits
    assert [hit.rank for hit in page.hits] == [0, 1, 2, 3, 6, 7]
    assert page.reported == 8
    assert page.next_cursor == {"taxon": 42069, "page": 2, "rank": 8}
    assert licensed.url == "https://inaturalist-open-data.s3.amazonaws.com/photos/300000001/large.jpg"
    assert (licensed.width, licensed.height) == (2048, 1365)
    assert closed.url == "https://static.inaturalist.org/photos/300000002/large.jpeg"
    assert (undated.width, undated.height) == (None, None)
    assert [hit.credit.license for hit in page.hits] == ["by", "arr", "cc0", "by-nc-sa", "pdm", "unknown"]
    assert [hit.credit.license_version for hit in page.hits] == ["4.0", "", "1.0", "4.0", "", ""]
    assert licensed.credit.license_url == "https://creativecommons.org/licenses/by/4.0/"
    assert (licensed.credit.creator, nc.credit.creator) == ("Example Person", "other")
    assert licensed.credit.creator_url == "https://www.inaturalist.org/people/example"
    assert licensed.credit.page_url == "https://www.inaturalist.org/observations/200000001"
    assert {hit.credit.title for hit in (mark, other)} == {"Vulpes vulpes"}
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [
        ("300000005", RejectReason.NO_URL),
        ("300000006", RejectReason.NO_URL),
    ]


async def test_the_photos_licence_counts_and_not_the_observations():
    closed = {"id": 1, "taxon_id": 42069, "license_code": "cc0", "photos": [photo(2, None), photo(3, "cc-by-nd")]}
    with INaturalistServer(TAXA, [closed]) as server:
        assert [hit.credit.license for hit in hits_of(await ask_all(INaturalist(server.base_url), FOX))] == [
            "arr",
            "by-nd",
        ]


async def test_only_research_grade():
    some = observations(3)
    some[1]["quality_grade"] = "needs_id"
    with INaturalistServer(TAXA, some) as server:
        assert len(hits_of(await ask_all(INaturalist(server.base_url), FOX))) == 2


async def test_beyond_ten_thousand_the_window_moves_along_by_id():
    with INaturalistServer(TAXA, list(reversed(observations(10_450)))) as server:
        pages = await ask_all(INaturalist(server.base_url), FOX)
        hits = hits_of(pages)
        assert [hit.engine_id for hit in hits] == [str(10_000 + n) for n in range(10_450)]
        assert [hit.rank for hit in hits] == list(range(10_450))
        assert {call.status for call in server.log.calls} == {200}
        assert len(pages) == 1 + 50 + 3
        assert server.log.calls[-1].query["id_above"] == str(1000 + 9999)


async def test_exactly_ten_thousand_is_the_end():
    with INaturalistServer(TAXA, observations(10_000)) as server:
        assert len(await ask_all(INaturalist(server.base_url), FOX)) == 1 + 50


async def test_short_page_is_not_the_last_one():
    body = json.loads((RECORDED / "first_page.json").read_text())
    assert len(body["results"]) < body["per_page"]
    assert INaturalist().parse(json.dumps(body).encode(), FOX, AT).next_cursor is not None
    body["results"] = []
    assert INaturalist().parse(json.dumps(body).encode(), FOX, {**AT, "page": 2}).next_cursor is None


def test_ids_that_do_not_rise_are_loud():
    body = (RECORDED / "first_page.json").read_bytes()
    with pytest.raises(ValueError, match="order of their ids"):
        INaturalist().parse(body, FOX, {"taxon": 42069, "page": 50, "rank": 0, "above": 300_000_000})


async def test_too_deep_ends_the_query_and_a_ban_the_engine():
    with INaturalistServer(TAXA, observations(1)) as server:
        engine = INaturalist(server.base_url)
        deep = await ask(engine, FOX, {**AT, "page": 51})
        server.next(inaturalist_server.banned())
        ban = await ask(engine, FOX)
        assert isinstance(deep, QueryRefused)
        assert "Result window is too large" in str(deep)
        assert isinstance(ban, EngineRefused)
        assert "network.contact" in ban.remedy


async def test_no_observations():
    with INaturalistServer(TAXA) as server:
        taxon, photos = await ask_all(INaturalist(server.base_url), FOX)
        assert taxon.next_cursor is not None
        assert photos == SearchPage((), None, 0)


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        (inaturalist_server.throttled(), RateLimited, None),
        (inaturalist_server.throttled(30), RateLimited, 30.0),
        (inaturalist_server.overloaded(), RateLimited, None),
        (inaturalist_server.unprocessable(), QueryRefused, None),
        (Reply.text("<html>maintenance</html>", kind="html"), Unreachable, None),
        (Reply(200, b'{"total_results": 1, "results": [{"id": 1, "na'), Unreachable, None),
        (Reply(200, b""), Unreachable, None),
        (Reply.text("Not Found", 404), EngineRefused, None),
    ],
)
async def test_errors_mean_what_the_service_means(fault, kind, wait_s):
    with INaturalistServer(TAXA, observations(1)) as server:
        server.at(1, fault)
        engine = INaturalist(server.base_url)
        failure = await ask(engine, FOX)
        assert type(failure) is kind
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert len(hits_of(await ask_all(engine, FOX))) == 1


async def test_the_services_own_throttle():
    with INaturalistServer(TAXA, observations(1), burst=2) as server:
        engine = INaturalist(server.base_url)
        await ask_all(engine, FOX)
        assert isinstance(await ask(engine, FOX), RateLimited)


async def test_unknown_taxon_ends_the_query():
    with INaturalistServer(TAXA) as server:
        assert isinstance(await ask(INaturalist(server.base_url), FOX, {**AT, "taxon": 99}), QueryRefused)


def test_failure_needs_no_headers_for_a_kept_page():
    kept = json.dumps({"error": inaturalist_server.TOO_DEEP, "status": 403}).encode()
    assert isinstance(INaturalist().failure(HttpAnswer(403, {}, kept)), QueryRefused)


@pytest.mark.parametrize(
    "change",
    [
        {"results": None},
        {"results": {}},
        {"total_results": None},
        {"results": [{"id": 1}]},
        {"results": [{"id": 1, "photos": [{"id": 1, "url": "https://x.org/1.jpg"}]}, {}]},
        {"results": [{"id": 1, "photos": [{"id": 1, "url": 7, "license_code": None}]}]},
        {"results": [{"id": 1, "photos": [{"id": [1], "url": None, "license_code": None}]}]},
    ],
)
def test_changed_form_is_loud(change):
    body = {**json.loads((RECORDED / "first_page.json").read_text()), **change}
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        INaturalist().parse(json.dumps(body).encode(), FOX, AT)


def test_addresses_of_this_machine_are_refused():
    body = json.loads((RECORDED / "first_page.json").read_text())
    body["results"] = [{"id": 1, "photos": [{"id": 1, "url": "file:///photos/1/square.jpg", "license_code": "cc0"}]}]
    page = INaturalist().parse(json.dumps(body).encode(), FOX, AT)
    assert [item.rejection.reason for item in page.refused] == [RejectReason.SCHEME_REFUSED]


def test_asked_for_latin_names_of_organisms_only():
    engine = INaturalist()
    organism, thing = SynsetFacts("n02119789", is_organism=True), SynsetFacts("n02119789", is_organism=False)
    assert engine.skips(FOX, organism) == ""
    assert "Latin" in engine.skips(english("red fox"), organism)
    assert "organisms" in engine.skips(FOX, thing)
    chinese = Query("n02119789", "赤狐", "cmn", Origin.TRANSLATION, 3)
    assert "Latin" in engine.skips(chinese, organism)
    family = english("family Canidae")
    assert engine.skips(family, organism) == ""
    assert engine.request(family, None).params["q"] == "Canidae"
