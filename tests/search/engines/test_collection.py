from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagenet_build.collection.index import index_id_of
from imagenet_build.collection.transport import CollectionTransport
from imagenet_build.errors import EngineRefused, QueryRefused
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import Credit, Hit, Origin, Query, RejectReason
from imagenet_build.search.engine import Cursor, Engine
from imagenet_build.search.engines.collection import PAGE_SIZE, Collection
from tests.collection.sources import index_of, picture, web_row

ITEM = {
    "id": "1",
    "url": "",
    "path": "pets/ä dog#1.png",
    "file_url": "file:///photos/dog.png",
    "width": None,
    "height": None,
    "page_url": "",
    "license": "unknown",
    "license_version": "",
    "license_url": "",
    "creator": "",
    "creator_url": "",
    "title": "",
}


def query(text: str = "dogs", language: str = "eng") -> Query:
    return Query("n02084071", text, language, Origin.SYNONYM, 0)


def body(*items: dict[str, object], total: int = 1) -> bytes:
    return json.dumps({"total": total, "results": items}).encode()


async def answered(engine: Collection, asked: Query) -> list[Hit]:
    """All hits, page after page, as the crawler gets them."""
    transport = CollectionTransport(engine.index_path)
    hits: list[Hit] = []
    cursor: Cursor | None = None
    while True:
        answer = await transport.answer(engine.request(asked, cursor))
        assert engine.failure(answer) is None
        page = engine.parse(answer.body, asked, cursor)
        hits.extend(page.hits)
        cursor = page.next_cursor
        if cursor is None:
            transport.close()
            return hits


async def test_hits_come_from_the_index_with_their_credit(tmp_path: Path) -> None:
    picture(tmp_path / "dog.png", 64, 48)
    row = web_row("two dogs", page_url="https://example.org/page", creator="Ada", title="Rex", width=640, height=480)
    row["license_url"] = "https://creativecommons.org/licenses/by/4.0/"
    rows = [row, {"file": "dog.png", "caption": "un perro", "language": "es"}]
    index_of(tmp_path, rows).close()
    path = tmp_path / "test.index"
    engine: Engine = Collection(path, index_id_of(path))
    assert isinstance(engine, Collection)
    (hit,) = await answered(engine, query())
    credit = Credit("https://example.org/page", "by", "4.0", row["license_url"], "Ada", "", "Rex")
    assert hit == Hit(query(), "collection", 0, row["url"], hit.engine_id, 640, 480, credit)
    (hit,) = await answered(engine, query("perros", "spa"))
    assert (hit.url, hit.width, hit.height) == ((tmp_path / "dog.png").as_uri(), 64, 48)
    (hit,) = await answered(Collection(path, engine.index_id, "http://127.0.0.1:8321/pictures"), query("perros", "spa"))
    assert hit.url == "http://127.0.0.1:8321/pictures/dog.png"


async def test_a_query_goes_on_to_its_last_page(tmp_path: Path) -> None:
    count = 2 * PAGE_SIZE + 1
    index_of(tmp_path, [web_row(f"dog {n}") for n in range(count)]).close()
    hits = await answered(Collection(tmp_path / "test.index", index_id_of(tmp_path / "test.index")), query())
    assert [hit.rank for hit in hits] == list(range(count))
    assert len({hit.url for hit in hits}) == count


def test_the_request_names_the_index_and_the_language() -> None:
    request = Collection(Path("x.index"), "abc").request(query("狗", "cmn"), {"page": 3})
    assert request.full_url() == f"collection://abc/search?q=%E7%8B%97&language=cmn&page=3&page_size={PAGE_SIZE}"


def test_paths_are_escaped_in_urls() -> None:
    engine = Collection(Path("x.index"), "abc", "http://127.0.0.1:1/pictures/")
    (hit,) = engine.parse(body(ITEM), query(), None).hits
    assert hit.url == "http://127.0.0.1:1/pictures/pets/%C3%A4%20dog%231.png"


def test_an_item_without_any_address_is_refused_and_counted() -> None:
    page = Collection(Path("x.index"), "abc").parse(body({**ITEM, "path": "", "file_url": ""}), query(), None)
    assert (page.reported, page.hits) == (1, ())
    assert page.refused[0].rejection.reason is RejectReason.NO_URL


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"total": 1, "results": [{}]}', b'{"total": 1, "results": 7}'])
def test_an_unreadable_page_is_an_error(answer: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Collection(Path("x.index"), "abc").parse(answer, query(), None)


def test_what_refusals_mean() -> None:
    engine = Collection(Path("x.index"), "abc")
    gone = engine.failure(HttpAnswer(410, {}, b'{"detail": "another index"}'))
    assert isinstance(gone, EngineRefused)
    assert "another index" in str(gone)
    assert isinstance(engine.failure(HttpAnswer(410, {}, b"?")), EngineRefused)
    assert isinstance(engine.failure(HttpAnswer(400, {}, b"{}")), QueryRefused)
    assert engine.failure(HttpAnswer(200, {}, b"{}")) is None
