"""A discrete-event simulation of one build: engines with paces and quotas, hosts with lanes, workers, hours by hours.

Requests and pictures move in lots (a few hundred per engine and host), so that 10^9 of them take a second. An engine
works through its lots at its pace, stops at its quota until the window is over, and now and then is away. Each lot puts
addresses in the queues of hosts. A host has one lot under way: it lasts as long as the host's pace says, and as long as
the workers' lanes, line and threads need for it, which serve lots in the order of their coming: so whatever is short
holds the hosts back, not the other way round. Hosts rest now and then. The same seed gives the same history.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from capacity_world import HOUR_S, TAIL, EngineWork, Scenario, World

from imagenet_build.config.models import DownloadConfig

LOTS = 300
"""Of each engine, and about as many of each host."""
_CLASSES = 12
"""The tail's hosts, by size: each class has twice as many hosts as the one before."""
_LEAST_LOT_H = 0.5
_RULES = DownloadConfig()


@dataclass
class Server:
    """Something that lots pass one after the other."""

    name: str
    free_at: float = 0.0
    busy: float = 0.0
    """Hours."""

    def serve(self, at: float, hours: float) -> float:
        """When a lot that comes at a moment is through."""
        self.free_at = max(self.free_at, at) + hours
        self.busy += hours
        return self.free_at


@dataclass
class _Host:
    """One host, or many of about one size."""

    name: str
    hosts: int
    seconds: float
    """Between two pictures of one host."""
    share: float = 0.0
    queue: float = 0.0
    done: float = 0.0
    under_way: bool = False
    until: float = 0.0
    """When its lot under way, or its last one, is through by its own pace."""
    last: float = 0.0
    """When its last lot was through."""

    def hours(self, pictures: float) -> float:
        return pictures / self.hosts * self.seconds / HOUR_S


@dataclass
class Outcome:
    """What one simulated build came to. Hours count from its start."""

    search_h: float
    engines_h: Mapping[str, float]
    """When each engine was done."""
    download_h: float
    fetched_h: Mapping[float, float]
    """Part of the addresses -> when so many had been fetched."""
    hosts_h: Mapping[str, float]
    """When each large host was done, the last ones first."""
    dedup_h: float
    tables_h: float
    busy: Mapping[str, float]
    """Part of the search and download that threads, line and lanes were in use."""
    phases: list[tuple[float, float, str]] = field(default_factory=list)
    """(from, until, what was to last longest)."""
    addresses: float = 0.0
    requests: float = 0.0
    rests: int = 0

    @property
    def total_h(self) -> float:
        return max(self.search_h, self.download_h) + self.dedup_h + self.tables_h


def simulate(scenario: Scenario, world: World, seed: int = 0) -> Outcome:
    """Run one build to its end."""
    return _Simulation(scenario, world, seed).run()


class _Simulation:
    def __init__(self, scenario: Scenario, world: World, seed: int) -> None:
        self.scenario, self.world, self.seed = scenario, world, seed
        self.events: list[tuple[float, int, str, str, float]] = []
        self.order = itertools.count()
        self.threads, self.line, self.lanes = Server("threads"), Server("line"), Server("lanes")
        brought = sum(engine.addresses for engine in scenario.engines)
        self.total = scenario.candidates(world) * (1 - world.shared)
        self.scale = self.total / brought if brought else 0.0
        self.engines = {engine.name: engine for engine in scenario.engines}
        self.lots_left = dict.fromkeys(self.engines, LOTS)
        self.window = dict.fromkeys(self.engines, (0.0, 0.0))
        self.month = dict.fromkeys(self.engines, (0.0, 0.0))
        self.hosts = self._make_hosts()
        self.random = {name: random.Random(f"{seed}/{name}") for name in (*self.engines, *self.hosts)}
        self.engines_h: dict[str, float] = {}
        self.curve: list[tuple[float, float]] = []
        self.phases: list[tuple[float, float, str]] = []
        self.rests = 0

    def _make_hosts(self) -> dict[str, _Host]:
        found: dict[str, _Host] = {}
        for engine in self.scenario.engines:
            for name in engine.hosts:
                rule = _RULES.hosts.get(name, _RULES.default_host)
                found.setdefault(name, _Host(name, 1, self.world.seconds_per_fetch(rule)))
        seconds = self.world.seconds_per_fetch(_RULES.default_host)
        counts = [max(1, round(self.world.tail_hosts * 2**place / (2**_CLASSES - 1))) for place in range(_CLASSES)]
        ends = [0, *itertools.accumulate(counts)]
        harmonic = math.log(ends[-1] + 1)
        for place, count in enumerate(counts):
            share = (math.log(ends[place + 1] + 1) - math.log(ends[place] + 1)) / harmonic
            name = f"{TAIL}, class {place + 1}"
            found[name] = _Host(name, count, seconds, share)
        return found

    def at(self, moment: float, kind: str, name: str, amount: float = 0.0) -> None:
        heapq.heappush(self.events, (moment, next(self.order), kind, name, amount))

    def run(self) -> Outcome:
        for name in self.engines:
            self._start_lot(name, 0.0)
        now = fetched = 0.0
        held: list[tuple[str, float]] = []
        next_look = 0.0
        while self.events:
            now, _, kind, name, amount = heapq.heappop(self.events)
            if now >= next_look:
                self._look(now)
                next_look = now + max(6.0, now / 200)
            if kind == "asked":
                self._ask(name, now, amount)
            elif kind == "answered":
                lot = [(host, amount * self.scale * share) for host, share in self._shares(self.engines[name])]
                if self.world.overlapping:
                    self._queue(lot, now)
                else:
                    held += lot
                self.lots_left[name] -= 1
                if self.lots_left[name]:
                    self._start_lot(name, now)
                else:
                    self.engines_h[name] = now
                    if not self.world.overlapping and not any(self.lots_left.values()):
                        self._queue(held, now)
            else:
                host = self.hosts[name]
                host.under_way, host.last = False, now
                host.done += amount
                fetched += amount
                self.curve.append((now, fetched))
                self._start_fetching(host, now)
        self.phases[-1:] = [(start, now, name) for start, _, name in self.phases[-1:]]
        return self._outcome()

    def _shares(self, engine: EngineWork) -> list[tuple[str, float]]:
        rest = max(0.0, 1.0 - sum(engine.hosts.values()))
        tail = [(host.name, rest * host.share) for host in self.hosts.values() if host.share]
        return [*engine.hosts.items(), *(tail if rest > 1e-9 else ())]

    def _queue(self, lot: list[tuple[str, float]], now: float) -> None:
        for name, addresses in lot:
            self.hosts[name].queue += addresses
        for name, _ in lot:
            self._start_fetching(self.hosts[name], now)

    def _start_lot(self, name: str, now: float) -> None:
        """An engine's next lot of requests: at its pace, not before its quota allows it, later after a fault."""
        engine, world = self.engines[name], self.world
        requests = engine.requests / LOTS * (1 + world.retried)
        hours = requests * max(engine.min_delay_s, world.answer_s / engine.concurrency) / HOUR_S
        start = self._after_quota(self.window, name, now, (requests, hours), 24.0)
        start = self._after_quota(self.month, name, start, (requests, hours), 720.0)
        if self.random[name].random() < world.engine_faults_per_day * (hours + start - now) / 24.0:
            hours += world.engine_fault_s / HOUR_S
        self.at(start, "asked", name, hours)

    def _ask(self, name: str, now: float, hours: float) -> None:
        """The lot's requests go out: what they need of the threads counts from now on, not from when it was planned."""
        engine, world = self.engines[name], self.world
        requests = engine.requests / LOTS * (1 + world.retried)
        done = self.threads.serve(now, requests * world.cpu_s_per_page / world.cpu_per_hour)
        self.at(max(now + hours, done), "answered", name, engine.addresses / LOTS)

    def _after_quota(
        self, windows: dict[str, tuple[float, float]], name: str, now: float, lot: tuple[float, float], length: float
    ) -> float:
        """When a lot (requests, hours) may start: one larger than a quota takes as many windows as it needs."""
        engine, (requests, hours) = self.engines[name], lot
        quota = engine.per_day if windows is self.window else engine.per_month
        if quota is None:
            return now
        quota *= self.world.quota
        began, used = windows[name]
        if now - began >= length:
            began, used = now, 0.0
        used += requests
        start = now
        while used > quota + 1e-9:  # the window is spent: the rest of the lot belongs to the next one, and ends there
            used -= quota
            began += length
            start = max(now, began + hours * min(1.0, used / requests) - hours)
        windows[name] = (began, used)
        return start

    def _start_fetching(self, host: _Host, now: float) -> None:
        """A host's next lot, if it has none under way: its own pace, and what lanes, line and threads need."""
        if host.under_way or host.queue < 1e-6:
            return
        world = self.world
        most = max(self.total / LOTS / 4, _LEAST_LOT_H * HOUR_S / host.seconds * host.hosts)
        pictures = min(host.queue, most)
        host.queue -= pictures
        host.under_way = True
        hours = host.hours(pictures)
        rests = host.hosts * world.rests_per_day * hours / 24.0
        whole = int(rests) + (self.random[host.name].random() < rests - int(rests))
        self.rests += whole
        pause = whole / host.hosts * world.rest_s / HOUR_S  # of many hosts only one rests, the others go on
        at_once = world.hosts_at_once * world.workers
        done = max(
            now + hours + pause,
            self.lanes.serve(now, pictures * host.seconds / at_once / HOUR_S),
            self.line.serve(now, pictures * world.fetched * world.picture_bytes / world.bytes_per_hour),
            self.threads.serve(now, pictures * world.cpu_s_per_address() / world.cpu_per_hour),
        )
        host.until = now + hours + pause
        self.at(done, "fetched", host.name, pictures)

    def _look(self, now: float) -> None:
        """What would last longest if nothing else were short, with what is known now: that is the bottleneck."""
        world = self.world
        left: dict[str, float] = {}
        for name, lots in self.lots_left.items():
            engine = self.engines[name]
            requests = engine.requests / LOTS * lots * (1 + world.retried)
            pace = requests * max(engine.min_delay_s, world.answer_s / engine.concurrency) / HOUR_S
            quotas = ((engine.per_day, 24.0), (engine.per_month, 720.0))
            spent = [requests / (quota * world.quota) * length for quota, length in quotas if quota]
            left[f"quota of {name}" if spent and max(spent) > pace else f"pace of {name}"] = max(pace, *spent, 0.0)
        for server in (self.threads, self.line, self.lanes):
            left[server.name] = max(0.0, server.free_at - now)
        for host in self.hosts.values():
            left[f"pace of {host.name}"] = host.hours(host.queue) + max(0.0, host.until - now)
        hours, name = max((hours, name) for name, hours in left.items())
        if self.phases and (self.phases[-1][2] == name or hours < 0.01):  # the last lots are under way
            self.phases[-1] = (self.phases[-1][0], now, self.phases[-1][2])
        else:
            self.phases.append((self.phases[-1][1] if self.phases else 0.0, now, name))

    def _outcome(self) -> Outcome:
        world, scenario = self.world, self.scenario
        download_h = max((host.last for host in self.hosts.values()), default=0.0)
        search_h = max(self.engines_h.values(), default=0.0)
        candidates = scenario.candidates(world)
        pictures = candidates * world.fetched
        each = pictures / scenario.synsets if scenario.synsets else 0.0
        dedup_s = scenario.synsets * world.cpu_s_dedup_10000 * (each / 1e4) ** world.dedup_exponent
        dedup_s += world.cpu_s_join_1e7 * (pictures / 1e7) ** world.join_exponent
        hits = sum(engine.addresses for engine in scenario.engines)
        published_s = candidates * world.cpu_s_per_row_published  # by the one process that owns the run
        large = sorted((host.last, host.name) for host in self.hosts.values() if host.hosts == 1 and host.done)
        until = max(search_h, download_h) or 1.0
        return Outcome(
            search_h=search_h,
            engines_h=self.engines_h,
            download_h=download_h,
            fetched_h={part: self._when(part) for part in (0.5, 0.9, 0.99)},
            hosts_h={name: hours for hours, name in reversed(large)},
            dedup_h=dedup_s / world.cpu_per_hour,
            tables_h=published_s / HOUR_S + hits * world.cpu_s_per_hit_assembled / world.cpu_per_hour,
            busy={server.name: server.busy / until for server in (self.threads, self.line, self.lanes)},
            phases=self.phases,
            addresses=self.total,
            requests=sum(engine.requests for engine in scenario.engines) * (1 + world.retried),
            rests=self.rests,
        )

    def _when(self, part: float) -> float:
        return next((moment for moment, fetched in self.curve if fetched >= part * self.total * (1 - 1e-9)), 0.0)
