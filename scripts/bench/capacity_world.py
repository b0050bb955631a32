"""What a capacity model rests on: figures measured on this project's machine, and assumptions, each with its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from imagenet_build.config.models import HostRule
from imagenet_build.search import assumed_yields as yields

HOUR_S = 3600.0
DAY_S = 86_400.0
TAIL = "all other hosts"


@dataclass(frozen=True)
class World:
    """Everything but the engines' answers. CPU seconds are of one hardware thread of an AMD EPYC, both in use."""

    # measured: scripts/bench/README.md says by which script
    cpu_s_per_page: float = 0.0011
    """Crawler, one answered page of 29 kB (`crawl.py`)."""
    cpu_s_per_picture: float = 0.0025
    """Fetch, checks, decode, hashes, shard of one new picture of 110 kB (`download.py`)."""
    cpu_s_per_refusal: float = 0.0006
    """An address that brings no new picture: as one with known bytes (`download.py`)."""
    cpu_s_dedup_10000: float = 6.5
    """One synset of 10,000 pictures that overlap much (`dedup.py speed`)."""
    dedup_exponent: float = 1.28
    """By which that grows with a synset's pictures (`dedup.py speed`)."""
    cpu_s_join_1e7: float = 26.0
    """Conflicts between synsets: close hashes among 10^7 pictures, skewed (`hash_join.py`)."""
    join_exponent: float = 1.10
    """By which that grows (`hash_join.py`)."""
    cpu_s_per_row_published: float = 57e-6
    """images.parquet and rejections.parquet from the queue, in one process (`million.py`)."""
    cpu_s_per_hit_assembled: float = 49e-6
    """Manifests, of a hit (`manifest_scale.py`)."""
    bytes_per_page: float = 6_000.0
    """A kept answer of 29 kB, compressed."""
    bytes_per_picture_row: float = 9_500.0
    """Tiny picture and facts: in the queue, in images.parquet and in the manifest, 2.7 to 3.5 kB each."""
    bytes_per_address_row: float = 350.0
    """Hit, queue and rejection of an address."""

    # assumed by `plan` too (imagenet_build/search/assumed_yields.py)
    fetched: float = yields.FETCHED
    distinct: float = yields.DISTINCT
    shared: float = yields.SHARED
    overlap: float = yields.OVERLAP
    picture_bytes: float = yields.PICTURE_BYTES
    answer_s: float = yields.ANSWER_S
    fetch_s: float = yields.FETCH_S
    retried: float = yields.RETRIED / 2
    """Part of the requests sent again: `plan` takes twice that for a bad day."""

    # the network outside
    host_pace: float = 1.0
    """Factor on the paces of `download.hosts` and `download.default_host`."""
    host_concurrency: float = 1.0
    """Factor on their requests at once."""
    quota: float = 1.0
    """Factor on the engines' quotas."""
    tail_hosts: int = 200_000
    """Hosts of the pictures that no large host has; sizes after Zipf, exponent 1."""
    rests_per_day: float = 0.2
    """Times a day that a busy host answers 429 or 503 and is left in peace."""
    rest_s: float = 3600.0
    """For how long, each time."""
    engine_faults_per_day: float = 0.05
    """Times a day that an engine is away."""
    engine_fault_s: float = 14_400.0

    # the machines
    workers: int = 1
    threads: int = 2
    """Hardware threads per worker."""
    line_bytes_per_s: float = yields.LINE_BYTES_PER_S
    """Per worker: 100 Mbit/s."""
    line_used: float = 0.7
    """Part of the line that can be filled for days."""
    executor: float = 0.85
    """Throughput of a cluster's workers, of that of as many local ones; 1 for one worker."""
    hosts_at_once: int = 64
    """Per worker, `download.hosts_at_once`."""
    overlapping: bool = True
    """Quotas stop a search every day, and `build` goes on with what there is: so both stages are under way."""

    # money, USD: list prices of the larger clouds, to two digits, without discounts
    usd_per_thread_hour: float = 0.045
    usd_per_gb_month: float = 0.023
    usd_per_1000_puts: float = 0.005
    usd_per_1000_requests: Mapping[str, float] = field(default_factory=lambda: {"brave": 5.0})
    """Of paid engines."""
    put_bytes: float = 64e6
    """A part of a multipart upload."""

    @property
    def efficiency(self) -> float:
        return self.executor if self.workers > 1 else 1.0

    @property
    def cpu_per_hour(self) -> float:
        """Seconds of threads in an hour."""
        return self.workers * self.threads * self.efficiency * HOUR_S

    @property
    def bytes_per_hour(self) -> float:
        return self.workers * self.line_bytes_per_s * self.line_used * HOUR_S

    def cpu_s_per_address(self) -> float:
        return self.fetched * self.cpu_s_per_picture + (1 - self.fetched) * self.cpu_s_per_refusal

    def seconds_per_fetch(self, rule: HostRule) -> float:
        """Of one host, between two pictures."""
        return max(rule.min_delay_s / self.host_pace, self.fetch_s / (rule.concurrency * self.host_concurrency))


@dataclass(frozen=True)
class EngineWork:
    """What one engine is asked, and what it brings."""

    name: str
    requests: float
    addresses: float
    """Distinct per synset, summed over the synsets."""
    min_delay_s: float
    concurrency: int
    per_day: float | None
    per_month: float | None
    hosts: Mapping[str, float]
    """Host -> share of its pictures; what is left of 1 lies on the tail."""


@dataclass(frozen=True)
class Scenario:
    """One build."""

    name: str
    synsets: int
    queries: int
    engines: tuple[EngineWork, ...]
    votes: float
    voting_hours: float
    voting_usd: float

    def without(self, *names: str) -> Scenario:
        """A build that does not ask some engines. Votes go with the pictures."""
        fewer = replace(self, engines=tuple(engine for engine in self.engines if engine.name not in names))
        return fewer._with_votes_of(self)

    def with_candidates(self, each: float, engine: str, world: World) -> Scenario:
        """The same if one engine brought so much more, by as many more requests, that synsets have so many each."""
        more = each * self.synsets - self.candidates(world)
        engines = []
        for work in self.engines:
            factor = 1 + more / (1 - world.overlap) / work.addresses if work.name == engine else 1.0
            engines.append(replace(work, requests=work.requests * factor, addresses=work.addresses * factor))
        name = f"{self.name}, with {each:,.0f} candidates each"
        return replace(self, name=name, engines=tuple(engines))._with_votes_of(self)

    def _with_votes_of(self, other: Scenario) -> Scenario:
        part = self.candidates(World()) / other.candidates(World())
        return replace(
            self,
            votes=other.votes * part,
            voting_hours=other.voting_hours * part,
            voting_usd=other.voting_usd * part,
        )

    def candidates(self, world: World) -> float:
        """Distinct addresses per synset, summed, of all engines together (as `plan` reckons)."""
        brought = [engine.addresses for engine in self.engines]
        largest = max(brought, default=0.0)
        return largest + (1 - world.overlap) * (sum(brought) - largest)
