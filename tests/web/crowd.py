"""Annotators without a browser: they ask for pages, look at every picture, answer, and send again what failed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.run_verdicts import publish_run_votes
from imagenet_build.verify.vote_tables import read_run_votes

HEADERS = {"X-Annotator": "1"}
BROWSER_CONNECTIONS = 6
"""That browsers open to one server."""


class ServeProcess:
    """`verify serve` as a process that may be killed and started again at the same port. A context manager."""

    def __init__(self, run: Path, *options: str) -> None:
        self._run = run
        self._options = options
        self.port = 0
        self.started_s: list[float] = []
        self.said: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it listens."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "imagenet_build", "verify", "serve", str(self._run), "--port", str(self.port)]
        self._process = subprocess.Popen([*command, *self._options], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if "http://" in line:
                self.port = int(line.split("http://")[1].split(":")[1].split()[0].split("/")[0])
            if "Ctrl-C" in line:
                break
        else:
            raise AssertionError(f"the server ended with {self._process.wait()}")
        self.started_s.append(time.perf_counter() - began)

    def kill(self) -> None:
        """As a power cut would, for the process."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> str:
        """As Ctrl-C would; what it said at the end."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        said, _ = self._process.communicate(timeout=30)
        return said

    def __enter__(self) -> ServeProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Annotator:
    """Somebody with a browser."""

    def __init__(self, name: str, server: ServeProcess) -> None:
        self._name = name
        self._server = server
        self._rng = random.Random(name)
        self.page_ms: list[float] = []
        self.picture_ms: list[float] = []
        self.answers_ms: list[float] = []
        self.sent_again = 0
        self.answered_pages = 0
        self.answered = asyncio.Event()
        self.given: dict[tuple[str, int], str] = {}
        """(page, position) -> answer, of confirmed pages."""

    async def work(self, session: aiohttp.ClientSession, pages: int, *, pictures: bool, think_s: float) -> None:
        await self._asked(session, "POST", "/api/join", {"name": self._name})
        for _ in range(pages):
            page, spent = await self._asked(session, "GET", "/api/page?have=")
            if page["page"] is None:
                return
            self.page_ms.append(spent)
            if pictures:
                await asyncio.gather(*(self._picture(session, page["page"], one) for one in range(page["pictures"])))
            await asyncio.sleep(self._rng.expovariate(1 / think_s) if think_s else 0)
            answers = self._rng.choices(["yes", "no", "unsure"], [5, 10, 1], k=page["pictures"])
            body = {"submission": uuid.UUID(int=self._rng.getrandbits(128)).hex, "page": page["page"]}
            _, spent = await self._asked(session, "POST", "/api/answers", {**body, "answers": answers})
            self.answers_ms.append(spent)
            self.answered_pages += 1
            self.answered.set()
            if self._rng.random() < 0.2:  # the answer to the answer was lost on its way: sent again
                again, _ = await self._asked(session, "POST", "/api/answers", {**body, "answers": answers})
                assert again["repeated"], "a repeated submission was not recognised"
            self.given.update({(page["page"], place): answer for place, answer in enumerate(answers)})

    async def _picture(self, session: aiohttp.ClientSession, page: str, place: int) -> None:
        while True:
            began = time.perf_counter()
            try:
                async with session.get(f"{self._server.url}/pictures/{page}/{place}") as response:
                    body = await response.read()
                    assert response.status == 200, response.status
                    assert body
                self.picture_ms.append(1000 * (time.perf_counter() - began))
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)

    async def _asked(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None
    ) -> tuple[dict[str, Any], float]:
        """The answer, and the milliseconds of the request that got it; asked again while there is no server."""
        while True:
            began = time.perf_counter()
            try:
                async with session.request(method, self._server.url + path, json=body, headers=HEADERS) as response:
                    said = await response.json()
                    assert response.status == 200, said
                    return said, 1000 * (time.perf_counter() - began)
            except aiohttp.ClientError:
                self.sent_again += 1
                await asyncio.sleep(0.1)


async def reached(team: Sequence[Annotator], pages: float) -> None:
    """Wait until the team has answered so many pages."""
    while sum(one.answered_pages for one in team) < pages:
        for one in team:
            one.answered.clear()
        await asyncio.wait([asyncio.ensure_future(one.answered.wait()) for one in team], return_when="FIRST_COMPLETED")


async def drive(
    run: Path, annotators: int, pages: int, kills: int, *, pictures: bool, think_s: float
) -> tuple[list[Annotator], ServeProcess]:
    server = ServeProcess(run)
    await asyncio.to_thread(server.start)
    team = [Annotator(f"worker {number}", server) for number in range(annotators)]
    jars = [
        aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), connector=aiohttp.TCPConnector(limit=BROWSER_CONNECTIONS)
        )
        for _ in team
    ]
    work = asyncio.gather(
        *(one.work(jar, pages, pictures=pictures, think_s=think_s) for one, jar in zip(team, jars, strict=True))
    )
    for kill in range(kills):
        due = (kill + 1) * annotators * pages / (kills + 1)
        await reached(team, due)
        server.kill()
        await asyncio.to_thread(server.start)
    await work
    for jar in jars:
        await jar.close()
    await asyncio.to_thread(server.stop)
    return team, server


def judge(run_root: Path, team: list[Annotator]) -> tuple[int, int, int, int]:
    """Votes given, lost, doubled, and changed."""
    publish_run_votes(RunLayout(run_root))
    rows = read_run_votes(RunLayout(run_root)).to_pylist()
    held = Counter((row["task"], row["position"]) for row in rows)
    said = {(row["task"], row["position"]): row["answer"] for row in rows}
    given = {key: answer for one in team for key, answer in one.given.items()}
    lost = sum(key not in held for key in given)
    doubled = sum(count - 1 for count in held.values()) + sum(key not in given for key in held)
    seen = Counter((row["worker"], row["image"], row["wnid"]) for row in rows)
    doubled += sum(count - 1 for count in seen.values())
    changed = sum(said.get(key) not in (None, answer) for key, answer in given.items())
    return len(given), lost, doubled, changed
