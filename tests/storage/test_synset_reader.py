import os
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import LEFT_OUT
from imagenet_build.storage.synset_reader import SynsetReader, rows_of
from tests.storage.test_tables import left_out


def write(path: Path, wnids: list[str], group_rows: int) -> list[dict]:
    rows = [left_out(number, wnid) for number, wnid in enumerate(wnids)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "ROWS_PER_GROUP", group_rows)
        tables.write_rows(path, LEFT_OUT, rows)
    return rows


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=40),
    st.integers(1, 7),
    st.lists(st.integers(0, 9), min_size=1, max_size=20),
)
def test_the_same_rows_as_a_filter_in_any_order_of_asking(numbers, group_rows, asked):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "t.parquet")
        rows = write(path, [f"n{number:08d}" for number in sorted(numbers)], group_rows)
        for number in asked:
            wnid = f"n{number:08d}"
            found = rows_of(path, LEFT_OUT, wnid)
            assert found.to_pylist() == [row for row in rows if row["wnid"] == wnid]
            assert found.schema.names == LEFT_OUT.names


def test_a_synset_may_span_several_row_groups(tmp_path):
    path = tmp_path / "t.parquet"
    rows = write(path, ["n00000001"] * 2 + ["n00000002"] * 11 + ["n00000003"], 3)
    assert pq.ParquetFile(path).num_row_groups == 5
    assert rows_of(path, LEFT_OUT, "n00000002").to_pylist() == rows[2:13]
    assert rows_of(path, LEFT_OUT, "n00000003").to_pylist() == rows[13:]
    assert rows_of(path, LEFT_OUT, "n00000001").to_pylist() == rows[:2]


def test_walking_in_order_reads_each_row_group_once(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    wnids = [f"n{number // 3:08d}" for number in range(60)]
    write(path, wnids, 9)
    read = []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, group, **more: read.append(group) or real(self, group, **more)
    )
    reader = SynsetReader(path)
    for wnid in dict.fromkeys(wnids):
        assert reader.rows(wnid).num_rows == 3
    assert read == list(range(7))


def test_a_table_that_was_written_again_is_read_again(tmp_path):
    path = tmp_path / "t.parquet"
    write(path, ["n00000001"] * 2, 10)
    assert rows_of(path, LEFT_OUT, "n00000001").num_rows == 2
    write(path, ["n00000001"] * 3, 10)
    assert rows_of(path, LEFT_OUT, "n00000001").num_rows == 3


@pytest.mark.parametrize("damage", ["missing", "cut", "data", "other columns"])
def test_what_cannot_be_read_is_a_data_error(tmp_path, damage):
    path = tmp_path / "t.parquet"
    if damage != "missing":
        write(path, [f"n{number:08d}" for number in range(2000)], 10_000)
    if damage == "cut":
        os.truncate(path, 100)
    if damage == "data":
        with path.open("r+b") as file:
            file.seek(4)
            file.write(b"\xff" * 5000)
    if damage == "other columns":
        tables.write_rows(path, LEFT_OUT.remove(3), [{"wnid": "n00000001", "name": "x", "reason": "y"}])
    with pytest.raises(DataError, match=r"t\.parquet") as caught:
        rows_of(path, LEFT_OUT, "n00000001")
    assert caught.value.remedy or damage == "other columns"
