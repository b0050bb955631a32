"""One suite for every exchange: here in memory, here through files, on a Ray cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from imagenet_build.contracts import Exchange
from imagenet_build.errors import DataError
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.execution.ray_exchange import RayExchange

PIECES = [(1, 40), (2, 0), (3, 25), (4, 60)]


def numbers(piece: tuple[int, int]) -> pa.Table:
    seed, count = piece
    values = np.random.default_rng(seed).integers(0, 1000, count)
    return pa.table({"key": values % 7 - 3, "value": values, "text": pa.array(map(str, values), pa.string())})


def doubled(table: pa.Table) -> pa.Table:
    return table.set_column(1, "value", pa.array(2 * table["value"].to_numpy()))


def summed(table: pa.Table) -> pa.Table:
    [key] = set(table["key"].to_pylist())
    return pa.table({"key": [key], "sum": [int(table["value"].to_numpy().sum())], "rows": [table.num_rows]})


def expected_sums(factor: int = 1, times: int = 1) -> list[dict[str, int]]:
    rows = pa.concat_tables(map(numbers, PIECES)).to_pylist()
    made = []
    for key in sorted({row["key"] for row in rows}):
        values = [factor * row["value"] for row in rows if row["key"] == key]
        made.append({"key": key, "sum": times * sum(values), "rows": times * len(values)})
    return made


def refuse(table: pa.Table) -> pa.Table:
    raise DataError("This cannot be read.", remedy="Write it anew.")


def counted(folder: Path, table: pa.Table) -> pa.Table:
    with (folder / "done").open("ab") as log:
        log.write(b".")
    return table


@pytest.fixture(params=["memory", "files", "ray"])
def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Exchange:
    if request.param == "ray":
        return RayExchange(request.getfixturevalue("joined_ray"), ExchangeHere(tmp_path), from_pieces=1)
    return ExchangeHere(tmp_path / "work", 10**9 if request.param == "memory" else 500)


def test_rows_of_one_value_come_together_and_values_ascend(exchange: Exchange) -> None:
    rows = exchange.read(PIECES, numbers).grouped("key", summed)
    assert pa.concat_tables(rows.tables()).to_pylist() == expected_sums()


def test_parts_are_changed_put_together_and_grouped_again(exchange: Exchange) -> None:
    rows = exchange.read(PIECES, numbers).mapped(doubled)
    twice = rows.with_those_of(rows).grouped("value", doubled).grouped("key", summed)
    assert pa.concat_tables(twice.tables()).to_pylist() == expected_sums(factor=4, times=2)


def test_what_is_kept_is_made_once(exchange: Exchange, tmp_path: Path) -> None:
    kept = exchange.read(PIECES, numbers).mapped(partial(counted, tmp_path)).kept()
    done = (tmp_path / "done").read_bytes()
    assert len(done) == 3  # an empty part is no work
    for _ in range(2):
        assert sum(table.num_rows for table in kept.tables()) == 125
    assert (tmp_path / "done").read_bytes() == done


def test_nothing_gives_nothing(exchange: Exchange) -> None:
    assert list(exchange.read([(1, 0)], numbers).mapped(doubled).grouped("key", summed).tables()) == []


def test_what_the_work_raises_arrives(exchange: Exchange) -> None:
    with pytest.raises(DataError, match="cannot be read") as raised:
        list(exchange.read(PIECES, numbers).mapped(refuse).tables())
    assert raised.value.remedy == "Write it anew."
    with pytest.raises(DataError, match="cannot be read"):
        exchange.read(PIECES, numbers).grouped("key", refuse).kept()


def test_files_are_gone_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    rows = ExchangeHere(folder, 500).read(PIECES, numbers).grouped("key", summed)
    next(iter(rows.tables()))
    list(rows.tables())
    assert list(folder.iterdir()) == []
    assert list(ExchangeHere(folder, 500).read([], numbers).grouped("key", summed).tables()) == []


def test_few_pieces_do_not_go_to_a_cluster(tmp_path: Path) -> None:
    exchange = RayExchange(None, ExchangeHere(tmp_path), from_pieces=5)
    assert sum(table.num_rows for table in exchange.read(PIECES, numbers).tables()) == 125
