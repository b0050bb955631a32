from __future__ import annotations

import math

import numpy as np
import pytest

from imagenet_build.verify.agreement import krippendorff_alpha, share_interval
from imagenet_build.verify.scores import expected_precision, score
from imagenet_build.verify.votes import NO_TRUTH

KRIPPENDORFF_2011 = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
"""Four observers, twelve units, values missing: the worked example of "Computing Krippendorff's Alpha-Reliability"."""


def test_alpha_of_the_worked_example_with_missing_values() -> None:
    counts = np.zeros((12, 5), np.int64)
    for observer in KRIPPENDORFF_2011:
        for unit, value in enumerate(observer):
            if value != ".":
                counts[unit, int(value) - 1] += 1
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_alpha_knows_agreement_chance_and_nothing() -> None:
    assert krippendorff_alpha(np.array([[4, 0], [0, 4]])) == 1.0
    assert krippendorff_alpha(np.array([[4, 0], [4, 0]])) == 1.0
    assert krippendorff_alpha(np.array([[1, 1], [1, 1]])) < 0
    assert math.isnan(krippendorff_alpha(np.array([[1, 0], [0, 1]])))


def test_intervals_hold_the_share_and_stay_in_bounds() -> None:
    low, high = share_interval(10, 10)
    assert 0.7 < low < 1
    assert high == pytest.approx(1.0)
    assert share_interval(0, 0) == (0.0, 1.0)
    mean, low, high = expected_precision(np.array([0.9, 0.8, 0.1]), np.array([True, True, False]))
    assert low < mean == pytest.approx(0.85)
    assert high == 1.0


def test_scores_count_only_what_is_known() -> None:
    truth = np.array([1, 1, 0, 0, 0, NO_TRUTH])
    said = np.array([True, False, True, False, False, True])
    scores = score(said.astype(float), said, truth)
    assert scores.questions == 5
    assert scores.recall == 0.5
    assert scores.specificity == pytest.approx(2 / 3)
    assert scores.balanced_accuracy == pytest.approx(7 / 12)
    assert scores.precision == 0.5
    assert scores.accuracy == 0.6
