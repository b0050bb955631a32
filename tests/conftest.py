"""Fixtures that the whole-build tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own: its servers count requests from zero."""
    with OpenverseServer() as openverse, ImageServer() as images:
        yield make_world(tmp_path, openverse, images)
