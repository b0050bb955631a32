"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from imagenet_build.pipeline import StageOutcome

_LINE_EVERY_S = 5.0
_UNITS = {"search": "searches", "download": "URLs", "dedup": "synsets", "manifest": "manifests"}


class BuildProgress:
    """Watches a build. Use as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:>12}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._name = ""
        self._total = 0
        self._done = 0
        self._started = 0.0
        self._line_at = 0.0

    def __enter__(self) -> BuildProgress:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear them."""
        self._bars.stop()

    def stage_started(self, name: str, total: int, done_before: int) -> None:
        """See `pipeline.Progress`."""
        self._name, self._total, self._done = name, total, 0
        self._started = self._line_at = time.monotonic()
        if total:
            self._task = self._bars.add_task(name, total=total, rate="")
            if done_before:
                self.note(f"{name}: {done_before} of {done_before + total} were done before")

    def advance(self, items: int) -> None:
        """See `pipeline.Progress`."""
        self._done += items
        now = time.monotonic()
        rate = f"{self._done / max(now - self._started, 1e-3):.1f}/s"
        if self._task is not None:
            self._bars.update(self._task, advance=items, rate=rate)
        if not self.console.is_terminal and now - self._line_at > _LINE_EVERY_S:
            self._line_at = now
            self.console.print(f"{self._name}: {self._done} of {self._total}, {rate}", highlight=False)

    def stage_ended(self, name: str, outcome: StageOutcome) -> None:
        """See `pipeline.Progress`."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        counts = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in outcome.counts.items() if value)
        done = f"nothing to do ({counts})" if not outcome.ran and counts else counts or "nothing to do"
        self.console.print(
            f"[bold]{name:<10}[/] {done} [dim]{outcome.seconds:.1f} s[/]", highlight=False, soft_wrap=True
        )
        for problem, times in outcome.problems.items():
            unit = _UNITS.get(name, "units")
            self.console.print(
                f"  [yellow]attention:[/] {times} {unit} not done: {escape(problem)}", highlight=False, soft_wrap=True
            )

    def note(self, text: str) -> None:
        """See `pipeline.Progress`."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
