"""Colours and diversity of a run's pictures, and what is remembered of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from imagenet_build.stats import looks
from imagenet_build.stats.diversity_cache import DiversityCache
from imagenet_build.stats.looks import MOST_PICTURES, run_looks
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import MANIFEST

DOG, CAT = "n02084071", "n02121620"


def write_manifest(layout: RunLayout, wnid: str, pictures: np.ndarray, refused: int = 0) -> None:
    """Kept rows with these tiny pictures, and some that are not kept."""
    count = len(pictures) + refused
    tiny = [picture.tobytes() for picture in pictures] + [bytes(3072)] * refused
    values = {"kept": [True] * len(pictures) + [False] * refused, "tiny": tiny}
    columns = [
        pa.array(values[field.name], field.type) if field.name in values else pa.nulls(count, field.type)
        for field in MANIFEST
    ]
    table = pa.Table.from_arrays(columns, schema=pa.schema([field.with_nullable(True) for field in MANIFEST]))
    tables.write_table(layout.manifest(wnid), table)


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    rng = np.random.default_rng(1)
    made = RunLayout(tmp_path)
    write_manifest(made, DOG, rng.integers(0, 256, (30, 32, 32, 3), np.uint8), refused=3)
    write_manifest(made, CAT, rng.integers(0, 256, (12, 32, 32, 3), np.uint8))
    return made


def measured(layout: RunLayout, **kept: int):
    return run_looks(layout, kept, lambda _: None)


def test_only_kept_pictures_count(layout):
    colours, found = measured(layout, **{DOG: 30, CAT: 12})
    assert colours.images == 42
    assert [(of.wnid, of.pictures, of.averaged) for of in found] == [(DOG, 30, 5), (CAT, 12, 5)]


def test_a_synset_with_too_few_is_left_out(layout):
    write_manifest(layout, CAT, np.zeros((9, 32, 32, 3), np.uint8))
    colours, found = measured(layout, **{DOG: 30, CAT: 9})
    assert [of.wnid for of in found] == [DOG]
    assert colours.images == 39


def test_a_synset_without_kept_pictures(layout):
    write_manifest(layout, CAT, np.zeros((0, 32, 32, 3), np.uint8), refused=2)
    assert measured(layout, **{DOG: 30, CAT: 0})[0].images == 30


def test_what_was_measured_is_not_measured_again(layout, monkeypatch):
    first = measured(layout, **{DOG: 30, CAT: 12})[1]
    monkeypatch.setattr(looks, "diversity_of", lambda *args: pytest.fail("measured again"))
    assert measured(layout, **{DOG: 30, CAT: 12})[1] == first


def test_other_pictures_are_measured(layout):
    before = measured(layout, **{DOG: 30, CAT: 12})[1]
    write_manifest(layout, CAT, np.random.default_rng(2).integers(0, 256, (12, 32, 32, 3), np.uint8))
    after = measured(layout, **{DOG: 30, CAT: 12})[1]
    assert after[0] == before[0]
    assert after[1] != before[1]
    fresh = RunLayout(layout.root.parent / "fresh")
    layout.root.rename(fresh.root)
    (fresh.root / "stats" / "diversity.parquet").unlink()
    assert measured(fresh, **{DOG: 30, CAT: 12})[1] == after


def test_two_synsets_of_the_same_pictures_are_both_remembered(layout, monkeypatch):
    write_manifest(layout, CAT, np.random.default_rng(1).integers(0, 256, (30, 32, 32, 3), np.uint8))
    first = measured(layout, **{DOG: 30, CAT: 30})[1]
    assert [of.wnid for of in first] == [DOG, CAT]
    monkeypatch.setattr(looks, "diversity_of", lambda *args: pytest.fail("measured again"))
    assert measured(layout, **{DOG: 30, CAT: 30})[1] == first


def test_a_damaged_memory_is_none(layout):
    first = measured(layout, **{DOG: 30, CAT: 12})[1]
    (layout.root / "stats" / "diversity.parquet").write_bytes(b"PAR1")
    assert measured(layout, **{DOG: 30, CAT: 12})[1] == first


def test_a_run_that_cannot_be_written_to_is_measured(layout):
    (layout.root / "stats").write_text("no folder")
    assert len(measured(layout, **{DOG: 30, CAT: 12})[1]) == 2
    DiversityCache(layout).save()


def test_of_many_pictures_the_same_are_chosen_in_any_order(layout):
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (MOST_PICTURES + 60, 1, 1, 3), np.uint8).repeat(32, axis=1).repeat(32, axis=2)
    write_manifest(layout, DOG, pictures)
    first = measured(layout, **{DOG: len(pictures)})
    write_manifest(layout, DOG, pictures[rng.permutation(len(pictures))])
    other = measured(layout, **{DOG: len(pictures)})
    assert first[1] == other[1]
    assert first[1][0].pictures == len(pictures)
    assert first[0].result() == other[0].result()
