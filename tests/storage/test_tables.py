import errno
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import LEFT_OUT, QUERIES, SYNSETS


def left_out(number: int, wnid: str | None = None) -> dict[str, str]:
    wnid = wnid or f"n{number:08d}"
    return {"wnid": wnid, "name": f"x{number}.n.01", "reason": "excluded", "detail": f"row {number}"}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_rows_come_back_in_their_order_with_the_metadata(tmp_path):
    path = tmp_path / "deep" / "t.parquet"
    rows = [left_out(number) for number in (3, 1, 2)]
    assert tables.write_rows(path, LEFT_OUT, iter(rows), {"imagenet_build.synset": "chien"}) == 3
    assert tables.read(path, LEFT_OUT).to_pylist() == rows
    assert tables.read(path, LEFT_OUT, columns=["name"]).column_names == ["name"]
    assert tables.metadata(path)["imagenet_build.synset"] == "chien"
    assert tables.metadata(path)["imagenet_build.schema_version"] == "1"
    assert tables.row_count(path) == 3


def test_an_empty_table_has_its_columns(tmp_path):
    path = tmp_path / "t.parquet"
    assert tables.write_rows(path, SYNSETS, []) == 0
    assert tables.read(path, SYNSETS).schema.names == SYNSETS.names
    assert list(tables.by_synset(path, SYNSETS)) == []
    assert tables.row_count(path) == 0
    assert tables.row_count(tmp_path / "absent.parquet") == 0


def test_rows_are_held_a_group_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 4)
    path = tmp_path / "t.parquet"
    tables.write_rows(path, LEFT_OUT, (left_out(number) for number in range(10)))
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 2]


def broken_rows():
    yield left_out(1)
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (broken_rows, ZeroDivisionError),
        (lambda: [{**left_out(1), "reason": None}], pa.ArrowException),
        (lambda: [{**left_out(1), "reason": 7}], (pa.ArrowException, TypeError)),
    ],
    ids=["source breaks", "null where none may be", "wrong type"],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, rows, error, before):
    path = tmp_path / "t.parquet"
    if before:
        tables.write_rows(path, LEFT_OUT, [left_out(9)])
    with pytest.raises(error):
        tables.write_rows(path, LEFT_OUT, rows())
    assert files(tmp_path) == (["t.parquet"] if before else [])
    if before:
        assert tables.read(path, LEFT_OUT).to_pylist() == [left_out(9)]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    tables.write_rows(path, LEFT_OUT, [left_out(9)])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(tables.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            tables.write_rows(path, LEFT_OUT, [left_out(1)])
    assert files(tmp_path) == ["t.parquet"]
    assert tables.read(path, LEFT_OUT).to_pylist() == [left_out(9)]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "t.bin"

    def write(out) -> None:
        out.write(b"half")
        out.flush()
        assert not path.exists()
        out.write(b" and half")

    tables.write_whole(path, write)
    assert path.read_bytes() == b"half and half"
    assert files(tmp_path) == ["t.bin"]


READINGS = {
    "read": lambda path: tables.read(path, LEFT_OUT),
    "by_synset": lambda path: list(tables.by_synset(path, LEFT_OUT)),
    "metadata": lambda path: tables.metadata(path),
    "row_count": lambda path: tables.row_count(path),
}


@pytest.mark.parametrize("kept", [0.0, 0.5], ids=["empty", "cut"])
@pytest.mark.parametrize("reading", READINGS)
def test_a_damaged_file_is_a_data_error(tmp_path, reading, kept):
    path = tmp_path / "t.parquet"
    tables.write_rows(path, LEFT_OUT, [left_out(1)])
    os.truncate(path, int(path.stat().st_size * kept))
    with pytest.raises(DataError, match=r"t\.parquet cannot be read"):
        READINGS[reading](path)


@pytest.mark.parametrize("reading", ["read", "by_synset", "metadata"])
def test_a_missing_file_is_a_data_error(tmp_path, reading):
    with pytest.raises(DataError, match=r"t\.parquet"):
        READINGS[reading](tmp_path / "t.parquet")


@pytest.mark.parametrize("reading", ["read", "by_synset"])
def test_other_columns_are_a_data_error_that_names_them(tmp_path, reading):
    path = tmp_path / "t.parquet"
    tables.write_rows(path, LEFT_OUT.remove(3), [{"wnid": "n00000001", "name": "x", "reason": "y"}])
    with pytest.raises(DataError, match=r"other columns.*wnid, name, reason"):
        READINGS[reading](path)


WNIDS = st.lists(st.integers(0, 6), max_size=30).map(lambda numbers: [f"n{number:08d}" for number in sorted(numbers)])


@settings(max_examples=60, deadline=None)
@given(WNIDS, st.integers(1, 7))
def test_by_synset_sees_every_synset_once_and_whole_whatever_the_row_groups(wnids, group_rows):
    rows = [left_out(number, wnid) for number, wnid in enumerate(wnids)]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "ROWS_PER_GROUP", group_rows)
        path = Path(name, "t.parquet")
        tables.write_rows(path, LEFT_OUT, rows)
        found = {wnid: part.to_pylist() for wnid, part in tables.by_synset(path, LEFT_OUT)}
        some = [(wnid, part.to_pylist()) for wnid, part in tables.by_synset(path, LEFT_OUT, ["wnid", "detail"])]
    assert list(found) == sorted(set(wnids))
    assert [row for part in found.values() for row in part] == rows
    assert [row["detail"] for _, part in some for row in part] == [row["detail"] for row in rows]


def test_by_synset_holds_one_row_group_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 100)
    path = tmp_path / "t.parquet"
    big = "x" * 10_000
    tables.write_rows(path, LEFT_OUT, ({**left_out(n), "detail": f"{n}{big}"} for n in range(3000)))
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    most = 0
    for _, _part in tables.by_synset(path, LEFT_OUT):
        most = max(most, pool.bytes_allocated() - before)
    assert most < 15_000_000  # the whole table has 30 MB, a row group 1 MB


# digest

ROW = st.fixed_dictionaries(
    {
        "wnid": st.sampled_from(["n00000001", "n00000002"]),
        "text": st.text(max_size=5),
        "tags": st.lists(st.text(max_size=3), max_size=3),
        "width": st.none() | st.integers(0, 9),
        "tiny": st.none() | st.binary(min_size=4, max_size=4),
    }
)
SCHEMA = pa.schema(
    [
        pa.field("wnid", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("width", pa.int32()),
        pa.field("tiny", pa.binary(4)),
    ]
)
ROWS = st.lists(ROW, max_size=8)


def table_of(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


@given(ROWS, ROWS, ROWS)
def test_a_digest_does_not_see_slices_and_chunks(before, rows, after):
    whole = table_of(rows)
    sliced = table_of(before + rows + after).slice(len(before), len(rows))
    chunked = pa.concat_tables([table_of([row]) for row in rows]) if rows else whole.slice(0, 0)
    assert tables.digest(sliced) == tables.digest(chunked) == tables.digest(whole)


@given(ROWS, ROWS)
def test_a_digest_sees_every_change(one, other):
    assert (tables.digest(table_of(one)) == tables.digest(table_of(other))) == (one == other)


@given(st.lists(ROW, min_size=1, max_size=5), st.data())
def test_a_digest_sees_one_changed_cell(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(sorted(rows[0])))
    value = data.draw(ROW)[column]
    changed = [{**row, column: value} if number == place else row for number, row in enumerate(rows)]
    assert (tables.digest(table_of(rows)) == tables.digest(table_of(changed))) == (rows == changed)


@given(ROWS, ROWS)
def test_a_digest_of_two_tables_sees_where_the_first_ends(one, other):
    both = tables.digest(table_of(one), table_of(other))
    assert (both == tables.digest(table_of(one + other), table_of([]))) == (not other)


def test_a_digest_is_that_of_the_rows_read_back(tmp_path):
    rows = [
        {"wnid": "n00000001", "text": t, "language": "eng", "origin": "synonym", "position": n, "ambiguity": 1}
        for n, t in enumerate(["dog", "cane", "狗"])
    ]
    made = pa.Table.from_pylist(rows, QUERIES)
    tables.write_rows(tmp_path / "q.parquet", QUERIES, rows, {"more": "metadata"})
    assert tables.digest(tables.read(tmp_path / "q.parquet", QUERIES)) == tables.digest(made)
