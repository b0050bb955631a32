"""Fixtures that tests of several folders share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.web.browser_crowd import BROWSERS, find_browser
from tests.world import World, make_world

if TYPE_CHECKING:
    from playwright.sync_api import Browser
else:
    Browser = Any


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """A world in which a build has ended well; `(world, run directory)`."""
    folder = tmp_path_factory.mktemp("built")
    with OpenverseServer() as openverse, ImageServer() as images:
        made = make_world(folder, openverse, images)
        done = made.build(folder / "run", "--json")
        assert done.returncode == 0, done.stderr
        (folder / "outcome.json").write_text(done.stdout)
        yield made, folder / "run"


@pytest.fixture(scope="module")
def built(built_once: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """The same for tests that only look, but for what the module's own commands write into its copy of the run."""
    world, run = built_once
    copy = tmp_path_factory.mktemp("built")
    shutil.copy(run.parent / "outcome.json", copy)
    return world, shutil.copytree(run, copy / "run")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own: its servers count requests from zero."""
    with OpenverseServer() as openverse, ImageServer() as images:
        yield make_world(tmp_path, openverse, images)


@pytest.fixture(scope="module")  # while it is open, tests of coroutines cannot run
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    executable = find_browser()
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH (on Debian: apt-get install chromium)")
    with api.sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=executable, args=sandbox)
        yield opened
        opened.close()
