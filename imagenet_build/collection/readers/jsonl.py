"""JSON Lines: one object per line, file names relative to the table's folder."""

from __future__ import annotations

import json
from pathlib import Path

from imagenet_build.collection.readers.columns import read_row
from imagenet_build.collection.readers.open_text import open_text, plain_suffix
from imagenet_build.collection.readers.record import Rows, SkippedRow, SkipReason


class JsonLines:
    """Objects with any of the column names of `columns.py`; captions may also be lists, or objects by language."""

    looks_like = "a .jsonl or .ndjson file (also .gz, .bz2)"

    def fits(self, source: Path) -> bool:
        """By name."""
        return plain_suffix(source) in (".jsonl", ".ndjson") and source.is_file()

    def base(self, source: Path) -> Path:
        """The table's folder."""
        return source.parent

    def read(self, source: Path) -> Rows:
        """One row per line that is not blank."""
        with open_text(source) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                where = f"{source.name} line {number}"
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield SkippedRow(SkipReason.UNREADABLE_ROW, f"{where}: {error}")
                    continue
                if isinstance(row, dict):
                    yield read_row(row, where)
                else:
                    yield SkippedRow(SkipReason.UNREADABLE_ROW, f"{where}: a {type(row).__name__}, not an object")
