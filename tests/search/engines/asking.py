"""A plain client for driving adapters against fake servers: no pace, no retries, no store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import aiohttp
from yarl import URL

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Hit, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage

AGENT = "imagenet_build/0.1 (+https://example.org/project; operator@example.org) aiohttp/3"
NO_KEYS: Mapping[str, str] = MappingProxyType({})
"""Environment variable -> key; one that is absent is not sent."""


def english(text: str) -> Query:
    return Query("n02084071", text, "eng", Origin.SYNONYM, 0)


async def send(request: HttpRequest, *, keys: Mapping[str, str] = NO_KEYS, agent: str = AGENT) -> HttpAnswer:
    """One request; the keys that `keys` has are filled in where the request says."""
    headers: dict[str, str] = dict(request.headers)
    params: dict[str, str | int] = dict(request.params)
    for secret in request.secrets:
        key = keys.get(secret.env)
        if key is not None:
            place = headers if secret.place == "header" else params
            place[secret.name] = f"{secret.prefix}{key}"
    url = URL(HttpRequest(request.url, params).full_url(), encoded=True)
    method = "GET" if request.body is None else "POST"
    async with (
        aiohttp.ClientSession(headers={"User-Agent": agent}) as session,
        session.request(method, url, headers=headers, data=request.body) as answer,
    ):
        found = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, found, await answer.read())


async def ask(
    engine: Engine,
    query: Query,
    cursor: Cursor | None = None,
    *,
    keys: Mapping[str, str] = NO_KEYS,
    agent: str = AGENT,
) -> SearchPage | SourceError:
    """One page, or the error that the adapter makes of the answer."""
    answer = await send(engine.request(query, cursor), keys=keys, agent=agent)
    failure = engine.failure(answer)
    return engine.parse(answer.body, query, cursor) if failure is None else failure


async def ask_all(
    engine: Engine,
    query: Query,
    start: Cursor | None = None,
    *,
    keys: Mapping[str, str] = NO_KEYS,
    before: Callable[[int], None] = lambda page: None,
) -> list[SearchPage]:
    """Every page from a cursor on; cursors travel as JSON, as in a store. `before` gets each page's number."""
    pages: list[SearchPage] = []
    cursor = start
    while True:
        before(len(pages) + 1)
        page = await ask(engine, query, cursor, keys=keys)
        if isinstance(page, SourceError):
            raise page
        pages.append(page)
        if page.next_cursor is None:
            return pages
        assert page.next_cursor != cursor
        cursor = json.loads(json.dumps(dict(page.next_cursor)))


def hits_of(pages: list[SearchPage]) -> list[Hit]:
    return [hit for page in pages for hit in page.hits]
