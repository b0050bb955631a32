import json
from pathlib import Path

from imagenet_build.records import RejectReason
from imagenet_build.search.engines.cleveland import Cleveland
from tests.fakes.catalogue_server import numbered
from tests.fakes.cleveland_server import ClevelandServer
from tests.search.engines.asking import english, hits_of
from tests.search.engines.asking_with_keys import ask_all

RECORDED = Path(__file__).parents[2] / "recorded" / "cleveland"
BEAGLE = english("beagle")


async def test_pages_are_read_to_the_end_in_order():
    with ClevelandServer(numbered(450)) as server:
        pages = await ask_all(Cleveland(server.base_url), BEAGLE, {})
        assert [len(page.hits) for page in pages] == [200, 200, 50]
        assert [hit.rank for hit in hits_of(pages)] == list(range(450))
        assert [call.query["skip"] for call in server.log.calls] == ["0", "200", "400"]


async def test_ends_where_the_total_shrinks():
    with ClevelandServer(numbered(450)) as server:
        engine = Cleveland(server.base_url)
        (first, *_) = await ask_all(engine, BEAGLE, {})
        del server.entries[200:]
        (page,) = await ask_all(engine, BEAGLE, {}, first.next_cursor)
        assert (page.reported, page.next_cursor) == (0, None)


async def test_only_free_works_are_asked_for():
    entries = [{"title": "Beagle", "share_license_status": "Copyrighted"}, {"title": "Beagle"}]
    with ClevelandServer(entries) as server:
        (hit,) = hits_of(await ask_all(Cleveland(server.base_url), BEAGLE, {}))
        assert hit.engine_id == "96001"


def test_recorded_page():
    page = Cleveland().parse((RECORDED / "first_page.json").read_bytes(), BEAGLE, None)
    files = [hit.url.rpartition("/")[2] for hit in page.hits]
    assert files == ["0_web.jpg", "1_web.jpg", "3_print.jpg", "4_web.jpg"]  # never the TIFF
    assert [(hit.width, hit.height) for hit in page.hits] == [(641, 900), (641, 900), (2422, 3400), (None, 900)]
    assert [hit.rank for hit in page.hits] == [0, 1, 3, 4]
    assert [(item.engine_id, item.rejection.reason) for item in page.refused] == [("96002", RejectReason.NO_URL)]
    credits = [hit.credit for hit in page.hits]
    assert [credit.creator for credit in credits[:2]] == ["Example Person (American, 1850-1920)", ""]
    assert {(credit.license, credit.license_version) for credit in credits} == {("cc0", "1.0")}


def test_a_licence_is_never_guessed():
    body = json.loads((RECORDED / "first_page.json").read_text())
    for item, status in zip(body["data"], ["Copyrighted", None, "CC0", "Something new", "CC0"], strict=True):
        item["share_license_status"] = status
    page = Cleveland().parse(json.dumps(body).encode(), BEAGLE, None)
    assert [hit.credit.license for hit in page.hits] == ["arr", "unknown", "unknown", "cc0"]
