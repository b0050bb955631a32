"""The one HTTP client: honest about who it is, bounded in time, bytes and redirects, and careful where it connects."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from types import TracebackType
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from imagenet_build import __version__
from imagenet_build.errors import (
    AddressRefused,
    ConfigError,
    CutOff,
    DeadlinePassed,
    HopRefused,
    TooManyBytes,
    TooManyRedirects,
    Unreachable,
)
from imagenet_build.network.addresses import AddressPolicy, CheckedResolver
from imagenet_build.network.messages import HttpAnswer

if sys.version_info >= (3, 11):
    from asyncio import timeout as deadline
else:
    from async_timeout import timeout as deadline  # which aiohttp needs there

PRODUCT_TOKEN = "imagenet_build"
"""What robots.txt files may name us by."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 1 << 16
_HOST = re.compile(r"[0-9A-Za-z._:-]+")

BeforeHop = Callable[[str], Awaitable[None]]
OnHeaders = Callable[[int, Mapping[str, str]], None]


def user_agent(contact: str) -> str:
    """How we introduce ourselves (RFC 9110 section 10.1.5; Wikimedia's User-Agent policy asks for a contact)."""
    if any(ord(character) < 32 or ord(character) == 127 for character in contact):
        raise ConfigError("network.contact must be one line: a mail address or a web page.")
    who = f" ({contact})" if contact else ""
    return f"{PRODUCT_TOKEN}/{__version__}{who} aiohttp/{aiohttp.__version__}"


class HttpClient:
    """GET requests over shared connections. Use as an async context manager."""

    def __init__(self, *, contact: str, policy: AddressPolicy, connect_timeout_s: float = 10.0) -> None:
        self._agent = user_agent(contact)
        self._policy = policy
        self._check_literal = lru_cache(1024)(policy.check_literal)
        self._connect_timeout_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._policy), limit=0, ttl_dns_cache=300, keepalive_timeout=15
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_s),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        assert self._session is not None
        await self._session.close()

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
    ) -> HttpAnswer:
        """Fetch one URL to the end of its body.

        Args:
            url: http or https.
            body: makes it a POST; redirects are then not followed.
            timeout_s: for everything together: redirects, headers, body.
            max_bytes: of the decoded body; a larger announced length is refused before the body is read.
            headers: sent besides the User-Agent.
            max_redirects: hops followed; 0 refuses all.
            before_hop: called with the URL before each connection, the first included; raises to refuse.
            on_headers: called with the final answer's status and headers (lower-case names, repeated ones joined with
                newlines) before the body is read; raises to refuse.
        Returns:
            The final answer, whatever its status.
        Raises:
            DeadlinePassed, CutOff, Unreachable: worth another try.
            AddressRefused, TooManyRedirects, TooManyBytes: not worth one.
            HopRefused: a URL or redirect that is not http(s), or no usable URL at all, or what the callbacks raise.
        """
        try:
            async with deadline(timeout_s):
                return await self._follow(
                    url, body, max_bytes, headers or {}, 0 if body else max_redirects, before_hop, on_headers
                )
        except (asyncio.TimeoutError, aiohttp.ServerTimeoutError):
            raise DeadlinePassed(f"no complete answer within {timeout_s:g} s", source=url) from None
        except aiohttp.ClientPayloadError as error:
            raise CutOff(f"the body was cut off: {error}", source=url) from None
        except aiohttp.InvalidURL as error:
            raise HopRefused(f"not a usable URL: {error}", source=url) from None
        except (aiohttp.ClientError, OSError) as error:
            cause: BaseException | None = error
            while cause is not None:  # aiohttp wraps what the resolver raised
                if isinstance(cause, AddressRefused):
                    raise cause from None
                cause = cause.__cause__ or cause.__context__
            raise Unreachable(f"{type(error).__name__}: {error}", source=url) from None
        except (ValueError, UnicodeError) as error:
            raise HopRefused(f"not a usable URL: {error}", source=url) from None

    async def _follow(
        self,
        url: str,
        body: bytes | None,
        max_bytes: int,
        headers: Mapping[str, str],
        max_redirects: int,
        before_hop: BeforeHop | None,
        on_headers: OnHeaders | None,
    ) -> HttpAnswer:
        assert self._session is not None, "use `async with`"
        for _ in range(max_redirects + 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise HopRefused(f"{parts.scheme or 'no'} scheme: only http and https are fetched", source=url)
            url = _sendable(parts, url)
            self._check_literal(parts.hostname)
            if before_hop is not None:
                await before_hop(url)
            # encoded=True: the URL is sent as given; servers sign and compare its exact spelling
            request = self._session.request(
                "GET" if body is None else "POST",
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
            )
            async with request as answer:
                if answer.status in _REDIRECTS and "Location" in answer.headers:
                    url = urljoin(url, answer.headers["Location"])
                    continue
                found = _lowered(answer)
                if on_headers is not None:
                    on_headers(answer.status, found)
                return HttpAnswer(answer.status, found, await _read(answer, max_bytes))
        raise TooManyRedirects(f"more than {max_redirects} redirects", source=url)


def _sendable(parts: SplitResult, url: str) -> str:
    """The URL with everything encoded that cannot be sent, and nothing else touched. ValueError: no real host."""
    if not parts.netloc.isascii():
        parts = parts._replace(netloc=URL(f"//{parts.netloc}").raw_authority)
    if not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError(f"{parts.hostname!r} is no host")
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    path, query = (_encoded(text) for text in (parts.path, parts.query))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _encoded(text: str) -> str:
    """Bytes that are no UTF-8 (a Location header in another encoding) are encoded as they came."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in data)


def _lowered(answer: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers.items():
        name = name.lower()
        # aiohttp gives half surrogates for bytes that are no UTF-8; such text could not be stored anywhere
        value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if answer.content_length is not None and answer.content_length > max_bytes:
        raise TooManyBytes(f"{answer.content_length} bytes announced; the limit is {max_bytes}", source=str(answer.url))
    chunks: list[bytes] = []
    total = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        total += len(chunk)
        if total > max_bytes:
            raise TooManyBytes(f"more than {max_bytes} bytes", source=str(answer.url))
        chunks.append(chunk)
    return b"".join(chunks)
