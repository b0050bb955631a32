"""The download stage against a server of bad answers: all of them end as one row, with the right reason."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.download.hostile_run import Plan
from tests.fakes.hostile_bombs import bombs
from tests.fakes.hostile_files import animated, files
from tests.fakes.hostile_places import NAMES, places
from tests.fakes.hostile_server import ACCEPTED, NETWORK, TLS_FILES, WAITING, Case, HostileServer, good
from tests.fakes.hostile_wire import exchanges

GIB = 1 << 30
HANGS_AFTER_S = 240.0
"""The run takes less than 40 s; a machine may be busy, but what takes this long has not ended by itself."""
KILL_AFTER_S = 3.0
"""All decoders are killed then, as a crash in an image library would: once."""
CONFIG = {
    "download": {
        "attempts": 1,
        "connect_timeout_s": 3.0,
        "first_byte_timeout_s": 4.0,
        "timeout_s": 9.0,
        "longest_rest_s": 0.0,
        "max_bytes": 4_000_000,
        "hosts_at_once": 64,
        "default_host": {"min_delay_s": 0.0, "concurrency": 2},
        "hosts": {},
    },
    "network": {"allow_addresses": [NETWORK]},
    "execution": {"workers": 2},
}


def all_cases() -> list[Case]:
    found = [Case(f"file: {name}", frozenset(e.split()), good(data)) for name, data, e in (*files(), *bombs())]
    found += [Case(f"animated {name}", frozenset({ACCEPTED}), good(data), frames=n) for name, data, n in animated()]
    found += [Case(f"wire: {name}", frozenset(e.split()), answer) for name, answer, e in exchanges()]
    return found + list(places())


CASES = all_cases()


@dataclass
class Outcome:
    """What became of a run."""

    said: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    fates: dict[str, list[str]] = field(default_factory=dict)
    """URL -> what its rows say: reasons, ACCEPTED, or WAITING if it has no row."""
    details: dict[str, str] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    most_bytes: dict[int, int] = field(default_factory=dict)
    """Process -> its largest resident memory, as the kernel remembers it."""
    killed: set[int] = field(default_factory=set)
    """Decoders."""
    bait_visits: int = 0
    strays: list[str] = field(default_factory=list)
    """Addresses that it would have connected to outside the allowed network."""
    urls: dict[str, list[str]] = field(default_factory=dict)
    """Case -> its URLs."""


def session_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])


def look_at_memory(session: int, most_bytes: dict[int, int]) -> set[int]:
    """Gives the processes that live."""
    found = set()
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError, ValueError):  # no process, or it ended meanwhile
            if session_of(int(entry.name)) == session:
                lines = Path(entry.path, "status").read_text().splitlines()
                peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
                most_bytes[int(entry.name)] = max(most_bytes.get(int(entry.name), 0), peak)
                found.add(int(entry.name))
    return found


def run_to_the_end(plan: Plan, path: Path, outcome: Outcome) -> None:
    path.write_text(json.dumps(asdict(plan)))
    environment = {**os.environ, "SSL_CERT_FILE": str(TLS_FILES / "authority.pem")}
    command = [sys.executable, "-m", "tests.download.hostile_run", str(path)]
    begun = time.monotonic()
    with path.with_suffix(".out").open("w+") as said:
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        try:
            while process.poll() is None and time.monotonic() - begun < HANGS_AFTER_S:
                decoders = look_at_memory(process.pid, outcome.most_bytes) - {process.pid}
                if not outcome.killed and time.monotonic() - begun > KILL_AFTER_S:
                    outcome.killed = decoders
                    for decoder in decoders:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(decoder, signal.SIGKILL)
                time.sleep(0.1)
        finally:
            outcome.exit_code = process.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        outcome.said = said.read()
    outcome.seconds = time.monotonic() - begun


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run over everything; the tests below look at what it left."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.77.0.1", 0))
    except OSError:
        pytest.skip("only 127.0.0.1 can be listened on here; the hostile server needs 127.77.0.0/16")
    if not Path("/proc/self/status").exists():
        pytest.skip("the memory of other processes is read from /proc")
    folder = tmp_path_factory.mktemp("hostile")
    outcome = Outcome()
    with HostileServer(CASES) as server:
        outcome.urls = {case.name: server.urls(case) for case in CASES}
        urls = [url for one in outcome.urls.values() for url in one]
        plan = Plan(str(folder / "run"), urls, CONFIG, server.names(NAMES), NETWORK)
        run_to_the_end(plan, folder / "plan.json", outcome)
        outcome.bait_visits = server.bait_visits
    if outcome.exit_code == 0:
        collect(plan, outcome)
    return outcome


def collect(plan: Plan, outcome: Outcome) -> None:
    outcome.strays = json.loads(outcome.said.strip().splitlines()[-1])["strays"]
    download = plan.download()
    rows: list[dict[str, Any]] = [*download.images(), *download.rejections()]
    for url in plan.urls:
        outcome.fates[url] = []
    for row in rows:
        outcome.fates[row["url"]].append(row.get("reason", ACCEPTED))
        outcome.details[row["url"]] = row.get("detail", "")
        outcome.frames[row["url"]] = row.get("frames", 1)
    for fates in outcome.fates.values():
        fates[:] = fates or [WAITING]


def test_there_are_200_bad_answers() -> None:
    assert sum(ACCEPTED not in case.expected for case in CASES) >= 200


def test_the_run_ends_by_itself(outcome: Outcome) -> None:
    assert outcome.exit_code == 0, outcome.said[-3000:]
    assert "Traceback" not in outcome.said, outcome.said[-3000:]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_url_is_one_row_with_the_right_reason(outcome: Outcome, case: Case) -> None:
    for url in outcome.urls[case.name]:
        fates = outcome.fates[url]
        assert len(fates) == 1, url
        assert fates[0] in case.expected, (url, fates[0], outcome.details.get(url))
        if fates == [ACCEPTED]:
            assert outcome.frames[url] >= case.frames


def test_no_decoder_is_dead_for_good(outcome: Outcome) -> None:
    assert outcome.killed, "the decoders had not begun when they were to be killed"
    assert len(outcome.most_bytes) > 1 + len(outcome.killed), "nobody took their place"


def test_nobody_came_to_where_nobody_may(outcome: Outcome) -> None:
    assert outcome.exit_code == 0
    assert outcome.strays == []
    assert outcome.bait_visits == 0


def test_no_process_ever_had_a_gibibyte(outcome: Outcome) -> None:
    assert max(outcome.most_bytes.values()) < GIB, Counter(outcome.most_bytes).most_common(3)
