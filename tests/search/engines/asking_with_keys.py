"""Driving adapters that need keys against fake servers: keys are filled in as a sender does, bodies are posted."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiohttp
from yarl import URL

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage
from tests.search.engines.asking import AGENT

Keys = Mapping[str, str]
"""Environment variable -> key; one that is absent is not sent."""


def in_language(language: str, text: str) -> Query:
    return Query("n02084071", text, language, Origin.TRANSLATION, 0)


async def send(request: HttpRequest, keys: Keys) -> HttpAnswer:
    headers, params = {"User-Agent": AGENT, **request.headers}, dict(request.params)
    for secret in request.secrets:
        if secret.env in keys:
            place = headers if secret.place == "header" else params
            place[secret.name] = f"{secret.prefix}{keys[secret.env]}"
    url = URL(HttpRequest(request.url, params).full_url(), encoded=True)
    method = "GET" if request.body is None else "POST"
    async with (
        aiohttp.ClientSession(auto_decompress=True) as session,
        session.request(method, url, headers=headers, data=request.body) as answer,
    ):
        names = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, names, await answer.read())


async def ask(engine: Engine, query: Query, keys: Keys, cursor: Cursor | None = None) -> SearchPage | SourceError:
    """One page, or the error that the adapter makes of the answer."""
    answer = await send(engine.request(query, cursor), keys)
    failure = engine.failure(answer)
    return engine.parse(answer.body, query, cursor) if failure is None else failure


async def ask_all(engine: Engine, query: Query, keys: Keys, start: Cursor | None = None) -> list[SearchPage]:
    """Every page of a query, or of one slice of it; cursors travel as JSON, as in a store."""
    pages: list[SearchPage] = []
    cursor = start
    while True:
        page = await ask(engine, query, keys, cursor)
        if isinstance(page, SourceError):
            raise page
        pages.append(page)
        if page.next_cursor is None:
            return pages
        assert page.next_cursor != cursor
        cursor = json.loads(json.dumps(dict(page.next_cursor)))
