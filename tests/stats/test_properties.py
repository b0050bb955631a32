"""When a property of the paper's Table 1 holds."""

from __future__ import annotations

import pytest

from imagenet_build.stats.document import PrecisionRow, SynsetRow
from imagenet_build.stats.properties import clean, dense_hierarchy, publicly_available, table_properties
from imagenet_build.stats.sections import NamedCount, Totals


def synset(wnid: str, *parents: str, depth: int = 5) -> SynsetRow:
    return SynsetRow(wnid, "", parents, depth, 0, 1)


@pytest.mark.parametrize(("low", "holds"), [(0.96, "yes"), (0.94, "partly")])
def test_an_independent_check_decides_about_clean(low, holds):
    rows = [PrecisionRow(3, 2, 9, 9, 1.0, 0.7, 1.0), PrecisionRow(None, 80, 800, 790, 0.9875, low, 0.999)]
    found = clean(Totals(5, 5, accepted=100), rows)
    assert found.holds == holds
    assert "800 pictures" in found.evidence
    assert f"{low:.1%}" in found.evidence


def test_votes_alone_make_it_partly_clean():
    found = clean(Totals(5, 5, accepted=70, rejected=20, undecided=10, unasked=3), None)
    assert (found.holds, "70 of 100 judged" in found.evidence) == ("partly", True)


def test_unseen_images_are_not_clean():
    assert clean(Totals(5, 5, kept=100), None).holds == "no"


def test_a_list_of_leaves_is_no_hierarchy():
    leaves = [synset("n00000002", "n00000001"), synset("n00000003", "n00000001")]
    assert dense_hierarchy(leaves).holds == "no"
    assert dense_hierarchy([*leaves, synset("n00000001", depth=4)]).holds == "yes"
    more = [*leaves, synset("n00000004", "n00000003"), synset("n00000005", "n00000009")]
    assert dense_hierarchy(more).holds == "partly"


@pytest.mark.parametrize(
    ("licenses", "holds"),
    [
        ([NamedCount("by", 3), NamedCount("cc0", 1)], "yes"),
        ([NamedCount("by", 3), NamedCount("unknown", 1)], "partly"),
        ([NamedCount("arr", 3)], "no"),
        ([], "open"),
    ],
)
def test_licences_decide_who_may_have_it(licenses, holds):
    assert publicly_available(licenses).holds == holds


def test_a_table_says_only_what_it_can():
    found = {of.name: of.holds for of in table_properties([synset("n00000001")])}
    assert found["LabelDisam"] == "yes"
    assert [name for name, holds in found.items() if holds == "open"] == [
        *("Clean", "FullRes", "PublicAvail", "Segmented")
    ]
