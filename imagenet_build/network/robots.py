"""robots.txt verdicts (RFC 9309): an absent file (4xx) allows, an unreachable one (5xx, no answer) refuses for now."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from protego import Protego

from imagenet_build.errors import (
    AddressRefused,
    HostResting,
    HostUnknown,
    NoConnection,
    SourceError,
    TlsFailed,
    Unreachable,
)
from imagenet_build.network.client import HttpClient
from imagenet_build.network.host_lanes import Lanes
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.robots_lines import PathPatterns, lines_for
from imagenet_build.network.usage_preferences import UsageRules, usage_rules
from imagenet_build.network.visit import Visit

CACHE_S = 24 * 3600.0
"""RFC 9309 section 2.4: not longer than 24 hours."""
UNREACHABLE_S = 300.0
"""After this an unreachable file is asked for again."""
MAX_BYTES = 500 * 1024
"""Section 2.5: at least 500 KiB are read; the rest is ignored."""
MAX_AUTHORITIES = 10_000
MAX_LINES = 60_000
"""Rules remembered for all authorities together; the longest unused leave first."""
REDIRECTS = 5
"""Section 2.3.1.2: at least five hops."""
_SOON_BYTES, _SOON_LINES = 20_000, 500
"""What is read, or asked, within a millisecond or so; larger files are left to a thread, beside the event loop."""
_NO_HOST = (HostUnknown, TlsFailed, NoConnection)
_DISALLOW = ("dis", "dias")
"""How protego's spellings of Disallow begin."""


@dataclass(frozen=True, slots=True)
class RobotsVerdict:
    """May this URL be fetched, and on what evidence."""

    allowed: bool
    evidence: str
    """The line, or the answer, that decides."""
    reachable: bool = True
    """False: the file could not be read, so nothing may be fetched for now."""
    is_opt_out: bool = False
    """Crawling is allowed, but not this use."""
    error: SourceError | None = None
    """The host itself could not be reached, so the picture could not be either."""


@dataclass(slots=True)
class _Rules:
    until_s: float
    verdict: RobotsVerdict
    """For whatever the rules below do not refuse."""
    parsed: Protego | None = None
    disallowed: Mapping[str, str] = field(default_factory=dict)
    """Path pattern -> line, for evidence."""
    patterns: PathPatterns | None = None
    """Those of `disallowed`."""
    usage: UsageRules | None = None
    lines: int = 1

    def verdict_on(self, url: str, token: str) -> RobotsVerdict:
        """What they say to one URL of their authority."""
        if self.parsed is None and self.usage is None:
            return self.verdict
        parts = urlsplit(url)
        file = f"{parts.scheme}://{parts.netloc}/robots.txt"
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        if self.parsed is not None and not self.parsed.can_fetch(url, token):
            pattern = None if self.patterns is None else self.patterns.best(path)
            said = self.disallowed[pattern] if pattern is not None else f"disallows {path}"
            return RobotsVerdict(False, f"{file}: {said}")
        line = None if self.usage is None else self.usage.refusal(path)
        return self.verdict if line is None else RobotsVerdict(False, f"{file}: {line}", is_opt_out=True)


class Robots:
    """Verdicts per authority (scheme, host, port), each file read once a day."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[HttpAnswer]], product_token: str, *, content_signals: bool = True
    ) -> None:
        """How to get files, and what counts in them.

        Args:
            fetch: gets a robots.txt URL, follows up to five redirects, raises SourceError when there is no answer.
            product_token: our name.
            content_signals: whether `Content-Signal` and `Content-Usage` lines that forbid training refuse.
        """
        self._fetch = fetch
        self._token = product_token
        self._content_signals = content_signals
        self._known: OrderedDict[str, _Rules] = OrderedDict()
        self._lines = 0
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def verdict(self, url: str) -> RobotsVerdict:
        """Whether `url` may be fetched.

        Raises:
            AddressRefused: its host has an address that must not be connected to: a matter of policy, not of robots.
            HostResting: its host must not be asked for the file now.
        """
        parts = urlsplit(url)
        authority = f"{parts.scheme}://{parts.netloc}"
        rules = self._fresh(authority)
        if rules is None:
            lock = self._reading.setdefault(authority, asyncio.Lock())
            async with lock:
                rules = self._fresh(authority) or self._remember(authority, await self._read(authority))
        if rules.lines > _SOON_LINES:
            return await asyncio.to_thread(rules.verdict_on, url, self._token)
        return rules.verdict_on(url, self._token)

    def _fresh(self, authority: str) -> _Rules | None:
        rules = self._known.get(authority)
        if rules is None or rules.until_s < time.monotonic():
            return None
        self._known.move_to_end(authority)
        return rules

    def _remember(self, authority: str, rules: _Rules) -> _Rules:
        self._forget(authority)
        self._known[authority] = rules
        self._lines += rules.lines
        while len(self._known) > MAX_AUTHORITIES or (self._lines > MAX_LINES and len(self._known) > 1):
            self._forget(next(iter(self._known)))
        return rules

    def _forget(self, authority: str) -> None:
        old = self._known.pop(authority, None)
        if old is not None:
            self._lines -= old.lines

    async def _read(self, authority: str) -> _Rules:
        url = f"{authority}/robots.txt"
        try:
            answer = await self._fetch(url)
        except HostResting:
            raise
        except SourceError as error:
            if isinstance(error, AddressRefused) and error.source.lower() == urlsplit(url).hostname:
                raise
            evidence = f"{url} cannot be read: {error}"
            if isinstance(error, _NO_HOST):
                # not remembered: the next one asks again, and the host's circuit breaker counts
                return _Rules(0.0, RobotsVerdict(False, evidence, reachable=False, error=error))
            return _unreachable(evidence)
        if answer.status >= 500 or answer.status == 429:
            return _unreachable(f"{url} answered {answer.status}")
        until_s = time.monotonic() + CACHE_S
        if answer.status != 200:
            return _Rules(until_s, RobotsVerdict(True, f"{url} answered {answer.status}: no rules"))
        body = answer.body[:MAX_BYTES]
        if len(body) > _SOON_BYTES:
            return await asyncio.to_thread(self._rules, url, body, until_s)
        return self._rules(url, body, until_s)

    def _rules(self, url: str, body: bytes, until_s: float) -> _Rules:
        text = body.decode("utf-8-sig", "replace")  # a byte order mark would hide the first line
        lines = lines_for(text, self._token)
        crawling = "\n".join(line for field, _, line in lines if not field.startswith("content-"))
        disallowed = {value: line for field, value, line in lines if field.startswith(_DISALLOW) and value}
        return _Rules(
            until_s,
            RobotsVerdict(True, f"{url} allows"),
            Protego.parse(f"User-agent: {self._token}\n{crawling}") if crawling else None,
            disallowed,
            PathPatterns(disallowed),
            usage_rules(lines) if self._content_signals else None,
            1 + len(lines),
        )


def robots_fetcher(client: HttpClient, lanes: Lanes, timeout_s: float) -> Callable[[str], Awaitable[HttpAnswer]]:
    """How `Robots` gets files: each hop in the lane of its host, like any other request."""

    async def fetch(url: str) -> HttpAnswer:
        visit = Visit(lanes, url)
        try:
            answer = await client.get(
                url,
                timeout_s=timeout_s,
                max_bytes=4 * MAX_BYTES,
                max_redirects=REDIRECTS,
                turn=visit.turn,
            )
        except HostResting as error:
            if error.source == visit.own_host:
                raise
            raise Unreachable(f"it redirects to {error.source}, which is left in peace", source=url) from None
        except SourceError as error:
            visit.count(error)
            if visit.host != visit.own_host and not isinstance(error, AddressRefused):
                raise Unreachable(f"{visit.url}: {error}", source=visit.url) from None
            raise
        visit.count(None)
        return answer

    return fetch


def _unreachable(evidence: str) -> _Rules:
    return _Rules(time.monotonic() + UNREACHABLE_S, RobotsVerdict(False, evidence, reachable=False))
