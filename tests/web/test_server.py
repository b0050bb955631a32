from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import DataError, RunInUse, SourceError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.vote_tables import read_run_votes
from imagenet_build.web.app import Serving, serve
from imagenet_build.web.sessions import COOKIE, invitation
from tests.verify_run.fake_run import CELLO, VIOLIN, make_run
from tests.web.crowd import HEADERS, ServeProcess, drive, judge

CONFIG = VerifyConfig(target_precision=0.95)


class Browser:
    """Requests of one person."""

    def __init__(self, serving: Serving, session: aiohttp.ClientSession) -> None:
        self.url, self.session = serving.url.replace("0.0.0.0", "127.0.0.1"), session

    async def get(self, path: str, **headers: str) -> tuple[int, Any, aiohttp.ClientResponse]:
        async with self.session.get(self.url + path, headers=headers) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else body, response

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self.session.post(
            self.url + path, json=body, headers=HEADERS if headers is None else headers
        ) as response:
            return response.status, await response.json()

    async def page(self) -> dict[str, Any]:
        status, page, _ = await self.get("/api/page")
        assert status == 200
        return dict(page)


@pytest.fixture
async def ada(run: RunLayout) -> AsyncIterator[Browser]:
    """Somebody who has joined, at a server on loopback."""
    async with serve(run, CONFIG, DeskOptions(page_size=12), port=0) as serving, jar() as session:
        browser = Browser(serving, session)
        assert (await browser.post("/api/join", {"name": " ada "})) == (200, {"name": "ada"})
        yield browser


def jar() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_a_page_tells_what_is_asked_and_nothing_about_the_answers(ada: Browser) -> None:
    page = await ada.page()
    assert page["name"] in ("violin", "cello", "string", "drum")
    assert {"synonyms", "gloss", "parents", "wikipedia", "progress", "wnid", "page", "name", "pictures"} == set(page)
    assert page["pictures"] == 12
    assert (await ada.get("/api/me"))[1]["instruction"].startswith("Select every picture")


async def test_answers_are_votes_when_the_server_has_ended(run: RunLayout) -> None:
    async with serve(run, CONFIG, DeskOptions(page_size=12, wnids=(VIOLIN,)), port=0) as serving, jar() as session:
        ada = Browser(serving, session)
        await ada.post("/api/join", {"name": "ada"})
        page = await ada.page()
        body = {"submission": "s1", "page": page["page"], "answers": ["yes", "unsure", *["no"] * 10]}
        assert await ada.post("/api/answers", {**body, "milliseconds": list(range(12))}) == (
            200,
            {"ok": True, "repeated": False},
        )
        assert await ada.post("/api/answers", body) == (200, {"ok": True, "repeated": True})
        assert (await ada.page())["progress"]["answered"] == 12
    rows = read_run_votes(run).to_pylist()
    assert [row["answer"] for row in rows] == body["answers"]
    assert [row["milliseconds"] for row in rows] == list(range(12))
    assert {(row["worker"], row["source"], row["wnid"]) for row in rows} == {("ada", "web", VIOLIN)}


async def test_undo_gives_the_page_back(ada: Browser) -> None:
    page = await ada.page()
    answers = ["yes"] * 12
    await ada.post("/api/answers", {"submission": "s1", "page": page["page"], "answers": answers})
    status, again = await ada.post("/api/undo", {"submission": "u1", "page": page["page"]})
    assert (status, again["page"], again["answers"]) == (200, page["page"], answers)
    assert (await ada.page())["page"] == page["page"]


async def test_pictures_are_shown_whatever_their_format(ada: Browser) -> None:
    kinds = set()
    for _ in range(4):
        page = await ada.page()
        for place in range(page["pictures"]):
            for path in (f"/pictures/{page['page']}/{place}", f"/pictures/{page['page']}/{place}/whole"):
                status, body, response = await ada.get(path)
                assert status == 200
                with Image.open(io.BytesIO(body)) as opened:
                    assert opened.size == (64, 64)
                    assert response.content_type == Image.MIME[opened.format or ""]
                kinds.add(response.content_type)
                assert response.headers["X-Content-Type-Options"] == "nosniff"
        await ada.post(
            "/api/answers", {"submission": page["page"], "page": page["page"], "answers": ["no"] * page["pictures"]}
        )
    assert kinds == {"image/jpeg", "image/png", "image/webp"}  # TIFF came as JPEG


async def test_pictures_of_others_and_beyond_the_page_are_not_there(ada: Browser) -> None:
    page = await ada.page()
    assert (await ada.get(f"/pictures/{page['page']}/12"))[0] == 404
    assert (await ada.get("/pictures/nothing/0"))[0] == 409
    assert (await ada.get("/pictures/..%2F..%2Frun.json/0"))[0] == 404
    ada.session.cookie_jar.clear()
    assert (await ada.get(f"/pictures/{page['page']}/0"))[0] == 401
    await ada.post("/api/join", {"name": "grace"})
    assert (await ada.get(f"/pictures/{page['page']}/0"))[0] == 404


async def test_every_answer_carries_the_security_headers(ada: Browser) -> None:
    for path in ("/", "/annotate.js", "/annotate.css", "/api/me", "/nothing", "/pictures/x/0"):
        _, _, response = await ada.get(path)
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_the_page_asks_nothing_of_other_servers(ada: Browser) -> None:
    for path in ("/", "/annotate.js", "/annotate.css"):
        _, body, _ = await ada.get(path)
        assert b"http://" not in body
        assert b"https://" not in body


async def test_other_names_of_this_machine_are_refused(ada: Browser) -> None:
    status, said, _ = await ada.get("/api/me", Host="attacker.example")
    assert (status, "own name" in said["error"]) == (403, True)


async def test_other_sites_cannot_vote(ada: Browser) -> None:
    page = await ada.page()
    body = {"submission": "s1", "page": page["page"], "answers": ["yes"] * 12}
    assert (await ada.post("/api/answers", body, {}))[0] == 403
    async with ada.session.post(f"{ada.url}/api/answers", data=body, headers=HEADERS) as response:
        assert response.status == 403
    cookie = next(iter(ada.session.cookie_jar))
    assert (cookie.key, cookie["samesite"], cookie["httponly"]) == (COOKIE, "Strict", True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"submission": "s", "page": "x" * 200, "answers": []}, 400),
        ({"submission": "s", "page": "unknown", "answers": ["yes"]}, 409),
        ({"submission": 5, "page": "unknown", "answers": ["yes"]}, 400),
        ({"submission": "s", "page": "unknown", "answers": "yes"}, 400),
    ],
)
async def test_answers_that_are_none_are_refused(ada: Browser, body: Any, status: int) -> None:
    got, said = await ada.post("/api/answers", body)
    assert got == status
    assert said["error"]


async def test_unhashable_answers_are_refused(ada: Browser) -> None:
    page = await ada.page()
    for answers in ([["yes"]] * 12, [{"a": 1}] * 12, [None] * 12, [1] * 12):
        got, _ = await ada.post("/api/answers", {"submission": "s", "page": page["page"], "answers": answers})
        assert got == 409


async def test_beyond_loopback_an_invitation_is_needed(run: RunLayout) -> None:
    async with serve(run, CONFIG, host="0.0.0.0", port=0, names=("ada", "grace")) as serving, jar() as session:
        stranger = Browser(serving, session)
        assert serving.needs_token
        assert (await stranger.get("/api/page"))[0] == 401
        assert (await stranger.get("/api/me"))[1]["names"] == []
        assert (await stranger.post("/api/join", {"name": "ada"}))[0] == 403
        token = invitation(serving.secret, "ada")
        assert (await stranger.post("/api/join", {"name": "grace", "token": token}))[0] == 403
        assert (await stranger.post("/api/join", {"name": "ada", "token": token}))[0] == 200
        assert (await stranger.get("/api/page"))[0] == 200


async def test_a_run_is_served_once_and_a_port_too(run: RunLayout, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", {VIOLIN: 5})
    async with serve(run, CONFIG, port=0) as serving:
        with pytest.raises(RunInUse, match="served already"):
            async with serve(run, CONFIG, port=0):
                pass
        with pytest.raises(SourceError, match="is in use"):
            async with serve(other, CONFIG, port=serving.port):
                pass
    async with serve(run, CONFIG, port=0):
        pass


async def test_a_run_without_picture_files_says_what_to_do_instead(run: RunLayout) -> None:
    path = run.manifest(CELLO)
    table = pq.read_table(path)
    place = table.schema.names.index("size")
    tables.write_table(path, table.set_column(place, table.schema.field(place), pa.nulls(table.num_rows, pa.int64())))
    with pytest.raises(DataError, match="verify export"):
        async with serve(run, CONFIG, DeskOptions(wnids=(CELLO,)), port=0):
            pass


async def test_no_vote_is_lost_or_doubled_by_kills(run: RunLayout) -> None:
    team, server = await drive(run.root, annotators=3, pages=4, kills=1, pictures=True, think_s=0.0)
    given, lost, doubled, changed = await asyncio.to_thread(judge, run.root, team)
    assert len(server.started_s) == 2
    assert given > 80
    assert (lost, doubled, changed) == (0, 0, 0)


def test_the_command_says_where_to_go_and_what_came(serving_process: ServeProcess) -> None:
    assert f"Open {serving_process.url} in a browser" in serving_process.said[0]
    assert "0 votes" in serving_process.stop()
