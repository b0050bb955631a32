"""queries.parquet -> hits.parquet: every engine is a lane; a unit is one synset at one engine."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pyarrow as pa

from imagenet_build.collection.transport import CollectionTransport
from imagenet_build.config.models import EngineConfig
from imagenet_build.contracts import Advance, RunContext, UnitResult, UnitRunner, WorkUnit
from imagenet_build.errors import (
    ConfigError,
    EngineRefused,
    HopRefused,
    RateLimited,
    SourceError,
    TooManyBytes,
    UnexpectedResponse,
    Unreachable,
)
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Origin, Query
from imagenet_build.search.crawl import EngineCrawler, SearchOutcome, Transport
from imagenet_build.search.engine import Engine
from imagenet_build.search.registry import is_local, make_engine
from imagenet_build.storage import tables
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.schemas import HITS, QUERIES, SEARCH_REJECTIONS

FAILURES_IN_A_ROW = 3
"""So many synsets without an answer in a row, and the engine is left alone until the next run."""


class SearchStage:
    """Ask every engine the queries of every synset."""

    name = "search"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per synset and engine; its fingerprint covers the queries and what the engine makes of them."""
        engines = [(config, make_engine(config)) for config in run.config.search.engines]
        limits = f"{run.config.search.candidates_per_synset}/{run.config.search.max_hits_per_query}"
        for wnid, queries in tables.by_synset(run.layout.queries, QUERIES):
            asked = tables.digest(queries)
            first = _queries_of(queries)[0]
            for config, engine in engines:
                start = engine.request(first, None).full_url()  # address, page size, index: all that shapes an answer
                text = f"{asked}/{limits}/{start}"
                fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
                yield WorkUnit(self.name, f"{wnid}/{config.name}", fingerprint, lane=config.name)

    def lanes_at_once(self, run: RunContext) -> int:
        """All engines together."""
        return max(1, len(run.config.search.engines))

    @asynccontextmanager
    async def session(self, run: RunContext, advance: Advance) -> AsyncIterator[UnitRunner]:
        """Open the connections and every engine's page store."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                HttpClient(contact=run.config.network.contact, policy=AddressPolicy(run.config.network.allow_addresses))
            )
            queries = dict(tables.by_synset(run.layout.queries, QUERIES))
            lanes = {}
            for config in run.config.search.engines:
                pages = PageStore(run.layout.pages(config.name))
                stack.callback(pages.close)
                lanes[config.name] = _Lane(run, config, _transport(run, config, client, stack), pages)

            async def run_unit(unit: WorkUnit) -> UnitResult:
                wnid, _, engine = unit.key.partition("/")
                try:
                    return await lanes[engine].run_unit(unit, _queries_of(queries[wnid]))
                finally:
                    advance(1)

            yield run_unit

    def finish(self, run: RunContext) -> None:
        """Publish all hits, ordered by synset, query, engine and rank; and what was refused."""
        order = {config.name: place for place, config in enumerate(run.config.search.engines)}
        wanted = {wnid for wnid, _ in tables.by_synset(run.layout.queries, QUERIES, ["wnid"])}
        stores = [PageStore(run.layout.pages(name)) for name in order]
        try:
            for path, schema, which in (
                (run.layout.hits, HITS, 0),
                (run.layout.search_rejections, SEARCH_REJECTIONS, 1),
            ):
                tables.write_rows(path, schema, _merged(stores, wanted, which, order))
        finally:
            for store in stores:
                store.close()


def _merged(stores: list[PageStore], wanted: set[str], which: int, order: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Rows of all engines, one synset in memory at a time."""
    last = ""
    for wnid in heapq.merge(*(store.wnids() for store in stores)):
        if wnid == last or wnid not in wanted:
            continue
        last = wnid
        rows: list[dict[str, Any]] = []
        for store in stores:
            found = store.hits(wnid)
            if found is not None:
                rows.extend(found[which].to_pylist())
        if which == 0:
            rows.sort(key=lambda row: (row["position"], order[row["engine"]], row["rank"]))
        yield from rows


class _Lane:
    """One engine during a session: its crawler, and whether it was stopped."""

    def __init__(self, run: RunContext, config: EngineConfig, transport: Transport, pages: PageStore) -> None:
        self._engine = make_engine(config)
        self._pages = pages
        self._pace = pace_of(self._engine, config, pages)
        self._crawler = EngineCrawler(
            self._engine, transport, pages, self._pace, run.config.search, random.Random(config.name)
        )
        self._stopped = ""
        self._failures = 0

    async def run_unit(self, unit: WorkUnit, queries: list[Query]) -> UnitResult:
        if self._stopped:
            return UnitResult(unit, problem=self._stopped)
        try:
            outcome = await self._crawler.search(queries)
        except (EngineRefused, UnexpectedResponse) as error:
            self._stopped = f"{self._engine.info.name} stopped: {error}"
            return UnitResult(unit, problem=self._stopped)
        except RateLimited as error:
            if self._pace.wait_s > 0:
                self._stopped = f"{self._engine.info.name} is parked: {error}"
            return UnitResult(unit, problem=self._failed(str(error)))
        except SourceError as error:
            return UnitResult(unit, problem=self._failed(str(error)))
        self._failures = 0
        wnid = queries[0].wnid
        self._pages.keep_hits(wnid, *_as_tables(wnid, self._engine.info.name, outcome))
        counts = {
            "queries": len(queries),
            "requests": outcome.requests,
            "hits": len(outcome.hits),
            "refused": len(outcome.refused),
            "queries_refused": outcome.queries_refused,
        }
        return UnitResult(unit, counts)

    def _failed(self, message: str) -> str:
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW and not self._stopped:
            self._stopped = f"{self._engine.info.name} stopped after {self._failures} failures in a row: {message}"
        return self._stopped or message


def pace_of(engine: Engine, config: EngineConfig, pages: PageStore) -> Pace:
    """The engine's own pace unless the configuration sets another; a pause it asked for outlives the process."""
    delay = config.min_delay_s if config.min_delay_s is not None else engine.info.min_delay_s
    return Pace(delay, not_before=pages.not_before(), on_park=pages.park)


def check_engines(run: RunContext) -> None:
    """What can be known wrong before the first request.

    Raises:
        ConfigError: no engine, an unknown one, one twice, or a live one without an operator's contact.
    """
    names = [config.name for config in run.config.search.engines]
    if not names:
        raise ConfigError(
            "No engine is configured.", remedy="Name one: --engine openverse, or search.engines in the configuration."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"search.engines names {', '.join(twice)} more than once.")
    for config in run.config.search.engines:
        engine = make_engine(config)
        if engine.info.is_live and not is_local(config) and not run.config.network.contact:
            raise ConfigError(
                f"{config.name} is a live service: it must be able to reach whoever runs this crawl.",
                remedy="Set network.contact, --contact or IMAGENET_BUILD_CONTACT to your mail address or web page.",
            )


def _transport(run: RunContext, config: EngineConfig, client: HttpClient, stack: AsyncExitStack) -> Transport:
    """How an engine's requests are sent: over HTTP, or to an index on this disk."""
    if config.index is not None:
        local = CollectionTransport(config.index)
        stack.callback(local.close)
        return local.answer

    async def send(request: HttpRequest) -> HttpAnswer:
        try:
            return await client.get(
                request.full_url(),
                headers=request.headers,
                timeout_s=run.config.search.timeout_s,
                max_bytes=run.config.search.max_page_bytes,
            )
        except (HopRefused, TooManyBytes) as error:
            raise EngineRefused(str(error), source=config.name) from None
        except SourceError as error:
            raise error if isinstance(error, Unreachable) else EngineRefused(str(error), source=config.name) from None

    return send


def _queries_of(table: pa.Table) -> list[Query]:
    return [
        Query(row["wnid"], row["text"], row["language"], Origin(row["origin"]), row["position"], row["ambiguity"])
        for row in table.to_pylist()
    ]


def _as_tables(wnid: str, engine: str, outcome: SearchOutcome) -> tuple[pa.Table, pa.Table]:
    hits = [
        {
            "wnid": wnid,
            "engine": engine,
            "query": found.hit.query.text,
            "language": found.hit.query.language,
            "origin": found.hit.query.origin.value,
            "position": found.hit.query.position,
            "rank": found.hit.rank,
            "url": found.url,
            "url_key": found.url_key,
            "engine_id": found.hit.engine_id,
            "width": found.hit.width,
            "height": found.hit.height,
            "page_url": found.hit.credit.page_url,
            "license": found.hit.credit.license,
            "license_version": found.hit.credit.license_version,
            "license_url": found.hit.credit.license_url,
            "creator": found.hit.credit.creator,
            "creator_url": found.hit.credit.creator_url,
            "title": found.hit.credit.title,
        }
        for found in outcome.hits
    ]
    refused = [
        {
            "wnid": wnid,
            "engine": engine,
            "query": query.text,
            "language": query.language,
            "engine_id": item.engine_id,
            "url": item.url,
            "reason": item.rejection.reason.value,
            "detail": item.rejection.detail,
        }
        for query, item in outcome.refused
    ]
    return _table(hits, HITS), _table(refused, SEARCH_REJECTIONS)


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark."""
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and not value.isascii():
                row[name] = value.encode("utf-8", "replace").decode("utf-8")
    return pa.Table.from_pylist(rows, schema)
