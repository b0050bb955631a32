"""Pure: what a failure of the connection stands for, in words that are the same every time."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

from imagenet_build.errors import BadAnswer, CutOff, HopRefused, NoConnection, SourceError, TlsFailed, Unreachable
from imagenet_build.network.interim_answers import TooManyInterim

_MOST_CHARACTERS = 120


def translated(error: Exception, url: str) -> SourceError:
    """The error of ours that an error of aiohttp, of the system or of a resolver stands for.

    Returns:
        NoConnection, CutOff, TlsFailed, BadAnswer, HopRefused (the URL is none), else Unreachable; an error of ours
        inside the chain as it is.
    """
    for cause in _chain(error):  # aiohttp wraps what the resolver raised
        if isinstance(cause, SourceError):
            return cause
    if isinstance(error, aiohttp.ServerTimeoutError):
        return NoConnection("no connection in time", source=url)
    if isinstance(error, aiohttp.ClientPayloadError):
        for cause in _chain(error):
            if isinstance(cause, ContentEncodingError):
                return BadAnswer(f"the body cannot be read: {_first_line(cause.message)}", source=url)
        return CutOff("the body ended before its end", source=url)
    if isinstance(error, aiohttp.InvalidURL):
        return HopRefused(f"not a usable URL: {error}", source=url)
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return TlsFailed(f"no secure connection: {_why_insecure(error)}", source=url)
    if isinstance(error, aiohttp.ClientResponseError):
        return BadAnswer(f"no HTTP: {_first_line(error.message)}", source=url)
    if isinstance(error, TooManyInterim):
        return BadAnswer(f"no answer: {error}", source=url)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreachable("the connection was closed without an answer", source=url)
    if isinstance(error, aiohttp.ClientConnectorError):
        return NoConnection(f"no connection: {error.os_error.strerror or 'it was closed'}", source=url)
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return Unreachable(f"{type(error).__name__}: {error}", source=url)
    return HopRefused(f"not a usable URL: {error}", source=url)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 10:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _first_line(message: str) -> str:
    """Of what the parser says; below it stand the bytes it stumbled over."""
    lines = [line.strip() for line in message.partition(": b'")[0].splitlines()]
    return next((line for line in lines if line), "malformed")[:_MOST_CHARACTERS].rstrip(":")


def _why_insecure(error: Exception) -> str:
    for cause in _chain(error):
        inner = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None) or cause
        if isinstance(inner, ssl.SSLCertVerificationError):
            return inner.verify_message
        if isinstance(inner, ssl.SSLError):
            return inner.reason or "the handshake failed"
    return "the handshake failed"
