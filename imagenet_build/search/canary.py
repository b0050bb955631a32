"""EDGE: one question to each engine, to see whether it answers as its adapter expects; nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from imagenet_build.config.models import BuildConfig, EngineConfig
from imagenet_build.errors import BuildError
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.politeness import Pace
from imagenet_build.records import ENGLISH, UNKNOWN_LICENSE, Hit, Origin, Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage, SynsetFacts
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.pages import Transport
from imagenet_build.search.preflight import check_engine
from imagenet_build.search.registry import make_engine
from imagenet_build.search.transport import transport_for

MOST_REQUESTS = 10
"""Requests to one engine: some look a name up first, or go through objects of which the first may have no picture."""
CANARIES = (
    Query("n02084071", "dog", ENGLISH, Origin.SYNONYM, 0),
    # Asked of those who know Latin names only: wild, since pictures of dogs are not what naturalists collect.
    Query("n02119022", "Vulpes vulpes", ENGLISH, Origin.SYNONYM, 1),
)
"""What every engine should find pictures of; an engine gets the first that it does not skip."""


@dataclass(slots=True)
class CanaryResult:
    """What one engine answered."""

    engine: str
    query: str = ""
    requests: int = 0
    hits: int = 0
    licensed: int = 0
    """Hits with a known licence."""
    refused: int = 0
    """Items that are no usable hit."""
    problem: str = ""
    """What is wrong; empty: nothing."""
    notice: str = field(default="", repr=False)
    """What a user must know before counting on the engine."""


async def ask_canaries(config: BuildConfig, engines: Sequence[EngineConfig]) -> list[CanaryResult]:
    """Ask every engine at once, each at its own pace, once and without a second try.

    A refusal of one (no contact, no key, terms not accepted, no such engine) is its result, and none of the others'.

    Args:
        config: contact, addresses, keys and limits; its own engines do not count.
        engines: whom to ask.
    """
    policy = AddressPolicy(config.network.allow_addresses)
    async with HttpClient(contact=config.network.contact, policy=policy) as client:
        return list(await asyncio.gather(*(_ask(config, entry, client) for entry in engines)))


async def _ask(config: BuildConfig, entry: EngineConfig, client: HttpClient) -> CanaryResult:
    result = CanaryResult(entry.name)
    try:
        result.notice = check_engine(entry, config).notice
        engine = make_engine(entry, config.search.licenses, config.search.keys_file)
        query = next((query for query in CANARIES if not engine.skips(query, _facts(query))), None)
        if query is None:
            result.problem = f"It is asked neither for {' nor for '.join(query.text for query in CANARIES)}."
            return result
        result.query = query.text
        async with AsyncExitStack() as stack:
            keys = keys_at_hand(engine.info.keys, config.search.keys_file)
            send = transport_for(engine, entry, config.search, client, keys, stack)
            delay_s = engine.info.min_delay_s if entry.min_delay_s is None else entry.min_delay_s
            await _search(engine, query, send, Pace(delay_s), result)
    except BuildError as error:
        result.problem = str(error)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        result.problem = f"The answer cannot be read ({type(error).__name__}: {error})."
    return result


async def _search(engine: Engine, query: Query, send: Transport, pace: Pace, result: CanaryResult) -> None:
    """Read pages until one has hits; counts that page's."""
    cursor: Cursor | None = None
    why = ""
    while result.requests < MOST_REQUESTS:
        async with pace.turn():
            result.requests += 1
            answer = await send(engine.request(query, cursor))
        failure = engine.failure(answer)
        if failure is not None:
            raise failure
        page = engine.parse(answer.body, query, cursor)
        result.refused += len(page.refused)
        why = why or _why(page)
        if page.hits:
            result.hits = len(page.hits)
            result.licensed = sum(_is_licensed(hit) for hit in page.hits)
            return
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    result.problem = f"It answers, but gives no picture of {query.text!r}{f': {why}' if why else ''}."


def _why(page: SearchPage) -> str:
    return page.refused[0].rejection.detail if page.refused else ""


def _is_licensed(hit: Hit) -> bool:
    return hit.credit.license != UNKNOWN_LICENSE


def _facts(query: Query) -> SynsetFacts:
    return SynsetFacts(query.wnid, is_organism=True)
