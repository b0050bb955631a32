"""The one HTTP client: honest about who it is, bounded in time, bytes and redirects, and careful where it connects."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Protocol
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from imagenet_build import __version__
from imagenet_build.errors import ConfigError, DeadlinePassed, HopRefused, TooManyRedirects
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.dns_cache import CachingResolver, LookUp, ask_system
from imagenet_build.network.exchange import Heard, Limits, exchange
from imagenet_build.network.interim_answers import BoundedConnector
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.open_files import allow_many_connections

PRODUCT_TOKEN = "imagenet_build"
"""What robots.txt files may name us by."""
MOST_HEADERS = 128
MOST_HEADER_BYTES = 8190
"""Of one header, its name included; also of the status line."""
_IDLE_S = 8.0
"""A connection is kept for so long: a pause within a lane's patience does not cost a new one."""
_READ_AHEAD = 1 << 17
_HOST = re.compile(r"[0-9A-Za-z._:-]+")

BeforeHop = Callable[[str], Awaitable[None]]
OnHeaders = Callable[[int, Mapping[str, str]], None]


class HopTurn(Protocol):
    """Somebody's leave to ask for one hop, held while the hop is under way."""

    async def __aenter__(self) -> object:
        """Wait for it, or raise to refuse."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> object:
        """The hop is over; errors are those that `send` raises."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The hop's answer has begun, redirects included."""


def user_agent(contact: str) -> str:
    """How we introduce ourselves (RFC 9110 section 10.1.5; Wikimedia's User-Agent policy asks for a contact)."""
    if any(ord(character) < 32 or ord(character) == 127 for character in contact):
        raise ConfigError("network.contact must be one line: a mail address or a web page.")
    who = f" ({contact})" if contact else ""
    return f"{PRODUCT_TOKEN}/{__version__}{who} aiohttp/{aiohttp.__version__}"


class HttpClient:
    """GET requests over shared connections. Use as an async context manager."""

    def __init__(
        self, *, contact: str, policy: AddressPolicy, connect_timeout_s: float = 10.0, look_up: LookUp = ask_system
    ) -> None:
        """`look_up`: how names become addresses."""
        self._agent = user_agent(contact)
        self._policy = policy
        self._check_literal = lru_cache(1024)(policy.check_literal)
        self._connect_timeout_s = connect_timeout_s
        self._look_up = look_up
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        """Open the connection pool."""
        allow_many_connections()
        resolver = CachingResolver(self._policy, timeout_s=self._connect_timeout_s, look_up=self._look_up)
        self._resolver = resolver
        connector = BoundedConnector(resolver=resolver, use_dns_cache=False, limit=0, keepalive_timeout=_IDLE_S)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_s),
            read_bufsize=_READ_AHEAD,
            max_line_size=MOST_HEADER_BYTES,
            max_field_size=MOST_HEADER_BYTES,
            max_headers=MOST_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        assert self._session is not None
        await self._session.close()
        await self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        timeout_s: float,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        max_redirects: int = 3,
        before_hop: BeforeHop | None = None,
        on_headers: OnHeaders | None = None,
        turn: Callable[[str], HopTurn] | None = None,
        first_byte_timeout_s: float | None = None,
        least_bytes_per_s: int = 0,
        large_bytes: int = 0,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> HttpAnswer:
        """`send` without a body."""
        return await self.send(
            url,
            timeout_s=timeout_s,
            max_bytes=max_bytes,
            headers=headers,
            max_redirects=max_redirects,
            before_hop=before_hop,
            on_headers=on_headers,
            turn=turn,
            first_byte_timeout_s=first_byte_timeout_s,
            least_bytes_per_s=least_bytes_per_s,
            large_bytes=large_bytes,
            room=room,
        )

    async def send(
        self,
        url: str,
        *,
        body: bytes | None = None,
        timeout_s: float,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        max_redirects: int = 3,
        before_hop: BeforeHop | None = None,
        on_headers: OnHeaders | None = None,
        turn: Callable[[str], HopTurn] | None = None,
        first_byte_timeout_s: float | None = None,
        least_bytes_per_s: int = 0,
        large_bytes: int = 0,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> HttpAnswer:
        """Fetch one URL to the end of its body.

        Args:
            url: http or https.
            body: makes it a POST; redirects are then not followed.
            timeout_s: for all requests together: connecting, redirects, headers, body. What `before_hop` and `turn`
                wait for is not counted.
            max_bytes: of the decoded body; a larger announced length is refused before the body is read.
            headers: sent besides the User-Agent.
            max_redirects: hops followed; 0 refuses all.
            before_hop: called with the URL before each connection, the first included; raises to refuse.
            on_headers: called with the final answer's status and headers (lower-case names, repeated ones joined with
                newlines) before the body is read; raises to refuse.
            turn: called with the URL of each hop, after `before_hop`; entered for as long as the hop takes and left
                before the next one's is asked for.
            first_byte_timeout_s: from the start of a hop, connecting included, to the head of its answer.
            least_bytes_per_s: of the decoded body, over `RATE_WINDOW_S`; 0: any.
            large_bytes, room: awaited once a body has more bytes than that; the time does not count.
        Returns:
            The final answer, whatever its status.
        Raises:
            Unreachable, DeadlinePassed, TooSlow, CutOff, BadAnswer: worth another try.
            HostUnknown, TlsFailed, AddressRefused, TooManyRedirects, TooManyBytes: not worth one now.
            HopRefused: a URL or redirect that is not http(s), or no usable URL at all, or what the callbacks raise.
        """
        assert self._session is not None, "use `async with`"
        limits = Limits(timeout_s, max_bytes, first_byte_timeout_s, least_bytes_per_s, large_bytes, room)
        headers = headers or {}
        loop = asyncio.get_running_loop()
        left_s = timeout_s
        for _ in range(1 if body is not None else max_redirects + 1):
            url = self._checked(url)
            if before_hop is not None:
                await before_hop(url)
            held = _NO_TURN if turn is None else turn(url)
            async with held:
                begun_s = loop.time()
                found = await exchange(
                    self._session, url, body, headers, limits, left_s, _heard_by(held.answered, on_headers)
                )
                left_s -= loop.time() - begun_s
            if not isinstance(found, str):
                return found
            if left_s <= 0:
                raise DeadlinePassed(f"no complete answer within {timeout_s:g} s", source=url)
            url = _joined(url, found)
        raise TooManyRedirects(f"more than {max_redirects} redirects", source=url)

    def _checked(self, url: str) -> str:
        """The URL as it can be sent. Raises HopRefused, AddressRefused."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
            if parts.scheme not in ("http", "https") or not host:
                raise HopRefused(f"{parts.scheme or 'no'} scheme: only http and https are fetched", source=url)
            url = _sendable(parts, host, url)
            parts.port  # noqa: B018 (raises if it is none)
        except (ValueError, UnicodeError) as error:
            raise HopRefused(f"not a usable URL: {error}", source=url) from None
        self._check_literal(host)
        return url


class _NoTurn:
    """Leave to ask at any time."""

    async def __aenter__(self) -> None:
        """At once."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Nobody learns from it."""


_NO_TURN = _NoTurn()


def _heard_by(answered: Callable[[int, Mapping[str, str]], None], on_headers: OnHeaders | None) -> Heard:
    def heard(status: int, headers: Mapping[str, str], goes_on: bool) -> None:
        answered(status, headers)
        if on_headers is not None and not goes_on:
            on_headers(status, headers)

    return heard


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise HopRefused(f"not a usable URL: {error}", source=url) from None


def _sendable(parts: SplitResult, host: str, url: str) -> str:
    """The URL with everything encoded that cannot be sent, and nothing else touched. ValueError: no real host."""
    if not parts.netloc.isascii():
        parts = parts._replace(netloc=URL(f"//{parts.netloc}").raw_authority)
        host = parts.hostname or ""
    if not _HOST.fullmatch(host) or not (":" in host or _is_name(host)):
        raise ValueError(f"{host[:300]!r} is no host")
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    path, query = (_encoded(text) for text in (parts.path, parts.query))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _is_name(host: str) -> bool:
    """RFC 1035 section 2.3.4; the dot of the root may stand at the end."""
    return len(host) <= 254 and all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))


def _encoded(text: str) -> str:
    """Bytes that are no UTF-8 (a Location header in another encoding) are encoded as they came."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in data)
