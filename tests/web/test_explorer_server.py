"""The explorer over HTTP: a real server on loopback."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from imagenet_build.errors import DataError, SourceError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.web.explorer.app import explore
from imagenet_build.web.explorer.pictures import GRID_PX, SMALL_BYTES
from imagenet_build.web.sessions import invitation
from tests.web.explore_process import ExploreProcess
from tests.web.guest import Guest, all_read, fullest, jar


@pytest.fixture
async def guest(large: RunLayout) -> AsyncIterator[Guest]:
    async with explore(large, port=0) as serving, jar() as session:
        yield Guest(serving, session)


async def test_the_run_is_told_in_numbers(guest: Guest, large: RunLayout) -> None:
    said = await all_read(guest)
    assert (said["name"], said["building"], said["problem"], said["measure"]) == ("run", False, "", "kept")
    assert said["totals"]["synsets"] == said["totals"]["manifests"] == 60
    assert said["languages"] == ["cmn", "eng", "ita", "nld", "spa"]
    again = await guest.said(f"/api/run?version={said['version']}")
    assert "totals" not in again


async def test_the_tree_comes_a_level_at_a_time(guest: Guest) -> None:
    await all_read(guest)
    roots = (await guest.said("/api/tree?of="))["rows"][""]
    assert len(roots) == 12
    parent = max(roots, key=lambda row: row["children"])
    said = await guest.said(f"/api/tree?of=,{parent['wnid']},n99999999,../../etc")
    assert set(said["rows"]) == {"", parent["wnid"]}
    children = said["rows"][parent["wnid"]]
    assert len(children) == parent["children"]
    assert parent["synsets"] >= 1 + len(children)
    assert parent["below"] >= parent["own"] + max(row["below"] for row in children)
    assert sum(parent["histogram"]) == parent["synsets"]


async def test_a_synset_tells_its_names_ways_numbers_and_queries(guest: Guest, large: RunLayout) -> None:
    await all_read(guest)
    wnid = await fullest(guest)
    said = await guest.said(f"/api/synset/{wnid}")
    counts = tables.metadata(large.manifest(wnid))["imagenet_build.counts"]
    assert str(said["counts"]["kept"]) in counts
    assert set(said["other_names"]) == {"cmn", "spa", "nld", "ita"}
    assert said["paths"][0][-1]["wnid"] == wnid
    assert said["refused_by_reason"] == {"too_small": 15, "timeout": 5}
    assert said["shown"]["all"] == said["counts"]["kept"]
    yields = await guest.said(f"/api/synset/{wnid}/queries")
    assert yields["is_final"]
    assert len(yields["queries"]) == 22
    manifest = pq.read_table(large.manifest(wnid), columns=["url_key", "kept"])
    hits = pq.read_table(large.hits, filters=[("wnid", "=", wnid)])
    assert sum(row["hits"] for row in yields["queries"]) == hits.num_rows
    kept = set(manifest.filter(manifest["kept"])["url_key"].to_pylist())
    first = yields["queries"][0]
    led = set(hits.filter(pa.compute.equal(hits["query"], first["text"]))["url_key"].to_pylist())
    assert (first["distinct"], first["kept"]) == (len(led), len(led & kept))


async def test_pictures_come_by_pages_and_verdicts_with_duplicates_folded(guest: Guest) -> None:
    wnid = await fullest(guest)
    said = await guest.said(f"/api/synset/{wnid}")
    for show in ("all", "accepted", "rejected", "undecided", "conflicts", "duplicates"):
        seen: list[str] = []
        while len(seen) < said["shown"][show]:
            page = await guest.said(f"/api/synset/{wnid}/pictures?show={show}&from={len(seen)}&most=7")
            assert page["tiles"]
            assert page["total"] == said["shown"][show]
            seen += [tile["id"] for tile in page["tiles"]]
            if show in ("accepted", "rejected", "undecided"):
                assert {tile["verdict"] for tile in page["tiles"]} == {show}
            if show == "duplicates":
                assert all(tile["duplicates"] > 0 for tile in page["tiles"])
            if show == "conflicts":
                assert all(page["names"][other] for tile in page["tiles"] for other in tile["conflicts"])
        assert len(set(seen)) == len(seen)


async def test_a_picture_tells_where_it_comes_from(guest: Guest, large: RunLayout) -> None:
    wnid = await fullest(guest)
    tiles = (await guest.said(f"/api/synset/{wnid}/pictures?show=duplicates"))["tiles"]
    said = await guest.said(f"/api/synset/{wnid}/pictures/{tiles[0]['id']}?show=duplicates")
    row = pq.read_table(large.manifest(wnid), filters=[("candidate_id", "=", f"{wnid}_{tiles[0]['id']}")]).to_pylist()[
        0
    ]
    for name in ("sha256", "url", "page_url", "creator", "title", "width", "engines", "queries"):
        assert said[name] == row[name]
    assert (said["place"], said["previous"], said["next"]) == (0, None, tiles[1]["id"])
    assert len(said["copies"]) == tiles[0]["duplicates"] == said["copies_total"]
    copy = await guest.said(f"/api/synset/{wnid}/pictures/{said['copies'][0]['id']}")
    assert copy["duplicate_of"] == row["candidate_id"]
    assert copy["place"] is None
    assert "creativecommons.org" in said["license_link"] or said["license"] == "unknown"


async def test_conflicts_lead_to_the_other_synset(guest: Guest) -> None:
    wnid = await fullest(guest)
    tile = (await guest.said(f"/api/synset/{wnid}/pictures?show=conflicts"))["tiles"][0]
    said = await guest.said(f"/api/synset/{wnid}/pictures/{tile['id']}")
    assert [one["wnid"] for one in said["conflicts"]] == tile["conflicts"]
    other = await guest.said(f"/api/synset/{said['conflicts'][0]['wnid']}/pictures/{said['conflicts'][0]['id']}")
    assert other["wnid"] == tile["conflicts"][0]


async def test_pictures_are_sent_small_whole_and_tiny(guest: Guest, large: RunLayout) -> None:
    wnid = await fullest(guest)
    page = await guest.said(f"/api/synset/{wnid}/pictures?most=20")
    longest = set()
    for tile in page["tiles"]:
        _, small, response = await guest.get(f"/pictures/{wnid}/{tile['id']}")
        assert "immutable" in response.headers["Cache-Control"]
        _, whole, response = await guest.get(f"/pictures/{wnid}/{tile['id']}/whole")
        assert response.content_type == "image/jpeg"
        with Image.open(io.BytesIO(whole)) as opened:
            assert opened.size == (tile["width"], tile["height"])
        with Image.open(io.BytesIO(small)) as opened:
            assert (small == whole) is (len(whole) <= SMALL_BYTES)
            longest.add(len(whole) > SMALL_BYTES and max(opened.size))
    assert longest - {False} <= set(range(300, GRID_PX + 1))
    assert len(longest) > 1
    tile = page["tiles"][0]
    _, sheet, _ = await guest.get(f"/sheets/{wnid}?rows=0,1,x,-1,99999999&of={page['mark']}")
    with Image.open(io.BytesIO(sheet)) as opened:
        assert opened.size == (256, 32)
    status, cover, _ = await guest.get(f"/pictures/{wnid}/cover")
    assert (status, bool(cover)) == (200, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/synset/n99999999", 404),
        ("/api/synset/n99999999/queries", 404),
        ("/api/synset/n99999999/pictures", 404),
        ("/sheets/n99999999?rows=0", 404),
        ("/pictures/n99999999/cover", 404),
        ("/pictures/n01000000/ffffffffffffffff", 404),
        ("/api/synset/n01000000/pictures/ffffffffffffffff", 404),
        ("/api/synset/..%2F..%2Frun.json", 404),
        ("/pictures/..%2F..%2Fetc/passwd", 404),
        ("/pictures/n01000000/..%2F..%2F..%2Frun.json", 404),
        ("/explore/..%2F..%2Fapp.py", 404),
        ("/explore/%2e%2e/base.py", 404),
        ("/static/explore.html", 404),
        ("/run.json", 404),
        ("/api/synset/n01000000/pictures?show=all%27--", 400),
        ("/api/synset/n01000000/pictures?from=-1", 400),
        ("/api/synset/n01000000/pictures?most=٣", 400),
        ("/api/treemap?of=n99999999", 404),
        ("/api/treemap?width=wide", 400),
    ],
)
async def test_what_is_not_there_is_an_error_with_a_text(guest: Guest, path: str, status: int) -> None:
    got, said, _ = await guest.get(path)
    assert got == status
    assert said["error"]


@pytest.mark.parametrize(
    "path", ["/api/treemap?width=nan&height=inf", "/api/treemap?width=1e9&height=-5", "/api/search?q=" + "x" * 5000]
)
async def test_odd_sizes_are_taken_as_sensible_ones(guest: Guest, path: str) -> None:
    assert (await guest.get(path))[0] == 200


async def test_every_answer_carries_the_security_headers(guest: Guest) -> None:
    for path in ("/", "/explore/app.js", "/explore.css", "/api/run", "/nothing", "/sheets/n01000000?rows=0"):
        _, _, response = await guest.get(path)
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_only_looking_is_answered_and_only_by_this_machines_name(guest: Guest) -> None:
    assert (await guest.get("/api/run", Host="attacker.example"))[0] == 403
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        async with guest.session.request(method, f"{guest.url}/api/run") as response:
            assert response.status in (403, 405)


async def test_beyond_loopback_a_token_is_needed(large: RunLayout) -> None:
    async with explore(large, host="0.0.0.0", port=0) as serving, jar() as session:
        guest = Guest(serving, session)
        for path in ("/api/run", "/api/tree?of=", "/sheets/n01000000?rows=0", "/pictures/n01000000/cover"):
            assert (await guest.get(path))[0] == 401
        assert (await guest.get("/"))[0] == 200  # the page itself holds nothing of the run
        assert await guest.enter("guess") == 403
        assert await guest.enter(invitation("another")) == 403
        assert await guest.enter(invitation(serving.secret)) == 200
        assert (await guest.get("/api/run"))[0] == 200
        cookie = next(iter(session.cookie_jar))
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


async def test_what_cannot_be_served_is_refused(large: RunLayout, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        async with explore(RunLayout(tmp_path), port=0):
            pass
    async with explore(large, port=0) as serving:
        with pytest.raises(SourceError, match="is in use"):
            async with explore(large, port=serving.port):
                pass


def test_the_command_says_where_to_go(large: RunLayout) -> None:
    with ExploreProcess(large.root) as server:
        assert server.said[0] == f"Open {server.url} in a browser.\n"
    with ExploreProcess(large.root, "--host", "0.0.0.0") as server:
        assert "?token=" in server.said[0]
        assert "not encrypted" in server.said[1]
