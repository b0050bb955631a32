"""Runs a command and measures it with everything it starts: seconds, processor seconds, memory. Linux only."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What a command took."""

    started: float
    """Seconds of the monotonic clock."""
    seconds: float
    """From its start to its end."""
    cpu_s: float
    """User and system, of it and all its descendants."""
    largest_mb: float
    """Resident, of the largest process, shared pages included; at its peak."""
    together_mb: float
    """Of all processes at the worst moment, pages that several share counted once (PSS)."""
    exit_code: int
    output: str


def measure(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    on_sample: Callable[[float, float], None] | None = None,
) -> Usage:
    """Run it to its end.

    Args:
        command: the program and its arguments.
        env: added to this process's environment.
        on_sample: called about every 0.1 s with (monotonic seconds, PSS of all processes in MB).
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, start_new_session=True
        )
        largest = together = 0.0
        seen_cpu: dict[int, float] = {}
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            sizes = [0.0]
            for pid, cpu_s in session_processes(process.pid).items():
                resident, proportional = memory_mb(pid)
                largest = max(largest, resident)
                sizes.append(proportional)
                seen_cpu[pid] = cpu_s
            together = max(together, sum(sizes))
            if on_sample is not None:
                on_sample(time.monotonic(), sum(sizes))
            time.sleep(SAMPLE_S)
        seconds = time.monotonic() - started
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    # a descendant that nobody waited for is missing in what the kernel adds up, one that lived briefly in the samples
    cpu_s = max(used.ru_utime + used.ru_stime, sum(seen_cpu.values()))
    return Usage(started, seconds, cpu_s, largest, together, process.returncode, said)


def session_processes(session: int) -> dict[int, float]:
    """Processes of a session that live now, and the processor seconds each has used by itself."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                # the name in brackets may hold anything, brackets too
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    found[int(entry.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """(resident, proportional) of a process, MB; proportional is resident where the kernel does not tell; 0 if gone."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
    except (OSError, IndexError):
        return 0.0, 0.0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return resident, int(line.split()[1]) * 1024 / 1e6
    return resident, resident
