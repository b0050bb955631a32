import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import ImageOps

from imagenet_build.config.models import BuildConfig, DedupConfig
from imagenet_build.contracts import RunContext
from imagenet_build.dedup import collapse
from imagenet_build.dedup.looks import COLUMNS
from imagenet_build.dedup.stage import DedupStage, duplicate_rows, group_images
from imagenet_build.errors import BuildError
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS, IMAGES, LEAKS, SYNSETS
from tests.dedup.looks import grouped, jpeg, look_at, resized
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


def duplicates_of(wnid, rows, licenses, run) -> list[dict]:
    images = pa.Table.from_pylist(rows, IMAGES)
    return duplicate_rows(wnid, images["url_key"].to_pylist(), group_images(images, licenses, run))


def run_all(run: RunContext) -> list[dict]:
    stage = DedupStage()
    for unit in stage.plan(run):
        stage.run_unit(unit, run)
    stage.finish(run, ExchangeHere(run.layout.dedup_work))
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
    (found,) = grouped(LARGE, SMALL).members
    assert row["dct_distance"] == found.dct_distance == (SMALL.dct_hash ^ LARGE.dct_hash).bit_count()
    assert row["distance"] == pytest.approx(found.distance)


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
    named = ("wnid", "url_key", "other_wnid", "other_url_key", "related")
    assert [tuple(row[name] for name in named) for row in rows] == [
        (DOG, "a", WHIPPET, "b", True),
        (DOG, "a", CAT, "c", False),
        (WHIPPET, "b", DOG, "a", True),
        (WHIPPET, "b", CAT, "c", False),
        (CAT, "c", DOG, "a", False),
        (CAT, "c", WHIPPET, "b", False),
    ]
    assert {(row["reason"], row["distance"]) for row in rows} == {("exact", 0.0)}


def test_a_conflict_names_the_kept_images_and_the_best_hit_of_each(run):
    mirrored = look_at(jpeg(ImageOps.mirror(ONE), 90))
    images = [
        image_row(DOG, "large", LARGE),
        image_row(DOG, "small", SMALL, width=200, height=150),
        image_row(CAT, "mirrored", mirrored),
        image_row(CAT, "other", DIFFERENT),
    ]
    hits = [
        hit_row(DOG, "small", query="hound", rank=3),
        hit_row(DOG, "large", query="dog", rank=7, engine="wikimedia"),
        hit_row(DOG, "large", query="worse", rank=90),
        hit_row(CAT, "mirrored", query="cat", rank=1),
        hit_row(CAT, "other"),
    ]
    publish(run, images, hits)
    run_all(run)
    one, other = tables.read(run.layout.conflicts, CONFLICTS).to_pylist()
    assert (one["wnid"], one["url_key"], one["other_wnid"], one["other_url_key"]) == (DOG, "large", CAT, "mirrored")
    assert (one["engine"], one["query"], one["rank"]) == ("wikimedia", "dog", 7)
    assert (one["other_engine"], one["other_query"], one["other_rank"]) == ("openverse", "cat", 1)
    assert (one["reason"], one["related"]) == ("mirrored", False)
    assert 0 < one["distance"] < 0.2
    swapped = {name.removeprefix("other_") if "other_" in name else f"other_{name}" for name in other}
    assert {"wnid", "url_key", "engine", "query", "rank"} <= swapped
    assert (other["wnid"], other["query"], other["other_query"]) == (CAT, "cat", "dog")


def test_new_images_are_compared_and_old_pairs_are_not_decided_again(run, monkeypatch):
    old = [look_at(jpeg(photo_image(seed, 400, 300), quality)) for seed in range(1, 9) for quality in (90, 40)]
    rows = [image_row(DOG, f"key{at:02d}", look, width=400 + at) for at, look in enumerate(old)]
    publish(run, rows)
    first = run_all(run)
    new = image_row(DOG, "new", look_at(jpeg(photo_image(3, 400, 300), 60)), width=300)
    publish(run, [*rows, new])
    decided = []
    decide = collapse.decide

    def counting(looks, shapes, i, j, config):
        decided.append(len(i))
        return decide(looks, shapes, i, j, config)

    monkeypatch.setattr(collapse, "decide", counting)
    again = run_all(run)
    assert sum(decided) == 1
    assert [row for row in again if row["url_key"] != "new"] == first
    fresh = RunContext(RunLayout(run.layout.root / "fresh"), BuildConfig())
    publish(fresh, [*rows, new])
    assert run_all(fresh) == again


def test_other_thresholds_are_applied_to_everything_again(run):
    publish(run, [image_row(DOG, "a", LARGE), image_row(DOG, "b", SMALL, width=200)])
    assert len(run_all(run)) == 1
    before = [unit.fingerprint for unit in DedupStage().plan(run)]
    strict = RunContext(run.layout, BuildConfig(dedup=DedupConfig(agreement=1.0, tiny_difference=0.0)))
    assert run_all(strict) == []
    assert before != [unit.fingerprint for unit in DedupStage().plan(strict)]


def test_a_damaged_part_of_known_pairs_is_made_again(run):
    publish(run, [image_row(DOG, "a", LARGE), image_row(DOG, "b", SMALL, width=200)])
    expected = run_all(run)
    run.layout.pairs_part(DOG).write_bytes(b"PAR1 cut")
    assert run_all(run) == expected


def excluding(run: RunContext, *lists: Path, **more) -> RunContext:
    return RunContext(run.layout, BuildConfig(dedup=DedupConfig(exclude=lists, **more)))


def leaks(run: RunContext) -> dict[str, tuple[str, str]]:
    run_all(run)
    return {row["url_key"]: (row["listed"], row["reason"]) for row in tables.read(run.layout.leaks, LEAKS).to_pylist()}


def test_pictures_of_an_excluded_folder_are_marked_with_what_they_match(run, tmp_path):
    folder = tmp_path / "test set"
    (folder / "deep").mkdir(parents=True)
    ONE.save(folder / "deep" / "one.png", compress_level=1)  # the file that `look_at` saw
    ImageOps.mirror(OTHER).save(folder / "other.jpg", quality=90)
    (folder / "notes.txt").write_text("no picture")
    publish(
        run,
        [
            image_row(CAT, "mirrored", DIFFERENT),
            image_row(DOG, "large", LARGE),
            image_row(DOG, "small", SMALL),
            image_row(DOG, "unrelated", look_at(photo_image(5, 400, 300))),
        ],
    )
    assert leaks(run) == {}
    assert leaks(excluding(run, folder)) == {
        "large": ("deep/one.png", "exact"),
        "small": ("deep/one.png", "near"),
        "mirrored": ("other.jpg", "mirrored"),
    }
    assert leaks(run) == {}


def test_lists_of_hashes_and_tables_are_excluded_too(run, tmp_path):
    publish(run, [image_row(CAT, "other", DIFFERENT), image_row(DOG, "large", LARGE), image_row(DOG, "small", SMALL)])
    by_hash = tmp_path / "hashes.txt"
    by_hash.write_text(f"# DCT hashes\nval_001.jpg, {LARGE.dct_hash:016x}\n")
    assert leaks(excluding(run, by_hash)) == {"large": ("val_001.jpg", "hash"), "small": ("val_001.jpg", "hash")}
    by_file = tmp_path / "files.csv"
    by_file.write_text(f"sha256,name\n{SMALL.sha256.upper()},val_002.jpg\n")
    assert leaks(excluding(run, by_file)) == {"small": ("val_002.jpg", "exact")}
    table = tmp_path / "list.parquet"
    listed = {"name": "val_003.jpg", **{name: getattr(SMALL, name) for name in COLUMNS}}
    schema = pa.schema([pa.field("name", pa.string()), *(IMAGES.field(name) for name in COLUMNS)])
    pq.write_table(pa.Table.from_pylist([listed], schema), table)
    assert leaks(excluding(run, table, by_hash)) == {
        "small": ("val_003.jpg", "exact"),
        "large": ("val_003.jpg", "near"),
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        (b"no hashes at all", "holds no hash"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("wrong.parquet", "lacks sha256"),
    ],
)
def test_a_list_that_cannot_be_used_is_said_in_one_paragraph(run, tmp_path, content, said):
    publish(run, [image_row(DOG, "large", LARGE)])
    path = tmp_path / "list.txt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path = tmp_path / content
        pq.write_table(pa.table({"name": ["a"]}), path)
    with pytest.raises(BuildError, match=said):
        run_all(excluding(run, path))


def test_an_excluded_folder_without_pictures_is_an_error_and_broken_files_are_said(run, tmp_path):
    publish(run, [image_row(DOG, "large", LARGE)])
    folder = tmp_path / "holdout"
    folder.mkdir()
    with pytest.raises(BuildError, match="no picture"):
        run_all(excluding(run, folder))
    ONE.save(folder / "one.png")
    (folder / "broken.jpg").write_bytes(jpeg(OTHER, 80)[:500])
    stage = DedupStage()
    unit = next(stage.plan(excluding(run, folder)))
    found = stage.run_unit(unit, excluding(run, folder))
    assert found.counts == {"excluded_pictures": 1}
    assert found.note == "dedup: 1 files of the excluded folders cannot be used"
