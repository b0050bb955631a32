"""The explorer's server as a process beside a test. A context manager."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class ExploreProcess:
    """`serve` at any free port while the block runs."""

    def __init__(self, run: Path | str, *options: str) -> None:
        self._command = [sys.executable, "-m", "imagenet_build", "serve", str(run), "--port", "0", *options]
        self._process: subprocess.Popen[str] | None = None
        self.said: list[str] = []
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> ExploreProcess:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if "http://" in line:
                port = line.split("http://")[1].split(":")[1].split("/")[0].split()[0]
                self.url = f"http://127.0.0.1:{port}"
            if "Ctrl-C" in line:
                return self
        raise AssertionError(f"the server ended with {self._process.wait()}")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=30)
