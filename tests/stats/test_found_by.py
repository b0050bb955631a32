"""What each finder brought, beside a count by hand on drawn tables."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.stats.found_by import HIT_COLUMNS, FoundByTally
from imagenet_build.stats.sections import FoundByRow
from imagenet_build.storage.schemas import HITS, MANIFEST

LANGUAGES, ENGINES, ORIGINS = ("eng", "ita", "zxx"), ("artic", "met", "loc"), ("synonym", "concept")
HIT = st.tuples(
    st.sampled_from(["n00000001", "n00000002"]),
    st.sampled_from(["//a/1", "//a/2", "//b/1", "//b/2"]),
    st.sampled_from(LANGUAGES),
    st.sampled_from(ENGINES),
    st.sampled_from(ORIGINS),
)
QUERY = st.fixed_dictionaries(
    {
        "engine": st.sampled_from(ENGINES),
        "query": st.just("dog"),
        "language": st.sampled_from(LANGUAGES),
        "origin": st.sampled_from(ORIGINS),
        "rank": st.integers(0, 5),
    }
)
PICTURE = st.lists(st.lists(QUERY, min_size=1, max_size=4), min_size=1, max_size=3)
"""The finders of each of its copies; the first copy is kept."""


def hit_table(hits: list[tuple[str, ...]]) -> pa.Table:
    schema = pa.schema([HITS.field(name) for name in HIT_COLUMNS])
    return pa.Table.from_pylist([dict(zip(HIT_COLUMNS, hit, strict=True)) for hit in hits], schema)


def candidate_table(pictures: list[list[list[dict[str, object]]]]) -> pa.Table:
    rows = [
        {"group_id": f"n00000001_{number}", "kept": place == 0, "queries": queries}
        for number, copies in enumerate(pictures)
        for place, queries in enumerate(copies)
    ]
    schema = pa.schema([MANIFEST.field(name) for name in ("group_id", "kept", "queries")])
    return pa.Table.from_pylist(rows, schema)


def rows_by_hand(hits, pictures, accepted) -> dict[str, list[FoundByRow]]:
    found = {}
    for place, finder in enumerate(("language", "engine", "origin"), start=2):
        kept, alone, good = Counter(), Counter(), Counter()
        for picture, is_good in zip(pictures, accepted, strict=True):
            finders = {query[finder] for copy in picture for query in copy}
            kept.update(finders)
            good.update(finders if is_good else ())
            alone.update(finders if len(finders) == 1 else ())
        distinct = defaultdict(set)
        for hit in hits:
            distinct[hit[place]].add(hit[:2])
        number = Counter(hit[place] for hit in hits)
        rows = [
            FoundByRow(name, number[name], len(distinct[name]), kept[name], alone[name], good[name])
            for name in number.keys() | kept.keys()
        ]
        found[finder] = sorted(rows, key=lambda row: (-row.kept, -row.hits, row.name))
    return found


@settings(deadline=None)
@given(st.lists(HIT, max_size=30), st.lists(PICTURE, max_size=8), st.data())
def test_counts_are_those_by_hand(hits, pictures, data):
    accepted = data.draw(st.lists(st.booleans(), min_size=len(pictures), max_size=len(pictures)))
    table = candidate_table(pictures)
    is_accepted = [
        good and place == 0 for copies, good in zip(pictures, accepted, strict=True) for place in range(len(copies))
    ]
    tally = FoundByTally()
    tally.add_hits(hit_table(hits))
    tally.add_candidates(table, np.array(is_accepted, bool))
    found = tally.result(judged=True)
    by_hand = rows_by_hand(hits, pictures, accepted)
    assert list(found.languages) == by_hand["language"]
    assert list(found.engines) == by_hand["engine"]
    assert list(found.origins) == by_hand["origin"]
    assert tally.distinct.total() == len({hit[:2] for hit in hits})
    assert tally.hits_of == Counter(hit[0] for hit in hits)


@settings(deadline=None)
@given(st.lists(HIT, min_size=1, max_size=30), st.lists(PICTURE, min_size=2, max_size=8))
def test_pieces_of_whole_synsets_add_up(hits, pictures):
    hits = sorted(hits)
    whole, parts = FoundByTally(), FoundByTally()
    whole.add_hits(hit_table(hits))
    whole.add_candidates(candidate_table(pictures), None)
    for wnid in ("n00000002", "n00000001"):
        parts.add_hits(hit_table([hit for hit in hits if hit[0] == wnid]))
    parts.add_candidates(candidate_table(pictures[1:]), None)
    parts.add_candidates(candidate_table(pictures[:1]), None)
    assert parts.result(judged=False) == whole.result(judged=False)


def test_a_copy_found_elsewhere_is_the_same_picture():
    query = {"query": "dog", "language": "eng", "origin": "synonym", "rank": 0}
    copies = [[{**query, "engine": "met"}], [{**query, "engine": "loc"}]]
    tally = FoundByTally()
    tally.add_candidates(candidate_table([copies]), None)
    rows = tally.result(judged=False).engines
    assert [(row.name, row.kept, row.alone, row.accepted) for row in rows] == [("loc", 1, 0, None), ("met", 1, 0, None)]
