"""Pure: what comes after the search, from how much it will bring: pictures, bytes, hours of download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagenet_build.config.models import DownloadConfig
from imagenet_build.search.assumed_yields import (
    DISTINCT,
    FETCH_S,
    FETCHED,
    HABITS,
    LINE_BYTES_PER_S,
    OVERLAP,
    PICTURE_BYTES,
    SHARED,
    Habit,
)
from imagenet_build.search.estimate import EngineEstimate, Span

HOUR_S = 3600.0
GB = 1e9


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole build comes to."""

    synsets: int
    queries: int
    """Queries of all synsets; each engine takes its part of them."""
    requests: Span
    days: Span
    """Until the slowest engine is done; all are asked at the same time."""
    slowest_engine: str
    candidates: Span
    """Distinct addresses per synset, summed over the synsets."""
    images: Span
    """Distinct pictures per synset after download, summed: what people judge."""
    gigabytes: Span
    """Of 10^9 bytes; the tables beside them are small. 0 where nothing is downloaded."""
    download_hours: Span
    slowest_host: str


def estimate_totals(synsets: int, queries: int, engines: Sequence[EngineEstimate], config: DownloadConfig) -> Totals:
    """Add up what the engines bring.

    Args:
        synsets: how many are built.
        queries: how many texts they have.
        engines: the estimate of each engine.
        config: whether and how politely pictures are fetched.
    """
    low, expected, high = (_Scenario(place, engines, config) for place in ("low", "expected", "high"))
    three = (low, expected, high)
    slowest = max(engines, key=lambda engine: engine.days.expected, default=None)
    return Totals(
        synsets=synsets,
        queries=queries,
        requests=Span(*(sum(getattr(engine.requests, one.place) for engine in engines) for one in three)),
        days=Span(*(max((getattr(engine.days, one.place) for engine in engines), default=0.0) for one in three)),
        slowest_engine=slowest.name if slowest else "",
        candidates=Span(*(one.candidates for one in three)),
        images=Span(*(one.images for one in three)),
        gigabytes=Span(*(one.bytes / GB for one in three)),
        download_hours=Span(*(one.hours for one in three)),
        slowest_host=expected.slowest_host,
    )


class _Scenario:
    """One of low, expected and high."""

    def __init__(self, place: str, engines: Sequence[EngineEstimate], config: DownloadConfig) -> None:
        self.place = place
        brought: dict[str, float] = {engine.name: getattr(engine.addresses, place) for engine in engines}
        total = sum(brought.values())
        largest = max(brought.values(), default=0.0)
        self.candidates = largest + (1 - OVERLAP) * (total - largest)
        self.images = self.candidates * FETCHED * DISTINCT
        addresses = self.candidates * (1 - SHARED) if config.enabled else 0.0
        self.bytes = addresses * FETCHED * PICTURE_BYTES
        hosts: dict[str, float] = {}
        for name, count in brought.items():
            for host, share in HABITS.get(name, Habit()).hosts:
                hosts[host] = hosts.get(host, 0.0) + share * count * addresses / total if total else 0.0
        hours = {"the line": self.bytes / LINE_BYTES_PER_S / HOUR_S}
        hours["all hosts together"] = addresses * FETCH_S / config.hosts_at_once / HOUR_S
        for host, count in hosts.items():
            rule = config.hosts.get(host, config.default_host)
            hours[host] = count * max(rule.min_delay_s, FETCH_S / rule.concurrency) / HOUR_S
        self.slowest_host = max(hours, key=hours.__getitem__)
        self.hours = hours[self.slowest_host]
