"""A Ray cluster of several nodes on this machine, for measurements and tests: one `ray start` each."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

RAY = (sys.executable, "-m", "ray.scripts.scripts")
"""The program `ray`."""
ROOT = Path(__file__).parents[1]
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}
_NODES = {"RAY_AUTH_MODE": "token"}
"""Nodes ask for the token; programs must find out by themselves that they need it."""


class Nodes:
    """The nodes of one cluster; the first is its head."""

    def __init__(self, folder: Path, cpus: int) -> None:
        """`folder`: for Ray's files; its path must be short. `cpus`: of each node."""
        self._folder = folder
        self._cpus = cpus
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = _free_port()

    @property
    def address(self) -> str:
        """Of the head."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> int:
        """Start a node; returns its number. The first must listen before another can join it."""
        number = len(self.processes)
        if number:
            _wait_for_port(self.port)
        where = ["--address", self.address] if number else ["--head", "--port", str(self.port)]
        command = [*RAY, "start", *where, "--block", "--node-ip-address", "127.0.0.1"]
        command += ["--num-cpus", str(self._cpus), "--disable-usage-stats", "--object-store-memory", "200000000"]
        if not number:
            command += ["--include-dashboard=false", "--temp-dir", str(self._folder)]
        with (self._folder / f"node{number}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=environment() | _NODES
            )
        self.processes.append(process)
        return number

    def kill(self, number: int) -> None:
        """kill -9: the node and whatever runs on it."""
        process = self.processes[number]
        for pid in _descendants(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all of them."""
        for number in reversed(range(len(self.processes))):
            if self.processes[number].poll() is None:
                self.kill(number)

    def wait_for(self, count: int, timeout_s: float = 120.0) -> None:
        """Wait until so many nodes are there."""
        script = (
            "import sys, time, ray\n"
            f"deadline = time.monotonic() + {timeout_s}\n"
            "while True:\n"
            "    try:\n"
            "        if not ray.is_initialized():\n"
            f"            ray.init(address='{self.address}', log_to_driver=False, logging_level='error')\n"
            f"        if sum(node['Alive'] for node in ray.nodes()) >= {count}: break\n"
            "    except (ConnectionError, RuntimeError, ValueError): pass\n"
            "    if time.monotonic() > deadline: sys.exit('the nodes do not come up')\n"
            "    time.sleep(0.2)\n"
        )
        if subprocess.run([sys.executable, "-c", script], check=False, env=environment() | _NODES).returncode:
            logs = "\n".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("node*.log")))
            raise RuntimeError(f"the nodes do not come up:\n{logs}")


@contextlib.contextmanager
def ray_nodes(count: int, cpus: int = 1) -> Iterator[Nodes]:
    """Start nodes, and end them after the block."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # sockets lie there, and their paths must be short
    nodes = Nodes(folder, cpus)
    try:
        for _ in range(count):
            nodes.start()
        if count:
            nodes.wait_for(count)
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """For nodes and for programs that use them: they find the package as it lies here."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**own, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait_for_port(port: int, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    """All processes below one, the lowest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    wanted = [pid]
    while wanted:
        below = children.get(wanted.pop(), [])
        found += below
        wanted += below
    return found[::-1]
