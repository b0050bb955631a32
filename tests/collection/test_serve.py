from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest

from imagenet_build.collection.index import build_index
from imagenet_build.collection.serve import CollectionServer, serve
from imagenet_build.errors import ConfigError, SourceError
from tests.collection.sources import json_lines, picture, web_row

FIELDS = """
    id title indexed_on foreign_landing_url url creator creator_url license license_version license_url provider source
    category filesize filetype tags attribution fields_matched mature height width thumbnail detail_url related_url
    unstable__sensitivity
"""
BY_SA = "https://creativecommons.org/licenses/by-sa/2.0/"


class Answer:
    """One answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)  # type: ignore[no-any-return]


def get(server: CollectionServer, path: str, **headers: str) -> Answer:
    """A request as written: nothing tidies the path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def search(server: CollectionServer, **params: str | int) -> Answer:
    return get(server, f"/v1/images/?{urlencode(params)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    picture(folder / "pets/ä dog.png", 64, 48)
    (folder / "secret.txt").write_text("not for you", encoding="utf-8")
    picture(folder / "unlisted.png")
    rows = [web_row(f"a dog number {n}", license_url=BY_SA, creator="Ada", width=2000, height=1500) for n in range(260)]
    rows += [
        {"file": "pets/ä dog.png", "caption": "my own spaniels", "language": "en"},
        web_row("牧羊犬", "zh", license="by-nc"),
    ]
    build_index([json_lines(folder / "rows.jsonl", rows)], folder / "test.index")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[CollectionServer]:
    with CollectionServer(folder / "test.index") as running:
        yield running


def test_a_page_has_openverse_s_shape(server: CollectionServer) -> None:
    body = search(server, q="spaniel").json
    assert list(body) == ["result_count", "page_count", "page_size", "page", "results"]
    assert (body["result_count"], body["page_count"], body["page_size"], body["page"]) == (1, 1, 20, 1)
    (result,) = body["results"]  # type: ignore[misc]
    assert list(result) == FIELDS.split()
    assert result["url"] == f"{server.url}/pictures/pets/{quote('ä dog.png')}"
    assert (result["width"], result["height"], result["license"], result["creator"]) == (64, 48, "unknown", None)
    assert result["foreign_landing_url"] == result["detail_url"]
    picture_answer = get(server, urlsplit(result["url"]).path)
    assert (picture_answer.status, picture_answer.headers["Content-Type"]) == (200, "image/png")
    assert get(server, urlsplit(result["detail_url"]).path).json == result
    thumbnail = get(server, urlsplit(result["thumbnail"]).path)
    assert (thumbnail.status, thumbnail.headers["Location"]) == (302, result["url"])


def test_licences_go_through(server: CollectionServer) -> None:
    (result,) = search(server, q="dog number 7").json["results"]  # type: ignore[misc]
    assert (result["license"], result["license_version"], result["license_url"]) == ("by-sa", "2.0", BY_SA)
    assert result["attribution"].startswith('"a dog number 7" by Ada is licensed under CC BY-SA 2.0.')


def test_paging_ends_at_240(server: CollectionServer) -> None:
    seen: list[str] = []
    page = 1
    while True:
        body = search(server, q="dogs", page=page).json
        seen += [result["id"] for result in body["results"]]  # type: ignore[attr-defined]
        assert (body["result_count"], body["page_count"]) == (240, 12)
        if page == body["page_count"]:
            break
        page += 1
    assert len(set(seen)) == len(seen) == 240
    assert search(server, q="dogs", page_size=2, page=120).json["page_count"] == 120


def test_an_empty_page_has_zeros(server: CollectionServer) -> None:
    for params in ({"q": "zebra"}, {"q": "spaniel", "page": 2}, {"q": '"*"'}):
        body = search(server, **params).json  # type: ignore[arg-type]
        assert (body["result_count"], body["page_count"], body["results"]) == (0, 0, [])


@pytest.mark.parametrize(
    ("params", "status", "detail"),
    [
        ({"page_size": 21}, 401, "page_size may not exceed 20 for anonymous requests"),
        ({"page": 13}, 401, "pagination depth may not exceed 240 for anonymous requests"),
        ({"page": 0}, 400, {"page": ["Ensure this value is greater than or equal to 1."]}),
        ({"page_size": "x"}, 400, {"page_size": ["A valid integer is required."]}),
        ({"license": "by,foo"}, 400, {"license": ["License 'foo' does not exist."]}),
    ],
)
def test_refusals_are_openverse_s(
    server: CollectionServer, params: dict[str, str | int], status: int, detail: object
) -> None:
    answer = search(server, q="dog", **params)
    assert (answer.status, answer.json) == (status, {"detail": detail})


@pytest.mark.parametrize(
    "params", [{"li": "by"}, {"pagesize": 5}, {"source": "a", "excluded_source": "b"}, {"size": "huge"}]
)
def test_other_bad_parameters_are_400(server: CollectionServer, params: dict[str, str | int]) -> None:
    assert search(server, q="dog", **params).status == 400


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"q": "dog", "license": "by-sa,by"}, 240),
        ({"q": "牧羊"}, 1),
        ({"q": "牧羊", "license_type": "commercial"}, 0),
        ({"q": "牧羊", "license_type": "modification"}, 1),
        ({"q": "dog", "aspect_ratio": "tall"}, 0),
        ({"q": "spaniels", "aspect_ratio": "wide", "size": "small", "extension": "png"}, 1),
        ({"q": "dog", "size": "large"}, 240),
        ({"q": "dog", "category": "photograph"}, 0),
        ({"q": "dog", "source": "unknown_one"}, 240),
        ({"title": "spaniel"}, 1),
        ({"creator": "ada"}, 240),
        ({}, 240),
        ({"q": "spaniel " + "x" * 200}, 0),
        ({"q": "spaniel " * 40}, 1),
    ],
)
def test_filters(server: CollectionServer, params: dict[str, str], count: int) -> None:
    assert search(server, **params).json["result_count"] == count


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/../secret.txt",
        "/pictures/..%2fsecret.txt",
        "/pictures/%2e%2e/secret.txt",
        "/pictures/pets/../../secret.txt",
        "/pictures//etc/passwd",
        "/pictures/%2fetc%2fpasswd",
        "/pictures/secret.txt",
        "/pictures/unlisted.png",
        "/pictures/pets/",
        "/pictures/a%00b",
        "/pictures/%ff%fe",
    ],
)
def test_only_the_index_s_pictures_are_served(server: CollectionServer, path: str) -> None:
    answer = get(server, path)
    assert answer.status in (400, 404)
    assert b"not for you" not in answer.body
    assert not server.counts.pictures


def test_a_part_of_a_picture(server: CollectionServer, folder: Path) -> None:
    path = f"/pictures/pets/{quote('ä dog.png')}"
    whole = (folder / "pets/ä dog.png").read_bytes()
    answer = get(server, path, Range="bytes=5-9")
    assert (answer.status, answer.body) == (206, whole[5:10])
    assert answer.headers["Content-Range"] == f"bytes 5-9/{len(whole)}"
    assert get(server, path).body == whole


@pytest.mark.parametrize("path", ["/v1/images/no-such-id/", "/v1/images/%00/thumb/", "/v1/images/x/related/"])
def test_unknown_pictures_are_404(server: CollectionServer, path: str) -> None:
    answer = get(server, path)
    assert (answer.status, answer.json) == (404, {"detail": "Not found."})


def test_robots_page_and_counts(server: CollectionServer) -> None:
    assert get(server, "/robots.txt").body == b"User-agent: *\nDisallow:\n"
    assert b"<form>" in get(server, "/").body
    assert get(server, "/v1/images?q=dog").headers["Location"] == "/v1/images/?q=dog"
    search(server, q="dog")
    for _ in range(2):
        get(server, f"/pictures/pets/{quote('ä dog.png')}")
    assert get(server, "/nothing").status == 404
    stats = get(server, "/stats").json
    assert stats["pictures"] == {"pets/ä dog.png": 2}
    assert stats["requests"] == {
        "robots": 1,
        "page": 1,
        "slash_missing": 1,
        "search": 1,
        "pictures": 2,
        "other": 1,
        "stats": 1,
    }
    assert server.counts.requests["search"] == 1


@pytest.mark.parametrize("query", ["q=%ff%fe", "q=a&q=b", "page=%00", "q=%00", "q=" + "%F0%9F%90%95" * 50, "&&&="])
def test_hostile_queries_get_an_answer(server: CollectionServer, query: str) -> None:
    assert get(server, f"/v1/images/?{query}").status in (200, 400)


def test_a_strange_host_header_gets_an_answer(server: CollectionServer) -> None:
    assert get(server, "/v1/images/?q=spaniel", Host="a b<c>").status < 500


def test_a_port_in_use_is_said(server: CollectionServer, folder: Path) -> None:
    with pytest.raises(SourceError, match=f"Port {server.port} .* in use") as caught:
        CollectionServer(folder / "test.index", port=server.port).start()
    assert "--port" in caught.value.remedy


def test_errors_of_the_start_reach_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no caption index"):
        CollectionServer(tmp_path / "absent.index").start()


async def test_serve_is_an_async_context_manager(folder: Path) -> None:
    async with serve(folder / "test.index") as serving:
        assert serving.url == f"http://127.0.0.1:{serving.port}"
        assert not serving.counts.requests


def test_stopping_frees_the_port(folder: Path) -> None:
    server = CollectionServer(folder / "test.index").start()
    port = server.port
    server.stop()
    server.stop()
    with CollectionServer(folder / "test.index", port=port) as again:
        assert get(again, "/robots.txt").status == 200
