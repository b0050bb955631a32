"""A server of bad answers: every case is a host of its own, with an address and a port of its own, below 127.77.0.0/16.

So no case can hide behind another one's trouble, and a client that keeps to hosts' manners meets all of them at once.
Two baits, on 127.0.0.1 and ::1, count who comes: nobody may, since only 127.77.0.0/16 is to be allowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

NETWORK = "127.77.0.0/16"
ACCEPTED = "accepted"
WAITING = "waiting"
"""No row: the URL stays in the queue, because its host asked for silence."""
TLS_FILES = Path(__file__).parent / "hostile_tls"
_START_S = 10.0
_MOST_HEAD = 1 << 16
_NO_ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Talk:
    """One request, and what can be said to it."""

    def __init__(self, server: HostileServer, case: Case, path: str, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.case = case
        self.path = path
        self.keeps_open = False
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        """Ends early, by ConnectionError, when the client has hung up or the server stops."""
        for _ in range(int(seconds / 0.05) + 1):
            if self._writer.transport.is_closing() or self.server.is_stopping:
                raise ConnectionError
            await asyncio.sleep(min(seconds, 0.05))

    def reset(self) -> None:
        """RST instead of an orderly end."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def filled(self, text: str) -> str:
        """{bait}: the baits' port; {self}: this case's host:port; {<case>}: that case's host:port."""
        places = {case.name: self.server.place(case) for case in self.server.cases}
        places |= {"bait": str(self.server.bait_port), "self": self.server.place(self.case)}
        for name, place in places.items():
            text = text.replace(f"{{{name}}}", place)
        return text


Answer = Callable[[Talk], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """One way to be hostile."""

    name: str
    expected: frozenset[str]
    """Values of RejectReason, ACCEPTED or WAITING: any of them is right."""
    answer: Answer
    """To every path but /robots.txt."""
    robots: Answer | None = None
    """None: there is none."""
    host: str = ""
    """A name, or an address of any other form, under which it is asked for, instead of its address."""
    certificate: str = ""
    """A file in hostile_tls: the server speaks TLS with it."""
    is_https: bool = False
    """Its URL says https, whatever the server speaks."""
    urls: int = 1
    frames: int = 1
    """That the accepted picture must be marked with, at least."""
    url: str = ""
    """Asked for instead of the case's own address; filled as `Talk.filled` does."""
    is_up: bool = True
    """Whether anybody listens there."""
    at_once: Answer | None = None
    """Said to whoever connects, before anything is asked."""
    backlog: int = 100
    """0: and nobody accepts, so that the queue is full and connecting takes for ever."""


class HostileServer:
    """All cases, in a thread of its own."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = list(cases)
        self.addresses = {case.name: f"127.77.{n // 250}.{n % 250 + 1}" for n, case in enumerate(self.cases)}
        assert len(self.addresses) == len(self.cases), "two cases of one name"
        self.bait_port = 0
        self.bait_visits = 0
        self.asked: Counter[str] = Counter()
        """Requests per case, robots.txt not counted."""
        self.is_stopping = False
        self._ports: dict[str, int] = {}
        self._filling: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def place(self, case: Case) -> str:
        return f"{case.host or self.addresses[case.name]}:{self._ports[case.name]}"

    def urls(self, case: Case) -> list[str]:
        if case.url:
            return [Talk(self, case, "", None).filled(case.url)]  # type: ignore[arg-type]
        scheme = "https" if case.is_https or case.certificate else "http"
        return [f"{scheme}://{self.place(case)}/{number}.jpg" for number in range(case.urls)]

    def names(self, names: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, list[list[str]]]:
        """Host names and their addresses, in which {<case>} stands for that case's address."""
        by_name = {f"{{{name}}}": address for name, address in self.addresses.items()}
        return {name: [[by_name.get(a, a) for a in turn] for turn in turns] for name, turns in names.items()}

    # life

    def __enter__(self) -> Self:
        started = threading.Event()
        problem: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(started))
            except BaseException as error:  # noqa: BLE001 (raised again in the test's thread)
                problem.append(error)
                started.set()

        self._thread = threading.Thread(target=run, name="hostile server", daemon=True)
        self._thread.start()
        if not started.wait(_START_S):
            raise TimeoutError("the hostile server did not start")
        if problem:
            raise problem[0]
        return self

    def __exit__(self, *error: object) -> None:
        self.is_stopping = True
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_S)
        assert not self._thread.is_alive(), "the hostile server did not stop"

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # clients hang up in the middle of everything
        self._stop = asyncio.Event()
        servers = [await self._listen(case) for case in self.cases]
        servers += await self._lay_baits()
        started.set()
        await self._stop.wait()
        for server in servers:
            if server is not None:
                server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for filling in self._filling:
            filling.close()

    async def _listen(self, case: Case) -> asyncio.Server | None:
        address = self.addresses[case.name]
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 0))
        self._ports[case.name] = listener.getsockname()[1]
        if not case.is_up:
            listener.close()
            return None
        listener.listen(case.backlog)
        if not case.backlog:
            self._filling.append(listener)
            for _ in range(4):  # more than fit: whoever comes now is not answered
                filling = socket.socket(socket.AF_INET)
                filling.setblocking(False)
                filling.connect_ex(listener.getsockname())
                self._filling.append(filling)
            return None
        listener.setblocking(False)
        secured = None
        if case.certificate:
            secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            secured.load_cert_chain(TLS_FILES / case.certificate, TLS_FILES / "server.key")

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected(case, reader, writer)

        return await asyncio.start_server(connected, sock=listener, ssl=secured, limit=_MOST_HEAD)

    async def _lay_baits(self) -> list[asyncio.Server]:
        def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.bait_visits += 1
            writer.close()

        first = await asyncio.start_server(visited, "127.0.0.1", 0)
        self.bait_port = first.sockets[0].getsockname()[1]
        servers = [first]
        with contextlib.suppress(OSError):  # no IPv6 here, or the port is taken there
            servers.append(await asyncio.start_server(visited, "::1", self.bait_port))
        return servers

    async def _connected(self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if case.at_once is not None:
                await case.at_once(Talk(self, case, "", writer))
                return
            while await self._answer_one(case, reader, writer):
                pass
        except (ConnectionError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client had enough
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _answer_one(self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Gives whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode("latin-1")
        talk = Talk(self, case, path, writer)
        if path == "/robots.txt":
            await (case.robots(talk) if case.robots is not None else talk.send(_NO_ROBOTS))
        else:
            self.asked[case.name] += 1
            await case.answer(talk)
        return talk.keeps_open


# answers


def raw(data: bytes, *, then: str = "close") -> Answer:
    """Exactly these bytes; then `close`, `hang`, `reset` or `keep` (open)."""

    async def answer(talk: Talk) -> None:
        await talk.send(data)
        if then == "hang":
            await talk.pause(3600)
        elif then == "reset":
            await talk.pause(0.1)  # or the bytes go with it
            talk.reset()
        talk.keeps_open = then == "keep"

    return answer


def good(body: bytes, *headers: str, status: str = "200 OK", kind: str = "image/jpeg") -> Answer:
    """A proper answer with this body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    async def answer(talk: Talk) -> None:
        await talk.send(talk.filled(head.decode("latin-1")).encode("latin-1") + body)

    return answer


def endless(head: bytes, piece: bytes, *, pause_s: float = 0.0) -> Answer:
    """A beginning, and then the same for ever; `pause_s` between two pieces."""

    async def answer(talk: Talk) -> None:
        await talk.send(head)
        while not talk.server.is_stopping:
            await talk.send(piece)
            if pause_s:
                await talk.pause(pause_s)

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return good(b"", f"Location: {location}", status=status, kind="")
