"""Pure: which questions to accept, and what one more vote on each is worth."""

from __future__ import annotations

from math import lgamma

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.votes import Answer, BoolArray, FloatArray, IntArray

LOOKAHEAD = 5
"""Votes that may have to come together before a verdict changes."""

_CHUNK = 200_000

RUN_TARGET_PRECISION = 0.97
"""Of a dataset, precision is what is promised; the paper's was 0.997."""


def run_goal(config: VerifyConfig) -> VerifyConfig:
    """A run's settings; a run that names no precision has `RUN_TARGET_PRECISION`."""
    if config.target_precision is not None:
        return config
    return config.model_copy(update={"target_precision": RUN_TARGET_PRECISION})


def accepted(probability: FloatArray, target_precision: float | None) -> BoolArray:
    """The questions to accept.

    Args:
        probability: (Q,), calibrated.
        target_precision: accept the largest set that is expected to hold at least this share of true pictures: its
            mean probability reaches the target, whatever single pictures have. None for the best balanced accuracy
            (mean of the shares found of true and of false pictures): accept what is likelier than an average question.
    Returns:
        (Q,).

    >>> accepted(np.array([0.99, 0.9, 0.85, 0.1]), 0.9).tolist()
    [True, True, True, False]
    """
    if not len(probability):
        return np.zeros(0, bool)
    if target_precision is None:
        return np.asarray(probability > probability.mean(), bool)
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    mean = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    is_last_of_equals = np.r_[ranked[1:] != ranked[:-1], True]
    enough = np.flatnonzero((mean >= target_precision) & is_last_of_equals)
    taken = np.zeros(len(probability), bool)
    if len(enough):
        taken[order[: enough[-1] + 1]] = True
    return taken


def dividing_line(probability: FloatArray, taken: BoolArray, otherwise: float) -> float:
    """The probability that divides what is accepted from what is not, in (0, 1).

    Args:
        probability: (Q,). taken: (Q,), from `accepted`. otherwise: where nothing is accepted.
    """
    line = float(probability[taken].min()) if taken.any() else otherwise
    return min(max(line, 0.01), 0.99)


def worth_of_votes(joint: FloatArray, typical: FloatArray, line: float, left: IntArray) -> FloatArray:
    """How much better the verdict on each question is expected to become, per further vote.

    A verdict is worth max(0, p - line) / (1 - line): 1 for a true picture accepted for certain, 0 for one that is
    left out. The expectation is over the answers of one to five further typical workers; the best number counts.

    Args:
        joint: (2, Q, K), belief about truth and level; sums to 1 over both.
        typical: (3, K), P(answer | level) of a typical worker.
        line: the probability from which on a question is accepted, in (0, 1).
        left: (Q,), how many votes may still be asked.
    Returns:
        (Q,), in [0, 1]; 0 where none is left.
    """
    worth = np.zeros(joint.shape[1])
    for start in range(0, len(worth), _CHUNK):
        part = slice(start, start + _CHUNK)
        shows_not, shows = joint[0, part], joint[1, part]
        now = np.maximum(0.0, shows.sum(axis=1) - line)
        best = np.zeros(len(now))
        for votes in range(1, LOOKAHEAD + 1):
            chance = _outcomes(typical, votes)
            gain = (1 - line) * (shows @ chance) - line * (shows_not @ chance)
            value = (np.maximum(0.0, gain).sum(axis=1) - now) / (votes * (1 - line))
            best = np.where(left[part] >= votes, np.maximum(best, value), best)
        worth[part] = best
    return np.maximum(worth, 0.0)


def _outcomes(typical: FloatArray, votes: int) -> FloatArray:
    """(K, O): probability of each way that a number of votes can fall, given the level."""
    log = np.log(np.maximum(typical, 1e-12))
    columns = []
    most_unsure = votes if float(typical[Answer.UNSURE].max()) > 1e-4 else 0
    for unsure in range(most_unsure + 1):
        for yes in range(votes - unsure + 1):
            no = votes - unsure - yes
            ways = lgamma(votes + 1) - lgamma(yes + 1) - lgamma(no + 1) - lgamma(unsure + 1)
            columns.append(ways + yes * log[Answer.YES] + no * log[Answer.NO] + unsure * log[Answer.UNSURE])
    chance: FloatArray = np.exp(np.stack(columns, axis=1))
    return chance
