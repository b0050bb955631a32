"""A `Fetcher` that may connect to loopback and never waits out of its own accord."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagenet_build.config.models import DownloadConfig
from imagenet_build.download.fetch import Fetcher
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.robots import MAX_BYTES, Robots


class NoJitter(random.Random):
    """Full jitter that always draws its shortest wait: none."""

    def uniform(self, a: float, b: float) -> float:
        return a


@asynccontextmanager
async def fetcher(*, allow: tuple[str, ...] = ("127.0.0.1",), **config: object) -> AsyncIterator[Fetcher]:
    """`allow`: addresses beside the public ones; `config`: keys of `DownloadConfig`."""
    settings = DownloadConfig(**{"timeout_s": 10.0, **config})
    async with HttpClient(contact="", policy=AddressPolicy(allow), connect_timeout_s=5.0) as client:
        robots = Robots(lambda url: client.get(url, timeout_s=5.0, max_bytes=MAX_BYTES), PRODUCT_TOKEN)
        yield Fetcher(client, robots if settings.robots else None, settings, NoJitter())
