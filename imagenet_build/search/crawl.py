"""Queries x pages for one engine: sends, waits, retries, keeps every answered page, reads it.

What comes out depends only on the answers: a page already kept is read, not asked for again, so a resumed crawl walks
the same way as an undisturbed one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from imagenet_build.config.models import SearchConfig
from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, UnexpectedResponse, Unreachable
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import LONGEST_WAIT_S, Pace
from imagenet_build.network.retry import backoff_s
from imagenet_build.records import Hit, Query, Rejection, RejectReason
from imagenet_build.search.canonical_url import canonical_key, fetch_url
from imagenet_build.search.engine import Cursor, Engine, RefusedItem, SearchPage
from imagenet_build.storage.page_store import KeptPage, PageStore

Transport = Callable[[HttpRequest], Awaitable[HttpAnswer]]
"""Sends one request; raises Unreachable when there is no answer."""


@dataclass(frozen=True, slots=True)
class FoundHit:
    """A hit with the address to fetch and the key that names the picture's address."""

    hit: Hit
    url: str
    url_key: str


@dataclass(slots=True)
class SearchOutcome:
    """What one synset got from one engine."""

    hits: list[FoundHit] = field(default_factory=list)
    refused: list[tuple[Query, RefusedItem]] = field(default_factory=list)
    requests: int = 0
    """Requests really sent; pages that were kept already do not count."""
    queries_refused: int = 0
    """Queries that the engine would not answer to their end."""


class EngineCrawler:
    """One engine's lane."""

    def __init__(
        self,
        engine: Engine,
        transport: Transport,
        pages: PageStore,
        pace: Pace,
        config: SearchConfig,
        rng: random.Random,
    ) -> None:
        self._engine = engine
        self._send = transport
        self._pages = pages
        self._pace = pace
        self._config = config
        self._rng = rng

    async def search(self, queries: Sequence[Query]) -> SearchOutcome:
        """Ask all queries of one synset, best first, until it has `candidates_per_synset` distinct URLs.

        Raises:
            Unreachable, RateLimited: no readable answer after all attempts, or the engine wants a longer pause.
            EngineRefused, UnexpectedResponse: the engine must not be asked further in this run.
        """
        outcome = SearchOutcome()
        keys: set[str] = set()
        for query in queries:
            if len(keys) >= self._config.candidates_per_synset:
                break
            await self._query(query, outcome, keys)
        return outcome

    async def _query(self, query: Query, outcome: SearchOutcome, keys: set[str]) -> None:
        cursor: Cursor | None = None
        taken: set[str] = set()
        while True:
            request = self._engine.request(query, cursor)
            try:
                page = self._read(await self._answer(request, outcome), query, cursor, request)
            except QueryRefused:
                outcome.queries_refused += 1
                return
            outcome.refused.extend((query, item) for item in page.refused)
            for hit in page.hits:
                if len(taken) >= self._config.max_hits_per_query:
                    return
                found = self._checked(hit)
                if isinstance(found, RefusedItem):
                    outcome.refused.append((query, found))
                elif found.url_key not in taken:  # an engine may show one picture twice in one answer
                    taken.add(found.url_key)
                    keys.add(found.url_key)
                    outcome.hits.append(found)
            if page.next_cursor is None or len(keys) >= self._config.candidates_per_synset:
                return
            cursor = page.next_cursor

    def _checked(self, hit: Hit) -> FoundHit | RefusedItem:
        """A hit with its key, or why its URL is of no use."""
        scheme = urlsplit(hit.url).scheme.lower()
        if scheme == "file" and self._engine.info.is_live:
            # a remote service must never make us read our own disk
            return RefusedItem(
                hit.engine_id, hit.url, Rejection(RejectReason.SCHEME_REFUSED, "file: from a remote engine")
            )
        try:
            return FoundHit(hit, fetch_url(hit.url), canonical_key(hit.url))
        except ValueError as error:
            return RefusedItem(hit.engine_id, hit.url, Rejection(RejectReason.BAD_URL, str(error)))

    def _read(self, page: KeptPage, query: Query, cursor: Cursor | None, request: HttpRequest) -> SearchPage:
        """Parse a kept page; an adapter that reads nothing from a page with items is broken, loudly."""
        name = self._engine.info.name
        failure = self._engine.failure(HttpAnswer(page.status, {}, page.body))
        if failure is not None:
            raise failure
        try:
            read = self._engine.parse(page.body, query, cursor)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnexpectedResponse(
                f"{name}: the answer to {request.full_url()} cannot be read ({type(error).__name__}: {error}); it is kept.",
                source=name,
            ) from error
        if read.reported and not read.hits and not read.refused:
            raise UnexpectedResponse(
                f"{name}: the answer to {request.full_url()} holds {read.reported} items, but none was read; it is kept.",
                source=name,
            )
        return read

    async def _answer(self, request: HttpRequest, outcome: SearchOutcome) -> KeptPage:
        """The kept page, or a new one; waits and retries as the engine asks."""
        key = request.full_url()
        kept = self._pages.page(key)
        if kept is not None:
            return kept
        error: Unreachable | RateLimited
        for attempt in range(1, self._config.attempts + 1):
            if self._pace.wait_s > LONGEST_WAIT_S:
                raise RateLimited(
                    f"{self._engine.info.name} asked for a pause of {self._pace.wait_s / 60:.0f} minutes.",
                    source=self._engine.info.name,
                    retry_after_s=self._pace.wait_s,
                )
            try:
                async with self._pace.turn():
                    outcome.requests += 1
                    answer = await self._send(request)
                failure = self._engine.failure(answer)
            except Unreachable as unreachable:
                error = unreachable
                await asyncio.sleep(backoff_s(attempt, self._rng))
                continue
            if isinstance(failure, RateLimited):
                error = failure
                wait = failure.retry_after_s
                self._pace.park(wait if wait is not None else backoff_s(attempt, self._rng))
                continue
            if isinstance(failure, EngineRefused):
                raise failure
            page = KeptPage(answer.status, answer.body)
            self._pages.keep_page(key, page)
            return page
        raise error
