"""Driving adapters that need keys against fake servers: who asks names the keys."""

from __future__ import annotations

from collections.abc import Mapping

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage
from tests.search.engines import asking

Keys = Mapping[str, str]


def in_language(language: str, text: str) -> Query:
    return Query("n02084071", text, language, Origin.TRANSLATION, 0)


async def send(request: HttpRequest, keys: Keys) -> HttpAnswer:
    return await asking.send(request, keys=keys)


async def ask(engine: Engine, query: Query, keys: Keys, cursor: Cursor | None = None) -> SearchPage | SourceError:
    return await asking.ask(engine, query, cursor, keys=keys)


async def ask_all(engine: Engine, query: Query, keys: Keys, start: Cursor | None = None) -> list[SearchPage]:
    return await asking.ask_all(engine, query, start, keys=keys)
