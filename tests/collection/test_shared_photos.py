"""The 200 real photographs with titles in five languages."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imagenet_build.collection.index import CollectionIndex, build_index

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED", Path(__file__).parents[3] / "shared"))

pytestmark = pytest.mark.skipif(
    not (SHARED / "photos.jsonl").is_file(), reason="no photos.jsonl in IMAGENET_BUILD_SHARED or ../shared"
)


def test_every_photograph_is_found_by_its_own_title(tmp_path: Path) -> None:
    report = build_index([SHARED / "photos.jsonl"], tmp_path / "photos.index")
    assert (report.pictures, report.skipped) == (200, {})
    rows = [json.loads(line) for line in (SHARED / "photos.jsonl").read_text(encoding="utf-8").splitlines()]
    with CollectionIndex.open(tmp_path / "photos.index") as index:
        for language in ("as written", None):
            missed = [
                row["title"]
                for row in rows
                if row["file"]
                not in {
                    found.path
                    for found in index.search(row["title"], row["language"] if language else None, limit=240).rows
                }
            ]
            assert missed == []
