import json
from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.records import Origin, Query, RejectReason
from imagenet_build.search.engine import SearchPage, SynsetFacts
from imagenet_build.search.engines.wikidata import LIMIT, Wikidata
from tests.fakes import commons_server, wikidata_server
from tests.fakes.server import Reply
from tests.fakes.wikidata_server import WikidataServer
from tests.search.engines.asking import ask, ask_all, english, hits_of

RECORDED = Path(__file__).parents[2] / "recorded" / "wikidata"
DOG = english("dog")
DOG_URI = "http://wordnet-rdf.princeton.edu/wn30/02084071-n"
ODD_NAMES = ["Beagle (比格犬), à la plage.png", "Собака & кот?.jpg", "100% dog's.jpg", "Dog+cat; a=b.jpg"]


def pictures(*names: str, **fields: object) -> list[dict[str, object]]:
    return [{"title": name, **fields} for name in names]


async def test_synset_to_item_to_pictures_with_licences():
    names = [f"Dog {n}.jpg" for n in range(3)]
    with WikidataServer({DOG_URI: names}, pictures(*reversed(names))) as server:
        found, details = await ask_all(Wikidata(server.base_url), DOG)
        assert (found.hits, found.refused, found.reported) == ((), (), 0)
        assert [hit.engine_id for hit in details.hits] == [f"File:{name}" for name in names]
        assert [hit.rank for hit in details.hits] == [0, 1, 2]
        assert {(hit.credit.license, hit.credit.license_version) for hit in details.hits} == {("by-sa", "4.0")}
        assert {hit.engine for hit in details.hits} == {"wikidata"}
        assert all("/thumb/" in hit.url and hit.width == 1600 for hit in details.hits)
        assert [call.path for call in server.log.calls] == [
            "/query.wikidata.org/sparql",
            "/commons.wikimedia.org/w/api.php",
        ]


async def test_the_link_is_that_of_wordnet_3_0_and_never_the_equal_number_of_3_1():
    with WikidataServer({DOG_URI: ["Dog.jpg"]}, pictures("Dog.jpg")) as server:
        await ask_all(Wikidata(server.base_url), DOG)
        sparql = server.log.calls[0].query["query"]
        assert f"wdt:P2888 <{DOG_URI}>" in sparql
        assert "P8814" not in sparql
        assert all(f"wdt:{name} " in sparql for name in ("P18", "P279", "P31"))
        assert server.log.calls[0].headers["accept"] == "application/sparql-results+json"


async def test_synset_without_an_item():
    with WikidataServer({}) as server:
        assert await ask_all(Wikidata(server.base_url), DOG) == [SearchPage((), None, 0)]


async def test_odd_file_names_survive_all_encodings():
    with WikidataServer({DOG_URI: ODD_NAMES}, pictures(*ODD_NAMES)) as server:
        assert [hit.engine_id for hit in hits_of(await ask_all(Wikidata(server.base_url), DOG))] == [
            f"File:{name}" for name in ODD_NAMES
        ]


@pytest.mark.parametrize("infos_per_answer", [50, 20, 7])
async def test_many_pictures_are_looked_up_in_batches(infos_per_answer):
    names = [f"Dog {n:04}.jpg" for n in range(130)]
    with WikidataServer({DOG_URI: names}, pictures(*names), infos_per_answer=infos_per_answer) as server:
        pages = await ask_all(Wikidata(server.base_url), DOG)
        hits = hits_of(pages)
        assert [hit.engine_id for hit in hits] == [f"File:{name}" for name in names]
        assert [hit.rank for hit in hits] == list(range(130))
        assert sum(page.reported for page in pages) == 130
        asked = [call.query["titles"].count("|") + 1 for call in server.log.calls[1:]]
        assert max(asked) == 50
        assert {call.status for call in server.log.calls} == {200}


async def test_long_names_do_not_make_urls_that_servers_refuse():
    names = [f"{'犬' * 70} {n}.jpg" for n in range(60)]
    with WikidataServer({DOG_URI: names}, pictures(*names)) as server:
        assert len(hits_of(await ask_all(Wikidata(server.base_url), DOG))) == 60
        assert {call.status for call in server.log.calls} == {200}


async def test_more_pictures_than_one_answer_holds():
    names = [f"Dog {n:04}.jpg" for n in range(LIMIT + 30)]
    with WikidataServer({DOG_URI: names}, pictures(*names)) as server:
        hits = hits_of(await ask_all(Wikidata(server.base_url), DOG))
        assert [hit.rank for hit in hits] == list(range(LIMIT + 30))
        assert [call.query["query"].split()[-1] for call in server.log.on("/query.wikidata.org/sparql")] == ["0", "500"]


async def test_files_moved_gone_hidden_or_impossible():
    names = ["Old name.jpg", "Gone.jpg", "Never was.jpg", "Secret.jpg", "Last.jpg"]
    some = [
        *pictures("New name.jpg", "Last.jpg"),
        {"title": "Gone.jpg", "gone": True},
        {"title": "Secret.jpg", "hidden": True},
    ]
    with WikidataServer({DOG_URI: [*names, "a[b].jpg"]}, some, moved={"Old name.jpg": "New name.jpg"}) as server:
        pages = await ask_all(Wikidata(server.base_url), DOG)
        assert [(hit.rank, hit.engine_id) for hit in hits_of(pages)] == [(0, "File:New name.jpg"), (4, "File:Last.jpg")]
        refused = [item for page in pages for item in page.refused]
        assert {item.rejection.reason for item in refused} == {RejectReason.NO_URL}
        assert [item.engine_id.rpartition("/")[2] for item in refused] == [
            "a%5Bb%5D.jpg",
            "File:Gone.jpg",
            "File:Never was.jpg",
            "File:Secret.jpg",
        ]
        assert sum(page.reported for page in pages) == 6


async def test_a_file_under_its_old_and_its_new_name_is_one_hit_of_the_better_rank():
    names = ["New name.jpg", "Other.jpg", "Old name.jpg"]
    moved = {"Old name.jpg": "New name.jpg"}
    with WikidataServer({DOG_URI: names}, pictures("New name.jpg", "Other.jpg"), moved=moved) as server:
        hits = hits_of(await ask_all(Wikidata(server.base_url), DOG))
        assert [(hit.rank, hit.engine_id) for hit in hits] == [(0, "File:New name.jpg"), (1, "File:Other.jpg")]


def test_recorded_names():
    page = Wikidata().parse((RECORDED / "names.json").read_bytes(), DOG, None)
    assert page.hits == ()
    assert page.reported == len(page.refused) == 3  # some value, blank node, literal; the unbound one is no item
    assert page.next_cursor == {
        "_files": "Beagle example 01.jpg|Beagle (比格犬), à la plage.png|Beagle gone.jpg|Beagle old name.jpg",
        "_ranks": "0|1|3|7",
    }


def test_recorded_details_of_those_names():
    names = Wikidata().parse((RECORDED / "names.json").read_bytes(), DOG, None)
    page = Wikidata().parse((RECORDED / "first_page.json").read_bytes(), DOG, names.next_cursor)
    assert page.next_cursor is None
    assert [(hit.rank, hit.engine_id) for hit in page.hits] == [
        (0, "File:Beagle example 01.jpg"),
        (1, "File:Beagle (比格犬), à la plage.png"),
        (7, "File:Beagle example 08.jpg"),
    ]
    assert [hit.credit.license for hit in page.hits] == ["by-sa", "by-sa", "unknown"]
    assert page.hits[0].credit.creator == "ExampleUser"
    assert [item.engine_id for item in page.refused] == ["File:Beagle gone.jpg"]


def test_a_file_that_was_not_asked_for_is_loud():
    with pytest.raises(ValueError, match="not asked for"):
        Wikidata().parse((RECORDED / "first_page.json").read_bytes(), DOG, {"_files": "A.jpg", "_ranks": "0"})


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        (wikidata_server.timed_out(), RateLimited, None),
        (wikidata_server.timed_out_late(), Unreachable, None),
        (wikidata_server.malformed(), QueryRefused, None),
        (commons_server.throttled(45), RateLimited, 45.0),
        (Reply.text("<html>Bad Gateway</html>", 502, kind="html"), RateLimited, None),
        (Reply.text("<html>portal</html>", kind="html"), Unreachable, None),
        (Reply.text("You have been banned until tomorrow", 403), EngineRefused, None),
        (Reply.text("no such wiki", 404), EngineRefused, None),
    ],
)
@pytest.mark.parametrize("call", [1, 2])
async def test_errors_of_either_step(fault, kind, wait_s, call):
    with WikidataServer({DOG_URI: ["Dog.jpg"]}, pictures("Dog.jpg")) as server:
        engine = Wikidata(server.base_url)
        cursor = None
        for _ in range(call - 1):
            page = await ask(engine, DOG, cursor)
            assert isinstance(page, SearchPage)
            cursor = page.next_cursor
        server.next(fault)
        failure = await ask(engine, DOG, cursor)
        assert type(failure) is kind
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert isinstance(await ask(engine, DOG, cursor), SearchPage)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (commons_server.lagged(5), RateLimited),
        (commons_server.api_error("ratelimited", "You've exceeded your rate limit."), RateLimited),
        (commons_server.api_error("toomanyvalues", "Too many values."), QueryRefused),
        (commons_server.api_error("blocked", "You have been blocked."), EngineRefused),
    ],
)
async def test_errors_of_commons_come_with_status_200(fault, kind):
    with WikidataServer({DOG_URI: ["Dog.jpg"]}, pictures("Dog.jpg")) as server:
        server.at(2, fault)
        engine = Wikidata(server.base_url)
        page = await ask(engine, DOG)
        assert isinstance(page, SearchPage)
        assert type(await ask(engine, DOG, page.next_cursor)) is kind


async def test_unidentified_client_stops_the_engine_and_names_the_contact():
    with WikidataServer({DOG_URI: ["Dog.jpg"]}) as server:
        failure = await ask(Wikidata(server.base_url), DOG, agent="python-requests/2.31")
        assert isinstance(failure, EngineRefused)
        assert "network.contact" in failure.remedy


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"<html>",
        b'{"results": {}}',
        b'{"results": {"bindings": null}}',
        b'{"results": {"bindings": [{"img": {"type": "uri"}}]}}',
        b'{"results": {"bindings": [{"img": null}]}}',
    ],
)
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Wikidata().parse(body, DOG, None)


def test_lookups_that_lead_nowhere_are_loud():
    body = json.loads((RECORDED / "first_page.json").read_text())
    del body["batchcomplete"]
    body["continue"] = {"iicontinue": "Dog.jpg|20200101000000", "continue": "||"}
    names = Wikidata().parse((RECORDED / "names.json").read_bytes(), DOG, None)
    once = Wikidata().parse(json.dumps(body).encode(), DOG, names.next_cursor)
    assert Wikidata().request(DOG, once.next_cursor).params["iicontinue"] == "Dog.jpg|20200101000000"
    with pytest.raises(ValueError, match="where it began"):
        Wikidata().parse(json.dumps(body).encode(), DOG, once.next_cursor)


def test_asked_once_per_synset_by_wnid():
    facts = SynsetFacts("n02084071", is_organism=True)
    later = Query("n02084071", "Canis familiaris", "eng", Origin.SYNONYM, 1)
    assert Wikidata().skips(DOG, facts) == ""
    assert "once per synset" in Wikidata().skips(later, facts)
    other = Query("n04536866", "dog", "eng", Origin.SYNONYM, 0)
    assert Wikidata().request(DOG, None) == Wikidata().request(english("other words"), None)
    assert Wikidata().request(DOG, None).full_url() != Wikidata().request(other, None).full_url()
    with pytest.raises(ValueError, match="wnid"):
        Wikidata().request(Query("n1> . }", "dog", "eng", Origin.SYNONYM, 0), None)


def test_real_hosts_without_a_base_url():
    assert Wikidata().request(DOG, None).url == "https://query.wikidata.org/sparql"
    lookup = Wikidata().request(DOG, {"_files": "A.jpg", "_ranks": "0"})
    assert lookup.url == "https://commons.wikimedia.org/w/api.php"
    assert lookup.params["titles"] == "File:A.jpg"
