"""Connections on which an answer comes soon: a server may announce it (1xx) some times, not for ever.

aiohttp reads over interim answers without counting them, and parses thousands of them for each piece that arrives: the
event loop would do nothing else until the deadline.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MOST_INTERIM = 10
"""Before an answer; servers send one or two (RFC 9110 section 15.2, RFC 8297)."""
_LOOKED_AT = 8192
_BEGIN = b"HTTP/1.1 1"


class TooManyInterim(aiohttp.ClientError):
    """`MOST_INTERIM` announcements, and still no answer."""

    def __init__(self) -> None:
        """Always the same text."""
        super().__init__(f"more than {MOST_INTERIM} interim answers")


class BoundedConnector(aiohttp.TCPConnector):
    """Its connections raise TooManyInterim."""

    def __init__(self, **options: Any) -> None:
        """`options`: of `TCPConnector`. Within an event loop."""
        super().__init__(**options)
        made: type[ResponseHandler] = _Connection
        self._factory = partial(made, loop=asyncio.get_running_loop())


class _Connection(ResponseHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._interim = 0
        self._awaits_head = False

    def set_response_params(self, **options: Any) -> None:
        """A request is about to be sent."""
        self._interim, self._awaits_head = 0, True
        super().set_response_params(**options)

    async def read(self) -> Any:
        """The head of an answer, interim or not."""
        message = await super().read()
        if 100 <= message[0].code < 200:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise TooManyInterim
        else:
            self._awaits_head = False
        return message

    def data_received(self, data: bytes) -> None:
        """Not even parsed if there are too many in one piece."""
        if self._awaits_head and data.count(_BEGIN, 0, _LOOKED_AT) > MOST_INTERIM:
            self.set_exception(TooManyInterim())
        else:
            super().data_received(data)
