"""Asking the adapters of web indexes and Flickr: keys filled in where a request says, bodies posted, slices divided."""

from __future__ import annotations

import json
from collections.abc import Mapping

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Hit, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage, SynsetFacts
from imagenet_build.search.registry import engine_infos
from tests.fakes.google_server import CX
from tests.fakes.keyed_server import KEY
from tests.search.engines import asking

KEYS: Mapping[str, str] = {"GOOGLE_SEARCH_CX": CX} | {
    name: KEY for info in engine_infos() for name in info.keys if name != "GOOGLE_SEARCH_CX"
}
"""Every environment variable holds the valid key."""
DOG = SynsetFacts("n02084071", is_organism=True)


def query_in(language: str, text: str) -> Query:
    return Query("n02084071", text, language, Origin.TRANSLATION, 0)


async def send(request: HttpRequest, keys: Mapping[str, str] = KEYS) -> HttpAnswer:
    return await asking.send(request, keys=keys)


async def ask(
    engine: Engine, query: Query, cursor: Cursor | None = None, keys: Mapping[str, str] = KEYS
) -> SearchPage | SourceError:
    return await asking.ask(engine, query, cursor, keys=keys)


async def ask_all(engine: Engine, query: Query, start: Cursor | None = None) -> list[SearchPage]:
    return await asking.ask_all(engine, query, start, keys=KEYS)


async def ask_divided(engine: Engine, query: Query, start: Cursor | None = None) -> dict[str, Hit]:
    """What a search and, wherever it was cut off, its slices give: by the provider's id."""
    pages = await ask_all(engine, query, start)
    found = {hit.engine_id: hit for page in pages for hit in page.hits}
    if pages[-1].truncated:
        for part in engine.divide(start):
            found.update(await ask_divided(engine, query, json.loads(json.dumps(dict(part)))))
    return found
