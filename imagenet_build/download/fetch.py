"""One URL to bytes, or a rejection: policy before connecting, headers before the body, deadlines throughout."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imagenet_build.config.models import DownloadConfig
from imagenet_build.errors import (
    AddressRefused,
    CutOff,
    DeadlinePassed,
    HopRefused,
    RateLimited,
    TooManyBytes,
    TooManyRedirects,
    Unreachable,
)
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.opt_out import opt_out
from imagenet_build.network.politeness import Pace
from imagenet_build.network.retry import LEAST_S, backoff_s, retry_after_s
from imagenet_build.network.robots import Robots
from imagenet_build.records import Rejection, RejectReason

_THROTTLED = frozenset({429, 503})
_HTML = ("text/html", "application/xhtml")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of one URL: bytes or a rejection, and how many requests it took."""

    result: bytes | Rejection
    attempts: int


class Fetcher:
    """Fetches single URLs; holds what all of them share."""

    def __init__(self, client: HttpClient, robots: Robots | None, config: DownloadConfig, rng: random.Random) -> None:
        """`robots` None: the file is not asked for (`download.robots: false`)."""
        self._client = client
        self._robots = robots
        self._config = config
        self._rng = rng

    async def fetch(self, url: str, pace: Pace) -> Fetched:
        """Fetch one URL within its host's pace, trying again where that can help.

        Never raises for anything that the URL, the host or the network does.
        """
        if urlsplit(url).scheme == "file":
            return Fetched(await asyncio.to_thread(self._read_file, url), 1)
        result: bytes | Rejection = Rejection(RejectReason.UNREACHABLE, "not tried")
        for attempt in range(1, self._config.attempts + 1):
            try:
                async with pace.turn():
                    result, wait_s = await self._attempt(url, attempt)
            except RateLimited as error:  # from the pace alone: nothing was sent
                return Fetched(Rejection(RejectReason.THROTTLED, f"host {error.message}"), attempt - 1)
            if wait_s is not None:
                pace.park(wait_s)
            if (
                isinstance(result, bytes)
                or not result.reason.transient
                or result.reason is RejectReason.ROBOTS_UNREACHABLE
            ):
                return Fetched(result, attempt)
            if attempt < self._config.attempts and wait_s is None:
                await asyncio.sleep(backoff_s(attempt, self._rng))
        return Fetched(result, self._config.attempts)

    async def _attempt(self, url: str, attempt: int) -> tuple[bytes | Rejection, float | None]:
        """One try. Also: seconds the whole host asked us to wait, if it did."""
        try:
            answer = await self._client.get(
                url,
                timeout_s=self._config.timeout_s,
                max_bytes=self._config.max_bytes,
                headers={"Accept": "image/*"},
                max_redirects=self._config.max_redirects,
                before_hop=self._before_hop,
                on_headers=self._on_headers,
            )
        except HopRefused as error:
            if isinstance(error.verdict, Rejection):
                return error.verdict, None
            is_web = error.source.lower().startswith(("http:", "https:"))
            return Rejection(RejectReason.BAD_URL if is_web else RejectReason.SCHEME_REFUSED, str(error)), None
        except AddressRefused as error:
            return Rejection(RejectReason.ADDRESS_REFUSED, str(error)), None
        except TooManyRedirects as error:
            return Rejection(RejectReason.TOO_MANY_REDIRECTS, str(error)), None
        except TooManyBytes as error:
            return Rejection(RejectReason.TOO_MANY_BYTES, str(error)), None
        except DeadlinePassed as error:
            return Rejection(RejectReason.TIMEOUT, str(error)), None
        except CutOff as error:
            return Rejection(RejectReason.CUT_OFF, str(error)), None
        except Unreachable as error:
            return Rejection(RejectReason.UNREACHABLE, str(error)), None
        return self._verdict(answer, attempt)

    async def _before_hop(self, url: str) -> None:
        """robots.txt of every host on the way, redirects included."""
        if self._robots is None:
            return
        verdict = await self._robots.verdict(url)
        if not verdict.allowed:
            reason = RejectReason.ROBOTS_REFUSED if verdict.reachable else RejectReason.ROBOTS_UNREACHABLE
            raise HopRefused(verdict.evidence, source=url, verdict=Rejection(reason, verdict.evidence))

    def _on_headers(self, status: int, headers: Mapping[str, str]) -> None:
        """Opt-outs and plain non-images, before the body is read."""
        if status != 200:
            return
        said = opt_out(headers, self._config.opt_out_headers, PRODUCT_TOKEN)
        if said is not None:
            raise HopRefused(said, verdict=Rejection(RejectReason.OPTED_OUT, said))
        kind = headers.get("content-type", "").lower()
        if kind.startswith(_HTML):
            raise HopRefused(kind, verdict=Rejection(RejectReason.NOT_AN_IMAGE, f"Content-Type {kind}"))

    def _verdict(self, answer: HttpAnswer, attempt: int) -> tuple[bytes | Rejection, float | None]:
        if answer.status == 200:
            return answer.body, None
        detail = f"HTTP {answer.status}"
        if answer.status in _THROTTLED:
            wait = retry_after_s(answer.headers, now_s=time.time())
            if wait is None:
                wait = max(LEAST_S, backoff_s(attempt + 1, self._rng))
            return Rejection(RejectReason.THROTTLED, detail), wait
        if answer.status >= 500 or answer.status in (408, 425):
            return Rejection(RejectReason.SERVER_ERROR, detail), None
        return Rejection(RejectReason.HTTP_ERROR, detail), None

    def _read_file(self, url: str) -> bytes | Rejection:
        """A picture of a local collection; only its index can name one (`search/crawl.py`)."""
        path = Path(unquote(urlsplit(url).path))
        try:
            if not path.is_file():  # opening a pipe would wait, reading a device would never end
                return Rejection(RejectReason.HTTP_ERROR, f"{path}: no such file")
            with path.open("rb") as file:
                data = file.read(self._config.max_bytes + 1)
            if len(data) > self._config.max_bytes:
                return Rejection(RejectReason.TOO_MANY_BYTES, f"more than {self._config.max_bytes} bytes")
            return data
        except (OSError, ValueError) as error:
            return Rejection(RejectReason.HTTP_ERROR, f"{path}: {error}")
