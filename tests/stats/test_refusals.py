"""Refusals, conflicts and leaks, added up."""

from __future__ import annotations

import pyarrow as pa

from imagenet_build.stats.refusals import MOST_PAIRS, ConflictTally, leaks, refusal_rows

DOG, CAT, PET = "n02084071", "n02121620", "n01318894"


def conflicts(*rows: tuple[str, str, str, bool]) -> pa.Table:
    """A row (wnid, url_key, other wnid, related) each."""
    names = ("wnid", "url_key", "other_wnid", "related")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def test_reasons_stand_by_stage_and_number():
    found = refusal_rows({"search": {"no_url": 1}, "download": {"timeout": 2, "corrupt": 2, "robots_refused": 5}})
    assert [(row.stage, row.reason, row.transient) for row in found] == [
        ("search", "no_url", False),
        ("download", "robots_refused", False),
        ("download", "corrupt", False),
        ("download", "timeout", True),
    ]


def test_a_conflict_that_stands_both_ways_counts_once():
    tally = ConflictTally()
    tally.add(conflicts((CAT, "c", DOG, False), (CAT, "c", PET, True)))
    tally.add(conflicts((DOG, "d", CAT, False)))
    tally.add(conflicts((PET, "p", CAT, True)))
    found = tally.result({DOG: "dog.n.01", CAT: "cat.n.01"})
    assert (found.related, found.unrelated, found.pictures, found.synsets) == (1, 1, 2, 2)
    assert [(pair.name, pair.other_name, pair.pictures) for pair in found.pairs] == [("dog.n.01", "cat.n.01", 1)]


def test_an_image_that_matches_several_of_a_synset_is_one_picture():
    tally = ConflictTally()
    tally.add(conflicts((CAT, "c", DOG, False), (CAT, "c", DOG, False), (CAT, "e", DOG, False)))
    tally.add(conflicts((DOG, "d", CAT, False), (DOG, "d2", CAT, False)))
    found = tally.result({})
    assert (found.unrelated, found.pictures) == (2, 4)


def test_only_the_pairs_with_most_are_named():
    tally = ConflictTally()
    for number in range(30):
        other = f"n1000{number:04d}"
        tally.add(conflicts(*((DOG, str(key), other, False) for key in range(number + 1))))
    pairs = tally.result({}).pairs
    assert len(pairs) == MOST_PAIRS
    assert [pair.pictures for pair in pairs[:3]] == [30, 29, 28]


def test_an_image_that_shows_two_listed_pictures_leaks_once():
    found = leaks([(DOG, "a", "exact"), (DOG, "a", "near"), (CAT, "a", "near")], kept=2)
    assert (found.images, found.kept, found.reasons) == (2, 2, (("exact", 1), ("near", 1)))
