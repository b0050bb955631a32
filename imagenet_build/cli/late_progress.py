"""Progress on stderr of work that may be over at once: nothing is shown of what takes less than two seconds."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SHOW_AFTER_S = 2.0
_LINE_EVERY_S = 5.0


class LateProgress:
    """One piece of work: a bar on a terminal, plain lines elsewhere. Use as a context manager."""

    def __init__(self, name: str, total: int | None, console: Console | None = None) -> None:
        """`total`: None if it is not known how much there is to do."""
        self._console = console or Console(stderr=True)
        self._name, self._total, self._done = name, total, 0
        self._started = time.monotonic()
        self._show_at = self._started + _SHOW_AFTER_S
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:>12}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(name, total=total, rate="")

    def __enter__(self) -> LateProgress:
        """Show nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the bar."""
        self._bar.stop()

    def advance(self, items: int) -> None:
        """So many more are done."""
        self._done += items
        now = time.monotonic()
        rate = f"{self._done / max(now - self._started, 1e-3):,.0f}/s"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self._done, rate=rate)
            if now >= self._show_at and not self._bar.live.is_started:
                self._bar.start()
        elif now >= self._show_at:
            self._show_at = now + _LINE_EVERY_S
            of = "" if self._total is None else f" of {self._total:,}"
            self._console.print(f"{self._name}: {self._done:,}{of}, {rate}", highlight=False)
