"""A run to vote on, and its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagenet_build.storage.layout import RunLayout
from tests.verify_run.fake_run import CELLO, DRUM, STRING, VIOLIN, make_run
from tests.web.crowd import ServeProcess


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    pictures = {VIOLIN: 60, CELLO: 30, STRING: 10, DRUM: 20}
    return make_run(tmp_path / "run", pictures, kinds=("JPEG", "PNG", "TIFF", "WEBP"))


@pytest.fixture
def serving(run: RunLayout) -> Iterator[ServeProcess]:
    with ServeProcess(run.root, "--page-size", "12") as server:
        yield server
