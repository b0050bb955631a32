"""EDGE: lists of pictures that must not be in the dataset: test sets, holdouts, an earlier dataset.

A list is a folder of pictures, a Parquet file that `fingerprint` wrote, a manifest or a folder of manifests, or a text
or CSV file of hashes: 64 hexadecimal digits are the SHA-256 of a file, 16 are a DCT hash, as imagehash writes it; what
else stands in the line is the picture's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imagenet_build.dedup.fingerprint import FINGERPRINTS, fingerprint_folder
from imagenet_build.dedup.looks import COLUMNS, Looks
from imagenet_build.dedup.picture_files import Refused
from imagenet_build.errors import ConfigError, DataError
from imagenet_build.storage import tables

_NAMES = ("name", "candidate_id", "url", "url_key")
"""Columns that may name a picture of a table, best first."""
_MAKE_A_LIST = "imagenet-build fingerprint FOLDER --out hashes.parquet"
_SHA256 = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_HASH = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{16}(?![0-9a-fA-F])")


@dataclass(frozen=True)
class Listed:
    """The pictures of all lists together."""

    names: Sequence[str] = ()
    """Of those with looks, then of those with a hash only."""
    looks: Looks | None = None
    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """DCT hashes of those of which nothing else is known."""
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of a file -> its name."""

    def __len__(self) -> int:
        return len(self.names)


def check_lists(lists: Sequence[Path]) -> None:
    """Whether all lists are there: better said before a crawl of days than after it.

    Raises:
        ConfigError: a list is not there.
    """
    for path in lists:
        if not path.exists():
            raise ConfigError(f"dedup.exclude: {path} is not there.", remedy="Name a folder or a file that exists.")


def digest_of(lists: Sequence[Path]) -> str:
    """Tells whether lists are still the same: of names, sizes and times of their files.

    Raises:
        ConfigError: a list is not there.
    """
    check_lists(lists)
    total = hashlib.sha256()
    for path in lists:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            known = file.stat()
            total.update(f"{file}\0{known.st_size}\0{known.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return total.hexdigest()[:32]


def fingerprint_lists(lists: Sequence[Path], work: Path, workers: int) -> tuple[int, int]:
    """Look at the pictures of those lists that are folders, unless it was done.

    Returns:
        Number of pictures in all folders, and of files that were looked at now and cannot be used.
    Raises:
        DataError: a folder has no picture.
    """
    count = refused = 0
    for path in lists:
        if not _is_folder_of_pictures(path):
            continue
        made = _made_of(path, work)
        if not made.exists():
            found = list(fingerprint_folder(path, workers=workers))
            rows = [row for row in found if not isinstance(row, Refused)]
            if not rows:
                raise DataError(
                    f"dedup.exclude: no picture in {path}.",
                    remedy="Name a folder of pictures, or take it off the list.",
                )
            refused += len(found) - len(rows)
            tables.write_rows(made, FINGERPRINTS, rows)
        count += tables.row_count(made)
    return count, refused


def read_lists(lists: Sequence[Path], work: Path) -> Listed:
    """All listed pictures; folders must have been fingerprinted.

    Raises:
        DataError: a list cannot be read, or holds neither pictures nor hashes.
    """
    found: list[pa.Table] = []
    hashes: list[tuple[str, int]] = []
    files: dict[str, str] = {}
    for path in lists:
        if _is_folder_of_pictures(path):
            found.append(_renamed(_made_of(path, work)))
        elif path.is_dir():
            found.extend(_renamed(file) for file in sorted(path.glob("*.parquet")))
        elif path.suffix == ".parquet":
            found.append(_renamed(path))
        else:
            for name, sha256, dct in _lines(path):
                if sha256:
                    files[sha256] = name
                if dct is not None:
                    hashes.append((name, dct))
    table = pa.concat_tables([_KNOWN.empty_table(), *found])
    files |= dict(zip(table["sha256"].to_pylist(), table["name"].to_pylist(), strict=True))
    return Listed(
        [*table["name"].to_pylist(), *(name for name, _ in hashes)],
        Looks.of_table(table) if len(table) else None,
        np.array([dct for _, dct in hashes], np.uint64),
        files,
    )


_KNOWN = pa.schema([FINGERPRINTS.field(name) for name in ("name", *COLUMNS)])


def _is_folder_of_pictures(path: Path) -> bool:
    return path.is_dir() and next(path.glob("*.parquet"), None) is None


def _made_of(path: Path, work: Path) -> Path:
    return work / f"excluded-{digest_of([path])}.parquet"


def _renamed(path: Path) -> pa.Table:
    """Names and looks of the pictures of a table."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"dedup.exclude: {path} cannot be read: {error}") from None
    missing = [name for name in COLUMNS if name not in schema.names]
    named = next((name for name in _NAMES if name in schema.names), None)
    if missing or named is None:
        raise DataError(
            f"dedup.exclude: {path} lacks {', '.join(missing) or 'a name for each picture'}.",
            remedy=f"Make the list with: {_MAKE_A_LIST}",
        )
    table = pq.read_table(path, columns=[named, *COLUMNS], partitioning=None).rename_columns(["name", *COLUMNS])
    return table.filter(table["tiny"].is_valid()).cast(_KNOWN)


def _lines(path: Path) -> Iterator[tuple[str, str, int | None]]:
    """Name, sha256 or nothing, DCT hash or None, of each line that holds one of them."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"dedup.exclude: {path} cannot be read: {error}") from None
    any_found = False
    for number, line in enumerate(lines, start=1):
        sha256, dct = _SHA256.search(line), _HASH.search(line)
        if sha256 is None and dct is None:
            continue
        any_found = True
        rest = _HASH.sub("", _SHA256.sub("", line)).strip(" ,;\t\"'")
        yield (
            rest or f"{path.name}:{number}",
            sha256.group().lower() if sha256 else "",
            int(dct.group(), 16) if dct else None,
        )
    if not any_found:
        raise DataError(
            f"dedup.exclude: {path} holds no hash of 16 or 64 hexadecimal digits.",
            remedy=f"Give a folder of pictures, or make a list: {_MAKE_A_LIST}",
        )
