"""Pure: probabilities that mean what they say, from gold that the rates have not learnt from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagenet_build.verify.odds import sigmoid
from imagenet_build.verify.votes import FloatArray, IntArray

_CERTAIN = 1e-6
_PRIOR_PRECISION = np.array([15.0, 15.0, 5.0])


class Calibration(NamedTuple):
    """Beta calibration: log odds = a log p - b log(1 - p) + c. Kull, Silva Filho and Flach, AISTATS 2017."""

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def apply(self, probability: FloatArray) -> FloatArray:
        """(N,) in [0, 1] to (N,) in [0, 1]; the order stays."""
        features = _features(probability)
        return sigmoid(features @ np.array(self))


def fit_calibration(probability: FloatArray, truth: IntArray) -> Calibration:
    """The map from what was said to what was so; with few gold questions it stays near the identity.

    Args:
        probability: (N,), said of gold questions by a model that did not know their truth.
        truth: (N,), 0 or 1.
    """
    features = _features(probability)
    start = np.array(Calibration())
    weights = start.copy()
    for _ in range(30):
        expected = sigmoid(features @ weights)
        gradient = features.T @ (truth - expected) - _PRIOR_PRECISION * (weights - start)
        curvature = (features * (expected * (1 - expected))[:, None]).T @ features + np.diag(_PRIOR_PRECISION)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + np.clip(step, -0.5, 0.5)
        weights[:2] = np.maximum(weights[:2], 0.02)
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(*(float(weight) for weight in weights))


def expected_calibration_error(probability: FloatArray, truth: IntArray, bins: int = 15) -> float:
    """Mean distance between what is said and what is so, over bins of equal width, weighted by their questions.

    Args:
        probability: (N,), in [0, 1]. truth: (N,), 0 or 1.
    Returns:
        In [0, 1]; 0 for no questions.

    >>> expected_calibration_error(np.array([0.75] * 4), np.array([1, 1, 1, 0]))
    0.0
    """
    if not len(probability):
        return 0.0
    bin_of = np.minimum((probability * bins).astype(np.int64), bins - 1)
    gap = np.bincount(bin_of, probability - truth, bins)
    return float(np.abs(gap).sum() / len(probability))


def _features(probability: FloatArray) -> FloatArray:
    p = np.clip(probability, _CERTAIN, 1 - _CERTAIN)
    return np.stack([np.log(p), -np.log1p(-p), np.ones_like(p)], axis=1)
