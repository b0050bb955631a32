"""A finished run, built once: the mini WordNet, a caption index over generated pictures, all stages."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagenet_build.collection.index import build_index
from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.pipeline import BuildOutcome, StageOutcome, build
from imagenet_build.storage.layout import RunLayout
from tests.fakes.pictures import photo, photo_image, truncated_jpeg
from tests.mini_wordnet.make import build as build_mini_wordnet

CAPTIONS = {
    "violin1.jpg": ("a violin", photo(1)),
    "violin2.jpg": ("violin on a table", photo(2)),
    "violin3.jpg": ("old violin", photo(3)),
    "violin1_small.jpg": ("a violin, small", None),
    "violin2_again.jpg": ("violin, the same file", photo(2)),
    "violin_tiny.jpg": ("a tiny violin", photo(4, 20, 20)),
    "violin_cut.jpg": ("a violin cut off", truncated_jpeg(5)),
    "cello1.jpg": ("cello", photo(11)),
    "both.jpg": ("violin and cello", photo(12)),
    "harp.jpg": ("harp", photo(13)),
    "drum_tiny.jpg": ("drum", photo(14, 30, 30)),
    "guitar1.jpg": ("guitar", photo(15)),
    "guitar2.jpg": ("guitar player", photo(16)),
}


class Quiet:
    """A build that nobody watches."""

    def stage_started(self, name: str, total: int, done_before: int) -> None:
        pass

    def advance(self, items: int) -> None:
        pass

    def stage_ended(self, name: str, outcome: StageOutcome) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def make_config(folder: Path, **download: Any) -> BuildConfig:
    return BuildConfig.model_validate(
        {
            "taxonomy": {
                "wordnet_dir": str(folder / "mini/wordnet"),
                "omw_dir": str(folder / "mini/omw"),
                "any_version": True,
                "roots": ["musical_instrument.n.01"],
            },
            "search": {"engines": [{"name": "collection", "index": str(folder / "index.sqlite")}]},
            "download": {"shard_bytes": 100_000, **download},
            "execution": {"workers": 1},
        }
    )


def run_build(config: BuildConfig, out: Path) -> BuildOutcome:
    outcome = build(config, out, Quiet())
    assert outcome.problems == {}
    return outcome


@pytest.fixture(scope="session")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the mini WordNet and an index of captioned pictures, some of them copies, some broken."""
    folder = tmp_path_factory.mktemp("instruments")
    build_mini_wordnet(folder / "mini")
    local = folder / "pictures"
    local.mkdir()
    rows = []
    for name, (caption, data) in CAPTIONS.items():
        if data is None:
            buffer = io.BytesIO()
            photo_image(1).resize((160, 120), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
            data = buffer.getvalue()
        (local / name).write_bytes(data)
        rows.append({"file": name, "title": caption, "language": "eng"})
    table = local / "captions.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    build_index([table], folder / "index.sqlite")
    return folder


@pytest.fixture(scope="session")
def finished(instruments: Path) -> RunLayout:
    """The run that nobody may write to."""
    run_build(make_config(instruments), instruments / "run")
    return RunLayout(instruments / "run")


@pytest.fixture
def run(finished: RunLayout, instruments: Path, tmp_path: Path) -> RunContext:
    """A copy of the finished run, for this test alone."""
    shutil.copytree(finished.root, tmp_path / "run")
    return RunContext(RunLayout(tmp_path / "run"), make_config(instruments))
