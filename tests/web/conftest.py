"""A run to vote on, and its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagenet_build.storage.layout import RunLayout
from tests.verify_run.fake_run import CELLO, DRUM, STRING, VIOLIN, make_run
from tests.web.crowd import ServeProcess
from tests.web.large_run import make_large_run
from tests.web.server_threads import ServerThread, annotator_thread

if TYPE_CHECKING:
    from playwright.sync_api import Browser
else:
    Browser = Any


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    pictures = {VIOLIN: 60, CELLO: 30, STRING: 10, DRUM: 20}
    return make_run(tmp_path / "run", pictures, kinds=("JPEG", "PNG", "TIFF", "WEBP"))


@pytest.fixture(scope="package")
def large(tmp_path_factory: pytest.TempPathFactory) -> RunLayout:
    """A run with all its tables, to look at only."""
    root = tmp_path_factory.mktemp("large") / "run"
    make_large_run(root, synsets=60, rows=900, files=12)
    return RunLayout(root)


@pytest.fixture
def serving(run: RunLayout) -> Iterator[ServerThread]:
    with annotator_thread(run.root, page_size=12) as server:
        yield server


@pytest.fixture
def serving_process(run: RunLayout) -> Iterator[ServeProcess]:
    """The same as a process, which can be killed."""
    with ServeProcess(run.root, "--page-size", "12") as server:
        yield server
