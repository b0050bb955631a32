"""Pure: how many requests a search will take, and how many addresses it will bring, before any is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from imagenet_build.config.models import SearchConfig
from imagenet_build.records import Origin, Query
from imagenet_build.search.assumed_yields import (
    ANSWER_S,
    HABITS,
    HIGH,
    LOW,
    MEASURED_HIGH,
    MEASURED_LOW,
    RETRIED,
    Assumed,
    Habit,
    assumed,
)
from imagenet_build.search.engine import Engine, EngineInfo, SynsetFacts

DAY_S = 86_400.0
DAYS_OF_MONTH = 30.0
"""EngineInfo counts a monthly quota in any 30 days."""

Kind = tuple[Origin, str]
"""A query's origin and its language (ISO 639-3)."""
Asked = tuple[tuple[Kind, int], ...]
"""The queries of one synset at one engine in their order: runs of one kind, with their lengths."""


@dataclass(frozen=True, slots=True)
class Span:
    """An estimate with its bounds."""

    low: float
    expected: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> Span:
        """From three scenarios, the expected one in the middle: the bounds are the lowest and the highest of them."""
        values = tuple(values)
        return Span(min(values), values[1], max(values))

    def map(self, change: Callable[[float], float]) -> Span:
        """The same change to all three."""
        return Span(change(self.low), change(self.expected), change(self.high))


@dataclass(frozen=True, slots=True)
class Measured:
    """What the queries of one kind brought at one engine in a finished run."""

    queries: int
    """Queries asked, at least 1."""
    requests: int
    """Requests sent for them, retries not counted."""
    new: int
    """Distinct addresses that no earlier query of their synset had brought from this engine."""


@dataclass(slots=True)
class EngineLoad:
    """What one engine will be asked."""

    engine: Engine
    min_delay_s: float
    """Seconds between two requests, as configured."""
    asked: Counter[Asked] = field(default_factory=Counter)
    """Synsets with the same queries, as far as an estimate can tell -> how many."""
    queries: int = 0
    """Queries that it would take."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason -> queries that it would not be asked."""

    @property
    def info(self) -> EngineInfo:
        """Facts about the engine."""
        return self.engine.info

    def add(self, queries: Iterable[Query], facts: SynsetFacts) -> None:
        """Count the queries of one synset, best first."""
        kinds: list[Kind] = []
        for query in queries:
            reason = self.engine.skips(query, facts)
            if reason:
                self.skipped[reason] += 1
            else:
                kinds.append((query.origin, query.language))
        if kinds:
            self.queries += len(kinds)
            self.asked[tuple([(kind, len(list(run))) for kind, run in groupby(kinds)])] += 1


@dataclass(frozen=True, slots=True)
class EngineEstimate:
    """What asking one engine comes to."""

    name: str
    queries: int
    skipped: Mapping[str, int]
    requests: Span
    days: Span
    """At its pace and within its quotas."""
    addresses: Span
    """Distinct addresses per synset, summed over the synsets."""


@dataclass(frozen=True, slots=True)
class _Yield:
    """Of one query, on average."""

    requests: float
    new: float


def estimate_engine(
    load: EngineLoad, config: SearchConfig, measured: Mapping[tuple[str, Origin, str], Measured] | None = None
) -> EngineEstimate:
    """Walk all synsets as the crawler does: best queries first, until a synset has enough addresses.

    How many hits single queries have is taken to vary as an exponential distribution does: many with few, few with
    many. That is what makes the mean number of pages differ from the pages of the mean.

    Args:
        load: what it is asked.
        config: where queries and synsets end.
        measured: (engine, origin, language) -> yields of a finished run, in place of the assumed ones where given.
            They must come from a run with the same limits and page sizes.
    """
    requests: list[float] = []
    addresses: list[float] = []
    for place in range(3):
        yields: dict[Kind, _Yield] = {}
        sent = brought = 0.0
        for asked, synsets in load.asked.items():
            for kind, _ in asked:
                if kind not in yields:
                    yields[kind] = _yield(load, kind, config, measured or {}, place)
            one_sent, one_brought = _walk(asked, yields, config.candidates_per_synset)
            sent += one_sent * synsets
            brought += one_brought * synsets
        requests.append(sent)
        addresses.append(brought)
    sent_span = Span.of(requests)
    sent_span = Span(sent_span.low, sent_span.expected, sent_span.high * (1 + RETRIED))
    return EngineEstimate(
        load.info.name,
        load.queries,
        dict(load.skipped),
        sent_span,
        sent_span.map(lambda count: days_for(count, load.info, load.min_delay_s)),
        Span.of(addresses),
    )


def days_for(requests: float, info: EngineInfo, min_delay_s: float) -> float:
    """Days that so many requests take at an engine's pace, no quota used up before.

    A quota's first share may be spent at once, each further one only when the last window is over.
    """
    answer_s = ANSWER_S if info.is_live else ANSWER_S / 100
    pace_days = max(min_delay_s, answer_s / info.concurrency) / DAY_S
    days = requests * pace_days
    for quota, window_days in ((info.quota_per_day, 1.0), (info.quota_per_month, DAYS_OF_MONTH)):
        if quota is not None and requests > 0:
            full = math.ceil(requests / quota) - 1
            days = max(days, full * window_days + (requests - full * quota) * pace_days)
    return days


def _walk(asked: Asked, yields: Mapping[Kind, _Yield], enough: int) -> tuple[float, float]:
    """(requests, distinct addresses) of one synset; the crawler goes where a request brings most."""
    sent = brought = 0.0
    for kind, count in sorted(asked, key=lambda run: -yields[run[0]].new / yields[run[0]].requests):
        one = yields[kind]
        wanted = min(float(count), (enough - brought) / one.new) if one.new > 0 else float(count)
        sent += wanted * one.requests
        brought += wanted * one.new
        if wanted < count:
            break
    return sent, brought


def _yield(
    load: EngineLoad,
    kind: Kind,
    config: SearchConfig,
    measured: Mapping[tuple[str, Origin, str], Measured],
    place: int,
) -> _Yield:
    """Of one query of a kind, in the low, the expected or the high scenario (`place` 0 to 2)."""
    origin, language = kind
    seen = measured.get((load.info.name, origin, language))
    if seen is not None and seen.queries > 0:
        factor = (MEASURED_LOW, 1.0, MEASURED_HIGH)[place]
        return _Yield(max(1.0, factor * seen.requests / seen.queries), factor * seen.new / seen.queries)
    guess = assumed(load.info.name, origin, language)
    return _guessed(load, Assumed((LOW, 1.0, HIGH)[place] * guess.hits, guess.new), config)


def _guessed(load: EngineLoad, guess: Assumed, config: SearchConfig) -> _Yield:
    info = load.info
    habit = HABITS.get(info.name, Habit())
    size = max(1, info.page_size)
    depth = config.max_hits_per_query if info.depth is None else min(info.depth, config.max_hits_per_query)
    pages = _mean_pages(guess.hits, size, math.ceil(depth / size))
    found = _mean_up_to(guess.hits, depth)
    parts = load.engine.divide(None) if depth < config.max_hits_per_query else ()
    if parts:
        slices, finer = len(parts), max(1, len(load.engine.divide(parts[0])))
        # The parts show again what the undivided search has shown, and each has a last page that is not full.
        truncated = math.exp(-depth / guess.hits)
        further = _mean_up_to(guess.hits, min(config.max_hits_per_query, depth * slices * finer)) - found
        pages += truncated * slices / 2 + (truncated * depth + further) / size
        found += further
    return _Yield(habit.first + pages * habit.per_page, found * guess.new)


def _mean_up_to(mean: float, most: float) -> float:
    """Mean of min(hits, most), hits being exponentially distributed."""
    return mean * -math.expm1(-most / mean)


def _mean_pages(mean: float, size: int, most: int) -> float:
    """Mean number of pages: one, and one more for each that is full, `most` at most."""
    return math.expm1(-most * size / mean) / math.expm1(-size / mean)


def add_to_all(loads: Sequence[EngineLoad], queries: Sequence[Query], facts: SynsetFacts) -> None:
    """Count the queries of one synset at every engine."""
    for load in loads:
        load.add(queries, facts)
