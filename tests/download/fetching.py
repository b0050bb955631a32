"""A `Fetcher` that may connect to loopback and never waits out of its own accord."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.fetch import Fetcher
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.host_lanes import HostLanes
from imagenet_build.network.robots import Robots, robots_fetcher
from tests.network.lanes import lanes_of


class NoJitter(random.Random):
    """Full jitter that always draws its shortest wait: none."""

    def uniform(self, a: float, b: float) -> float:
        return a


@asynccontextmanager
async def fetcher(
    *, allow: tuple[str, ...] = ("127.0.0.1",), lanes: HostLanes | None = None, **config: object
) -> AsyncIterator[Fetcher]:
    """`allow`: addresses beside the public ones; `config`: keys of `DownloadConfig`."""
    settings = DownloadConfig(**{"timeout_s": 10.0, **config})
    lanes = lanes or lanes_of()
    async with HttpClient(contact="", policy=AddressPolicy(allow), connect_timeout_s=5.0) as client:
        robots = Robots(robots_fetcher(client, lanes, 5.0), PRODUCT_TOKEN, content_signals=settings.content_signals)
        yield Fetcher(client, lanes, robots if settings.robots else None, settings, NoJitter())
