"""The executor protocol: units in, results out as they finish, one at a time per lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from imagenet_build.contracts import Advance, AnyStage, Exchange, RunContext, UnitResult, WorkUnit

OnResult = Callable[[UnitResult], None]


class Executor(Protocol):
    """Where units run. Stages cannot tell."""

    def run(
        self, stage: AnyStage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """Run all units of a stage and return when the last has ended.

        Args:
            stage: of either kind.
            units: what is to be done; order within a lane is kept.
            run: where and how.
            on_result: called in the calling thread for each unit, as it ends; what it records is durable.
            advance: called with the number of items finished.
        Raises:
            KeyboardInterrupt: on SIGINT or SIGTERM, after everything under way was brought to a safe stop.
            Exception: what a unit raised; units under way are stopped.
        """

    def exchange(self, run: RunContext) -> Exchange:
        """Brings rows of a run together."""
