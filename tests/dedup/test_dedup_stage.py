import random
from pathlib import Path

import pytest

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.dedup.decide import compare
from imagenet_build.dedup.stage import DedupStage, duplicates_of
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS, IMAGES, SYNSETS
from tests.dedup.looks import CONFIG, jpeg, look_at, resized
from tests.fakes.pictures import photo_image
from tests.manifest.rows import CAT, DOG, WHIPPET, hit_row, image_row, synset_row

ONE, OTHER = photo_image(1, 400, 300), photo_image(2, 400, 300)
LARGE = look_at(ONE)
SMALL = look_at(jpeg(resized(ONE, 50), 70))
DIFFERENT = look_at(OTHER)


@pytest.fixture
def run(tmp_path: Path) -> RunContext:
    return RunContext(RunLayout(tmp_path), BuildConfig())


def publish(run: RunContext, images, hits=None, synsets=None) -> None:
    images = sorted(images, key=lambda row: row["wnid"])
    hits = hits if hits is not None else [hit_row(row["wnid"], row["url_key"]) for row in images]
    wnids = dict.fromkeys(row["wnid"] for row in images)
    tables.write_rows(run.layout.images, IMAGES, images)
    tables.write_rows(run.layout.hits, HITS, hits)
    tables.write_rows(run.layout.synsets, SYNSETS, synsets or [synset_row(wnid) for wnid in sorted(wnids)])


def run_all(run: RunContext) -> list[dict]:
    stage = DedupStage()
    for unit in stage.plan(run):
        stage.run_unit(unit, run)
    stage.finish(run)
    return tables.read(run.layout.duplicates, DUPLICATES).to_pylist()


def test_the_same_picture_in_other_files_is_found_within_its_synset_only(run):
    publish(
        run,
        [
            image_row(DOG, "small", SMALL, width=200, height=150),
            image_row(DOG, "large", LARGE),
            image_row(DOG, "other", DIFFERENT),
            image_row(CAT, "cat", SMALL, width=200, height=150),
        ],
    )
    (row,) = run_all(run)
    assert (row["wnid"], row["url_key"], row["duplicate_of"], row["reason"]) == (DOG, "small", "large", "near")
    found = compare(SMALL, LARGE, CONFIG)
    assert row["dct_distance"] == found.dct_distance
    assert row["tiny_rms"] == pytest.approx(found.tiny_rms)


def test_the_best_licence_among_all_hits_decides_between_equal_pictures(run):
    images = [image_row(DOG, "a", LARGE), image_row(DOG, "b", LARGE)]
    hits = [
        hit_row(DOG, "a", license="by-nc"),
        hit_row(DOG, "b"),
        hit_row(DOG, "b", engine="wikimedia", license="cc0"),
    ]
    publish(run, images, hits)
    (row,) = run_all(run)
    assert (row["url_key"], row["duplicate_of"], row["reason"]) == ("a", "b", "exact")


def test_a_licence_that_came_later_is_new_input(run):
    images = [image_row(CAT, "c"), image_row(DOG, "a", LARGE), image_row(DOG, "b", LARGE)]
    images.sort(key=lambda row: row["wnid"])
    hits = [hit_row(row["wnid"], row["url_key"]) for row in images]
    publish(run, images, hits)
    before = {unit.key: unit.fingerprint for unit in DedupStage().plan(run)}
    more = sorted([*hits, hit_row(DOG, "b", engine="wikimedia", license="cc0")], key=lambda row: row["wnid"])
    publish(run, images, more)
    after = {unit.key: unit.fingerprint for unit in DedupStage().plan(run)}
    assert before[CAT] == after[CAT]
    assert before[DOG] != after[DOG]
    assert {row["url_key"]: row["duplicate_of"] for row in run_all(run)} == {"a": "b"}


def test_the_kept_pictures_do_not_depend_on_the_order_of_the_rows(run):
    """All that may depend on the order is told by the order: first seen, where size and licence are equal."""
    looks = [
        look_at(jpeg(resized(photo_image(seed, 400, 300), percent), quality))
        for seed in (1, 2, 3)
        for percent, quality in ((100, 90), (50, 80), (75, 40), (60, 60))
    ]
    rows = [image_row(DOG, f"key{place}", look, width=400 + place, height=300) for place, look in enumerate(looks * 2)]
    shuffler = random.Random(7)
    outcomes = set()
    for _ in range(12):
        shuffler.shuffle(rows)
        found = duplicates_of(DOG, rows, {}, run)
        outcomes.add(tuple((row["url_key"], row["duplicate_of"], row["reason"]) for row in found))
    (outcome,) = outcomes
    assert len(outcome) == len(rows) - 3


def test_a_thousand_addresses_of_one_placeholder_are_one_group(run):
    rows = [image_row(DOG, f"key{place:04d}", LARGE) for place in range(3000)]
    found = duplicates_of(DOG, [*rows, image_row(DOG, "other", DIFFERENT)], {}, run)
    assert len(found) == 2999
    assert {(row["duplicate_of"], row["reason"]) for row in found} == {("key0000", "exact")}


def test_a_unit_that_finds_nothing_any_more_leaves_nothing(run):
    publish(run, [image_row(DOG, "a", LARGE), image_row(DOG, "b", SMALL)])
    assert len(run_all(run)) == 1
    publish(run, [image_row(DOG, "a", LARGE), image_row(DOG, "b", DIFFERENT)])
    assert run_all(run) == []
    assert tables.read(run.layout.conflicts, CONFLICTS).num_rows == 0


def test_conflicts_are_told_both_ways_round_and_relations_named(run):
    publish(
        run,
        [image_row(DOG, "a", LARGE), image_row(WHIPPET, "b", LARGE), image_row(CAT, "c", LARGE), image_row(CAT, "d")],
        synsets=[
            synset_row(DOG),
            synset_row("n02090000", hypernyms=(DOG,)),
            synset_row(WHIPPET, hypernyms=("n02090000",)),
            synset_row(CAT),
        ],
    )
    run_all(run)
    rows = tables.read(run.layout.conflicts, CONFLICTS).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (DOG, "a", WHIPPET, "b", True),
        (DOG, "a", CAT, "c", False),
        (WHIPPET, "b", DOG, "a", True),
        (WHIPPET, "b", CAT, "c", False),
        (CAT, "c", DOG, "a", False),
        (CAT, "c", WHIPPET, "b", False),
    ]
