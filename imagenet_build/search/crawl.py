"""Queries x pages x slices for one engine and one synset, until it has enough: which page to ask for next.

What comes out depends only on the answers: a page already kept is read, not asked for again, so a resumed crawl walks
the same way as an undisturbed one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from imagenet_build.config.models import SearchConfig
from imagenet_build.errors import NotKept, QueryRefused, UnexpectedResponse
from imagenet_build.records import Hit, Query, Rejection, RejectReason
from imagenet_build.search.canonical_url import canonical_key, fetch_url
from imagenet_build.search.engine import Cursor, Engine, RefusedItem, SearchPage
from imagenet_build.search.pages import PageSource, Tally
from imagenet_build.search.yields import LATER_PAGES, Kind, Yield, expected_first


@dataclass(frozen=True, slots=True)
class FoundHit:
    """A hit with the address to fetch and the key that names the picture's address."""

    hit: Hit
    url: str
    url_key: str


@dataclass(slots=True)
class SearchOutcome(Tally):
    """What one synset got from one engine; pages that were kept already are no requests."""

    hits: list[FoundHit] = field(default_factory=list)
    refused: list[tuple[Query, RefusedItem]] = field(default_factory=list)
    queries_refused: int = 0
    """Queries that the engine would not answer to their end."""
    queries_answered: int = 0
    """Queries with at least one readable page."""
    slices: int = 0
    """Parts that capped queries were divided into."""
    yields: dict[Kind, Yield] = field(default_factory=dict)
    """What the first pages of each kind of query brought."""


@dataclass(slots=True, eq=False)
class _Walk:
    """One query, or one slice of it, page after page."""

    query: Query
    order: int
    start: Cursor | None
    cursor: Cursor | None
    expected: float
    """New addresses that its next page may bring."""
    pages: int = 0


@dataclass(slots=True, eq=False)
class _Taken:
    """What a query has, over all its slices."""

    keys: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Ids of items that are no usable hit: slices show again what the undivided search has shown."""


class EngineCrawler:
    """Searches one engine."""

    def __init__(self, engine: Engine, source: PageSource, config: SearchConfig) -> None:
        self._engine = engine
        self._source = source
        self._config = config
        self._licenses = frozenset(config.licenses)

    async def search(
        self, queries: Sequence[Query], known: Mapping[Kind, Yield] = MappingProxyType({})
    ) -> SearchOutcome:
        """Ask the queries of one synset until it has `candidates_per_synset` distinct URLs.

        The next request goes where most new addresses are expected; with nothing known, that is the best query first.

        Args:
            queries: best first.
            known: what first pages brought so far, at this engine.
        Raises:
            Unreachable, RateLimited: no readable answer after all attempts, or the engine wants a longer pause.
            EngineRefused, UnexpectedResponse: the engine must not be asked further in this run.
        """
        outcome = SearchOutcome()
        keys: set[str] = set()
        page_size = self._engine.info.page_size
        walks = [
            _Walk(query, order, None, None, expected_first((query.language, query.origin.value), known, page_size))
            for order, query in enumerate(queries)
        ]
        taken = {id(query): _Taken() for query in queries}
        while walks and len(keys) < self._config.candidates_per_synset:
            walk = max(walks, key=lambda open_walk: (open_walk.expected, -open_walk.order))
            walks.remove(walk)
            try:
                walks += await self._step(walk, taken[id(walk.query)], outcome, keys)
            except QueryRefused:
                outcome.queries_refused += 1
            except NotKept:  # reading kept pages only: this one was never answered
                continue
        return outcome

    async def _step(self, walk: _Walk, taken: _Taken, outcome: SearchOutcome, keys: set[str]) -> list[_Walk]:
        """Read one page of a walk; gives what is to be walked on: itself, its slices, or nothing."""
        request = self._engine.request(walk.query, walk.cursor)
        key = request.page_key()
        if key in taken.asked:  # kept pages would lead round in a circle for ever
            name = self._engine.info.name
            raise UnexpectedResponse(f"{name}: {key} leads back to a page read before; it is kept.", source=name)
        taken.asked.add(key)
        page = await self._source.page(request, walk.query, walk.cursor, outcome)
        before = len(keys)
        self._take(page, walk.query, taken, outcome, keys)
        brought = len(keys) - before
        if walk.pages == 0:
            outcome.queries_answered += walk.start is None
            kind = (walk.query.language, walk.query.origin.value)
            outcome.yields[kind] = outcome.yields.get(kind, Yield()).plus(1, brought)
        walk.pages += 1
        if len(taken.keys) >= self._config.max_hits_per_query:
            return []
        if page.next_cursor is not None:
            walk.cursor = page.next_cursor
            if walk.pages == 1 and not page.reported:  # a name was looked up first: slices need not do it again
                walk.start = page.next_cursor
            # a page that only leads on (a name looked up) says nothing of what comes
            walk.expected = max(walk.expected, 1.0) if not page.reported else LATER_PAGES * brought
            return [walk]
        if not page.truncated:
            return []
        parts = self._engine.divide(walk.start)
        outcome.slices += len(parts)
        share = max(float(brought), 1.0) * LATER_PAGES
        return [_Walk(walk.query, walk.order, part, part, share) for part in _distinct(parts)]

    def _take(self, page: SearchPage, query: Query, taken: _Taken, outcome: SearchOutcome, keys: set[str]) -> None:
        for item in page.refused:
            _refuse(item, query, taken, outcome)
        for hit in page.hits:
            if len(taken.keys) >= self._config.max_hits_per_query:
                return
            found = self._checked(hit)
            if isinstance(found, RefusedItem):
                _refuse(found, query, taken, outcome)
            elif found.url_key not in taken.keys:  # an engine may show a picture twice in an answer, and in two slices
                taken.keys.add(found.url_key)
                keys.add(found.url_key)
                outcome.hits.append(found)

    def _checked(self, hit: Hit) -> FoundHit | RefusedItem:
        """A hit with its key, or why it is of no use."""
        if self._licenses and hit.credit.license not in self._licenses:
            detail = f"{hit.credit.license}; search.licenses takes {', '.join(sorted(self._licenses))}"
            return RefusedItem(hit.engine_id, hit.url, Rejection(RejectReason.LICENSE_REFUSED, detail))
        is_web = hit.url.startswith(("https://", "http://"))
        if not is_web and self._engine.info.is_live and urlsplit(hit.url).scheme.lower() == "file":
            # a remote service must never make us read our own disk
            return RefusedItem(
                hit.engine_id, hit.url, Rejection(RejectReason.SCHEME_REFUSED, "file: from a remote engine")
            )
        try:
            return FoundHit(hit, fetch_url(hit.url), canonical_key(hit.url))
        except ValueError as error:
            return RefusedItem(hit.engine_id, hit.url, Rejection(RejectReason.BAD_URL, str(error)))


def _refuse(item: RefusedItem, query: Query, taken: _Taken, outcome: SearchOutcome) -> None:
    """Note an item once per query; of items without an id nobody knows whether they are the same."""
    if item.engine_id and item.engine_id in taken.refused:
        return
    taken.refused.add(item.engine_id)
    outcome.refused.append((query, item))


def _distinct(parts: Collection[Cursor]) -> list[Cursor]:
    """Slices without repetition, in their order."""
    return list({json.dumps(dict(part), sort_keys=True): part for part in parts}.values())
