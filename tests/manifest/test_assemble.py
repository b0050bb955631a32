from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.manifest.assemble import SynsetTables, assemble, candidate_id
from imagenet_build.storage.schemas import MANIFEST
from tests.manifest.rows import CAT, DOG, duplicate_row, hit_row, image_row, rejection_row, url_of

REASONS = ("timeout", "corrupt", "too_small")


@st.composite
def synset_tables(draw: st.DrawFn) -> SynsetTables:
    """What the stages can leave of one synset: URLs seen once or more, then an image, a refusal, or nothing yet."""
    keys = draw(st.lists(st.text("abcdef/?&=é%", min_size=1, max_size=6), unique=True, max_size=8))
    hits = [
        hit_row(DOG, key, engine=engine, rank=rank, license=draw(st.sampled_from(("unknown", "by", "cc0"))))
        for rank, key in enumerate(keys)
        for engine in draw(st.lists(st.sampled_from(("openverse", "wikimedia")), min_size=1, max_size=3))
    ]
    hits = draw(st.permutations(hits))
    fates = {key: draw(st.sampled_from(("image", "refused", "waiting"))) for key in keys}
    images = [image_row(DOG, key) for key in keys if fates[key] == "image"]
    refused = [rejection_row(DOG, key, draw(st.sampled_from(REASONS))) for key in keys if fates[key] == "refused"]
    kept, *others = [row["url_key"] for row in images] or [""]
    gone = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
    duplicates = [duplicate_row(DOG, key, kept) for key in gone]
    return SynsetTables(hits, images, refused, duplicates, [])


@settings(deadline=None)
@given(synset_tables())
def test_every_url_that_was_seen_is_kept_a_duplicate_refused_or_waiting(found):
    made = assemble(DOG, found)
    counts = made.counts
    assert counts["seen"] == len({hit["url_key"] for hit in found.hits})
    assert counts["seen"] == counts["kept"] + counts["duplicates"] + counts["refused"] + counts["waiting"]
    assert min(counts.values()) >= 0
    assert counts["kept"] == sum(row["kept"] for row in made.rows)
    assert counts["kept"] + counts["duplicates"] == len(made.rows) == len(found.images)
    assert made.refused_by_reason == Counter(row["reason"] for row in found.rejections)
    assert sum(made.refused_by_reason.values()) == counts["refused"]


@settings(deadline=None)
@given(synset_tables())
def test_rows_are_whole_and_point_to_rows_that_are_there(found):
    rows = assemble(DOG, found).rows
    assert pa.Table.from_pylist(rows, MANIFEST).num_rows == len(rows)
    ids = {row["candidate_id"]: row for row in rows}
    assert len(ids) == len(rows)
    for row in rows:
        assert row["candidate_id"] == candidate_id(DOG, row["url_key"])
        assert row["kept"] == (row["duplicate_of"] is None) == (row["duplicate_reason"] is None)
        assert ids[row["group_id"]]["kept"]
        assert row["group_id"] == (row["duplicate_of"] or row["candidate_id"])
        hits = [hit for hit in found.hits if hit["url_key"] == row["url_key"]]
        assert len(row["queries"]) == len(hits)
        assert row["engines"] == sorted({hit["engine"] for hit in hits})


@settings(deadline=None)
@given(synset_tables())
def test_of_urls_alone_every_one_is_a_candidate(found):
    made = assemble(DOG, SynsetTables(found.hits, [], [], [], []), urls_only=True)
    assert [row["url_key"] for row in made.rows] == list(dict.fromkeys(hit["url_key"] for hit in found.hits))
    assert made.counts == {"seen": len(made.rows), "kept": len(made.rows), "duplicates": 0, "refused": 0, "waiting": 0}
    table = pa.Table.from_pylist(made.rows, MANIFEST)
    assert table["sha256"].null_count == table.num_rows
    assert table["url"].null_count == 0


def test_all_that_led_to_a_picture_stays_with_it():
    found = SynsetTables(
        hits=[
            hit_row(DOG, "a", title="no licence", creator="Ann"),
            hit_row(DOG, "b"),
            hit_row(DOG, "a", engine="wikimedia", query="perro", language="spa", origin="translation", rank=3),
            hit_row(
                DOG, "a", query="hound", position=1, license="by", license_version="4.0", title="A dog", creator="Bo"
            ),
        ],
        images=[image_row(DOG, "a"), image_row(DOG, "b")],
        rejections=[],
        duplicates=[duplicate_row(DOG, "b", "a", "same_pixels")],
        conflicts=[
            {"wnid": DOG, "url_key": "a", "other_wnid": wnid, "other_url_key": "x", "related": False}
            for wnid in ("n09999999", CAT)
        ],
    )
    first, second = assemble(DOG, found).rows
    assert first["url"] == url_of("a")
    assert (first["license"], first["license_version"], first["title"], first["creator"]) == (
        "by",
        "4.0",
        "A dog",
        "Bo",
    )
    assert first["engines"] == ["openverse", "wikimedia"]
    assert first["queries"] == [
        {"engine": "openverse", "query": "dog", "language": "eng", "origin": "synonym", "rank": 0},
        {"engine": "wikimedia", "query": "perro", "language": "spa", "origin": "translation", "rank": 3},
        {"engine": "openverse", "query": "hound", "language": "eng", "origin": "synonym", "rank": 0},
    ]
    assert first["conflicts"] == [CAT, "n09999999"]
    assert (second["kept"], second["duplicate_of"], second["duplicate_reason"]) == (
        False,
        first["candidate_id"],
        "same_pixels",
    )
    assert second["license"] == "unknown"


def test_ids_come_from_content_and_stay_the_same_in_every_rebuild():
    assert candidate_id(DOG, "//photos.example.org/1.jpg") == "n02084071_e8ef78c9ba58086e"
    assert candidate_id(CAT, "//photos.example.org/1.jpg") == "n02121620_e8ef78c9ba58086e"


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), unique=True, max_size=50))
def test_different_urls_have_different_ids(keys):
    assert len({candidate_id(DOG, key) for key in keys}) == len(keys)


@pytest.mark.parametrize("urls_only", [False, True])
def test_a_synset_without_hits_has_an_empty_manifest(urls_only):
    made = assemble(DOG, SynsetTables([], [], [], [], []), urls_only=urls_only)
    assert (made.rows, set(made.counts.values()), made.refused_by_reason) == ([], {0}, {})
