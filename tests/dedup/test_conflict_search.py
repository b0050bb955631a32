"""The search for conflicts, part by part, beside the definition: every pair of rows is looked at."""

import hashlib
import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import ImageOps

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.dedup import conflict_pairs, same_hash
from imagenet_build.dedup.conflicts import conflicts_of
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.image_rows import ImageRows
from imagenet_build.dedup.shapes import shapes_of
from imagenet_build.errors import DataError
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import DUPLICATES, HITS, IMAGES, SYNSETS
from tests.dedup.looks import jpeg, look_at, looks_of, resized
from tests.fakes.pictures import photo_image
from tests.manifest.rows import hit_row, image_row, synset_row

SYNSETS_OF_RUN = [f"n{number:08d}" for number in range(2_000_000, 2_000_012)]


def copies(seed: int):
    picture = photo_image(seed, 200, 150)
    for quality in (90, 50):
        yield look_at(jpeg(picture, quality))
    yield look_at(jpeg(ImageOps.mirror(picture), 85))
    yield look_at(jpeg(resized(picture, 60), 80))


@pytest.fixture(scope="module")
def looks():
    return [look for seed in range(1, 13) for look in copies(seed)]


def other_picture(look, number: int):
    """Another picture with the same looks."""
    digests = (hashlib.sha256(f"{kind} {number}".encode()).hexdigest() for kind in ("file", "pixels"))
    return replace(look, **dict(zip(("sha256", "pixel_sha256"), digests, strict=True)))


@pytest.fixture
def run(tmp_path, looks, monkeypatch):
    """240 images of 12 synsets in row groups of 17; some stand in several synsets, one in all of them."""
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 17)
    rng = random.Random(4)
    rows, hits = [], []
    for number in range(240):
        look = rng.choice(looks)
        if number % 3 == 0:
            look = other_picture(look, number)
        elif number % 20 == 1:
            look = looks[0]
        elif number % 20 == 2:
            look = replace(looks[0], sha256=hashlib.sha256(str(number).encode()).hexdigest())  # written anew
        rows.append(image_row(rng.choice(SYNSETS_OF_RUN), f"key{number:03d}", look, width=200 + rng.randrange(9)))
    rows.sort(key=lambda row: row["wnid"])
    for row in rows:
        hits.append(hit_row(row["wnid"], row["url_key"], query=f"query {rng.randrange(9)}", rank=rng.randrange(99)))
    run = RunContext(RunLayout(tmp_path / "run"), BuildConfig())
    tables.write_rows(run.layout.images, IMAGES, rows)
    tables.write_rows(run.layout.hits, HITS, hits)
    parents = {wnid: (SYNSETS_OF_RUN[at // 2],) if at % 4 == 1 else () for at, wnid in enumerate(SYNSETS_OF_RUN)}
    tables.write_rows(run.layout.synsets, SYNSETS, [synset_row(wnid, hypernyms=parents[wnid]) for wnid in parents])
    for wnid in SYNSETS_OF_RUN[::3]:  # in some synsets the second image is a duplicate of the first
        keys = [row["url_key"] for row in rows if row["wnid"] == wnid]
        same = {"reason": "near", "distance": 0.1, "dct_distance": 1, "gradient_distance": 1}
        pair = {"wnid": wnid, "url_key": keys[1], "duplicate_of": keys[0], **same}
        tables.write_rows(run.layout.duplicates_part(wnid), DUPLICATES, [pair])
    return run


def by_definition(run) -> dict[tuple[str, str, str, str], tuple[str, float]]:
    """Reason and distance of every conflict."""
    images = pq.read_table(run.layout.images).to_pylist()
    kept = {(row["wnid"], row["url_key"]): row["url_key"] for row in images}
    for part in run.layout.duplicates_part("").parent.glob("*.parquet"):
        for row in pq.read_table(part).to_pylist():
            kept[row["wnid"], row["url_key"]] = row["duplicate_of"]
    pictures = {row["pixel_sha256"]: row for row in images}
    order = {digest: place for place, digest in enumerate(pictures)}
    facts = looks_of(*(_Facts(row) for row in pictures.values()))
    i, j = np.array(list(combinations(range(len(order)), 2))).T
    found = decide(facts, shapes_of(facts), i, j, run.config.dedup)
    same = {
        (int(i[at]), int(j[at])): (bool(found.mirrored[at]), float(found.distance[at]))
        for at in np.flatnonzero(found.same).tolist()
    }
    best: dict = {}
    first: dict = {}  # copies within a synset have one kept image
    for row in images:
        first.setdefault((row["wnid"], row["pixel_sha256"]), row)
    for one, other in combinations(first.values(), 2):
        if one["wnid"] == other["wnid"]:
            continue
        left, right = order[one["pixel_sha256"]], order[other["pixel_sha256"]]
        if left == right:
            rank = (0 if one["sha256"] == other["sha256"] else 1, 0.0)
        else:
            pair = (min(left, right), max(left, right))
            bits = (int(facts.dct[left] ^ facts.dct[right]), int(facts.dct[pair[0]] ^ facts.mirrored[pair[1]]))
            crossed = int(facts.dct[pair[1]] ^ facts.mirrored[pair[0]])
            if min(each.bit_count() for each in (*bits, crossed)) > run.config.dedup.conflict_bits or pair not in same:
                continue
            mirrored, distance = same[pair]
            rank = (3 if mirrored else 2, distance)
        places = [(row["wnid"], kept[row["wnid"], row["url_key"]]) for row in (one, other)]
        for key in ((*places[0], *places[1]), (*places[1], *places[0])):
            best[key] = min(best.get(key, rank), rank)
    reasons = ("exact", "same_pixels", "near", "mirrored")
    return {key: (reasons[place], distance) for key, (place, distance) in sorted(best.items())}


class _Facts:
    def __init__(self, row) -> None:
        self.__dict__ = row


def found(run, exchange, rows_per_part: int):
    return list(conflicts_of(run, exchange, rows_per_part=rows_per_part))


def test_what_is_found_is_what_the_definition_says(run, tmp_path):
    rows = found(run, ExchangeHere(tmp_path / "work"), 1000)
    names = ("wnid", "url_key", "other_wnid", "other_url_key")
    assert {tuple(row[name] for name in names): (row["reason"], row["distance"]) for row in rows} == by_definition(run)
    assert [tuple(row[name] for name in names) for row in rows] == list(by_definition(run))
    assert {row["reason"] for row in rows} == {"exact", "same_pixels", "near", "mirrored"}
    assert {row["related"] for row in rows} == {True, False}
    hits = {(row["wnid"], row["url_key"]): row for row in pq.read_table(run.layout.hits).to_pylist()}
    for row in rows:
        for prefix in ("", "other_"):
            hit = hits[row[f"{prefix}wnid"], row[f"{prefix}url_key"]]
            assert (row[f"{prefix}query"], row[f"{prefix}rank"]) == (hit["query"], hit["rank"])


def test_neither_parts_nor_pieces_nor_files_change_what_is_found(run, tmp_path, monkeypatch):
    expected = found(run, ExchangeHere(tmp_path / "work"), 1000)
    monkeypatch.setattr("imagenet_build.dedup.join_search.CELLS_COMPARED", 50)
    monkeypatch.setattr("imagenet_build.dedup.join_blocks.NS_PER_KEY", 0)
    monkeypatch.setattr("imagenet_build.dedup.join_blocks.NS_PER_COMPARISON", 100)
    pieces = ImageRows.pieces
    monkeypatch.setattr(ImageRows, "pieces", lambda rows: pieces(rows, 2))
    seen = []
    spread_over = conflict_pairs.spread_over

    def watched(*given):
        seen.append(spread_over(*given))
        return seen[-1]

    monkeypatch.setattr(conflict_pairs, "spread_over", watched)
    for memory_bytes, rows_per_part in ((10**9, 40), (2000, 40), (2000, 1000)):
        assert found(run, ExchangeHere(tmp_path / "work", memory_bytes), rows_per_part) == expected
    assert [spread.blocks is not None for spread in seen] == [True, True, False]
    assert list((tmp_path / "work").iterdir()) == []


def test_of_very_many_pictures_with_one_hash_the_first_stand_for_all(run, tmp_path, monkeypatch):
    images = pq.read_table(run.layout.images).to_pylist()
    one = {name: images[0][name] for name in ("dct_hash", "mirrored_hash", "gradient_hash", "tiny")}
    crowd = [{**row, **one} for row in images if row["wnid"] in SYNSETS_OF_RUN[:2]]
    for number, row in enumerate(crowd):
        row["pixel_sha256"] = hashlib.sha256(str(number).encode()).hexdigest()
    tables.write_rows(run.layout.images, IMAGES, crowd)
    monkeypatch.setattr(same_hash, "MOST_OF_A_HASH", 5)
    first = {row["url_key"] for row in sorted(crowd, key=lambda row: row["pixel_sha256"])[:5]}
    rows = found(run, ExchangeHere(tmp_path / "work"), 1000)
    kept = pq.read_table(run.layout.duplicates_part(SYNSETS_OF_RUN[0])).to_pylist()
    assert rows
    assert {row["url_key"] for row in rows} <= first | {row["duplicate_of"] for row in kept}


def test_a_picture_of_very_many_synsets_is_asked_about_in_the_first(run, tmp_path, monkeypatch, looks):
    rows = [image_row(wnid, f"key{wnid}", looks[0]) for wnid in SYNSETS_OF_RUN]
    tables.write_rows(run.layout.images, IMAGES, rows)
    tables.write_rows(run.layout.hits, HITS, [hit_row(row["wnid"], row["url_key"]) for row in rows])
    for part in run.layout.duplicates_part("").parent.glob("*.parquet"):
        part.unlink()
    monkeypatch.setattr(conflict_pairs, "MOST_SYNSETS", 4)
    conflicts = found(run, ExchangeHere(tmp_path / "work"), 1000)
    assert {row["wnid"] for row in conflicts} == set(SYNSETS_OF_RUN[:4])
    assert len(conflicts) == 4 * 3


def test_a_run_without_images_has_no_conflicts(run, tmp_path):
    tables.write_rows(run.layout.images, IMAGES, [])
    assert found(run, ExchangeHere(tmp_path / "work"), 1000) == []


def test_a_damaged_table_is_said_in_words(run, tmp_path):
    path = run.layout.images
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read"):
        found(run, ExchangeHere(tmp_path / "work"), 1000)
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        found(run, ExchangeHere(tmp_path / "work"), 1000)
