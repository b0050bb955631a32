from pathlib import Path

import pytest

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, Unreachable
from imagenet_build.network.messages import HttpRequest
from imagenet_build.records import Origin, Query, RejectReason
from imagenet_build.search.engine import SearchPage, SynsetFacts
from imagenet_build.search.engines.wikipedia import EDITIONS, Wikipedia
from tests.fakes import commons_server
from tests.fakes.server import Reply
from tests.fakes.wikipedia_server import WikipediaServer
from tests.search.engines.asking import ask, ask_all, english, hits_of, send

RECORDED = Path(__file__).parents[2] / "recorded" / "wikipedia"
BEAGLE = english("beagle")
FACTS = SynsetFacts("n02084071", is_organism=True)


def of(text: str, language: str) -> Query:
    return Query("n02084071", text, language, Origin.TRANSLATION, 1)


def articles(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"title": f"Beagle {n}", "image": f"Dog {n:04}.jpg", **fields} for n in range(count)]


def pictures(count: int) -> list[dict[str, object]]:
    return [{"title": f"Dog {n:04}.jpg"} for n in range(count)]


async def test_articles_to_pictures_with_licences():
    with WikipediaServer({"en": articles(3)}, pictures(3)) as server:
        found, details = await ask_all(Wikipedia(server.base_url), BEAGLE)
        assert (found.hits, found.refused, found.reported) == ((), (), 0)
        assert [hit.engine_id for hit in details.hits] == [f"File:Dog {n:04}.jpg" for n in range(3)]
        assert {hit.credit.license for hit in details.hits} == {"by-sa"}
        assert {hit.engine for hit in details.hits} == {"wikipedia"}
        assert [call.path for call in server.log.calls] == [
            "/en.wikipedia.org/w/api.php",
            "/commons.wikimedia.org/w/api.php",
        ]
        search = server.log.calls[0].query
        assert (search["gsrsearch"], search["pilicense"], search["pilimit"]) == ("beagle", "free", "50")


@pytest.mark.parametrize("images_per_answer", [50, 20])
@pytest.mark.parametrize("infos_per_answer", [50, 20])
async def test_all_batches_in_rank_order_each_looked_up_before_the_next(images_per_answer, infos_per_answer):
    with WikipediaServer(
        {"en": articles(120)}, pictures(120), images_per_answer=images_per_answer, infos_per_answer=infos_per_answer
    ) as server:
        pages = await ask_all(Wikipedia(server.base_url), BEAGLE)
        assert [hit.engine_id for hit in hits_of(pages)] == [f"File:Dog {n:04}.jpg" for n in range(120)]
        assert [hit.rank for hit in hits_of(pages)] == list(range(120))
        assert sum(page.reported for page in pages) == 120
        assert {call.status for call in server.log.calls} == {200}


async def test_the_language_picks_the_edition():
    editions = {
        "de": [{"title": "Geige", "image": "Geige.jpg"}],
        "zh": [{"title": "小提琴", "image": "小提琴 (1).jpg"}],
        "sq": [{"title": "Violina", "image": "Geige.jpg"}],
    }
    with WikipediaServer(editions, [{"title": "Geige.jpg"}, {"title": "小提琴 (1).jpg"}]) as server:
        engine = Wikipedia(server.base_url)
        for text, language, edition, file in (
            ("Geige", "deu", "de", "File:Geige.jpg"),
            ("小提琴", "cmn", "zh", "File:小提琴 (1).jpg"),
            ("violina", "als", "sq", "File:Geige.jpg"),  # Albanian, not the Alemannic of als.wikipedia.org
        ):
            assert [hit.engine_id for hit in hits_of(await ask_all(engine, of(text, language)))] == [file]
            assert server.log.calls[-2].path == f"/{edition}.wikipedia.org/w/api.php"


def test_languages_without_an_edition_are_skipped():
    assert Wikipedia().skips(of("Hund", "deu"), FACTS) == ""
    assert "xyz" in Wikipedia().skips(of("inu", "xyz"), FACTS)
    assert {EDITIONS[code] for code in ("eng", "cmn", "spa", "nld", "ita")} == {"en", "zh", "es", "nl", "it"}


async def test_articles_without_a_picture_are_no_items():
    some = [{"title": "Beagle 1"}, {"title": "Beagle 2", "image": "Dog 0000.jpg"}, {"title": "Beagle 3"}]
    with WikipediaServer({"en": some}, pictures(1)) as server:
        pages = await ask_all(Wikipedia(server.base_url), BEAGLE)
        assert [hit.rank for hit in hits_of(pages)] == [1]
        assert sum(page.reported for page in pages) == 1
    with WikipediaServer({"en": some[:1]}) as server:
        assert await ask_all(Wikipedia(server.base_url), BEAGLE) == [SearchPage((), None, 0)]


async def test_local_files_are_refused_and_not_looked_up():
    some = [{"title": "Beagle film", "image": "Poster.jpg", "local": True}, *articles(1)]
    with WikipediaServer({"en": some}, [*pictures(1), {"title": "Poster.jpg"}]) as server:
        pages = await ask_all(Wikipedia(server.base_url), BEAGLE)
        assert [hit.engine_id for hit in hits_of(pages)] == ["File:Dog 0000.jpg"]
        (refused,) = [item for page in pages for item in page.refused]
        assert (refused.engine_id, refused.rejection.reason) == ("File:Poster.jpg", RejectReason.NO_URL)
        assert "en.wikipedia.org" in refused.rejection.detail
        assert "/wikipedia/en/" in refused.url
        assert server.log.calls[1].query["titles"] == "File:Dog 0000.jpg"
        assert sum(page.reported for page in pages) == 2


async def test_one_picture_of_two_articles_is_one_hit():
    some = [*articles(2), {"title": "Beagle again", "image": "Dog 0000.jpg"}]
    with WikipediaServer({"en": some}, pictures(2)) as server:
        assert [hit.rank for hit in hits_of(await ask_all(Wikipedia(server.base_url), BEAGLE))] == [0, 1]


async def test_no_hits_means_no_query_key():
    with WikipediaServer({"en": articles(3)}) as server:
        assert await ask_all(Wikipedia(server.base_url), english("accordion")) == [SearchPage((), None, 0)]


async def test_depth_is_not_asked_beyond():
    with WikipediaServer({"en": articles(10_120)}, pictures(10_120)) as server:
        engine = Wikipedia(server.base_url)
        cursor = {"gsroffset": 9950, "continue": "gsroffset||"}
        found = await ask(engine, BEAGLE, cursor)
        assert isinstance(found, SearchPage)
        details = await ask(engine, BEAGLE, found.next_cursor)
        assert isinstance(details, SearchPage)
        assert (details.hits[-1].rank, details.next_cursor) == (9999, None)
        refusal = await ask(engine, BEAGLE, {"gsroffset": 10_000, "continue": "gsroffset||"})
        assert isinstance(refusal, QueryRefused)


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        (commons_server.lagged(5), RateLimited, 5.0),
        (commons_server.throttled(20), RateLimited, 20.0),
        (commons_server.api_error("search-error", "An error has occurred."), RateLimited, None),
        (commons_server.api_error("badvalue", "?"), QueryRefused, None),
        (commons_server.api_error("blocked", "You have been blocked."), EngineRefused, None),
        (Reply.text("upstream connect error", 503), RateLimited, None),
        (Reply(200, b'{"batchcomplete": true, "query": {"pages": [{"pa'), Unreachable, None),
        (Reply.text("<html>portal</html>", kind="html"), Unreachable, None),
        (Reply.text("no such wiki", 404), EngineRefused, None),
    ],
)
async def test_errors_of_either_step(call, fault, kind, wait_s):
    with WikipediaServer({"en": articles(1)}, pictures(1)) as server:
        engine = Wikipedia(server.base_url)
        cursor = None
        if call == 2:
            page = await ask(engine, BEAGLE)
            assert isinstance(page, SearchPage)
            cursor = page.next_cursor
        server.next(fault)
        failure = await ask(engine, BEAGLE, cursor)
        assert type(failure) is kind
        assert getattr(failure, "retry_after_s", None) == wait_s
        assert isinstance(await ask(engine, BEAGLE, cursor), SearchPage)


async def test_unidentified_client_stops_the_engine_and_names_the_contact():
    with WikipediaServer({"en": articles(1)}) as server:
        failure = await ask(Wikipedia(server.base_url), BEAGLE, agent="python-requests/2.31")
        assert isinstance(failure, EngineRefused)
        assert "network.contact" in failure.remedy


def test_recorded_articles_and_their_pictures():
    found = Wikipedia().parse((RECORDED / "articles.json").read_bytes(), BEAGLE, None)
    assert found.next_cursor == {
        "gsroffset": 50,
        "continue": "gsroffset||",
        "_files": "Beagle example 01.jpg|Beagle (比格犬), à la plage.png|Beagle gone.jpg|Beagle old name.jpg",
        "_ranks": "0|2|5|6",
    }
    assert [item.engine_id for item in found.refused] == ["File:Beagle_poster.jpg"]
    details = Wikipedia().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, found.next_cursor)
    assert [(hit.rank, hit.engine_id) for hit in details.hits] == [
        (0, "File:Beagle example 01.jpg"),
        (2, "File:Beagle (比格犬), à la plage.png"),
        (6, "File:Beagle example 08.jpg"),
    ]
    assert details.next_cursor == {"gsroffset": 50, "continue": "gsroffset||"}
    assert details.reported == 4


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"<html>",
        b'{"batchcomplete": true, "query": {}}',
        b'{"batchcomplete": true, "query": {"pages": [{"title": "A"}]}}',
        b'{"batchcomplete": true, "query": {"pages": [{"title": "A", "index": 1, "original": "x"}]}}',
        b'{"batchcomplete": true, "query": {"pages": []}, "continue": {"gsroffset": null}}',
    ],
)
def test_changed_form_is_loud(body):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Wikipedia().parse(body, BEAGLE, None)


def test_the_rest_of_a_batch_is_asked_at_the_batchs_own_offset():
    body = b'{"continue": {"picontinue": 20, "continue": "||"}, "query": {"pages": []}}'  # does not repeat gsroffset
    page = Wikipedia().parse(body, BEAGLE, {"gsroffset": 50, "continue": "gsroffset||"})
    assert page.next_cursor == {"picontinue": 20, "continue": "||", "gsroffset": 50}
    assert Wikipedia().request(BEAGLE, page.next_cursor).params["picontinue"] == 20


def test_continuing_in_the_same_place_is_loud():
    cursor = {"gsroffset": 50, "continue": "gsroffset||"}
    with pytest.raises(ValueError, match="where it began"):
        Wikipedia().parse((RECORDED / "articles.json").read_bytes(), BEAGLE, cursor)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('File:dog OR -cat "a" b*', "File dog cat a b"),
        ("小提琴", "小提琴"),
        ("beagle " * 60, ("beagle " * 43).strip()),
    ],
)
def test_text_is_literal_and_cut(text, sent):
    assert Wikipedia().request(english(text), None).params["gsrsearch"] == sent


def test_real_hosts_without_a_base_url():
    assert Wikipedia().request(of("Geige", "deu"), None).url == "https://de.wikipedia.org/w/api.php"
    lookup = Wikipedia().request(of("Geige", "deu"), {"_files": "A.jpg", "_ranks": "0"})
    assert lookup.url == "https://commons.wikimedia.org/w/api.php"


async def test_fake_has_the_services_other_manners():
    with WikipediaServer({"en": articles(1)}) as server:
        request = Wikipedia(server.base_url).request(BEAGLE, None)
        other = HttpRequest(request.url.replace("/en.", "/xx."), request.params)
        assert (await send(other)).status == 404
        many = HttpRequest(
            f"{server.base_url}/commons.wikimedia.org/w/api.php",
            {
                "action": "query",
                "format": "json",
                "formatversion": 2,
                "titles": "|".join(f"File:{n}" for n in range(51)),
            },
        )
        assert b"toomanyvalues" in (await send(many)).body
