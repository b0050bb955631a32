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


def _queries_of(table: pa.Table) -> list[Query]:
    return [
        Query(row["wnid"], row["text"], row["language"], Origin(row["origin"]), row["position"], row["ambiguity"])
        for row in table.to_pylist()
    ]
