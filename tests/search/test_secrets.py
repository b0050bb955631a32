"""Keys are sent, and are nowhere else: not in a file of the run, not in what is printed, in no spelling."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq
import pytest

from imagenet_build.search.keys import Keys
from imagenet_build.storage.page_store import PageStore
from tests.fakes.catalogue_server import CatalogueServer
from tests.fakes.europeana_server import EuropeanaServer
from tests.fakes.flickr_server import FlickrServer
from tests.fakes.server import FakeServer, Reply
from tests.fakes.webiq_server import WebIqServer
from tests.search.secrets_shown import (
    KEYS,
    assert_hidden,
    imagenet_build,
    imagenet_build_here,
    lower_escapes,
    spellings,
    write_config,
)

FLICKR, EUROPEANA, WEBIQ = KEYS.values()


@pytest.fixture
def servers() -> Iterator[tuple[FlickrServer, EuropeanaServer, WebIqServer]]:
    titles = ("dog", "greyhound", "whippet", "wolf", "cat", "violin")
    pictures = [{"title": f"{title} {number}"} for title in titles for number in range(3)]
    europeana = [
        {**picture, "dcCreator": [quote(EUROPEANA, safe=""), EUROPEANA], "dataProvider": [quote_plus(EUROPEANA)]}
        for picture in pictures
    ]
    for number, entry in enumerate(europeana):  # also behind one and two other letters
        entry["edmPlaceLabel"] = base64.b64encode(b"x" * (number % 3) + EUROPEANA.encode() + b"yz").decode()
    webiq = [
        {**picture, "url": f"http://127.0.0.1/{n}.jpg", "width": 9, "height": 9} for n, picture in enumerate(pictures)
    ]
    with (
        FlickrServer(pictures, key=FLICKR) as one,
        EuropeanaServer(europeana, key=EUROPEANA) as two,
        WebIqServer(webiq, key=WEBIQ) as three,
    ):
        yield one, two, three


def base_urls(servers: tuple[FakeServer, ...]) -> dict[str, str]:
    return dict(zip(("flickr", "europeana", "webiq"), (server.base_url for server in servers), strict=True))


def test_a_whole_build_shows_no_key(servers, tmp_path):
    out = tmp_path / "run"
    config = write_config(tmp_path, base_urls(servers))
    built = imagenet_build("-v", "build", str(config), "--out", str(out))
    assert built.returncode == 0, built.stderr
    said = imagenet_build("-v", "status", str(out), "--json", "--synsets")
    planned = imagenet_build("-v", "plan", str(config), "--json")
    checked = imagenet_build("-v", "check", str(out))
    assert (said.returncode, planned.returncode, checked.returncode) == (0, 0, 0), checked.stdout
    flickr, europeana, webiq = servers
    assert flickr.log.calls[0].query["api_key"] == FLICKR  # it was really sent, and really repeated
    assert webiq.log.calls[0].headers["x-apikey"] == WEBIQ
    assert any(EUROPEANA in call.headers.get("x-api-key", "") for call in europeana.log.calls)
    store = PageStore(out / "search" / "europeana.sqlite", read_only=True)
    assert store.page_count() > 1
    store.close()
    hits = pq.read_table(out / "hits.parquet").to_pylist()
    assert {row["engine"] for row in hits} == {"flickr", "europeana", "webiq"}
    assert assert_hidden(out, built, said, planned, checked) > 30


def echo(kind: str, key: str) -> Reply:
    """A failing answer that repeats the key it was sent."""
    once, plus = quote(key, safe=""), quote_plus(key)
    return {
        "401": Reply.text(f"key {key} is not known", 401),
        "403": Reply.text(f"<p>{once} {plus} {html.escape(key)}</p>", 403, kind="html"),
        "400": Reply(400, json.dumps({"error": key}).replace("/", "\\/").encode(), "application/json"),
        "502": Reply.text(f"cannot reach /?api_key={lower_escapes(once)}&again={quote(once, safe='')}", 502),
        "portal": Reply.text(f"<a href='/?k={plus}'>{key}</a>", kind="html"),
        "basic": Reply.text(base64.b64encode(f"me:{key}".encode()).decode(), 500),
        "redirect": Reply(302, headers={"Location": f"http://10.1.2.3/?k={plus}&again={once}"}),
        "no URL": Reply(302, headers={"Location": f"http://[{plus}/{key.replace(' ', '%20')}"}),
        "too large": Reply.text("x" * 30_000),
        "silent": Reply(mode="hang"),
        "cut": Reply(200, json.dumps({"apikey": key}).encode(), "application/json", mode="cut"),
        "dropped": Reply(mode="drop"),
    }[kind]


IN_A_PROCESS = {"401", "silent"}
"""A kind that ends with the service's own words, and one that ends with an exception of the client."""


@pytest.mark.parametrize(
    "kind",
    [
        *("401", "403", "400", "502", "portal", "basic", "redirect", "no URL", "too large", "silent", "cut", "dropped"),
    ],
)
def test_a_build_that_fails_shows_no_key(servers, tmp_path, kind):
    program = imagenet_build if kind in IN_A_PROCESS else imagenet_build_here
    out = tmp_path / "run"
    config = write_config(tmp_path, base_urls(servers), timeout_s=0.5, max_page_bytes=20_000)
    for server, key in zip(servers, KEYS.values(), strict=True):
        server.always(echo(kind, key))
    built = program("-v", "build", str(config), "--out", str(out))
    assert built.returncode in (0, 1), built.stderr  # a 400 ends queries, not the build
    assert all(server.log.count() for server in servers)
    said = program("-v", "status", str(out), "--json")
    assert_hidden(out, built, said)


def test_bad_keys_and_closed_ports_show_no_key(servers, tmp_path):
    flickr, europeana, webiq = servers
    for server in (flickr, europeana):
        server.key = "another"
    webiq.stop()
    out = tmp_path / "run"
    config = write_config(tmp_path, base_urls(servers))
    built = imagenet_build_here("-v", "build", str(config), "--out", str(out))
    assert built.returncode == 1
    for name in ("FLICKR_API_KEY", "EUROPEANA_API_KEY"):
        assert name in built.stderr  # the name helps, the value does not
    said = imagenet_build_here("status", str(out), "--json")
    (search,) = (stage for stage in json.loads(said.stdout)["stages"] if stage["name"] == "search")
    for name in ("flickr", "europeana", "webiq"):
        assert any(name in problem or "Cannot connect" in problem for problem in search["problems"])
    assert_hidden(out, built, said, imagenet_build_here("status", str(out)))


def test_a_key_from_a_file_shows_no_more_than_one_from_the_environment(servers, tmp_path):
    out = tmp_path / "run"
    file = tmp_path / "keys.txt"
    file.write_text("".join(f"{name}={key}\n" for name, key in KEYS.items()))
    servers[1].always(echo("401", EUROPEANA))
    config = write_config(tmp_path, base_urls(servers), keys_file="keys.txt")
    built = imagenet_build("-v", "build", str(config), "--out", str(out), keys=dict.fromkeys(KEYS, ""))
    assert built.returncode == 1
    assert servers[0].log.calls[0].query["api_key"] == FLICKR
    assert_hidden(out, built, imagenet_build_here("status", str(out), "--json"))


class Elsewhere(CatalogueServer):
    """Another host, to which a service sends its clients on."""

    def add_routes(self, app):
        async def answer(request):
            return await self.send(request, Reply.json({"success": True, "items": []}))

        app.router.add_route("*", "/{rest:.*}", answer)


def test_a_key_in_a_header_does_not_follow_a_redirect_to_another_host(servers, tmp_path):
    _, europeana, _ = servers
    with Elsewhere() as other:
        europeana.always(Reply(302, headers={"Location": other.url("/record/v2/search.json")}))
        assert other.port != europeana.port
        config = write_config(tmp_path, {"europeana": europeana.base_url})
        built = imagenet_build_here("build", str(config), "--out", str(tmp_path / "run"))
        assert europeana.log.count() > 0
        assert [call for call in other.log.calls if EUROPEANA in str(call.headers)] == []
    assert built.returncode == 1
    assert_hidden(tmp_path / "run", built)


@pytest.mark.parametrize("key", KEYS.values())
def test_every_spelling_is_made_unreadable(key):
    keys = Keys({"KEY": key})
    for spelling in spellings(key):
        body = b"before " + spelling + b" after"
        assert spelling not in keys.scrubbed_bytes(body)
        assert spelling.decode() not in keys.scrubbed(body.decode())
    assert keys.scrubbed_bytes(b"nothing here") == b"nothing here"
