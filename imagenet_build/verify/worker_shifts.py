"""Pure: how each worker differs from a typical one, learnt from what is believed of the pictures they judged."""

from __future__ import annotations

import numpy as np

from imagenet_build.verify.levels import SHIFTS
from imagenet_build.verify.votes import Answer, FloatArray, IntArray

_MOVED = (Answer.YES, Answer.UNSURE)
_PRIOR_VARIANCE_WEIGHT = 5.0
_MOST_SHIFT = 12.0


def slope(seen: FloatArray, log_probability: FloatArray, steepness: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradient and curvature of the likelihood of W workers' answers in their shifts.

    Args:
        seen: (W, 3, K), expected number of answers of each kind to pictures of each level.
        log_probability: (W, 3, K), what the workers say now.
        steepness: (K,), of the levels.
    Returns:
        (W, 4), and (W, 4, 4) positive semidefinite (the negative second derivative).
    """
    powers = np.stack([np.ones_like(steepness), steepness], axis=1)
    probability = np.exp(log_probability)
    total = seen.sum(axis=1)
    missed = seen - total[:, None, :] * probability
    gradient = np.empty((len(seen), SHIFTS))
    curvature = np.empty((len(seen), SHIFTS, SHIFTS))
    for row, said in enumerate(_MOVED):
        gradient[:, 2 * row : 2 * row + 2] = missed[:, said] @ powers
        for column, other in enumerate(_MOVED):
            spread = -probability[:, said] * probability[:, other]
            if said == other:
                spread = spread + probability[:, said]
            part = np.einsum("wk,ka,kb->wab", total * spread, powers, powers)
            curvature[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = part
    return gradient, curvature


def newton_step(
    shift: FloatArray, gradient: FloatArray, curvature: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """One step towards the most probable shifts under a normal prior around 0.

    Args:
        shift: (W, 4). gradient, curvature: from `slope`. variance: (4,), of the prior.
    Returns:
        (W, 4), moved by at most 1 each; and (W, 4), how uncertain they are, as variances.
    """
    bent = curvature + np.diag(1 / variance)
    inverse = np.linalg.inv(bent)
    step = np.einsum("wab,wb->wa", inverse, gradient - shift / variance)
    moved = np.clip(shift + np.clip(step, -1.0, 1.0), -_MOST_SHIFT, _MOST_SHIFT)
    doubt: FloatArray = np.diagonal(inverse, axis1=1, axis2=2)
    return moved, doubt


def prior_variance(shift: FloatArray, uncertainty: FloatArray, expected: float) -> FloatArray:
    """How much workers differ, from the workers themselves (empirical Bayes).

    Args:
        shift, uncertainty: (W, 4), of workers who voted.
        expected: the variance before anything is known; counts like five workers.
    Returns:
        (4,), in [0.01, 25].
    """
    found = (shift**2 + uncertainty).sum(axis=0) + _PRIOR_VARIANCE_WEIGHT * expected
    variance: FloatArray = np.clip(found / (len(shift) + _PRIOR_VARIANCE_WEIGHT), 0.01, 25.0)
    return variance


def sum_by(values: FloatArray, group: IntArray, count: int) -> FloatArray:
    """(count, ...): rows of `values` added up by `group`."""
    flat = values.reshape(len(values), -1)
    columns = [np.bincount(group, flat[:, column], count).astype(np.float64) for column in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(count, *values.shape[1:])
