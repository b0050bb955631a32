"""Pure: how often workers say yes, unsure and no to a picture of a given appeal.

A question has a hidden truth and a hidden *level*: the share of typical workers who would say yes to it. Pictures that
show the synset and pictures that do not both come at many levels (an occluded cat is a hard yes, a lynx a hard no), and
answers depend on the level alone. So votes of several workers on one hard picture agree more than two error rates per
worker would explain, and probabilities stay honest. With one level for each truth this is the model of Dawid and Skene
(1979); item difficulty is that of GLAD (Whitehill et al., NIPS 2009), with a distribution instead of one number per
picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imagenet_build.verify.votes import Answer, FloatArray

SHIFTS = 4
"""Numbers per worker: yes and unsure against no, each at the middle level and per step of `Levels.steepness`."""


@dataclass(frozen=True)
class Levels:
    """The levels that pictures may have."""

    share: FloatArray
    """(K,), share of typical workers saying yes, among those who are not unsure; ascending, in (0, 1)."""
    spread_without: FloatArray | None
    """(2, 2), Beta parameters of levels before anything is known: of pictures that do not show the synset, and that do.
    None if the first level is that of all the former and the second that of all the latter."""
    is_typical: bool
    """Whether a level is what it says for the workers of the average vote; else it is whatever the workers make it."""

    @cached_property
    def odds(self) -> FloatArray:
        """(K,), log odds of yes."""
        odds: FloatArray = np.log(self.share) - np.log1p(-self.share)
        return odds

    @cached_property
    def steepness(self) -> FloatArray:
        """(K,), the levels on a scale within -2 to 2, in log odds."""
        scaled: FloatArray = 2.0 * self.odds / np.abs(self.odds).max()
        return scaled

    @cached_property
    def moments(self) -> FloatArray:
        """(K, 2), what a Beta distribution is fitted by."""
        return np.stack([np.log(self.share), np.log1p(-self.share)], axis=1)

    def shares(self, spread: FloatArray) -> FloatArray:
        """Beta distributions over the levels.

        Args:
            spread: (..., 2), Beta parameters, above 0.
        Returns:
            (..., K); each row sums to 1.
        """
        if self.spread_without is None:
            return np.eye(len(self.share))
        width = np.gradient(self.odds) * self.share * (1 - self.share)  # the part of [0, 1] a level stands for
        weight: FloatArray = np.log(width) + (spread - 1) @ self.moments.T
        share: FloatArray = np.exp(weight - weight.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        return share


VARIED = Levels(
    np.array([0.005, 0.03, 0.12, 0.35, 0.62, 0.85, 0.96, 0.995]), np.array([[0.4, 10.0], [1.3, 1.0]]), is_typical=True
)
"""Pictures differ. False yeses are accidents and come thinly; true pictures may look like anything. Without gold this
is what tells a hard yes from a hard no."""

ALIKE = Levels(np.array([0.1, 0.7]), None, is_typical=False)
"""All true pictures are alike to workers, and all others: the model of Dawid and Skene."""


def answer_log_probability(levels: Levels, unsure: FloatArray, shift: FloatArray) -> FloatArray:
    """What each worker says to pictures of each level.

    Args:
        unsure: (K,), share of typical workers who are unsure, in (0, 1).
        shift: (W, 4), how each worker differs from a typical one, in log odds.
    Returns:
        (W, 3, K): log P(answer | level); over the answers the probabilities sum to 1.
    """
    out = np.empty((len(shift), len(Answer), len(levels.share)))
    out[:, Answer.NO] = np.log((1 - unsure) * (1 - levels.share))
    out[:, Answer.UNSURE] = np.log(unsure) + shift[:, 2, None] + shift[:, 3, None] * levels.steepness
    out[:, Answer.YES] = np.log((1 - unsure) * levels.share) + shift[:, 0, None] + shift[:, 1, None] * levels.steepness
    top = out.max(axis=1, keepdims=True)
    out -= top + np.log(np.exp(out - top).sum(axis=1, keepdims=True))
    return out


def fit_spread(
    levels: Levels, counts: FloatArray, start: FloatArray, prior: FloatArray, prior_pictures: float
) -> FloatArray:
    """The Beta distribution that fits a histogram of levels best, by Newton's method.

    Args:
        counts: (K,), expected number of pictures at each level.
        start: (2,), Beta parameters to begin with.
        prior: (2,), those of a distribution that counts like `prior_pictures` pictures.
    Returns:
        (2,), in [0.05, 50].
    """
    moments = levels.moments
    total = float(counts.sum()) + prior_pictures
    wanted = counts @ moments + prior_pictures * (levels.shares(prior) @ moments)
    spread = start
    for _ in range(4):
        share = levels.shares(spread)
        mean = share @ moments
        curvature = (moments * share[:, None]).T @ moments - np.outer(mean, mean) + 1e-3 * np.eye(2)
        step = np.linalg.solve(total * curvature, wanted - total * mean)
        spread = np.clip(spread + np.clip(step, -0.5, 0.5), 0.05, 50.0)
    return spread
