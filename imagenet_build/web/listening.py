"""EDGE: a server that listens while a block runs."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from imagenet_build.errors import SourceError
from imagenet_build.web.base import Guard

_STOP_S = 2.0
"""How long open requests may take at the end."""


@dataclass(frozen=True)
class Serving:
    """A running server."""

    url: str
    """Without a slash at the end."""
    port: int
    secret: str
    """What invitation links are signed with."""
    needs_token: bool

    @property
    def reachable_url(self) -> str:
        """An address that others can use, if every interface is listened on."""
        everywhere = self.url.startswith(("http://0.0.0.0:", "http://[::]:"))
        return f"http://{socket.gethostname()}:{self.port}" if everywhere else self.url


@asynccontextmanager
async def listening(
    routes: list[web.RouteDef], guard: Guard, *, host: str, port: int, secret: str, most_body_bytes: int = 65_536
) -> AsyncIterator[Serving]:
    """Answer requests while the block runs.

    Args:
        host: address to listen on. port: 0 for any free one.
    Raises:
        SourceError: the address cannot be listened on.
    """
    app = web.Application(middlewares=[guard.middleware], client_max_size=most_body_bytes)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            raise _cannot_listen(host, port, error) from None
        guard.port = int(runner.addresses[0][1])
        shown = f"[{host}]" if ":" in host else host
        yield Serving(f"http://{shown}:{guard.port}", guard.port, secret, guard.needs_token)
    finally:
        await runner.cleanup()


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> SourceError:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return SourceError(f"Port {port} of {host} is in use.", source=host, remedy="Give another with --port.")
    reason = getattr(error, "strerror", None) or str(error)
    return SourceError(f"Nothing can listen on {host}:{port}: {reason}.", source=host, remedy="Give another --host.")
