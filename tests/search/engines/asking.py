"""A plain client for driving adapters against fake servers: no pace, no retries, no store."""

from __future__ import annotations

import json
from collections.abc import Callable

import aiohttp
from yarl import URL

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Hit, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage

AGENT = "imagenet_build/0.1 (+https://example.org/project; operator@example.org) aiohttp/3"


def english(text: str) -> Query:
    return Query("n02084071", text, "eng", Origin.SYNONYM, 0)


async def send(request: HttpRequest, agent: str = AGENT) -> HttpAnswer:
    async with (
        aiohttp.ClientSession(headers={"User-Agent": agent}) as session,
        session.get(URL(request.full_url(), encoded=True), headers=dict(request.headers)) as answer,
    ):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, headers, await answer.read())


async def ask(
    engine: Engine, query: Query, cursor: Cursor | None = None, agent: str = AGENT
) -> SearchPage | SourceError:
    """One page, or the error that the adapter makes of the answer."""
    answer = await send(engine.request(query, cursor), agent)
    failure = engine.failure(answer)
    return engine.parse(answer.body, query, cursor) if failure is None else failure


async def ask_all(engine: Engine, query: Query, before: Callable[[int], None] = lambda page: None) -> list[SearchPage]:
    """Every page of a query; cursors travel as JSON, as in a store. `before` is called with each page's number."""
    pages: list[SearchPage] = []
    cursor: Cursor | None = None
    while True:
        before(len(pages) + 1)
        page = await ask(engine, query, cursor)
        if isinstance(page, SourceError):
            raise page
        pages.append(page)
        if page.next_cursor is None:
            return pages
        assert page.next_cursor != cursor
        cursor = json.loads(json.dumps(dict(page.next_cursor)))


def hits_of(pages: list[SearchPage]) -> list[Hit]:
    return [hit for page in pages for hit in page.hits]
