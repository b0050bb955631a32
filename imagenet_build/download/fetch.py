"""One URL to bytes, or a rejection: policy before connecting, headers before the body, deadlines throughout."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.large_bodies import LARGE_BYTES, Place
from imagenet_build.errors import (
    AddressRefused,
    BadAnswer,
    CutOff,
    DeadlinePassed,
    HopRefused,
    HostResting,
    HostUnknown,
    NoConnection,
    SourceError,
    TlsFailed,
    TooManyBytes,
    TooManyRedirects,
    TooSlow,
    Unreachable,
)
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.host_lane import PATIENCE_S
from imagenet_build.network.host_lanes import Lanes
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.opt_out import opt_out
from imagenet_build.network.retry import LEAST_S, backoff_s
from imagenet_build.network.robots import Robots, RobotsVerdict
from imagenet_build.network.visit import Visit
from imagenet_build.records import Rejection, RejectReason

HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}
"""Pictures are compressed already: a second coding saves nothing and has to be undone."""
_THROTTLED = frozenset({429, 503})
_HTML = ("text/html", "application/xhtml")
_REASONS: dict[type[SourceError], RejectReason] = {
    AddressRefused: RejectReason.ADDRESS_REFUSED,
    BadAnswer: RejectReason.BAD_ANSWER,
    CutOff: RejectReason.CUT_OFF,
    DeadlinePassed: RejectReason.TIMEOUT,
    HostUnknown: RejectReason.HOST_UNKNOWN,
    NoConnection: RejectReason.UNREACHABLE,
    TlsFailed: RejectReason.TLS_FAILED,
    TooManyBytes: RejectReason.TOO_MANY_BYTES,
    TooManyRedirects: RejectReason.TOO_MANY_REDIRECTS,
    TooSlow: RejectReason.TOO_SLOW,
    Unreachable: RejectReason.UNREACHABLE,
}

_ONCE = (HopRefused, HostUnknown)
"""What is known of robots.txt and of names stays known for a while: asking again at once brings nothing new."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of one URL: bytes or a rejection."""

    result: bytes | Rejection
    attempts: int
    """Times that it was asked for."""
    final_url: str
    """Where its redirects led, as far as they were followed."""


class Fetcher:
    """Fetches single URLs, each hop in the lane of its host; holds what all of them share."""

    def __init__(
        self,
        client: HttpClient,
        lanes: Lanes,
        robots: Robots | None,
        config: DownloadConfig,
        rng: random.Random,
    ) -> None:
        """`robots` None: the file is not asked for (`download.robots: false`)."""
        self._client = client
        self._lanes = lanes
        self._robots = robots
        self._config = config
        self._rng = rng

    async def fetch(self, url: str, place: Place | None = None) -> Fetched:
        """Fetch one URL, trying again where that can help.

        Args:
            url: http, https, or a file: of a collection.
            place: taken when the body grows large; the caller leaves it.
        Raises:
            HostResting: its own host must be left in peace for longer than `PATIENCE_S`; there is nothing to record,
                and the URL is to be asked for again after `until`. Nothing else is raised for anything that the URL,
                the host or the network does.
        """
        if url[:5].lower() == "file:":
            return Fetched(await asyncio.to_thread(self._read_file, url), 1, url)
        before: Visit | None = None
        error: SourceError | None = None
        for attempt in range(1, self._config.attempts + 1):
            visit = Visit(self._lanes, url)
            try:
                result, error = await self._attempt(url, visit, place), None
            except HostResting as resting:
                if resting.source == visit.own_host:
                    if before is not None:
                        before.count(error)
                    raise
                detail = f"redirects to {resting.source}, which is left in peace"
                return Fetched(Rejection(RejectReason.THROTTLED, detail), attempt, visit.url)
            except SourceError as raised:
                result, error = _rejection(raised), raised
            if isinstance(result, bytes) or isinstance(error, _ONCE) or not result.reason.transient:
                break
            if not await self._may_pass(result, visit, attempt):
                break
            before = visit
        visit.count(error)
        return Fetched(result, attempt, visit.url)

    async def _attempt(self, url: str, visit: Visit, place: Place | None) -> bytes | Rejection:
        config = self._config
        answer = await self._client.get(
            url,
            timeout_s=config.timeout_s,
            max_bytes=config.max_bytes,
            headers=HEADERS,
            max_redirects=config.max_redirects,
            before_hop=partial(self._before_hop, visit),
            on_headers=self._on_headers,
            turn=visit.turn,
            first_byte_timeout_s=config.first_byte_timeout_s,
            least_bytes_per_s=config.least_bytes_per_s,
            large_bytes=LARGE_BYTES,
            room=None if place is None else place.take,
        )
        return answer.body if answer.status == 200 else _refused(answer)

    async def _may_pass(self, rejection: Rejection, visit: Visit, attempt: int) -> bool:
        """Whether another attempt may help; waits as long as it should. Raises HostResting."""
        lane = visit.lane
        is_throttled = rejection.reason is RejectReason.THROTTLED
        if is_throttled and not visit.has_asked_for_pause:
            lane.park(max(LEAST_S, backoff_s(attempt + 1, self._rng, cap_s=PATIENCE_S)))
        if lane.is_on_trial:
            return False  # it had its chance; and the row is what lets a run with such a host come to its end
        if is_throttled and lane.until - time.time() > PATIENCE_S:
            if visit.host != visit.own_host:
                return False
            visit.count(None)
            raise HostResting(f"{visit.host} has asked for silence", source=visit.host, until=lane.until)
        if attempt == self._config.attempts:
            return False
        if not is_throttled:
            await asyncio.sleep(backoff_s(attempt, self._rng))
        return True

    async def _before_hop(self, visit: Visit, url: str) -> None:
        """robots.txt of every host on the way, redirects included."""
        visit.reach(url)
        if self._robots is None:
            return
        verdict = await self._robots.verdict(url)
        if verdict.allowed:
            return
        raise HopRefused(verdict.evidence, source=url, verdict=_robots_rejection(verdict))

    def _on_headers(self, status: int, headers: Mapping[str, str]) -> None:
        """Opt-outs and plain non-images, before the body is read."""
        if status != 200:
            return
        config = self._config
        said = opt_out(
            headers,
            PRODUCT_TOKEN,
            directives=config.opt_out_headers,
            tdm_reservation=config.tdm_reservation,
            content_signals=config.content_signals,
        )
        if said is not None:
            raise HopRefused(said, verdict=Rejection(RejectReason.OPTED_OUT, said))
        kind = headers.get("content-type", "").lower()
        if kind.startswith(_HTML):
            raise HopRefused(kind, verdict=Rejection(RejectReason.HTML, f"Content-Type {kind}"))

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


def _rejection(error: SourceError) -> Rejection:
    """The row that an error of the client stands for."""
    if isinstance(error, HopRefused):
        if isinstance(error.verdict, Rejection):
            return error.verdict
        is_web = error.source.lower().startswith(("http:", "https:"))
        return Rejection(RejectReason.BAD_URL if is_web else RejectReason.SCHEME_REFUSED, str(error))
    return Rejection(_REASONS[type(error)], str(error))


def _robots_rejection(verdict: RobotsVerdict) -> Rejection:
    """The row that a refusing verdict stands for."""
    if verdict.error is not None:
        return _rejection(verdict.error)
    if not verdict.reachable:
        return Rejection(RejectReason.ROBOTS_UNREACHABLE, verdict.evidence)
    reason = RejectReason.OPTED_OUT if verdict.is_opt_out else RejectReason.ROBOTS_REFUSED
    return Rejection(reason, verdict.evidence)


def _refused(answer: HttpAnswer) -> Rejection:
    """The row that a status other than 200 stands for."""
    detail = f"HTTP {answer.status}"
    if answer.status in _THROTTLED:
        return Rejection(RejectReason.THROTTLED, detail)
    if 500 <= answer.status < 600 or answer.status in (408, 425):
        return Rejection(RejectReason.SERVER_ERROR, detail)
    return Rejection(RejectReason.HTTP_ERROR, detail)
