"""What a stage is, whatever it does and wherever it runs.

Stages meet in tables only. A stage plans units; an executor runs them; the pipeline records what is done. A unit is
done when a unit of the same key *and* the same fingerprint was done: so a run resumes, and work whose input has changed
(another language, another engine, a picture brought back by `retry`) is done again, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

import pyarrow as pa

from imagenet_build.config.models import BuildConfig
from imagenet_build.storage.layout import RunLayout


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """One piece of a stage's work."""

    stage: str
    key: str
    """From content (`n02084071/openverse`, a host), never from position or worker count."""
    fingerprint: str = ""
    """Digest of everything the unit's outcome depends on."""
    lane: str = ""
    """What politeness is counted by: units of one lane never run at the same time."""
    size: int = 1
    """Items in it, for progress."""
    here: bool = False
    """It needs files of the machine that the user sits at: it runs in the process that owns the run."""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What became of a unit. With a `problem` it is not done, and is planned again next time."""

    unit: WorkUnit
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    note: str = ""
    """Something the user should be told once, when the unit runs."""
    again_at: float = 0.0
    """Its lane wants a rest until then (seconds since 1970): the rest of the unit is run again later in this session,
    and meanwhile another lane takes its place. 0: it has ended."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where and how: small and picklable, so that a unit can run in any process."""

    layout: RunLayout
    config: BuildConfig
    offline_engines: frozenset[str] = frozenset()
    """Engines of which only kept pages are read."""


class Post(Protocol):
    """What a stage wants to run in other processes: it is told things, and says things."""

    async def start(self) -> None:
        """Open what it needs; called once, first."""

    def tell(self, messages: Sequence[Any]) -> None:
        """Take messages in."""

    async def hear(self, wait_s: float) -> Sequence[Any]:
        """What it has to say; waits for the first message, but not longer."""

    async def close(self) -> None:
        """Stop."""


class Member(Protocol):
    """A process elsewhere that runs a `Post`. Messages reach it, and come from it, in their order."""

    @property
    def name(self) -> str:
        """Unique in the session."""

    async def tell(self, messages: Sequence[Any]) -> None:
        """Send messages. Raises MemberLost."""

    async def hear(self) -> Sequence[Any]:
        """Wait for messages; may give none. Raises MemberLost."""

    async def dismiss(self) -> None:
        """End the process; it may have ended."""


class Crew(Protocol):
    """The processes that an executor has to offer to a session."""

    @property
    def size(self) -> int:
        """How many there should be."""

    async def hire(self, make: Callable[[str], Post]) -> Member:
        """Start one; `make` is picklable, and gets its name. Raises MemberLost if there is no place for it now."""


TableWork = Callable[[pa.Table], pa.Table]
"""Picklable; its tables have the same columns each time."""
Piece = TypeVar("Piece")


class Rows(Protocol):
    """A table in parts, which lie wherever an executor keeps them. Nothing is done before `tables` or `kept`."""

    def mapped(self, work: TableWork) -> Rows:
        """What `work` makes of each part."""

    def grouped(self, by: str, work: TableWork) -> Rows:
        """What `work` makes of all rows with the same value in a column of integers; within a group in any order."""

    def with_those_of(self, other: Rows) -> Rows:
        """Parts of both; the columns are the same."""

    def kept(self) -> Rows:
        """The same, done now, and once."""

    def tables(self) -> Iterator[pa.Table]:
        """One part after the other, none of them empty; those of groups ascend by the value they share."""


class Exchange(Protocol):
    """What an executor offers where rows must come together that lie in different parts: it brings them together."""

    def read(self, pieces: Sequence[Piece], work: Callable[[Piece], pa.Table]) -> Rows:
        """What `work` makes of each piece; both are picklable."""


Advance = Callable[[int], None]
UnitRunner = Callable[[WorkUnit], Awaitable[UnitResult]]


@runtime_checkable
class Stage(Protocol):
    """A stage of computing: its units run in any process, and each writes only its own part."""

    @property
    def name(self) -> str:
        """As in `--until` and `status`."""

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """All units in a fixed order, done or not."""

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Do one unit. Doing it twice leaves the same files."""

    def finish(self, run: RunContext, exchange: Exchange, /) -> None:
        """Publish the stage's tables, once every unit has run. Called again when anything was redone."""


@runtime_checkable
class LaneStage(Protocol):
    """A stage of waiting for the network: its units share connections and run in one event loop, one per lane."""

    @property
    def name(self) -> str:
        """As in `--until` and `status`."""

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """All units in a fixed order, done or not."""

    def session(
        self, run: RunContext, advance: Advance, crew: Crew | None = None
    ) -> AbstractAsyncContextManager[UnitRunner]:
        """Open what the units share.

        Args:
            advance: called with the number of items finished.
            crew: processes elsewhere that may do part of the work; None: there are none.
        """

    def lanes_at_once(self, run: RunContext) -> int:
        """How many lanes may be under way together."""

    def finish(self, run: RunContext, exchange: Exchange, /) -> None:
        """Publish the stage's tables, once every unit has run. Called again when anything was redone."""


AnyStage = Stage | LaneStage
