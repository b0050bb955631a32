"""Audits a run over a list of URLs: its two tables against the download queue, row by row, in the queue's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from imagenet_build.contracts import RunContext
from imagenet_build.download.add_urls import row_key
from imagenet_build.errors import DataError
from imagenet_build.manifest.findings import Finding
from imagenet_build.storage import tables
from imagenet_build.storage.places import Location, unreadable
from imagenet_build.storage.queue_view import DONE, REFUSED, WAITING, QueueView, key_digest
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.schemas import IMAGES, REJECTIONS

_BATCH = 2_000
_NAMED = 3
"""URLs that a finding names; it counts the others."""
_OLDER = " (`fetch` was stopped, or `retry` came after it: the next fetch writes the tables again)"

Row = dict[str, Any]


def check_against_queue(run: RunContext) -> Iterator[Finding]:
    """Every URL of the queue is kept, refused or waiting, and stands in the one table that says so.

    Raises:
        DataError: the queue cannot be read.
    """
    hint = "" if _is_published(run) else _OLDER
    queue = QueueView(run.layout.download_queue)
    try:
        states = queue.counts(by_looking=True)
        if states != queue.counts():
            detail = f"its tallies say {queue.counts()} URLs by state, there are {states}"
            yield Finding("Q101", run.layout.download_queue.name, detail)
        unknown = sum(count for state, count in states.items() if state not in (WAITING, DONE, REFUSED))
        if unknown:
            yield Finding("Q101", run.layout.download_queue.name, f"{unknown} URLs are in no known state")
        for path, schema, said, state in (
            (run.layout.images, IMAGES, queue.images(), DONE),
            (run.layout.rejections, REJECTIONS, queue.rejections(), REFUSED),
        ):
            compared = _Compared(path, schema)
            try:
                compared.run(said)
            except DataError as error:
                yield Finding("T101", path.name, error.message)
                continue
            yield from compared.findings(hint)
            if compared.in_queue != states.get(state, 0):
                detail = f"{states.get(state, 0)} URLs should be in {path.name}, {compared.in_queue} can be"
                yield Finding("Q101", run.layout.download_queue.name, detail)
    finally:
        queue.close()


def _is_published(run: RunContext) -> bool:
    """Whether the tables were written after the queue changed last."""
    if not run.layout.state.exists():
        return False
    state = RunState(run.layout.state, read_only=True)
    try:
        record = state.stage("download")
        return bool(record and record.token)
    finally:
        state.close()


class _Compared:
    """One table beside what the queue says must stand in it."""

    def __init__(self, path: Location, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._faults: dict[str, tuple[int, list[str]]] = {}
        self.in_queue = 0

    def run(self, said: Iterator[Row]) -> None:
        """Walk both in the order of their keys.

        Raises:
            DataError: the table is missing or cannot be read.
        """
        rows = self._rows()
        row = next(rows, None)
        wanted = self._wanted(said)
        expected = next(wanted, None)
        while row is not None or expected is not None:
            if expected is None or (row is not None and row[0] < expected[0]):
                assert row is not None
                self._fault("Q103", str(row[1]["url"]))
                row = next(rows, None)
            elif row is None or expected[0] < row[0]:
                self._fault("Q102", expected[1]["url"])
                expected = next(wanted, None)
            else:
                differing = [name for name in self._schema.names if row[1][name] != expected[1][name]]
                if differing:
                    self._fault("Q104", f"{expected[1]['url']} in {', '.join(differing)}")
                row, expected = next(rows, None), next(wanted, None)

    def findings(self, hint: str) -> Iterator[Finding]:
        """One of each kind."""
        for code, (count, named) in sorted(self._faults.items()):
            more = f" and {count - len(named)} more" if count > len(named) else ""
            yield Finding(code, self._path.name, f"{count} rows: {'; '.join(named)}{more}{hint}")

    def _fault(self, code: str, what: str) -> None:
        count, named = self._faults.get(code, (0, []))
        self._faults[code] = (count + 1, named if len(named) == _NAMED else [*named, what[:200]])

    def _wanted(self, said: Iterator[Row]) -> Iterator[tuple[bytes, Row]]:
        for row in said:
            self.in_queue += 1
            key = row_key(row["url"])
            yield key_digest(key), {"wnid": "", "url_key": key, **row}

    def _rows(self) -> Iterator[tuple[bytes, Row]]:
        """Rows with the digest of their keys, moments as the queue has them: milliseconds since 1970."""
        if not self._path.exists():
            raise DataError(f"{self._path} is missing.", remedy="Fetch again to write it.")
        try:
            with tables.open_parquet(self._path) as file:
                if file.schema_arrow.names != self._schema.names:
                    raise DataError(f"{self._path} has other columns than this version writes.")
                for batch in file.iter_batches(batch_size=_BATCH):
                    columns = [
                        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
                        for column in batch.columns
                    ]
                    for row in pa.RecordBatch.from_arrays(columns, self._schema.names).to_pylist():
                        yield key_digest(str(row["url_key"])), row
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._path, error, "Delete it and fetch again.") from None
