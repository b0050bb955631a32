"""One request and its answer, without redirects: with a limit on everything that a server could make us wait for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from imagenet_build.errors import DeadlinePassed, SourceError, TooManyBytes, TooSlow
from imagenet_build.network.answer_headers import AnswerHeaders
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.wire_errors import translated

if sys.version_info >= (3, 11):
    from asyncio import Timeout, timeout_at

    def _move(timer: Timeout, when_s: float) -> None:
        timer.reschedule(when_s)
else:
    from async_timeout import Timeout, timeout_at  # which aiohttp needs there

    def _move(timer: Timeout, when_s: float) -> None:
        timer.update(when_s)


RATE_WINDOW_S = 5.0
"""The least rate is measured over so many seconds."""
_SLACK_S = 0.5
"""A window may last so much longer: moving the timer at every piece of a quick body would cost more than reading it."""
_PATIENCE_S = 600.0
"""Longest wait for room in memory."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Heard = Callable[[int, Mapping[str, str], bool], None]
"""Called with status, headers and whether this is a redirect that can be followed; raises to refuse."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may take."""

    timeout_s: float
    """For all hops together."""
    max_bytes: int
    """Of the decoded body."""
    first_byte_timeout_s: float | None = None
    """From the start, connecting included, to the head of the answer."""
    least_bytes_per_s: int = 0
    """Of the decoded body, over `RATE_WINDOW_S`; 0: any."""
    large_bytes: int = 0
    """From here on a body needs `room`."""
    room: Callable[[], Awaitable[None]] | None = None
    """Waits until there is memory for a large body; the time does not count. None: there always is."""


async def exchange(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    limits: Limits,
    left_s: float,
    heard: Heard,
) -> HttpAnswer | str:
    """Send one GET, or POST if there is a body, and read its answer to the end.

    Args:
        url: sent exactly as given; servers sign and compare its spelling.
        left_s: of `limits.timeout_s`.
        heard: called before the body is read.
    Returns:
        The answer, or the Location of a redirect.
    Raises:
        SourceError: as in `HttpClient.send`.
    """
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    end_s = begun_s + left_s
    head_s = end_s if limits.first_byte_timeout_s is None else min(end_s, begun_s + limits.first_byte_timeout_s)
    has_begun = False
    try:
        async with timeout_at(head_s) as timer:
            request = session.request(
                "GET" if body is None else "POST",
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
            )
            async with request as answer:
                has_begun = True
                found = AnswerHeaders(answer.headers)
                location = found.get("location") if answer.status in _REDIRECTS else None
                heard(answer.status, found, location is not None)
                if location is not None:
                    return answer.headers["location"]
                return HttpAnswer(answer.status, found, await _read(answer, timer, limits, end_s, url))
    except SourceError:
        raise
    except aiohttp.ServerTimeoutError as error:
        raise translated(error, url) from None
    except asyncio.TimeoutError:
        if has_begun and loop.time() < end_s - 0.01:
            least = f"{limits.least_bytes_per_s} bytes/s over {RATE_WINDOW_S:g} s"
            raise TooSlow(f"the body came more slowly than {least}", source=url) from None
        if not has_begun and head_s < end_s:
            raise DeadlinePassed(f"no answer within {limits.first_byte_timeout_s:g} s", source=url) from None
        raise DeadlinePassed(f"no complete answer within {limits.timeout_s:g} s", source=url) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise translated(error, url) from None


async def _read(answer: aiohttp.ClientResponse, timer: Timeout, limits: Limits, end_s: float, url: str) -> bytes:
    """The decoded body. Each time that a window's least bytes have come, the next window begins."""
    most = limits.max_bytes
    if answer.content_length is not None and answer.content_length > most:
        raise TooManyBytes(f"{answer.content_length} bytes announced; the limit is {most}", source=url)
    loop = asyncio.get_running_loop()
    least = limits.least_bytes_per_s * RATE_WINDOW_S
    moved_s = loop.time()
    _move(timer, min(end_s, moved_s + RATE_WINDOW_S + _SLACK_S) if least else end_s)
    content = answer.content
    pieces: list[bytes] = []
    total = counted = 0
    needs_room = limits.room is not None
    while piece := await content.readany():
        total += len(piece)
        if total > most:
            raise TooManyBytes(f"more than {most} bytes", source=url)
        pieces.append(piece)
        if needs_room and total > limits.large_bytes and limits.room is not None:
            needs_room = False
            asked_s = loop.time()
            _move(timer, asked_s + _PATIENCE_S)
            await limits.room()
            moved_s = loop.time()
            end_s += moved_s - asked_s
            _move(timer, min(end_s, moved_s + RATE_WINDOW_S + _SLACK_S) if least else end_s)
        if least and total - counted >= least:
            counted = total
            now_s = loop.time()
            if now_s - moved_s > _SLACK_S:
                moved_s = now_s
                _move(timer, min(end_s, now_s + RATE_WINDOW_S + _SLACK_S))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
