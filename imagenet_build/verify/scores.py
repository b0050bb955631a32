"""Pure: verdicts against the truth, and what a set of verdicts is expected to hold."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from imagenet_build.verify.agreement import share_interval
from imagenet_build.verify.calibration import expected_calibration_error
from imagenet_build.verify.votes import NO_TRUTH, BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Scores:
    """How verdicts compare with the truth; shares in [0, 1], NaN where there is nothing to divide by."""

    questions: int
    accuracy: float
    balanced_accuracy: float
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    specificity: float
    calibration_error: float


def score(probability: FloatArray, accepted: BoolArray, truth: IntArray) -> Scores:
    """Scores over the questions whose truth is known; undecided counts as not accepted.

    Args:
        probability, accepted, truth: (Q,); truth is 1, 0 or `NO_TRUTH`.
    """
    known = truth != NO_TRUTH
    said, right = accepted[known], truth[known] == 1
    hits, taken = int((said & right).sum()), int(said.sum())
    recall = _share(hits, int(right.sum()))
    specificity = _share(int((~said & ~right).sum()), int((~right).sum()))
    low, high = share_interval(hits, taken)
    return Scores(
        questions=int(known.sum()),
        accuracy=_share(int((said == right).sum()), len(right)),
        balanced_accuracy=(recall + specificity) / 2,
        precision=_share(hits, taken),
        precision_low=low,
        precision_high=high,
        recall=recall,
        specificity=specificity,
        calibration_error=expected_calibration_error(probability[known], truth[known]),
    )


def expected_precision(probability: FloatArray, accepted: BoolArray) -> tuple[float, float, float]:
    """Mean probability of what is accepted, and its 95 % interval if verdicts err independently.

    Returns:
        Estimate, low, high; NaN, 0, 1 if nothing is accepted.
    """
    taken = probability[accepted]
    if not len(taken):
        return float("nan"), 0.0, 1.0
    mean = float(taken.mean())
    reach = 1.96 * sqrt(float((taken * (1 - taken)).sum())) / len(taken)
    return mean, max(0.0, mean - reach), min(1.0, mean + reach)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float(np.nan)
