from collections.abc import AsyncIterator, Iterator

import pytest

from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from tests.fakes.image_server import ImageServer


@pytest.fixture
def image_server() -> Iterator[ImageServer]:
    with ImageServer() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client that may connect to 127.0.0.1, and nothing else that is not public."""
    policy = AddressPolicy(("127.0.0.1",))
    async with HttpClient(contact="crawl@example.org", policy=policy, connect_timeout_s=5.0) as client:
        yield client
