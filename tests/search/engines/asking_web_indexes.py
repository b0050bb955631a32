"""Asking the adapters of web indexes and Flickr: keys filled in where a request says, bodies posted, slices divided."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Hit, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage, SynsetFacts
from tests.fakes.google_server import CX
from tests.fakes.keyed_server import KEY
from tests.search.engines.asking import AGENT

KEYS: Mapping[str, str] = defaultdict(lambda: KEY, GOOGLE_SEARCH_CX=CX)
"""Every environment variable holds the valid key."""
DOG = SynsetFacts("n02084071", is_organism=True)


def query_in(language: str, text: str) -> Query:
    return Query("n02084071", text, language, Origin.TRANSLATION, 0)


async def send(request: HttpRequest, keys: Mapping[str, str] = KEYS) -> HttpAnswer:
    """One request, keys included; a key that `keys` lacks is left out."""
    headers: dict[str, str] = dict(request.headers)
    params: dict[str, str] = {}
    for secret in request.secrets:
        if isinstance(keys, defaultdict) or secret.env in keys:
            (headers if secret.place == "header" else params)[secret.name] = secret.prefix + keys[secret.env]
    url = request.full_url()
    if params:
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
    method = "GET" if request.body is None else "POST"
    async with (
        aiohttp.ClientSession(headers={"User-Agent": AGENT}) as session,
        session.request(method, URL(url, encoded=True), headers=headers, data=request.body) as answer,
    ):
        found = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, found, await answer.read())


async def ask(
    engine: Engine, query: Query, cursor: Cursor | None = None, keys: Mapping[str, str] = KEYS
) -> SearchPage | SourceError:
    """One page, or the error that the adapter makes of the answer."""
    answer = await send(engine.request(query, cursor), keys)
    failure = engine.failure(answer)
    return engine.parse(answer.body, query, cursor) if failure is None else failure


async def ask_all(engine: Engine, query: Query, start: Cursor | None = None) -> list[SearchPage]:
    """Every page from a cursor on; cursors travel as JSON, as in a store."""
    pages: list[SearchPage] = []
    cursor = start
    while True:
        page = await ask(engine, query, cursor)
        if isinstance(page, SourceError):
            raise page
        pages.append(page)
        if page.next_cursor is None:
            return pages
        assert page.next_cursor != cursor
        cursor = json.loads(json.dumps(dict(page.next_cursor)))


async def ask_divided(engine: Engine, query: Query, start: Cursor | None = None) -> dict[str, Hit]:
    """What a search and, wherever it was cut off, its slices give: by the provider's id."""
    pages = await ask_all(engine, query, start)
    found = {hit.engine_id: hit for page in pages for hit in page.hits}
    if pages[-1].truncated:
        for part in engine.divide(start):
            found.update(await ask_divided(engine, query, json.loads(json.dumps(dict(part)))))
    return found
