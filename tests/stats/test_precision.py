from __future__ import annotations

import numpy as np
import pytest

from imagenet_build.errors import DataError
from imagenet_build.stats.document import PrecisionRow
from imagenet_build.stats.precision import CheckedSynset, is_right, precision_by_depth
from imagenet_build.stats.sampling import Stratum
from imagenet_build.verify.votes import Answer, make_vote_table

YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ([YES], True),
        ([NO], False),
        ([UNSURE], False),
        ([YES, NO], False),
        ([YES, YES, NO], True),
        ([YES, YES, UNSURE], True),
        ([YES, UNSURE], False),
        ([YES, YES, NO, UNSURE], False),
    ],
)
def test_more_than_half_of_the_votes_decide(said: list[Answer], right: bool) -> None:
    count = len(said)
    table = make_vote_table(
        np.array(["p"] * count, object),
        np.array(["w"] * count, object),
        np.array([f"worker{number}" for number in range(count)], object),
        np.array([int(one) for one in said]),
    )
    assert is_right(table) == {("p", "w"): right}


STRATA = [Stratum(4, 2, 60, 2, 0.0), Stratum(5, 50, 4000, 3, 0.6), Stratum(9, 8, 100, 1, 0.4)]
CHECKED = [
    CheckedSynset("n1", 4, 20, 10, 5),
    CheckedSynset("n2", 4, 40, 10, 10),
    CheckedSynset("n3", 5, 100, 20, 20),
    CheckedSynset("n4", 5, 80, 20, 10),
    CheckedSynset("n5", 5, 60, 0, 0),
    CheckedSynset("n6", 9, 12, 0, 0),
]


def test_each_depth_is_averaged_over_synsets_and_over_pictures() -> None:
    first, second, _ = precision_by_depth(STRATA, CHECKED)
    assert (first.depth, first.synsets, first.of_synsets, first.pictures, first.correct) == (4, 2, 2, 20, 15)
    assert first.precision == pytest.approx(0.75)
    assert first.over_pictures == pytest.approx((20 * 0.5 + 40 * 1.0) / 60)
    assert first.low < 0.75 < first.high
    assert (second.depth, second.synsets, second.pictures) == (5, 2, 40)


def test_all_depths_together_come_last_without_those_nobody_answered() -> None:
    whole = precision_by_depth(STRATA, CHECKED)[-1]
    assert (whole.depth, whole.synsets, whole.of_synsets, whole.pictures) == (None, 4, 52, 60)
    assert whole.precision == pytest.approx((2 * 0.75 + 50 * 0.75) / 52)
    assert whole.over_pictures == pytest.approx((60 * (50 / 60) + 4000 * (140 / 180)) / 4060)


def test_an_unanswered_synset_is_one_of_the_others() -> None:
    without = [one for one in CHECKED if one.wnid != "n5"]
    strata = [STRATA[0], Stratum(5, 50, 4000, 2, 0.6 + 1 / 60), STRATA[2]]
    assert precision_by_depth(STRATA, CHECKED) == precision_by_depth(strata, without)


def test_order_does_not_matter() -> None:
    assert precision_by_depth(STRATA[::-1], CHECKED[::-1]) == precision_by_depth(STRATA, CHECKED)


def test_a_row_of_the_document_says_the_same() -> None:
    found = precision_by_depth(STRATA, CHECKED)[0]
    assert found.row() == PrecisionRow(4, 2, 20, 15, found.precision, found.low, found.high)


def test_no_vote_at_all_is_said() -> None:
    with pytest.raises(DataError, match="No picture of the sample has a vote"):
        precision_by_depth(STRATA, CHECKED[-1:])
