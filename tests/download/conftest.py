from collections.abc import Iterator

import pytest

from tests.fakes.image_server import ImageServer


@pytest.fixture
def image_server() -> Iterator[ImageServer]:
    with ImageServer() as server:
        yield server
