"""Runs to vote on."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagenet_build.storage.layout import RunLayout
from tests.verify_run.fake_run import CELLO, DRUM, STRING, VIOLIN, make_run


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """Four synsets, some of whose files browsers cannot show."""
    pictures = {VIOLIN: 60, CELLO: 30, STRING: 10, DRUM: 20}
    return make_run(tmp_path / "run", pictures, kinds=("JPEG", "PNG", "TIFF", "WEBP"))
