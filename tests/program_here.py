"""The program in this process: what a process of its own prints and ends with, without the seconds of its start.

For what does not depend on the process itself. Signals, exit, what survives a kill and what another process finds are
tested with `tests.world.run`.
"""

from __future__ import annotations

import gc
import logging
import signal
import subprocess
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from click.testing import CliRunner

from imagenet_build.cli.app import main

NOT_PASSED_ON = "IMAGENET_BUILD_CONTACT"


def run_here(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Call the program with arguments; what it raises ends as in a process: a traceback on stderr, exit code 1."""
    environment: dict[str, str | None] = {"COLUMNS": "200", NOT_PASSED_ON: None, **(env or {})}
    with _as_in_a_new_process():
        result = CliRunner().invoke(main, arguments, env=environment, prog_name="imagenet-build")
    stderr = result.stderr
    if result.exception is not None and result.exc_info and not isinstance(result.exception, SystemExit):
        stderr += "".join(traceback.format_exception(*result.exc_info))
    return subprocess.CompletedProcess(list(arguments), result.exit_code, result.stdout, stderr)


@contextmanager
def _as_in_a_new_process() -> Iterator[None]:
    """No log handlers, so that `-v` sets up its own; afterwards handlers, signals and garbage collection as before."""
    root = logging.getLogger()
    handlers, level, threshold = root.handlers[:], root.level, gc.get_threshold()
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        gc.set_threshold(*threshold)
        for number, handler in signals.items():
            signal.signal(number, handler)
