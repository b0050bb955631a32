"""Queries x pages for one engine: sends, waits, retries, keeps every answered page, reads it.

What comes out depends only on the answers: a page already kept is read, not asked for again, so a resumed crawl walks
the same way as an undisturbed one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from imagenet_build.config.models import SearchConfig
from imagenet_build.errors import (
    EngineRefused,
    QueryRefused,
    RateLimited,
    SourceError,
    UnexpectedResponse,
    Unreachable,
)
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
        asked: set[str] = set()
        while True:
            request = self._engine.request(query, cursor)
            if request.full_url() in asked:  # kept pages would lead round in a circle for ever
                raise self._unexpected(request, "leads back to a page that was read before")
            asked.add(request.full_url())
            try:
                page = await self._page(request, query, cursor, outcome)
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
            enough = len(keys) >= self._config.candidates_per_synset or len(taken) >= self._config.max_hits_per_query
            if page.next_cursor is None or enough:
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
        """Parse an answered page.

        Raises:
            QueryRefused: that is what the page says.
            _Unreadable: it does not have the form that the adapter knows.
            UnexpectedResponse: it has, but the adapter reads nothing from a page with items: it is broken.
        """
        failure = self._engine.failure(HttpAnswer(page.status, {}, page.body))
        if failure is not None:
            raise failure
        try:
            read = self._engine.parse(page.body, query, cursor)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _Unreadable(f"cannot be read ({type(error).__name__}: {error})") from error
        if read.reported and not read.hits and not read.refused:
            raise self._unexpected(request, f"holds {read.reported} items, but none was read")
        return read

    def _unexpected(self, request: HttpRequest, what: str) -> UnexpectedResponse:
        name = self._engine.info.name
        return UnexpectedResponse(f"{name}: the answer to {request.full_url()} {what}; it is kept.", source=name)

    async def _page(
        self, request: HttpRequest, query: Query, cursor: Cursor | None, outcome: SearchOutcome
    ) -> SearchPage:
        """The kept page, read; or a new one: sent, kept and read; waits and retries as the engine asks.

        An answer that cannot be read is as good as none (a captive portal's page, a body cut short): it is asked for
        again, and the last one stays as evidence, where a repaired adapter finds it. It does not count as answered.
        """
        key = request.full_url()
        kept = self._pages.page(key)
        if kept is not None:
            with contextlib.suppress(_Unreadable):
                return self._read(kept, query, cursor, request)
        error: Unreachable | RateLimited | UnexpectedResponse
        for attempt in range(1, self._config.attempts + 1):
            is_last = attempt == self._config.attempts
            try:
                answer, failure = await self._ask(request, outcome)
            except Unreachable as unreachable:
                error = unreachable
                if not is_last:
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
            self._pages.keep_page(key, page)  # before it is read: whatever reading does, the quota is not spent twice
            try:
                return self._read(page, query, cursor, request)
            except _Unreadable as unreadable:
                error = self._unexpected(request, str(unreadable))
                if not is_last:
                    await asyncio.sleep(backoff_s(attempt, self._rng))
        raise error

    async def _ask(self, request: HttpRequest, outcome: SearchOutcome) -> tuple[HttpAnswer, SourceError | None]:
        """One request in its turn, and what its answer stands for."""
        name = self._engine.info.name
        if self._pace.wait_s > LONGEST_WAIT_S:
            minutes = self._pace.wait_s / 60
            raise RateLimited(
                f"{name} asked for a pause of {minutes:.0f} minutes.", source=name, retry_after_s=self._pace.wait_s
            )
        async with self._pace.turn():
            outcome.requests += 1
            answer = await self._send(request)
        failure = self._engine.failure(answer)
        if answer.status >= 500 and not isinstance(failure, RateLimited):
            # whatever the adapter thinks: the server's own trouble says nothing about the query
            return answer, RateLimited(f"{name} answered {answer.status}.", source=name)
        return answer, failure


class _Unreadable(Exception):
    """An answer without the documented form."""
