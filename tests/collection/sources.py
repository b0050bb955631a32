"""Small sources of pictures with captions, written on the spot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from imagenet_build.collection.index import CollectionIndex, build_index


def picture(path: Path, width_px: int = 40, height_px: int = 30) -> Path:
    """A real picture file of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width_px, height_px), (200, 120, 40)).save(path)
    return path


def json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def web_row(text: str, language: str = "eng", **more: Any) -> dict[str, Any]:
    """A row about a web picture whose URL follows from its text."""
    return {"url": f"https://example.org/{text.encode().hex()}.jpg", "caption": text, "language": language, **more}


def index_of(folder: Path, rows: Iterable[Mapping[str, Any]]) -> CollectionIndex:
    """An opened index of rows."""
    out = folder / "test.index"
    build_index([json_lines(folder / "rows.jsonl", rows)], out)
    return CollectionIndex.open(out)


def captions_found(index: CollectionIndex, text: str, language: str | None) -> list[str]:
    return [row.caption for row in index.search(text, language, limit=1000).rows]
