"""Plain tab-separated tables with a header line, read by the names of their columns: no cell is ever quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imagenet_build.collection.readers.open_text import open_text
from imagenet_build.errors import ConfigError, DataError


def rows_of(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Iterator[list[str] | None]:
    """The cells of each row, in the order `needed` and then `optional`; other columns are passed over.

    Yields:
        Texts as they stand, empty where an optional column is absent; None for a row of another number of cells.
    Raises:
        ConfigError: a needed column is missing.
        DataError: the file is empty, damaged or cut off.
        SourceError: it cannot be opened.
    """
    with open_text(path) as lines:
        header = next(lines, "")
        if not header.strip():
            raise DataError(f"{path} is empty.", remedy="Fetch the file again.")
        names = [name.strip().lower() for name in header.rstrip("\r\n").split("\t")]
        missing = [name for name in needed if name not in names]
        if missing:
            raise ConfigError(
                f"{path} has no column {', '.join(missing)}. Its first line: {header.strip()[:300]!r}.",
                remedy=f"It must be separated by tabs and have a header with the columns {', '.join(needed)}.",
            )
        absent = len(names)
        places = [names.index(name) if name in names else absent for name in (*needed, *optional)]
        for line in lines:
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) == absent:
                cells.append("")
                yield [cells[place] for place in places]
            elif line.strip():
                yield None


def whole_number(text: str) -> int | None:
    """A count or an id: decimal digits of at most 18 places, so that it fits into 64 bits; None otherwise."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
