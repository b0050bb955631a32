"""EDGE: the explorer over HTTP, while a block runs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagenet_build.errors import DataError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_status import is_list_run
from imagenet_build.web.explorer.handlers import Handlers
from imagenet_build.web.explorer.run_view import RunView
from imagenet_build.web.listening import Serving, listening
from imagenet_build.web.sessions import is_loopback

DEFAULT_PORT = 8501


@asynccontextmanager
async def explore(layout: RunLayout, *, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> AsyncIterator[Serving]:
    """Show a run while the block runs; nothing is written. A build may go on beside it.

    Args:
        host: address to listen on; any that is not loopback needs a link with a token.
        port: 0 for any free one.
    Raises:
        DataError: this is no run, or a run without synsets. SourceError: the address cannot be listened on.
    """
    read_config(layout)
    if is_list_run(layout):
        raise DataError(
            f"{layout.root} holds the pictures of a list of URLs, without synsets: there is no tree to show.",
            remedy=f"`imagenet-build status {layout.root}` says what it holds.",
        )
    view = RunView(layout)
    try:
        await asyncio.to_thread(view.open)
        secret = secrets.token_hex(16)
        handlers = Handlers(layout, view, secret, needs_token=not is_loopback(host))
        try:
            async with listening(handlers.routes(), handlers.guard, host=host, port=port, secret=secret) as serving:
                yield serving
        finally:
            handlers.close()
    finally:
        await asyncio.to_thread(view.close)
