"""An exchange on a Ray cluster: Ray Data sorts the rows, moves them between nodes, and spills what memory cannot hold.

Groups are made by sorting, not by Ray's hash shuffle: its tasks are done again where a node is lost, its groups ascend,
and it keeps no process for each of hundreds of partitions.

Source: https://docs.ray.io/en/latest/data/data.html
"""

from __future__ import annotations

import base64
import logging
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from imagenet_build.contracts import Exchange, Piece, Rows, TableWork
from imagenet_build.errors import BuildError, SourceError
from imagenet_build.execution.ray_link import cause_of, first_line

FROM_PIECES = 8
"""Fewer pieces than these have come together in one process before a cluster has begun."""


class RayExchange:
    """See `Exchange`."""

    def __init__(self, ray: Any, small: Exchange, from_pieces: int = FROM_PIECES) -> None:
        """What it works with.

        Args:
            ray: connected.
            small: for few pieces.
            from_pieces: how many are not few.
        """
        self._ray = ray
        self._small = small
        self._from_pieces = from_pieces

    def read(self, pieces: Sequence[Piece], work: Callable[[Piece], pa.Table]) -> Rows:
        """See `Exchange.read`."""
        if len(pieces) < self._from_pieces:
            return self._small.read(pieces, work)
        data = _ray_data()
        items = [{"piece": pickle.dumps(piece)} for piece in pieces]
        dataset = data.from_items(items, override_num_blocks=len(items))
        return _RayRows(self._ray, dataset.map_batches(partial(_read, work), batch_size=1, batch_format="pyarrow"))


class _RayRows:
    """A dataset of Ray."""

    def __init__(self, ray: Any, dataset: Any) -> None:
        self._ray = ray
        self._dataset = dataset

    def mapped(self, work: TableWork) -> Rows:
        """See `Rows.mapped`."""
        made = self._dataset.map_batches(partial(_worked, work), batch_size=None, batch_format="pyarrow")
        return _RayRows(self._ray, made)

    def grouped(self, by: str, work: TableWork) -> Rows:
        """See `Rows.grouped`."""
        made = self._dataset.groupby(by).map_groups(partial(_worked, work), batch_format="pyarrow")
        return _RayRows(self._ray, made)

    def with_those_of(self, other: Rows) -> Rows:
        """See `Rows.with_those_of`."""
        if not isinstance(other, _RayRows):
            raise TypeError("rows of two exchanges cannot be put together")
        return _RayRows(self._ray, self._dataset.union(other._dataset))

    def kept(self) -> Rows:
        """In the memory of the nodes, or on their disks."""
        with _Errors(self._ray):
            return _RayRows(self._ray, self._dataset.materialize())

    def tables(self) -> Iterator[pa.Table]:
        """See `Rows.tables`."""
        with _Errors(self._ray):
            for table in self._dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
                if table.num_rows:
                    yield table


class _Errors:
    """What a task raised, as it was raised; what befell the cluster, in words."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, self._ray.exceptions.RayTaskError):
            raise _carried(str(error)) or cause_of(error) from None
        if isinstance(error, self._ray.exceptions.RayError):
            raise SourceError(
                f"The Ray cluster lost a task: {first_line(error)}",
                remedy="Look at `ray status`; the same command goes on where this one stopped.",
            ) from None


def _ray_data() -> Any:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.shuffle_strategy = ray.data.context.ShuffleStrategy.SORT_SHUFFLE_PULL_BASED
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is told where it is caught
    return ray.data


def _read(work: Callable[[Any], pa.Table], table: pa.Table) -> pa.Table:
    [piece] = table["piece"].to_pylist()
    with _Carrying():
        return work(pickle.loads(piece))


def _worked(work: TableWork, table: pa.Table) -> pa.Table:
    with _Carrying():
        return work(table.combine_chunks())


class _Carrying:
    """Ray Data tells the text of what a task raised, and not what it was: so the text holds it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        held = base64.b64encode(pickle.dumps(error)).decode() if isinstance(error, BuildError) else ""
        if held:
            raise RuntimeError(f"{error} <{held}>") from None


def _carried(text: str) -> BuildError | None:
    """What a text holds."""
    found = re.search(r"^RuntimeError: .* <([A-Za-z0-9+/=]+)>$", text, re.MULTILINE | re.DOTALL)
    error = pickle.loads(base64.b64decode(found[1])) if found else None
    return error if isinstance(error, BuildError) else None
