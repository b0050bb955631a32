"""Stages that say what happens to them; at the top of a module, so that a pool of processes can have them too."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import Advance, Crew, RunContext, UnitResult, UnitRunner, WorkUnit
from imagenet_build.errors import DataError
from imagenet_build.storage.layout import RunLayout


def run_in(folder: Path) -> RunContext:
    return RunContext(RunLayout(folder), BuildConfig())


def units_of(count: int, lanes: int = 1, stage: str = "test") -> list[WorkUnit]:
    return [WorkUnit(stage, f"u{place:04d}", "f", lane=f"lane{place % lanes}", size=2) for place in range(count)]


@dataclass
class Squares:
    """A computing stage: the square of the unit's number, and which process found it."""

    name: str = "test"
    fails_at: str = ""
    pause_s: float = 0.0

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        yield from units_of(200)

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        if unit.key == self.fails_at:
            raise DataError(f"{unit.key} cannot be done", remedy="Try another.")
        time.sleep(self.pause_s)
        number = int(unit.key[1:])
        return UnitResult(unit, {"square": number * number}, note=str(os.getpid()))

    def finish(self, run: RunContext, _: object = None, /) -> None:
        pass


@dataclass
class Lanes:
    """A waiting stage; `step` is what a unit does."""

    step: Callable[[WorkUnit], Awaitable[None]]
    at_once: int = 10
    name: str = "test"
    events: list[str] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_lanes: int = 0
    rests: dict[str, list[float]] = field(default_factory=dict)
    """Unit -> when it wants to be run again, for each time that it is run."""

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        yield from ()

    def lanes_at_once(self, run: RunContext) -> int:
        return self.at_once

    def finish(self, run: RunContext, _: object = None, /) -> None:
        pass

    @asynccontextmanager
    async def session(self, run: RunContext, advance: Advance, crew: Crew | None = None) -> AsyncIterator[UnitRunner]:
        self.events.append("open")

        async def run_unit(unit: WorkUnit) -> UnitResult:
            self.under_way[unit.lane] += 1
            assert self.under_way[unit.lane] == 1, "two units of one lane at once"
            self.most_lanes = max(self.most_lanes, sum(self.under_way.values()))
            self.events.append(f"start {unit.key}")
            try:
                await self.step(unit)
            except asyncio.CancelledError:
                self.events.append(f"cancel {unit.key}")
                raise
            finally:
                self.under_way[unit.lane] -= 1
            if self.rests.get(unit.key):
                self.events.append(f"rest {unit.key}")
                return UnitResult(unit, again_at=self.rests[unit.key].pop(0))
            self.events.append(f"end {unit.key}")
            advance(unit.size)
            return UnitResult(unit)

        try:
            yield run_unit
        finally:
            self.events.append("close")
