"""One decoding process, seen from the event loop that feeds it: no thread, no waiting.

Several pictures may be on their way to it, so that it never waits for the loop; it answers them in order, so the first
unanswered one is the one it is at.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from imagenet_build.download.decode_worker import ANSWER, REQUEST, SLOT_BYTES, SLOTS, serve, unpacked
from imagenet_build.errors import DataError
from imagenet_build.records import ImageFacts, Rejection

_START = (
    f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {serve.__module__} import serve; serve(sys.argv[2])"
)
_BUFFER_BYTES = 1 << 22
"""Asked of the system, which may grant less."""
_RECEIVE_BYTES = 1 << 16
_MOST_ANSWER_BYTES = 1 << 20
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""numpy's libraries start a thread per core otherwise, with some 30 MB each, for products of 32 x 32."""


def _shared_file() -> IO[bytes]:
    """A file in memory, without a name, of the size of all slots."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("pictures"), "r+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (who asked for it closes it)
    file.truncate(SLOTS * SLOT_BYTES)
    return file


@dataclass(eq=False, slots=True)
class Job:
    """A picture to be looked at."""

    data: bytes
    found: asyncio.Future[ImageFacts | Rejection]
    deaths: int = 0
    """Processes that ended while they were at it."""


class DecodeProcess:
    """Started by its construction, within a running event loop."""

    def __init__(
        self,
        settings: dict[str, object],
        *,
        on_answer: Callable[[], None],
        on_end: Callable[[DecodeProcess], None],
    ) -> None:
        """`settings`: as in `decode_worker.serve`, without the socket. `on_end`: it is dead, whatever the reason."""
        self.jobs: deque[Job] = deque()
        """Unanswered, in order."""
        self.is_ready = False
        self.since = 0.0
        """Loop time at which it could begin with the first of `jobs`."""
        self._on_answer, self._on_end = on_answer, on_end
        self._loop = asyncio.get_running_loop()
        self._answers = bytearray()
        self._outgoing: deque[memoryview] = deque()
        self._socket, theirs = socket.socketpair()
        self._slot = 0
        """Next slot of the shared memory: free while fewer pictures are unanswered than there are slots."""
        with theirs, _shared_file() as memory:
            self._memory = mmap.mmap(memory.fileno(), SLOTS * SLOT_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.setblocking(False)
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _START,
                    json.dumps(sys.path),
                    json.dumps({**settings, "socket": theirs.fileno(), "memory": memory.fileno()}),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD},
                pass_fds=(theirs.fileno(), memory.fileno()),
            )
        self._loop.add_reader(self._socket, self.receive)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def send(self, job: Job) -> None:
        """Queue a picture behind those that it has."""
        if not self.jobs:
            self.since = self._loop.time()
        size, slot = len(job.data), -1
        if size <= SLOT_BYTES and len(self.jobs) < SLOTS:
            slot, self._slot = self._slot, (self._slot + 1) % SLOTS
            self._memory[slot * SLOT_BYTES : slot * SLOT_BYTES + size] = job.data
        self.jobs.append(job)
        parts = [memoryview(REQUEST.pack(size, slot))]
        if slot < 0:
            parts.append(memoryview(job.data))
        if self._outgoing:
            self._outgoing.extend(parts)
            return
        self._outgoing.extend(parts)
        self._push()
        if self._outgoing:
            self._loop.add_writer(self._socket, self._push_on)

    def receive(self) -> None:
        """Take what answers have come; called when there are some."""
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received = b""
        if not received:
            self._on_end(self)
            return
        self._answers += received
        try:
            self._take_answers()
        except DataError:
            self.kill()  # it has lost its mind; what it was at is tried again by another
        self._on_answer()

    def kill(self) -> None:
        """End it; `on_end` follows when the loop sees it."""
        self._process.kill()

    def stop(self) -> str:
        """End it, wait for its end, let go of everything; says how it ended. Nothing is called any more."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._socket.close()
        self._memory.close()
        self._process.kill()  # does nothing to one that has ended, nor to how it ended
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _take_answers(self) -> None:
        """Raises DataError for what no sane process says."""
        while len(self._answers) >= ANSWER.size:
            size = ANSWER.unpack_from(self._answers)[0]
            if size > _MOST_ANSWER_BYTES or bool(size) != self.is_ready or (size and not self.jobs):
                raise DataError(f"an answer of {size} bytes to {len(self.jobs)} pictures")
            end = ANSWER.size + size
            if end > len(self._answers):
                return
            if size:
                result = unpacked(bytes(self._answers[ANSWER.size : end]))
                job = self.jobs.popleft()
                if not job.found.done():  # who asked may have gone
                    job.found.set_result(result)
            self.is_ready = True
            self.since = self._loop.time()
            del self._answers[:end]

    def _push(self) -> None:
        """Give the socket what it takes now."""
        try:
            while self._outgoing:
                sent = self._socket.sendmsg(list(self._outgoing)[:16])
                while self._outgoing and sent >= len(self._outgoing[0]):
                    sent -= len(self._outgoing.popleft())
                if sent:
                    self._outgoing[0] = self._outgoing[0][sent:]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._outgoing.clear()  # it is dead: `receive` sees it too, and says so

    def _push_on(self) -> None:
        self._push()
        if not self._outgoing:
            self._loop.remove_writer(self._socket)
