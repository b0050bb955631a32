"""The base of all fake servers: a real aiohttp server on loopback in a thread of its own.

The thread makes one server serve both tests with an event loop and tests that run the program in a subprocess.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web

from tests.fakes.request_log import RequestLog

if TYPE_CHECKING:
    from typing_extensions import Self

START_S = 10.0
"""Longest wait for a server to start or stop, seconds."""


@dataclass(frozen=True)
class Reply:
    """One answer, honest or faulty."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    mode: Literal["whole", "cut", "drip", "endless", "hang", "drop", "wait", "late"] = "whole"
    """cut: the connection ends before the announced length; drip: in small pieces with pauses; endless: the body is
    repeated until the client goes away; hang: nothing is ever answered; drop: the connection closes unanswered; wait:
    answered after `release` is called on the server; late: whole, after one pause."""
    announced: int | None = None
    """Content-Length to claim, for `cut` (default: twice the body)."""
    piece_bytes: int = 64
    pause_s: float = 0.05

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        return cls(status, json.dumps(data).encode(), "application/json", headers or {})

    @classmethod
    def text(cls, text: str, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "plain") -> Reply:
        return cls(status, text.encode(), f"text/{kind}", headers or {})


class FakeServer:
    """Start and stop, the log, and faults at chosen calls. Subclasses add routes in `add_routes`."""

    def __init__(self, hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.hosts = hosts
        self.port = 0
        self.log = RequestLog()
        self._faults: dict[int, Reply] = {}
        self._every: Reply | None = None
        self._answered = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._released: asyncio.Event | None = None

    # life

    def start(self) -> Self:
        started: threading.Event = threading.Event()
        problem: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(started))
            except BaseException as error:  # noqa: BLE001 (raised again in the test's thread)
                problem.append(error)
                started.set()

        self._thread = threading.Thread(target=run, name=type(self).__name__, daemon=True)
        self._thread.start()
        if not started.wait(START_S):
            raise TimeoutError("the fake server did not start")
        if problem:
            raise problem[0]
        return self

    def stop(self) -> None:
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)
        assert not self._thread.is_alive(), "the fake server did not stop"
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def base_url(self) -> str:
        return self.url("")

    def url(self, path: str, host: str | None = None) -> str:
        """The absolute URL of a path; `host` picks one of the server's addresses (or a name for one)."""
        return f"http://{host or self.hosts[0]}:{self.port}{path}"

    # faults

    def at(self, call: int, reply: Reply) -> None:
        """Answer call number `call` (from 1, over calls that reach the protocol) with a fault."""
        self._faults[call] = reply

    def next(self, reply: Reply) -> None:
        """Answer the next call with a fault."""
        self._faults[self._answered + 1] = reply

    def always(self, reply: Reply | None) -> None:
        """Answer every call with a fault, until called with None."""
        self._every = reply

    def release(self) -> None:
        """Let the answers with mode `wait` go."""
        assert self._loop is not None
        assert self._released is not None
        self._loop.call_soon_threadsafe(self._released.set)

    # for subclasses

    def add_routes(self, app: web.Application) -> None:
        raise NotImplementedError

    async def fault(self, request: web.Request) -> web.StreamResponse | None:
        """The scripted fault for this call, sent; None if the protocol should answer."""
        self._answered += 1
        reply = self._every or self._faults.pop(self._answered, None)
        return None if reply is None else await self.send(request, reply)

    async def send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        assert self._stop is not None
        assert self._released is not None
        if reply.mode == "hang":
            await self._stop.wait()
            return _dropped(request)
        if reply.mode == "drop":
            return _dropped(request)
        if reply.mode == "wait":
            waits = [asyncio.create_task(event.wait()) for event in (self._released, self._stop)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if reply.mode == "late":
            await _pause(self._stop, reply.pause_s)
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if reply.mode in ("whole", "wait", "late"):
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        response = web.StreamResponse(status=reply.status, headers=headers)
        if reply.mode == "cut":
            response.content_length = reply.announced or 2 * len(reply.body) + 1
            await response.prepare(request)
            await response.write(reply.body)
            return _dropped(request, response)
        if reply.mode == "drip":
            response.content_length = len(reply.body)
        await response.prepare(request)
        try:
            if reply.mode == "endless":
                while not self._stop.is_set():
                    await response.write(reply.body or bytes(1 << 16))
                return _dropped(request, response)
            for start in range(0, len(reply.body), reply.piece_bytes):
                await response.write(reply.body[start : start + reply.piece_bytes])
                await _pause(self._stop, reply.pause_s)
                if self._stop.is_set():
                    return _dropped(request, response)
            await response.write_eof()
        except ConnectionError:  # the client had enough
            return _dropped(request, response)
        return response

    # inside the thread

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._released = asyncio.Event()
        app = web.Application(middlewares=[self._logged])
        self.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for host in self.hosts:
                site = web.TCPSite(runner, host, self.port)
                await site.start()
                self.port = runner.addresses[-1][1]
            started.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()

    @web.middleware
    async def _logged(self, request: web.Request, handler: Any) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = self.log.begin(request.method, request.host, request.rel_url.raw_path, dict(request.query), headers)
        try:
            response: web.StreamResponse = await handler(request)
            if request.transport is not None and not request.transport.is_closing():
                call.status = response.status
            return response
        except web.HTTPException as answer:
            call.status = answer.status
            raise
        finally:
            call.end_s = time.monotonic()


def _dropped(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection at once; what is returned after that reaches nobody."""
    if request.transport is not None:
        request.transport.close()
    return response or web.Response(status=500)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """A pause that ends early when the server stops."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except asyncio.TimeoutError:
        return
