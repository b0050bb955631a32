"""EDGE: a `Fetcher` with its connections and its robots.txt files, for a session here or for a process elsewhere."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagenet_build.config.models import DownloadConfig, NetworkConfig
from imagenet_build.download.fetch import Fetcher
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.host_lanes import Lanes
from imagenet_build.network.robots import Robots, robots_fetcher


@asynccontextmanager
async def fetching(
    config: DownloadConfig, network: NetworkConfig, lanes: Lanes, seed: str = "download"
) -> AsyncIterator[Fetcher]:
    """Fetch within the block; its connections are closed afterwards.

    Args:
        lanes: each request, those for robots.txt included, is made in its host's lane.
        seed: of the pauses between attempts.
    """
    client = HttpClient(
        contact=network.contact,
        policy=AddressPolicy(network.allow_addresses),
        connect_timeout_s=config.connect_timeout_s,
    )
    async with client:
        robots: Robots | None = None
        if config.robots:
            # half the time of a fetch: a silent robots.txt must be known as such before the fetch behind it times out
            fetch_robots = robots_fetcher(client, lanes, config.timeout_s / 2)
            robots = Robots(fetch_robots, PRODUCT_TOKEN, content_signals=config.content_signals)
        yield Fetcher(client, lanes, robots, config, random.Random(seed))
