"""Which address of a small version each engine gives with its hits, on the recorded pages of `test_protocol`."""

from __future__ import annotations

import json

import pytest

from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.search.crawl import FoundHit, SearchOutcome
from imagenet_build.search.engine import SearchPage
from imagenet_build.search.engines.fields import small_version
from imagenet_build.search.lane import as_tables
from imagenet_build.storage.schemas import HITS
from tests.search.engines.test_protocol import BEAGLE, CURSORS, RECORDED, body, engine, page

__all__ = ["body", "engine", "page"]  # fixtures

COMMONS = "https://thumb.wikimedia.org/wikipedia/commons/thumb/6/6b/Beagle_example_01.jpg/250px-Beagle_example_01.jpg"
GOOGLE = "https://encrypted-tbn0.gstatic.com/images?q=tbn:example1"
INATURALIST = "https://inaturalist-open-data.s3.amazonaws.com/photos/300000001/small.jpg"
FIRST = {
    "brave": "https://imgs.search.brave.com/AbC1/rs:fit:500:0:1:0/g:ce/aHR0cHM6Ly93d3cu",
    "europeana": "https://api.europeana.eu/thumbnail/v2/url.json?uri=x0&type=IMAGE",
    "flickr": "https://live.staticflickr.com/65535/50000000001_0a1b2c3d4e_m.jpg",
    "gbif": INATURALIST,
    "google": GOOGLE,
    "inaturalist": INATURALIST,
    "loc": "https://tile.loc.gov/storage-services/service/pnp/cph/3f00_150px.jpg",
    "nasa": "",
    "naver": "https://search.pstatic.net/sunny/?type=b150&src=https://blog.example.kr/img/beagle1.jpg",
    "openverse": "https://api.openverse.org/v1/images/00000001-4a59-4687-9c21-7d6e5f4a3b2c/thumb/",
    "pexels": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg?auto=compress&cs=tinysrgb&h=130",
    "pixabay": "https://cdn.pixabay.com/photo/2013/10/15/09/12/beagle-195893_150.jpg",
    "serpapi": "https://serpapi.com/searches/0123456789abcdef01234567/images/1.jpeg",
    "serper": GOOGLE,
    "smithsonian": "https://ids.si.edu/ids/deliveryService?id=NMNH-0&max=150",
    "unsplash": "https://images.unsplash.com/photo-1416339306562-eOLpJytrbsQ"
    "?ixid=M3wxMjA3&ixlib=rb-4.1.0&q=80&fm=jpg&w=200&fit=max",
    "webiq": "https://th.bing.com/th?id=OIP.abc1&pid=Api",
    "wikidata": COMMONS,
    "wikimedia": COMMONS,
    "wikipedia": COMMONS,
    "yandex": "http://avatars.mds.yandex.net/i?id=00000001-images-thumbs",
}
"""Engine -> the preview of its first recorded hit; engines that are not here give none."""
SECOND = {
    "flickr": "https://live.staticflickr.com/65535/50000000002_0a1b2c3d4e_m.jpg",
    "nasa": "http://images-assets.nasa.gov/image/Beagle%202%20lander/Beagle%202%20lander~thumb.jpg",
    "pexels": "",
    "yandex": "",
}


def test_first_hit(engine, page):
    assert page.hits[0].preview_url == FIRST.get(engine.info.name, "")
    if engine.info.name in SECOND:
        assert page.hits[1].preview_url == SECOND[engine.info.name]


def test_adapters_that_give_previews_read_kept_pages_anew(engine):
    """Before there were previews their version was 1."""
    gives = engine.info.name in FIRST or engine.info.name == "internetarchive"
    assert (engine.info.version > 1) == gives


def test_previews_are_addresses_of_other_files(page):
    for hit in page.hits:
        assert hit.preview_url == "" or hit.preview_url.startswith(("http://", "https://"))
        assert hit.preview_url != hit.url
        assert "utm_" not in hit.preview_url


STRANGE = (7, "no address", "", "data:image/png;base64,AAAA", "file:///etc/hostname", ["https://example.org/a.jpg"], {})


def test_a_strange_preview_is_none():
    assert [small_version(value, "https://example.org/a.jpg") for value in STRANGE] == [""] * len(STRANGE)
    assert small_version("https://EXAMPLE.org/a.jpg#top", "https://example.org/a.jpg") == ""
    assert small_version("//example.org/s.jpg?utm_source=x", "https://example.org/a.jpg") == "https://example.org/s.jpg"


PLACES = {
    "brave": ("results", "thumbnail"),
    "europeana": ("items", "edmPreview"),
    "google": ("items", "image", "thumbnailLink"),
    "openverse": ("results", "thumbnail"),
    "pixabay": ("hits", "previewURL"),
    "serpapi": ("images_results", "thumbnail"),
    "serper": ("images", "thumbnailUrl"),
    "webiq": ("imageResults", "thumbnailUrl"),
}
"""Engine -> where its answers have the preview: the list of items, then keys of an item."""


@pytest.mark.parametrize("value", [None, 7, "no address", {"src": 3}])
@pytest.mark.parametrize("engine", PLACES, indirect=True)
def test_a_strange_preview_costs_no_hit(engine, body, page, value):
    name = engine.info.name
    answer = json.loads(body)
    items, *path, last = PLACES[name]
    for item in answer[items]:
        for step in path:
            item = item.get(step, {})
        item[last] = value
    read = engine.parse(json.dumps(answer).encode(), BEAGLE, CURSORS.get(name))
    assert [hit.url for hit in read.hits] == [hit.url for hit in page.hits]
    assert {hit.preview_url for hit in read.hits} == {""}


def parsed(engine, answer) -> SearchPage:
    return engine.parse(json.dumps(answer).encode(), BEAGLE, CURSORS.get(engine.info.name))


@pytest.mark.parametrize("engine", ["internetarchive"], indirect=True)
def test_an_archived_pictures_preview_is_the_one_derived_from_it(engine):
    answer = json.loads((RECORDED / "internetarchive" / "first_page.json").read_bytes())
    answer["files"].append(
        {"name": "album/beagle #2 ß_thumb.jpg", "format": "JPEG Thumb", "original": "album/beagle #2 ß.png"}
    )
    first, second = parsed(engine, answer).hits
    assert first.preview_url == ""
    assert second.preview_url == "https://archive.org/download/example_beagles/album/beagle%20%232%20%C3%9F_thumb.jpg"


@pytest.mark.parametrize("engine", ["wikimedia"], indirect=True)
def test_only_the_width_in_a_renderings_name_changes(engine):
    answer = json.loads((RECORDED / "wikimedia" / "first_page.json").read_bytes())
    address = "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/960px-A.tif/lossy-page1-960px-960px-A.tif.jpg"
    page = answer["query"]["pages"][0]
    page["imageinfo"][0] |= {"thumburl": address, "width": 3000}
    (found,) = [hit for hit in parsed(engine, answer).hits if hit.url == address]
    assert found.preview_url == address.replace("page1-960px", "page1-250px")


@pytest.mark.parametrize("engine", ["kakao"], indirect=True)
def test_previews_cut_to_a_square_do_not_count(body, page):
    assert b"130x130_85_c" in body
    assert {hit.preview_url for hit in page.hits} == {""}


@pytest.mark.parametrize("engine", ["nasa"], indirect=True)
def test_previews_reach_the_table_of_hits_and_null_is_none(page):
    outcome = SearchOutcome(hits=[FoundHit(hit, hit.url, canonical_key(hit.url)) for hit in page.hits])
    hits, _ = as_tables(BEAGLE.wnid, "nasa", outcome)
    assert hits["preview_url"].to_pylist()[:2] == [None, SECOND["nasa"]]
    assert hits.schema.equals(HITS)
