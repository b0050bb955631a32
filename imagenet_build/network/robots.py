"""robots.txt verdicts (RFC 9309): an absent file (4xx) allows, an unreachable one (5xx, no answer) refuses for now."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from imagenet_build.errors import AddressRefused, SourceError
from imagenet_build.network.messages import HttpAnswer

CACHE_S = 24 * 3600.0
"""RFC 9309 section 2.4: not longer than 24 hours."""
MAX_BYTES = 500 * 1024
"""Section 2.5: at least 500 KiB are read; the rest is ignored."""
MAX_AUTHORITIES = 10_000


@dataclass(frozen=True, slots=True)
class RobotsVerdict:
    """May this URL be fetched, and on what evidence."""

    allowed: bool
    evidence: str
    reachable: bool = True
    """False: the file could not be read, so nothing may be fetched for now."""


@dataclass(slots=True)
class _Rules:
    parsed: Protego | None
    """None: everything gets `verdict`."""
    verdict: RobotsVerdict
    read_at: float


class Robots:
    """Verdicts per authority (scheme, host, port), each file read once a day."""

    def __init__(self, fetch: Callable[[str], Awaitable[HttpAnswer]], product_token: str) -> None:
        """`fetch` gets a robots.txt URL, follows up to five redirects, raises SourceError when there is no answer."""
        self._fetch = fetch
        self._token = product_token
        self._known: OrderedDict[str, _Rules] = OrderedDict()
        self._reading: dict[str, asyncio.Lock] = {}

    async def verdict(self, url: str) -> RobotsVerdict:
        """Whether `url` may be fetched.

        Raises:
            AddressRefused: its host has an address that must not be connected to: a matter of policy, not of robots.
        """
        parts = urlsplit(url)
        authority = f"{parts.scheme}://{parts.netloc}"
        lock = self._reading.setdefault(authority, asyncio.Lock())
        async with lock:
            rules = self._known.get(authority)
            if rules is None or time.monotonic() - rules.read_at > CACHE_S:
                rules = await self._read(authority)
                self._known[authority] = rules
                while len(self._known) > MAX_AUTHORITIES:
                    old, _ = self._known.popitem(last=False)
                    self._reading.pop(old, None)
        if rules.parsed is None:
            return rules.verdict
        if rules.parsed.can_fetch(url, self._token):
            return RobotsVerdict(True, f"{authority}/robots.txt allows")
        return RobotsVerdict(False, f"{authority}/robots.txt disallows {parts.path or '/'} for {self._token}")

    async def _read(self, authority: str) -> _Rules:
        url = f"{authority}/robots.txt"
        now = time.monotonic()
        try:
            answer = await self._fetch(url)
        except SourceError as error:
            if isinstance(error, AddressRefused) and error.source == urlsplit(url).hostname:
                raise
            return _Rules(None, RobotsVerdict(False, f"{url} cannot be read: {error}", reachable=False), now)
        if answer.status >= 500 or answer.status == 429:
            return _Rules(None, RobotsVerdict(False, f"{url} answered {answer.status}", reachable=False), now)
        if answer.status != 200:
            return _Rules(None, RobotsVerdict(True, f"{url} answered {answer.status}: no rules"), now)
        text = answer.body[:MAX_BYTES].decode("utf-8-sig", "replace")  # a byte order mark would hide the first line
        return _Rules(Protego.parse(text), RobotsVerdict(True, ""), now)
