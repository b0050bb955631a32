"""Any table of wnids and images: with a header or none, counted or one row per image."""

from __future__ import annotations

import gzip
import hashlib

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.errors import BuildError, ConfigError, DataError
from imagenet_build.stats.counts_file import read_counts

DOG, CAT = "n02084071", "n02121620"
EXPECTED = {DOG: 12, CAT: 3}


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "counts.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        f"wnid,images\n{DOG},12\n{CAT},3\n",
        f"{DOG},12\n{CAT},3\n",
        f"{CAT},3\n{DOG},12",
        f"wnid\timages\n{DOG}\t12\n{CAT}\t3\n",
        f"images;synset\n12;{DOG}\n3;{CAT}\n",
        f"\ufeffwnid,how many\r\n{DOG},12\r\n{CAT},3\r\n",
        f'name,wnid,width,count\ndog,{DOG},7,12\n"cat, small",{CAT},9,3\n',
        f"wnid,images\n{DOG},5\n{CAT},3\n{DOG},7\n",
        f"wnid,images\n {DOG},12\n{CAT} ,3\n",
    ],
    ids=["header", "none", "order", "tabs", "semicolons", "mark", "more", "twice", "spaces"],
)
def test_counts_are_read(written, text):
    assert read_counts(written(text)).images == EXPECTED


def test_order_is_that_of_wnids(written):
    assert list(read_counts(written(f"{CAT},3\n{DOG},12\n")).images) == [DOG, CAT]


@pytest.mark.parametrize("header", ["", "wnid\n", "wnid,path\n"], ids=["no header", "header", "more"])
def test_a_row_may_be_an_image(written, header):
    rest = ",a.jpg" if "path" in header else ""
    found = read_counts(written(header + f"{DOG}{rest}\n" * 12 + f"{CAT}{rest}\n" * 3))
    assert found.images == EXPECTED
    assert found.counted == "each row is one image"


def test_sizes_of_images_are_no_counts(written):
    found = read_counts(written(f"wnid,width,height\n{DOG},640,480\n{DOG},320,240\n"))
    assert found.images == {DOG: 2}


def test_gzip(written):
    data = gzip.compress(f"{DOG},12\n{CAT},3\n".encode())
    found = read_counts(written(data, "counts.csv.gz"))
    assert found.images == EXPECTED
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_zero_is_a_count(written):
    assert read_counts(written(f"{DOG},0\n")).images == {DOG: 0}


@pytest.mark.parametrize("kind", ["counts", "small numbers", "images", "dictionary"])
def test_parquet(tmp_path, kind):
    path = tmp_path / "counts.parquet"
    if kind == "counts":
        pd.DataFrame({"wnid": [DOG, CAT], "images": [12, 3]}).to_parquet(path)
    elif kind == "small numbers":
        pq.write_table(pa.table({"n": pa.array([12, 3], pa.int8()), "synset": [DOG, CAT]}), path)
    else:
        wnids = pa.array([DOG] * 12 + [CAT] * 3)
        held = wnids.dictionary_encode() if kind == "dictionary" else wnids
        pq.write_table(pa.table({"wnid": held, "path": [f"{n}.jpg" for n in range(15)], "width": [1] * 15}), path)
    assert read_counts(path).images == EXPECTED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column of wnids"),
        ("wnid,images\n", "no column of wnids"),
        ("dog,12\n", "no column of wnids"),
        (f"{DOG},12\ndog,3\n", "'dog' where a wnid"),
        (f"{DOG},12\n{CAT},-3\n", "below 0"),
        (f"wnid,images\n{DOG},\n", "missing"),
        (f"{DOG},12\n{CAT},many\n", "cannot be read"),
        (f"{DOG},12\n{CAT}\n", "cannot be read"),
        (f"{DOG},12\n,3\n", "where a wnid"),
    ],
)
def test_what_is_no_table_of_counts_is_refused(written, text, said):
    with pytest.raises(BuildError, match=said) as error:
        read_counts(written(text))
    assert "one row per image" in error.value.remedy


def test_a_missing_table_is_a_wrong_command_line(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_counts(tmp_path / "none.csv")


def test_a_damaged_parquet_file_is_refused(written):
    with pytest.raises(DataError, match="cannot be read"):
        read_counts(written(b"PAR1 nothing", "x.parquet"))
