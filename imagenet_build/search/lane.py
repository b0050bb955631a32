"""One engine during a session: its pace, its pages, its keys, and whether it was stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from imagenet_build.config.models import EngineConfig, SearchConfig
from imagenet_build.contracts import UnitResult, WorkUnit
from imagenet_build.errors import EngineRefused, RateLimited, SourceError, UnexpectedResponse
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Query
from imagenet_build.search.crawl import EngineCrawler, SearchOutcome
from imagenet_build.search.engine import Engine, EngineInfo, SynsetFacts
from imagenet_build.search.known_yields import KnownYields, slot_of
from imagenet_build.search.pages import DAY_S, MONTH_S, PageSource, Transport
from imagenet_build.search.registry import is_local
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.schemas import HITS, SEARCH_REJECTIONS

FAILURES_IN_A_ROW = 3
"""So many synsets without an answer in a row, and the engine is left alone until the next run."""
REFUSALS_IN_A_ROW = 50
"""So many synsets whose every query was refused: the engine does not work any more, it only says so politely."""


def lane_of(info: EngineInfo, wnid: str) -> str:
    """The executor's lane of one synset at one engine: as many as the engine takes requests at once.

    They share the engine's `EngineLane`, which keeps pace and quota for all of them together.
    """
    return info.name if info.concurrency == 1 else f"{info.name}#{slot_of(wnid, info.concurrency)}"


class EngineLane:
    """Runs the units of one engine, those of one slot one after the other, in the order of their synsets' ids."""

    def __init__(
        self,
        engine: Engine,
        config: EngineConfig,
        search: SearchConfig,
        transport: Transport | None,
        pages: PageStore,
    ) -> None:
        """`transport` None: only kept pages are read."""
        self._engine = engine
        self._pages = pages
        self._pace = pace_of(engine, config, pages)
        rng = random.Random(config.name)
        self._source = PageSource(engine, transport, pages, self._pace, search, rng, quotas_of(engine, config))
        self._crawler = EngineCrawler(engine, self._source, search)
        self._known = KnownYields(pages, engine.info.concurrency)
        self._stopped = ""
        self._failures = 0
        self._refusals = 0

    async def run_unit(self, unit: WorkUnit, queries: Sequence[Query], synset: SynsetFacts) -> UnitResult:
        """Search one synset. Never raises for what the engine or the network does: it becomes the unit's problem."""
        if self._stopped:
            return UnitResult(unit, problem=self._stopped)
        name = self._engine.info.name
        asked = [query for query in queries if not self._engine.skips(query, synset)]
        try:
            outcome = await self._crawler.search(asked, self._known.before(synset.wnid))
        except (EngineRefused, UnexpectedResponse) as error:
            return UnitResult(unit, problem=self._stop(f"{name} stopped: {error}"))
        except RateLimited as error:
            if self._pace.wait_s > 0:
                self._stop(f"{name} is parked: {error}")
            return UnitResult(unit, problem=self._failed(str(error)))
        except SourceError as error:
            return UnitResult(unit, problem=self._failed(str(error)))
        self._failures = 0
        self._refusals = self._refusals + 1 if outcome.queries_refused and not outcome.queries_answered else 0
        if self._refusals >= REFUSALS_IN_A_ROW:
            said = f"{name} stopped: it refused every query of {self._refusals} synsets in a row."
            return UnitResult(unit, problem=self._stop(said))
        yields = {kind: (brought.requests, brought.new_urls) for kind, brought in outcome.yields.items()}
        self._pages.keep_hits(synset.wnid, *as_tables(synset.wnid, name, outcome), yields)
        counts = {
            "queries": len(asked),
            "queries_skipped": len(queries) - len(asked),
            "requests": outcome.requests,
            "hits": len(outcome.hits),
            "refused": len(outcome.refused),
            "queries_refused": outcome.queries_refused,
            "slices": outcome.slices,
        }
        return UnitResult(unit, counts)

    def _stop(self, why: str) -> str:
        """Leave the engine alone; gives the reason, which is the first one."""
        self._stopped = self._stopped or why
        self._source.stop()
        return self._stopped

    def _failed(self, message: str) -> str:
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            name = self._engine.info.name
            return self._stop(f"{name} stopped after {self._failures} failures in a row: {message}")
        return self._stopped or message


def quotas_of(engine: Engine, config: EngineConfig) -> list[tuple[int, float]]:
    """(requests, window in seconds) that the engine allows; a service on this machine has none of its own."""
    if is_local(config):
        return []
    windows = ((engine.info.quota_per_day, DAY_S), (engine.info.quota_per_month, MONTH_S))
    return [(quota, window_s) for quota, window_s in windows if quota is not None]


def pace_of(engine: Engine, config: EngineConfig, pages: PageStore) -> Pace:
    """The engine's own pace unless the configuration sets another; a pause it asked for outlives the process."""
    delay = config.min_delay_s if config.min_delay_s is not None else engine.info.min_delay_s
    return Pace(delay, engine.info.concurrency, not_before=pages.not_before(), on_park=pages.park)


def as_tables(wnid: str, engine: str, outcome: SearchOutcome) -> tuple[pa.Table, pa.Table]:
    """The outcome as tables of HITS and SEARCH_REJECTIONS."""
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
            "preview_url": found.hit.preview_url or None,
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
    try:
        return pa.Table.from_pylist(rows, schema)
    except UnicodeEncodeError:
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str):
                    row[name] = value.encode("utf-8", "replace").decode("utf-8")
        return pa.Table.from_pylist(rows, schema)
