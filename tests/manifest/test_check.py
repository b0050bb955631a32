"""The audit: nothing on a good run, and each fault that is planted."""

import hashlib
import os
import random
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from imagenet_build.contracts import RunContext
from imagenet_build.manifest.check import CODES, check_run, manifest_rows, manifest_total
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import IMAGES, MANIFEST, REJECTIONS
from tests.manifest.rows import rejection_row
from tests.manifest.test_manifest_stage import wnid_of

Rows = list[dict[str, Any]]


def codes(run: RunContext, **options: bool) -> list[str]:
    findings = list(check_run(run, **options))
    assert all(finding.code in CODES and finding.where and finding.detail for finding in findings)
    return [finding.code for finding in findings]


def images(run: RunContext) -> Rows:
    return tables.read(run.layout.images, IMAGES).to_pylist()


def change_manifest(
    run: RunContext,
    change: Callable[[Rows], Rows],
    metadata: Mapping[str, str] | None = None,
    name: str = "violin.n.01",
) -> None:
    path = run.layout.manifest(wnid_of(run.layout, name))
    rows = tables.read(path, MANIFEST).to_pylist()
    kept = {key: value for key, value in tables.metadata(path).items() if key != "imagenet_build.schema_version"}
    tables.write_rows(path, MANIFEST, change(rows), {**kept, **(metadata or {})})


def test_nothing_is_found_on_a_good_run(run):
    looked_at: list[int] = []
    assert list(check_run(run, advance=looked_at.append)) == []
    assert sum(looked_at) == manifest_total(run) == 5
    assert manifest_rows(run) == 6 + 2 + 1 + 0 + 2


def test_checking_writes_nothing(run):
    def state() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.stat().st_size)
            for path in run.layout.root.rglob("*")
            if path.is_file()
        }

    before = state()
    codes(run)
    assert state() == before


def test_a_lost_shard(run):
    shards = sorted({row["shard"] for row in images(run)})
    assert len(shards) > 1
    (run.layout.shards / shards[0]).unlink()
    (finding,) = check_run(run)
    assert finding.code == "S101"
    assert finding.where == shards[0]
    count = len({row["sha256"] for row in images(run) if row["shard"] == shards[0]})
    assert f"{count} images" in finding.detail


def test_all_shards_lost(run):
    shutil.rmtree(run.layout.shards)
    assert set(codes(run)) == {"S101"}


def test_a_cut_shard(run):
    last = max(images(run), key=lambda row: (row["shard"], row["offset"]))
    with (run.layout.shards / last["shard"]).open("r+b") as shard:
        shard.truncate(last["offset"] + last["size"] - 1)
    (finding,) = check_run(run)
    assert finding.code == "S102"
    assert "1 images lie beyond" in finding.detail
    assert codes(run, bytes_too=False) == ["S102"]


def test_a_flipped_bit_anywhere_in_an_image(run):
    rng = random.Random(3)
    for row in rng.sample(images(run), 4):
        path = run.layout.shards / row["shard"]
        place = row["offset"] + rng.randrange(row["size"])
        data = bytearray(path.read_bytes())
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        (finding,) = check_run(run)
        assert finding.code == "S103"
        assert row["sha256"][:16] in finding.detail
        assert codes(run, bytes_too=False) == []
        data = bytearray(path.read_bytes())
        original = next(mask for bit in range(8) if _digest_with(data, place, mask := 1 << bit, row) == row["sha256"])
        data[place] ^= original
        path.write_bytes(data)
    assert codes(run) == []


def _digest_with(data: bytearray, place: int, mask: int, row: Mapping[str, Any]) -> str:
    tried = bytearray(data)
    tried[place] ^= mask
    return hashlib.sha256(tried[row["offset"] : row["offset"] + row["size"]]).hexdigest()


def test_a_wrong_hash_in_the_tables(run):
    rows = images(run)
    harp = wnid_of(run.layout, "harp.n.01")
    changed = [{**row, "sha256": "0" * 64} if row["wnid"] == harp else row for row in rows]
    tables.write_rows(run.layout.images, IMAGES, changed)
    assert sorted(codes(run)) == ["M105", "S103"]


def test_an_image_twice(run):
    change_manifest(run, lambda rows: [*rows, rows[0]])
    assert "M101" in codes(run)


def test_the_same_file_kept_under_two_addresses(run):
    change_manifest(run, lambda rows: [{**row, "kept": True, "duplicate_of": None} for row in rows])
    found = codes(run)
    assert "M101" in found
    assert found.count("M105") == 2


def test_a_missing_row(run):
    change_manifest(run, lambda rows: [row for row in rows if not row["url"].endswith("/violin3.jpg")])
    (finding,) = check_run(run)
    assert finding.code == "M102"
    assert "/violin3.jpg" in finding.detail


def test_a_missing_row_that_others_point_to(run):
    change_manifest(run, lambda rows: [row for row in rows if not row["url"].endswith("/violin1.jpg")])
    assert sorted(codes(run)) == ["M102", "M106"]


def test_a_row_too_many(run):
    change_manifest(run, lambda rows: [*rows, {**rows[0], "candidate_id": "n00000000_0", "sha256": "1" * 64}])
    assert "M103" in codes(run)


@pytest.mark.parametrize(
    "counts", ['{"seen": 8, "kept": 5, "duplicates": 2, "refused": 1, "waiting": 0}', "{}", "null", "[1]", "not JSON"]
)
def test_counts_that_are_wrong(run, counts):
    change_manifest(run, lambda rows: rows, {"imagenet_build.counts": counts})
    assert codes(run) == ["M104"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kept", False),
        ("sha256", "2" * 64),
        ("offset", 7),
        ("shard", "w0/00009.tar"),
        ("size", 1),
        ("url_key", "//elsewhere.example.org/a.jpg"),
        ("wnid", "n00000001"),
        ("width", 1),
        ("license", "cc0"),
        ("group_id", "n00000000_0"),
        ("conflicts", ["n00000001"]),
        ("url", "https://elsewhere.example.org/a.jpg"),
        ("tiny", bytes(3072)),
    ],
)
def test_a_changed_value(run, column, value):
    def change(rows: Rows) -> Rows:
        target = next(row for row in rows if row["url"].endswith("/violin3.jpg"))
        assert target[column] != value
        return [{**row, column: value} if row is target else row for row in rows]

    change_manifest(run, change)
    findings = list(check_run(run))
    assert {finding.code for finding in findings} == {"M105"}


def test_rows_in_another_order(run):
    change_manifest(run, lambda rows: rows[::-1])
    assert codes(run) == ["M107"]


def test_a_missing_manifest(run):
    run.layout.manifest(wnid_of(run.layout, "harp.n.01")).unlink()
    assert codes(run) == ["T101"]


def test_a_foreign_manifest(run):
    source = run.layout.manifest(wnid_of(run.layout, "harp.n.01"))
    shutil.copy(source, run.layout.manifest("n09999999"))
    assert codes(run) == ["M201"]


def test_a_manifest_under_the_name_of_another_synset_of_the_run(run):
    """A synset that is built but has no hits has no manifest either."""
    other = wnid_of(run.layout, "stringed_instrument.n.01")
    assert not run.layout.manifest(other).exists()
    shutil.copy(run.layout.manifest(wnid_of(run.layout, "harp.n.01")), run.layout.manifest(other))
    assert codes(run) == ["M201"]


@pytest.mark.parametrize(
    "table",
    [
        *("synsets", "left_out", "queries", "search_rejections", "hits", "images"),
        *("rejections", "duplicates", "conflicts"),
    ],
)
@pytest.mark.parametrize("harm", ["missing", "cut", "text"])
def test_a_damaged_table(run, table, harm):
    path = getattr(run.layout, table)
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.write_text("this is no table", encoding="utf-8")
    (finding,) = check_run(run)
    assert (finding.code, finding.where) == ("T101", path.name)


@pytest.mark.parametrize("harm", ["cut", "text", "empty"])
def test_a_damaged_manifest(run, harm):
    path = run.layout.manifest(wnid_of(run.layout, "harp.n.01"))
    if harm == "cut":
        os.truncate(path, path.stat().st_size - 9)
    else:
        path.write_text("this is no table" if harm == "text" else "", encoding="utf-8")
    assert codes(run) == ["T101"]


def test_bytes_damaged_inside_a_table_are_no_traceback(run):
    path = run.layout.images
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)
    assert "T101" in codes(run)


def test_several_faults_are_all_found(run):
    change_manifest(run, lambda rows: rows[1:], name="cello.n.01")
    run.layout.manifest(wnid_of(run.layout, "harp.n.01")).unlink()
    shards = sorted({row["shard"] for row in images(run)})
    (run.layout.shards / shards[0]).unlink()
    assert set(codes(run)) == {"M102", "T101", "S101"}


def test_an_address_that_is_kept_and_refused_at_once(run):
    row = next(row for row in images(run) if row["wnid"] == wnid_of(run.layout, "harp.n.01"))
    refused = tables.read(run.layout.rejections, REJECTIONS).to_pylist()
    refused.append(rejection_row(row["wnid"], row["url_key"]))
    tables.write_rows(run.layout.rejections, REJECTIONS, sorted(refused, key=lambda row: row["wnid"]))
    assert codes(run) == ["M104", "M104"]
