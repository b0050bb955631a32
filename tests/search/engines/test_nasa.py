from pathlib import Path

from imagenet_build.errors import QueryRefused
from imagenet_build.records import RejectReason
from imagenet_build.search.engines import nasa
from imagenet_build.search.engines.nasa import Nasa
from tests.fakes.catalogue_server import numbered
from tests.fakes.nasa_server import NasaServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask, ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "nasa"
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with NasaServer(numbered(250)) as server:
        pages = await ask_all(Nasa(server.base_url), BEAGLE, {})
        assert [len(page.hits) for page in pages] == [100, 100, 50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(250))


async def test_depth_ends_the_search_and_years_go_on(monkeypatch):
    monkeypatch.setattr(nasa, "DEPTH", 200)
    entries = [{"title": "Beagle", "nasa_id": f"B{n}", "year": 1900 + n % 125} for n in range(500)]
    with NasaServer(entries) as server:
        server.depth = 200
        engine = Nasa(server.base_url)
        pages = await ask_all(engine, BEAGLE, {})
        assert [page.truncated for page in pages] == [False, True]
        found = [hits_of(await ask_all(engine, BEAGLE, {}, start)) for start in engine.divide(None)]
        assert {len(engine.divide(start)) for start in engine.divide(None)} == {0}
        assert len({hit.engine_id for hits in found for hit in hits}) == 424  # the first slice holds 76 past its depth
        assert sum(map(len, found)) == len({hit.engine_id for hits in found for hit in hits})
        assert {call.status for call in server.log.calls} == {200}


async def test_too_deep_ends_the_query():
    with NasaServer(numbered(3)) as server:
        failure = await ask(Nasa(server.base_url), BEAGLE, {}, {"page": 101})
        assert isinstance(failure, QueryRefused)
        assert "Maximum number" in str(failure)


def test_recorded_page():
    page = Nasa().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    assert [hit.url for hit in page.hits] == [
        "https://images-assets.nasa.gov/image/PIA00000/PIA00000~thumb.jpg",
        "http://images-assets.nasa.gov/image/Beagle%202%20lander/Beagle%202%20lander~large.jpg",  # not the TIFF
        "https://images-assets.nasa.gov/image/PIA00003/PIA00003~thumb.jpg",
    ]
    assert [(hit.width, hit.height) for hit in page.hits] == [(640, 480), (1920, 1280), (640, 480)]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("PIA00002", RejectReason.NO_URL)]
    credit = page.hits[1].credit
    assert (credit.creator, credit.license) == ("Example Person", "site:nasa")  # not public domain: nobody says so
    assert credit.page_url == "https://images.nasa.gov/details/Beagle%202%20lander"
    assert credit.license_url.startswith("https://www.nasa.gov/")
    assert page.hits[0].credit.creator == "JPL"
