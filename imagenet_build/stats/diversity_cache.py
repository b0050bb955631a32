"""EDGE: diversity that was measured before, kept by the content of the pictures: it is slow to measure.

It lies in the run; of a run in a store, in the work directory, for others can measure it again.
"""

from __future__ import annotations

import contextlib
from functools import cache
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from imagenet_build.errors import DataError
from imagenet_build.stats.diversity import diversity_of
from imagenet_build.stats.document import SynsetDiversity
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout

_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("wnid", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("pictures", "averaged")),
        *(pa.field(name, pa.float64(), nullable=False) for name in ("bytes", "low", "high")),
    ]
)
_VALUES = [name for name in _SCHEMA.names if name != "key"]


@cache
def method_mark() -> str:
    """Stands for how diversity is measured today: what it gives for some fixed pictures."""
    pictures = (np.arange(12 * 32 * 32 * 3, dtype=np.int64) ** 2 % 251).astype(np.uint8).reshape(12, 32, 32, 3)
    return repr(diversity_of(pictures, 5))


def cache_key(wnid: str, pictures_digest: bytes, averaged: int) -> str:
    """Of a synset, its pictures, how many are averaged, and the method."""
    text = f"{wnid} {averaged} {method_mark()}".encode()
    return blake2b(pictures_digest + text, digest_size=16).hexdigest()


class DiversityCache:
    """Read at the beginning, written at the end with what was asked for, and nothing else."""

    def __init__(self, layout: RunLayout) -> None:
        """A file that is missing or damaged is an empty one."""
        self._path = layout.work() / "stats" / "diversity.parquet"
        self._known: dict[str, SynsetDiversity] = {}
        with contextlib.suppress(DataError):
            for row in tables.read(self._path, _SCHEMA).to_pylist():
                self._known[row["key"]] = SynsetDiversity(**{name: row[name] for name in _VALUES})
        self._asked: dict[str, SynsetDiversity] = {}

    def get(self, key: str) -> SynsetDiversity | None:
        """What was measured under this key."""
        found = self._known.get(key)
        if found is not None:
            self._asked[key] = found
        return found

    def put(self, key: str, measured: SynsetDiversity) -> None:
        """Remember."""
        self._asked[key] = measured

    def save(self) -> None:
        """Write, if anything is new; a run that cannot be written to is measured again next time."""
        if self._asked == self._known:
            return
        rows = [{"key": key} | {name: getattr(of, name) for name in _VALUES} for key, of in self._asked.items()]
        with contextlib.suppress(OSError):
            tables.write_rows(self._path, _SCHEMA, rows)
