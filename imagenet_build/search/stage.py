"""queries.parquet -> hits.parquet: every engine is a lane, or some; a unit is one synset at one engine."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pyarrow as pa

from imagenet_build.contracts import Advance, Crew, Exchange, RunContext, UnitResult, UnitRunner, WorkUnit
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.records import Origin, Query
from imagenet_build.search.engine import Engine, SynsetFacts
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.lane import EngineLane, lane_of
from imagenet_build.search.registry import make_engine
from imagenet_build.search.transport import transport_for
from imagenet_build.storage import tables
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.schemas import HITS, QUERIES, SEARCH_REJECTIONS, SYNSETS


class SearchStage:
    """Ask every engine the queries of every synset."""

    name = "search"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per synset and engine; its fingerprint covers the queries and what the engine makes of them."""
        search = run.config.search
        engines = _engines(run)
        limits = f"{search.candidates_per_synset}/{search.max_hits_per_query}/{','.join(sorted(search.licenses))}"
        for wnid, queries in tables.by_synset(run.layout.queries, QUERIES):
            asked = tables.digest(queries)
            first = _queries_of(queries)[0]
            for engine in engines:
                text = f"{asked}/{limits}/{_shape(engine, first)}"
                fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
                yield WorkUnit(self.name, f"{wnid}/{engine.info.name}", fingerprint, lane=lane_of(engine.info, wnid))

    def lanes_at_once(self, run: RunContext) -> int:
        """All engines together, each with as many synsets as it takes requests at once."""
        return max(1, sum(engine.info.concurrency for engine in _engines(run)))

    @asynccontextmanager
    async def session(self, run: RunContext, advance: Advance, crew: Crew | None = None) -> AsyncIterator[UnitRunner]:
        """Open the connections and every engine's page store.

        A crew has nothing to do here: an engine's pace is for all of us together, and one process asks a hundred times
        faster than all engines allow.
        """
        del crew
        search = run.config.search
        queries = dict(tables.by_synset(run.layout.queries, QUERIES))
        synsets = tables.read(run.layout.synsets, SYNSETS, columns=["wnid", "is_organism"]).to_pylist()
        facts = {row["wnid"]: SynsetFacts(row["wnid"], row["is_organism"]) for row in synsets}
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                HttpClient(contact=run.config.network.contact, policy=AddressPolicy(run.config.network.allow_addresses))
            )
            lanes = {}
            for config, engine in zip(search.engines, _engines(run), strict=True):
                pages = PageStore(run.layout.pages(config.name))
                stack.callback(pages.close)
                keys = keys_at_hand(engine.info.keys, search.keys_file)
                transport = None
                if config.name not in run.offline_engines:
                    transport = transport_for(engine, config, search, client, keys, stack)
                lanes[config.name] = EngineLane(engine, config, search, transport, pages)

            async def run_unit(unit: WorkUnit) -> UnitResult:
                wnid, _, engine = unit.key.partition("/")
                try:
                    return await lanes[engine].run_unit(unit, _queries_of(queries[wnid]), facts[wnid])
                finally:
                    advance(1)

            yield run_unit

    def finish(self, run: RunContext, _: Exchange | None = None, /) -> None:
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


def _engines(run: RunContext) -> list[Engine]:
    search = run.config.search
    return [make_engine(config, search.licenses, search.keys_file) for config in search.engines]


def _shape(engine: Engine, query: Query) -> str:
    """All of an adapter that shapes its answers: address, page size, filters, index; and how it reads them."""
    return f"{engine.request(query, None).page_key()}/{engine.info.version}"


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


def _queries_of(table: pa.Table) -> list[Query]:
    return [
        Query(row["wnid"], row["text"], row["language"], Origin(row["origin"]), row["position"], row["ambiguity"])
        for row in table.to_pylist()
    ]
