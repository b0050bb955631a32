"""TSV and CSV, with a header line or, as Conceptual Captions come, without one."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from imagenet_build.collection.readers.columns import EXPECTED, read_row, usable
from imagenet_build.collection.readers.open_text import open_text, plain_suffix
from imagenet_build.collection.readers.record import Rows, SkippedRow, SkipReason
from imagenet_build.errors import ConfigError

_SEPARATORS = {".tsv": "\t", ".tab": "\t", ".csv": ","}


class Table:
    """Rows of text. Without a header, two columns, one of URLs (CC3M: caption, URL; CC12M: URL, caption)."""

    looks_like = "a .tsv, .tab or .csv file (also .gz, .bz2)"

    def fits(self, source: Path) -> bool:
        """By name."""
        return plain_suffix(source) in _SEPARATORS and source.is_file()

    def base(self, source: Path) -> Path:
        """The table's folder."""
        return source.parent

    def read(self, source: Path) -> Rows:
        """One row per line, or per quoted CSV record."""
        separator = _SEPARATORS[plain_suffix(source)]
        with open_text(source) as lines:
            rows = _tab_rows(lines) if separator == "\t" else _comma_rows(lines)
            first = next(rows, None)
            if first is None:
                return
            if usable(first):
                names = first
            else:
                names = _names_without_header(first, source)
                rows = chain([first], rows)
            for number, cells in enumerate(rows, start=1):
                where = f"{source.name} row {number}"
                if len(cells) == len(names):
                    yield read_row(dict(zip(names, cells, strict=True)), where)
                else:
                    detail = f"{where}: {len(cells)} columns instead of {len(names)}"
                    yield SkippedRow(SkipReason.UNREADABLE_ROW, detail)


def _tab_rows(lines: Iterator[str]) -> Iterator[list[str]]:
    """Tab-separated lines. A quotation mark opens nothing: some captions begin with one, never to close it."""
    for line in lines:
        line = line.rstrip("\r\n")
        if line:
            yield [_unquoted(cell) for cell in line.split("\t")]


def _unquoted(cell: str) -> str:
    """A cell without the quotation marks that a CSV writer put round it."""
    if len(cell) < 2 or not cell.startswith('"') or not cell.endswith('"'):
        return cell
    inner = cell[1:-1].replace('""', "\0")
    return cell if '"' in inner else inner.replace("\0", '"')


def _comma_rows(lines: Iterator[str]) -> Iterator[list[str]]:
    """Comma-separated records (RFC 4180); one that cannot be read has no cells, so that it is counted."""
    records = csv.reader(line.replace("\0", "") for line in lines)
    while True:
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error:
            yield []
            continue
        if cells:
            yield cells


def _names_without_header(first: list[str], source: Path) -> list[str]:
    is_url = [cell.strip().lower().startswith(("http://", "https://")) for cell in first]
    if len(first) == 2 and sum(is_url) == 1:
        return ["url" if here else "caption" for here in is_url]
    found = ", ".join(cell.strip()[:40] for cell in first[:20])
    raise ConfigError(
        f"{source} has no header that is understood, and is no table of URL and caption. Its first line: {found}.",
        remedy=EXPECTED,
    )
