"""An exchange in this process: rows come together in memory, or through sorted files where it does not suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagenet_build.contracts import Piece, Rows, TableWork

MEMORY_BYTES = 128_000_000


class ExchangeHere:
    """See `Exchange`."""

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        """What it may use.

        Args:
            folder: for temporary files; made if missing.
            memory_bytes: of rows that are to be grouped; more of them go to files.
        """
        self._folder = folder
        self._memory_bytes = memory_bytes

    def read(self, pieces: Sequence[Piece], work: Callable[[Piece], pa.Table]) -> Rows:
        """See `Exchange.read`."""
        return _RowsHere(lambda: map(work, pieces), self)

    @contextmanager
    def gathering(self, by: str) -> Iterator[_Gathered]:
        """Rows to be grouped by a column of integers; files are there as long as the block lasts."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="rows-", dir=self._folder) as folder:
            yield _Gathered(by, Path(folder), self._memory_bytes)


class _RowsHere:
    """Tables that are made anew whenever they are asked for, one at a time."""

    def __init__(self, parts: Callable[[], Iterator[pa.Table]], exchange: ExchangeHere) -> None:
        self._parts = parts
        self._exchange = exchange

    def mapped(self, work: TableWork) -> Rows:
        """See `Rows.mapped`."""
        return _RowsHere(lambda: map(work, self.tables()), self._exchange)

    def grouped(self, by: str, work: TableWork) -> Rows:
        """See `Rows.grouped`."""

        def groups() -> Iterator[pa.Table]:
            with self._exchange.gathering(by) as gathered:
                for table in self.tables():
                    gathered.add(table)
                yield from map(work, gathered.groups())

        return _RowsHere(groups, self._exchange)

    def with_those_of(self, other: Rows) -> Rows:
        """See `Rows.with_those_of`."""
        return _RowsHere(lambda: chain(self.tables(), other.tables()), self._exchange)

    def kept(self) -> Rows:
        """In memory."""
        held = list(self.tables())
        return _RowsHere(lambda: iter(held), self._exchange)

    def tables(self) -> Iterator[pa.Table]:
        """See `Rows.tables`."""
        return (table for table in self._parts() if table.num_rows)


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Rows sorted by the column."""

    values: NDArray[np.int64]
    """Those that occur, ascending."""
    starts: NDArray[np.int64]
    """(values + 1,)"""
    rows: pa.Table

    def group(self, value: int) -> pa.Table:
        """Those with one value."""
        at = int(self.values.searchsorted(value))
        if at == len(self.values) or self.values[at] != value:
            return self.rows.slice(0, 0)
        return self.rows.slice(int(self.starts[at]), int(self.starts[at + 1] - self.starts[at]))


class _Gathered:
    """Rows, sorted in portions; all but the last portion lie in files."""

    def __init__(self, by: str, folder: Path, memory_bytes: int) -> None:
        self._by = by
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._portions: list[_Sorted] = []

    def add(self, table: pa.Table) -> None:
        self._held.append(table)
        self._held_bytes += table.nbytes
        if self._held_bytes > self._memory_bytes:
            self._portions.append(self._to_file(self._sorted()))

    def groups(self) -> Iterator[pa.Table]:
        """The rows of each value, values ascending."""
        portions = [*self._portions, self._sorted()] if self._held else self._portions
        every: NDArray[Any] = np.concatenate([np.zeros(0, np.int64), *(portion.values for portion in portions)])
        for value in np.unique(every).tolist():
            yield pa.concat_tables([portion.group(value) for portion in portions]).combine_chunks()

    def _sorted(self) -> _Sorted:
        rows = pa.concat_tables(self._held)
        self._held, self._held_bytes = [], 0
        column = rows[self._by].to_numpy()
        order = np.argsort(column, kind="stable")
        values, starts = np.unique(column[order], return_index=True)
        starts = np.append(starts, len(order))
        return _Sorted(values.astype(np.int64), starts, rows.take(pa.array(order)).combine_chunks())

    def _to_file(self, portion: _Sorted) -> _Sorted:
        path = self._folder / f"{len(self._portions)}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, portion.rows.schema) as writer:
            writer.write_table(portion.rows)
        return _Sorted(portion.values, portion.starts, pa.ipc.open_file(pa.memory_map(str(path))).read_all())
