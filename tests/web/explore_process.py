"""The explorer's server beside a test: as a process, or in a thread, which begins sooner. Context managers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

from imagenet_build.storage.layout import RunLayout
from imagenet_build.web.explorer.app import explore


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


class ExploreThread:
    """The same server in a thread of this process."""

    def __init__(self, run: Path, host: str = "127.0.0.1") -> None:
        self._run, self._host = run, host
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self.url = ""
        self.secret = ""

    async def _serve(self) -> None:
        try:
            async with explore(RunLayout(self._run), host=self._host, port=0) as serving:
                self._loop = asyncio.get_running_loop()
                self.url, self.secret = f"http://127.0.0.1:{serving.port}", serving.secret
                self._is_up.set()
                await self._end.wait()
        finally:
            self._is_up.set()

    def __enter__(self) -> ExploreThread:
        self._thread.start()
        self._is_up.wait()
        assert self.url, "the server did not begin"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
