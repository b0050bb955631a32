from pathlib import Path

from imagenet_build.errors import RateLimited
from imagenet_build.records import RejectReason
from imagenet_build.search.engines.smithsonian import KEY_ENV, MOST_VIEWS, OVER_LIMIT_S, Smithsonian
from tests.fakes import smithsonian_server
from tests.fakes.catalogue_server import numbered
from tests.fakes.smithsonian_server import KEY, SmithsonianServer, medium
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "smithsonian"
BEAGLE = english("beagle")
KEYS = {KEY_ENV: KEY}


async def test_pages_are_read_to_the_end_and_ranks_count_pictures():
    entries = [{**entry, "media": [medium(f"{n}a"), medium(f"{n}b")]} for n, entry in enumerate(numbered(250))]
    with SmithsonianServer(entries) as server:
        pages = await ask_all(Smithsonian(server.base_url), BEAGLE, KEYS)
        assert [len(page.hits) for page in pages] == [200, 200, 100]
        assert [hit.rank for hit in hits_of(pages)] == list(range(500))
        assert [call.query["start"] for call in server.log.calls] == ["0", "100", "200"]
        assert {call.headers["x-api-key"] for call in server.log.calls} == {KEY}


async def test_the_hourly_limit_is_waited_out():
    with SmithsonianServer(numbered(3), per_hour=1) as server:
        engine = Smithsonian(server.base_url)
        await ask(engine, BEAGLE, KEYS)
        failure = await ask(engine, BEAGLE, KEYS)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == OVER_LIMIT_S
        assert "OVER_RATE_LIMIT" in str(failure)
        server.next(smithsonian_server.over_limit(retry_after="99"))
        asked = await ask(engine, BEAGLE, KEYS)
        assert isinstance(asked, RateLimited)
        assert asked.retry_after_s == 99


async def test_a_record_with_many_pages_does_not_fill_the_synset():
    with SmithsonianServer([{"title": "Beagle", "media": [medium(f"m{n}") for n in range(300)]}]) as server:
        (page,) = await ask_all(Smithsonian(server.base_url), BEAGLE, KEYS)
        assert page.reported == len(page.hits) == MOST_VIEWS


async def test_records_without_online_media_are_refused():
    contents = [{}, {"descriptiveNonRepeating": None}, {"descriptiveNonRepeating": {"online_media": {"media": None}}}]
    with SmithsonianServer([{"title": "Beagle", "content": content} for content in contents]) as server:
        (page,) = await ask_all(Smithsonian(server.base_url), BEAGLE, KEYS)
        assert [item.rejection.reason for item in page.refused] == [RejectReason.NO_URL] * 3


def test_recorded_page():
    page = Smithsonian().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert [(hit.engine_id, hit.rank) for hit in page.hits] == [
        ("NMNH-0", 0),
        ("NMNH-1a", 1),
        ("NMNH-1b", 2),
        ("edanmdm-nmnh_3/1", 3),
        ("NMNH-4", 4),
    ]
    assert page.hits[0].url == "https://ids.si.edu/ids/deliveryService?id=NMNH-0&max=1024"
    assert page.hits[3].url == "https://collections.nmnh.si.edu/media/?i=1"
    assert [hit.credit.license for hit in page.hits] == ["cc0", "cc0", "unknown", "cc0", "cc0"]
    assert [(hit.width, hit.height) for hit in page.hits][2:4] == [(3000, 2000), (None, None)]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [
        ("edanmdm-nmnh_2", RejectReason.NO_URL)
    ]
    credit = page.hits[0].credit
    assert (credit.creator, credit.title) == ("Example Person", "Beagle number 0")
    assert credit.page_url == "https://collections.si.edu/search/record/0"
    assert page.next_cursor == {"start": 5, "rank": 5}
