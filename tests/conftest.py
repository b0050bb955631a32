"""Fixtures that the whole-build tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.world import World, make_world


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """A world in which a build has ended well, for tests that only look; `(world, run directory)`."""
    folder = tmp_path_factory.mktemp("built")
    with OpenverseServer() as openverse, ImageServer() as images:
        made = make_world(folder, openverse, images)
        done = made.build(folder / "run", "--json")
        assert done.returncode == 0, done.stderr
        (folder / "outcome.json").write_text(done.stdout)
        yield made, folder / "run"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own: its servers count requests from zero."""
    with OpenverseServer() as openverse, ImageServer() as images:
        yield make_world(tmp_path, openverse, images)
