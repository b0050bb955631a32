"""Pure: probabilities and log odds."""

from __future__ import annotations

import numpy as np

from imagenet_build.verify.votes import FloatArray


def logit(probability: FloatArray) -> FloatArray:
    """Log odds; finite for 0 and 1 too."""
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    odds: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return odds


def sigmoid(odds: FloatArray) -> FloatArray:
    """The probability of log odds."""
    probability: FloatArray = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
    return probability
