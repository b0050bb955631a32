"""Requests to the explorer as a browser sends them."""

from __future__ import annotations

from typing import Any

import aiohttp

from imagenet_build.web.listening import Serving


class Guest:
    """Requests of one browser."""

    def __init__(self, serving: Serving, session: aiohttp.ClientSession) -> None:
        self.url, self.session = f"http://127.0.0.1:{serving.port}", session

    async def get(self, path: str, **headers: str) -> tuple[int, Any, aiohttp.ClientResponse]:
        async with self.session.get(self.url + path, headers=headers) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else body, response

    async def said(self, path: str) -> Any:
        status, said, _ = await self.get(path)
        assert status == 200, said
        return said

    async def enter(self, token: str) -> int:
        async with self.session.post(
            f"{self.url}/api/enter", json={"token": token}, headers={"X-Explorer": "1"}
        ) as response:
            return response.status


def jar() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def fullest(guest: Guest) -> str:
    """The synset with most pictures of its own: the first of the generated run."""
    found = (await guest.said("/api/search?q=n0100"))["found"]
    return str(max(found, key=lambda row: row["own"])["wnid"])


async def all_read(guest: Guest) -> dict[str, Any]:
    while True:
        said = await guest.said("/api/run?version=-1")
        if said["reading"] is None and said.get("stages"):
            return dict(said)
