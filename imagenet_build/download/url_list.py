"""Lists of URLs as people have them: text, CSV, TSV, Parquet, JSON Lines, packed or not; read in batches."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.collection.readers.open_text import open_text, plain_suffix
from imagenet_build.errors import ConfigError, DataError, SourceError

BATCH = 10_000
"""URLs in memory at a time."""
_JSON = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_KNOWN = (".txt", ".list", ".urls", *_SEPARATORS, *_JSON, *_PARQUET)
_URL_STARTS = ("http://", "https://")


@dataclass(slots=True)
class UrlList:
    """A file of URLs, or a folder of such files, read by name. What the suffix does not tell is text."""

    path: Path
    column: str = "url"
    """Name of the column in tables, and of the key in JSON Lines; upper and lower case are one where no name fits."""
    without_url: int = 0
    """Rows of tables, read so far, in which there is no URL, or that have more cells than there are columns."""
    first_without: str = field(default="", init=False)
    """Where the first of them is."""

    def files(self) -> list[Path]:
        """The files, by name.

        Raises:
            ConfigError: there is none.
        """
        if not self.path.is_dir():
            return [self.path]
        found = [path for path in sorted(self.path.iterdir()) if path.is_file() and plain_suffix(path) in _KNOWN]
        if not found:
            raise ConfigError(f"The folder {self.path} holds no list of URLs.", remedy=f"Known: {', '.join(_KNOWN)}.")
        return found

    def digest(self) -> str:
        """Names what stands in the files, wherever they lie and however they are called.

        Raises:
            SourceError: a file cannot be read.
        """
        total = hashlib.blake2b(self.column.encode(), digest_size=16)
        for path in self.files():
            total.update(f"|{plain_suffix(path)}|".encode("utf-8", "surrogateescape"))
            try:
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        total.update(block)
            except OSError as error:
                raise SourceError(f"{path} cannot be read: {error.strerror}.", source=str(path)) from None
        return f"list {total.hexdigest()}"

    def batches(self) -> Iterator[list[str]]:
        """All URLs in their order, without white space at their ends, at most `BATCH` at a time.

        Raises:
            ConfigError: a table has no such column.
            DataError: a file is damaged or cut off.
            SourceError: a file cannot be read.
        """
        self.without_url, self.first_without = 0, ""
        for path in self.files():
            suffix = plain_suffix(path)
            if suffix in _PARQUET:
                yield from self._parquet(path)
                continue
            with open_text(path) as lines:
                if suffix in _SEPARATORS:
                    urls = self._table(path, lines, _SEPARATORS[suffix])
                elif suffix in _JSON:
                    urls = self._json_lines(path, lines)
                else:
                    urls = _text(lines)
                while batch := list(itertools.islice(urls, BATCH)):
                    yield batch

    def _missing(self, where: str) -> None:
        self.without_url += 1
        self.first_without = self.first_without or where

    def _table(self, path: Path, lines: TextIO, separator: str) -> Iterator[str]:
        rows = _comma_rows(lines) if separator == "," else _tab_rows(lines)
        first = next(rows, None)
        if first is None:
            return
        place, is_header = self._place(path, first)
        if not is_header:
            rows = itertools.chain([first], rows)
        for number, cells in enumerate(rows, start=1):
            if len(first) == 1:  # nobody quotes the commas of addresses in a table of nothing else
                cells = [separator.join(cells)]
            url = cells[place].strip() if place < len(cells) <= len(first) else ""
            if url:
                yield url
            else:
                self._missing(f"{path.name} row {number}")

    def _place(self, path: Path, first: list[str]) -> tuple[int, bool]:
        """(which cell holds the URL, whether the first row is a header)."""
        names = [cell.strip() for cell in first]
        found = _column_named(names, self.column)
        if found is not None:
            return names.index(found), True
        with_url = [place for place, cell in enumerate(names) if cell.lower().startswith(_URL_STARTS)]
        if len(with_url) == 1:
            return with_url[0], False
        raise self._no_column(path, names)

    def _json_lines(self, path: Path, lines: TextIO) -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            url = self._of_object(line)
            if url:
                yield url
            else:
                self._missing(f"{path.name} line {number}")

    def _of_object(self, line: str) -> str:
        """The URL of one line: an object, or the URL itself; empty if there is none."""
        row: Any
        try:
            row = orjson.loads(line)
        except ValueError:
            try:  # numbers that are no JSON (NaN), half surrogates
                row = json.loads(line)
            except (ValueError, RecursionError):
                return ""
        if isinstance(row, dict):
            name = self.column if self.column in row else _column_named([str(key) for key in row], self.column)
            row = row.get(name)
        return row.strip() if isinstance(row, str) else ""

    def _parquet(self, path: Path) -> Iterator[list[str]]:
        number = 0
        try:
            with pq.ParquetFile(path) as table:
                schema = table.schema_arrow
                name = _column_named(schema.names, self.column)
                if name is None or not _is_text(schema.field(name).type):
                    raise self._no_column(path, schema.names)
                for batch in table.iter_batches(batch_size=BATCH, columns=[name]):
                    urls = []
                    for value in batch.column(0).to_pylist():
                        number += 1
                        url = _as_text(value).strip()
                        if url:
                            urls.append(url)
                        else:
                            self._missing(f"{path.name} row {number}")
                    yield urls
        except (pa.ArrowException, OSError, ValueError) as error:
            said = " ".join(str(error).split())
            raise DataError(f"{path} is not a readable Parquet file: {said}.", remedy="Fetch the file again.") from None

    def _no_column(self, path: Path, names: list[str]) -> ConfigError:
        known = ", ".join(name[:40] for name in names[:40])
        return ConfigError(
            f"{path} has no column of texts named {self.column!r}. Its columns: {known}.",
            remedy="Name the column that holds the URLs with --url-column.",
        )


def _text(lines: TextIO) -> Iterator[str]:
    for line in lines:
        url = line.strip()
        if url and url[0] != "#":
            yield url


def _comma_rows(lines: TextIO) -> Iterator[list[str]]:
    """Records of RFC 4180; one that cannot be read has no cells."""
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


def _tab_rows(lines: TextIO) -> Iterator[list[str]]:
    """Quotation marks round a cell go, others stay: a caption may begin with one and never close it."""
    for line in lines:
        if line.strip():
            yield [_unquoted(cell) for cell in line.rstrip("\r\n").split("\t")]


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _column_named(names: list[str], wanted: str) -> str | None:
    """The column of this name, else the first that differs in upper and lower case only."""
    if wanted in names:
        return wanted
    return next((name for name in names if name.lower() == wanted.lower()), None)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(kind) for is_kind in texts)


def _as_text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
