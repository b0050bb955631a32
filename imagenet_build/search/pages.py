"""One page at a time from one engine: kept already, or sent, kept and read; waits and retries as the engine asks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from imagenet_build.config.models import SearchConfig
from imagenet_build.errors import (
    EngineRefused,
    NotKept,
    RateLimited,
    SourceError,
    UnexpectedResponse,
    Unreachable,
)
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import LONGEST_WAIT_S, Pace
from imagenet_build.network.retry import backoff_s
from imagenet_build.records import Query
from imagenet_build.search.engine import Cursor, Engine, SearchPage
from imagenet_build.storage.page_store import KeptPage, PageStore

Transport = Callable[[HttpRequest], Awaitable[HttpAnswer]]
"""Sends one request; raises Unreachable when there is no answer."""

DAY_S = 24 * 3600.0
MONTH_S = 30 * DAY_S
LEAST_PAUSE_S = 1.0


@dataclass(slots=True)
class Tally:
    """Counts the requests really sent on behalf of one synset."""

    requests: int = 0


class PageSource:
    """An engine's pages during one session. Several may be asked for at once; the same page is never sent for twice."""

    def __init__(
        self,
        engine: Engine,
        transport: Transport | None,
        pages: PageStore,
        pace: Pace,
        config: SearchConfig,
        rng: random.Random,
        quotas: Sequence[tuple[int, float]] = (),
    ) -> None:
        """What one engine's session needs.

        Args:
            engine: the adapter.
            transport: None: only kept pages are read, nothing is sent.
            pages: where pages are kept and requests counted.
            pace: of the engine's lane.
            config: attempts.
            rng: for backing off.
            quotas: (requests, seconds): so many in any window of so many seconds.
        """
        self._engine = engine
        self._send = transport
        self._pages = pages
        self._pace = pace
        self._config = config
        self._rng = rng
        self._quotas = tuple(quotas)
        self._stopped = False
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By page key; a lock lives as long as somebody holds it or waits for it."""

    def stop(self) -> None:
        """Send nothing more in this session, not even for searches that are under way; kept pages are still read."""
        self._stopped = True

    async def page(self, request: HttpRequest, query: Query, cursor: Cursor | None, tally: Tally) -> SearchPage:
        """The kept page, read; or a new one: sent, kept and read.

        An answer that cannot be read is as good as none (a captive portal's page, a body cut short): it is asked for
        again, and the last one stays as evidence, where a repaired adapter finds it. It does not count as answered.

        Raises:
            QueryRefused: that is what the page says.
            Unreachable, RateLimited: no readable answer after all attempts, or the engine wants a longer pause.
            EngineRefused, UnexpectedResponse: the engine must not be asked further in this run.
            NotKept: the page is not kept and nothing may be sent.
        """
        key = request.page_key()
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:  # two synsets may share a query: the second reads what the first was answered
            kept = self._pages.page(key)
            if kept is not None:
                with contextlib.suppress(_Unreadable):
                    return self._read(kept, query, cursor, request)
            if self._send is None:
                if kept is not None:
                    raise self._unexpected(request, "cannot be read")
                raise NotKept(f"{key} was never answered", source=self._engine.info.name)
            return await self._new_page(request, query, cursor, self._send, tally)

    async def _new_page(
        self, request: HttpRequest, query: Query, cursor: Cursor | None, send: Transport, tally: Tally
    ) -> SearchPage:
        error: Unreachable | RateLimited | UnexpectedResponse
        for attempt in range(1, self._config.attempts + 1):
            is_last = attempt == self._config.attempts
            try:
                answer, failure = await self._ask(request, send, tally)
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
            if isinstance(failure, Unreachable):
                error = failure
                if not is_last:
                    await asyncio.sleep(backoff_s(attempt, self._rng))
                continue
            if isinstance(failure, EngineRefused):
                raise failure
            page = KeptPage(answer.status, answer.body)
            # kept before it is read: whatever reading does, the quota is not spent twice
            self._pages.keep_page(request.page_key(), page)
            try:
                return self._read(page, query, cursor, request)
            except _Unreadable as unreadable:
                error = self._unexpected(request, str(unreadable))
                if not is_last:
                    await asyncio.sleep(backoff_s(attempt, self._rng))
        raise error

    def _read(self, page: KeptPage, query: Query, cursor: Cursor | None, request: HttpRequest) -> SearchPage:
        """Parse an answered page.

        Raises:
            QueryRefused: that is what the page says.
            _Unreadable: it does not have the form that the adapter knows.
            UnexpectedResponse: it has, but the adapter reads nothing from a page with items: it is broken.
        """
        failure = self._engine.failure(HttpAnswer(page.status, {}, page.body))
        if isinstance(failure, Unreachable):
            raise _Unreadable(str(failure)) from failure
        if failure is not None:
            raise failure
        try:
            read = self._engine.parse(page.body, query, cursor)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _Unreadable(f"cannot be read ({type(error).__name__}: {error})") from error
        if read.reported and not read.hits and not read.refused:
            raise self._unexpected(request, f"holds {read.reported} items, but none was read")
        return read

    def _unexpected(self, request: HttpRequest, what: str) -> UnexpectedResponse:
        name = self._engine.info.name
        return UnexpectedResponse(f"{name}: the answer to {request.full_url()} {what}; it is kept.", source=name)

    async def _ask(self, request: HttpRequest, send: Transport, tally: Tally) -> tuple[HttpAnswer, SourceError | None]:
        """One request in its turn, and what its answer stands for."""
        name = self._engine.info.name
        answer: HttpAnswer | None = None
        while answer is None:
            self._mind_quota()
            if self._pace.wait_s > LONGEST_WAIT_S:
                minutes = self._pace.wait_s / 60
                raise RateLimited(
                    f"{name} may be asked again in {minutes:.0f} minutes.", source=name, retry_after_s=self._pace.wait_s
                )
            async with self._pace.turn():
                if self._stopped:
                    raise EngineRefused(f"{name} was stopped before this request's turn.", source=name)
                if self._mind_quota():  # others have used it up while this request waited
                    continue
                tally.requests += 1
                if self._quotas:
                    self._pages.count_request()
                answer = await send(request)
        failure = self._engine.failure(answer)
        if answer.status >= 500 and not isinstance(failure, RateLimited):
            # whatever the adapter thinks: the server's own trouble says nothing about the query
            return answer, RateLimited(f"{name} answered {answer.status}.", source=name)
        return answer, failure

    def _mind_quota(self) -> bool:
        """Whether a quota is spent; then the engine is parked until the window's oldest request is old enough."""
        is_spent = False
        for quota, window_s in self._quotas:
            free_at = self._pages.nth_newest_request(quota)
            if free_at is not None and free_at + window_s > time.time():
                self._pace.park(max(LEAST_PAUSE_S, free_at + window_s - time.time()))
                is_spent = True
        return is_spent


class _Unreadable(Exception):
    """An answer without the documented form."""
