"""Pure: how precise the synsets of a depth are, from pictures sampled in some of them; with an interval.

Pictures are sampled in clusters: synsets first, pictures inside them. Synsets differ in precision (a word with a second
sense spoils a whole synset), so pictures of one synset are not independent, and often nothing wrong is found at all. An
interval for a proportion of independent pictures is too narrow then, and one from the variance between synsets has no
width where every sampled picture is right.

The width comes from a model: synsets have precisions from a beta distribution whose mean and spread are not known, and
pictures are right or wrong with the precision of their synset. What is estimated is no parameter of that model but the
mean precision of the synsets that there are: answered pictures are known, the others follow from the model, and if
everything was answered the interval is a point. The priors are weak: Beta(1/2, 1/2) on the mean, Beta(1, 5) on the
correlation of two pictures of one synset.

The place does not: the interval is moved to the plain estimate, the mean of the shares seen, which is right whatever
distribution the synsets' precisions have. It has equal tails of 2.5 %; where every answered picture is right (or none)
it reaches to that end, with 5 % beyond the other. `scripts/bench/precision_intervals.py` measures how often it holds
the truth.

Source: a finite population under such a model, Ericson 1969, Journal of the Royal Statistical Society B 31(2), 195-233;
the interval at the ends, Brown, Cai and DasGupta 2001, Statistical Science 16(2), 101-133,
doi:10.1214/ss/1009213286, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.stats.beta_mixture import BetaMixture, FloatArray, beta_of, share_of

LEVEL = 0.95

IntArray = NDArray[np.int64]

_MEAN_PRIOR = 0.5
"""Pictures right, and as many wrong, that the prior counts for."""
_CORRELATION_PRIOR = (1.0, 5.0)
_CORRELATIONS = ((np.arange(20) + 0.5) / 20) ** 2
"""Closer where they are small: there they matter."""
_SHARED = 0.5
"""How much of what the depths say of the correlation counts for all of them together: they may differ in it."""
_LEAST_WEIGHT = 1e-5
"""Models less likely than this beside the likeliest are left out."""
_LOGITS = np.linspace(-11.0, 11.0, 160)
_CLOSE_POINTS = 80
_TINY = 1e-300
_ADDED_AT_DEPTH, _ADDED_OVERALL = 0.5, 1.0
"""Observations of each kind that the plain estimate is moved by towards the middle, lest it stand at an end."""


class Clusters(NamedTuple):
    """Answers about k of the synsets of one depth."""

    correct: IntArray
    """(k,), answered pictures that show their synset."""
    answered: IntArray
    """(k,), at least 1."""
    pictures: IntArray
    """(k,), all pictures of each synset, at least as many as were answered."""
    synsets: int
    """Synsets of this depth, at least k."""
    inverse_others: float
    """Sum of 1 / pictures over the other synsets; 0 if there is none."""


class Interval(NamedTuple):
    """Of a mean precision, each in [0, 1]."""

    estimate: float
    low: float
    high: float


class _Models(NamedTuple):
    """(means, correlations): what is thought of the mean precision of a depth under each model."""

    log_weight: FloatArray
    """Posterior, up to a constant for each depth."""
    mean: FloatArray
    variance: FloatArray


def depth_precision(clusters: Clusters, level: float = LEVEL) -> Interval:
    """The mean precision of all synsets of a depth.

    Args:
        clusters: answers; the synsets a simple random sample, and the pictures inside each.
        level: of the interval.
    Raises:
        DataError: no synset, or counts that contradict each other.

    >>> some = Clusters(np.array([10, 9, 10]), np.array([10, 10, 10]), np.array([80, 50, 95]), 40, 0.8)
    >>> [round(end, 2) for end in depth_precision(some)]
    [0.97, 0.77, 1.0]
    """
    _check(clusters)
    models = _models(clusters, _MEAN_PRIOR)
    weight = np.exp(models.log_weight - models.log_weight.max())
    kept = weight > _LEAST_WEIGHT
    low_end, high_end = _ends(clusters)
    parameters = beta_of(models.mean[kept], models.variance[kept], low_end, high_end)
    mixture = BetaMixture(low_end, high_end, weight[kept] / weight[kept].sum(), *parameters)
    return _interval(mixture, _estimate(clusters), _ADDED_AT_DEPTH, level)


def overall_precision(depths: Sequence[Clusters], level: float = LEVEL) -> Interval:
    """The mean precision of all synsets of several depths.

    The means of the depths are independent; how alike pictures of a synset are is partly shared between depths. The
    prior on the means counts for one picture in all, or many depths would add up to many wrong pictures.

    Raises:
        DataError: no depth; otherwise as `depth_precision`.
    """
    if not depths:
        raise DataError("No depth was checked, so nothing can be said of the precision.")
    total = sum(clusters.synsets for clusters in depths)
    evidence, mean, variance = (np.zeros(len(_CORRELATIONS)) for _ in range(3))
    estimate = low_end = lost = 0.0
    for clusters in depths:
        _check(clusters)
        share = clusters.synsets / total
        models = _models(clusters, _MEAN_PRIOR / len(depths))
        weight = np.exp(models.log_weight - models.log_weight.max())
        column = weight.sum(axis=0)
        part = weight / np.maximum(column, _TINY)
        middle = (part * models.mean).sum(axis=0)
        evidence += np.log(np.maximum(column, _TINY)) - _log_correlation_prior()
        mean += share * middle
        variance += share**2 * (part * (models.variance + (models.mean - middle) ** 2)).sum(axis=0)
        ends = _ends(clusters)
        estimate += share * _estimate(clusters)
        low_end += share * ends[0]
        lost += share * (1 - ends[1])
    log_weight = _SHARED * evidence + _log_correlation_prior()
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > _LEAST_WEIGHT
    parameters = beta_of(mean[kept], variance[kept], low_end, 1 - lost)
    mixture = BetaMixture(low_end, 1 - lost, weight[kept] / weight[kept].sum(), *parameters)
    return _interval(mixture, estimate, _ADDED_OVERALL, level)


def _interval(mixture: BetaMixture, estimate: float, added: float, level: float) -> Interval:
    """Around the plain estimate; one-sided where nothing that was answered is wrong, or all is."""
    if mixture.high_end <= mixture.low_end:
        return Interval(estimate, estimate, estimate)
    outside = 1 - level
    none_wrong, all_wrong = mixture.high_end == 1, mixture.low_end == 0
    tails = (outside if none_wrong else outside / 2, 1 - outside if all_wrong else 1 - outside / 2)
    low, high = mixture.quantiles(tails, estimate, added)
    return Interval(estimate, 0.0 if all_wrong else low, 1.0 if none_wrong else high)


def _estimate(clusters: Clusters) -> float:
    return float((clusters.correct / clusters.answered).mean())


def _ends(clusters: Clusters) -> tuple[float, float]:
    """The mean precision if all other pictures were wrong, and if all were right: exactly 0, or 1, if none is known."""
    wrong = clusters.answered - clusters.correct
    low = float((clusters.correct / clusters.pictures).sum()) / clusters.synsets
    return low, 1.0 - float((wrong / clusters.pictures).sum()) / clusters.synsets


def _check(clusters: Clusters) -> None:
    correct, answered, pictures = clusters.correct, clusters.answered, clusters.pictures
    if not len(correct):
        raise DataError("No synset was checked, so nothing can be said of their precision.")
    fits = (correct >= 0) & (correct <= answered) & (answered >= 1) & (answered <= pictures)
    if not fits.all() or clusters.synsets < len(correct):
        raise DataError("The counts of a check contradict each other: correct <= answered <= pictures must hold.")


def _models(clusters: Clusters, mean_prior: float) -> _Models:
    """Means where they are likely, closely spaced, by all correlations."""
    by_mean = np.exp(_log_posterior(clusters, _LOGITS, mean_prior))
    likely = np.flatnonzero((by_mean > _LEAST_WEIGHT).any(axis=1))
    ends = _LOGITS[max(0, likely[0] - 1)], _LOGITS[min(len(_LOGITS) - 1, likely[-1] + 1)]
    logits = np.linspace(*ends, _CLOSE_POINTS)
    mean, variance = _moments(clusters, share_of(logits)[:, None], 1 / _CORRELATIONS - 1)
    return _Models(_log_posterior(clusters, logits, mean_prior), mean, variance)


def _log_correlation_prior() -> FloatArray:
    """On the grid, whose points stand for more of the range where they are far apart."""
    low, high = (prior - 1 for prior in _CORRELATION_PRIOR)
    return np.asarray((low + 0.5) * np.log(_CORRELATIONS) + high * np.log1p(-_CORRELATIONS), np.float64)


def _log_posterior(clusters: Clusters, logits: FloatArray, mean_prior: float) -> FloatArray:
    """(means, correlations), the largest 0; a density over the logit of the mean."""
    size = 1 / _CORRELATIONS - 1
    share, other = share_of(logits)[:, None], share_of(-logits)[:, None]
    prior = mean_prior * (np.log(share) + np.log(other)) + _log_correlation_prior()
    found = _rising(share * size, clusters.correct) + _rising(other * size, clusters.answered - clusters.correct)
    total = prior + found - _rising(size[None, :], clusters.answered)
    return np.asarray(total - total.max(), np.float64)


def _rising(start: FloatArray, counts: IntArray) -> FloatArray:
    """Sum over the counts n of log(start (start + 1) ... (start + n - 1)): ratios of gamma functions."""
    more_than = np.bincount(counts, minlength=1)[::-1].cumsum()[::-1][1:]
    total = np.zeros_like(start)
    for step, times in enumerate(more_than):
        total += times * np.log(start + step)
    return total


def _moments(clusters: Clusters, share: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(means, correlations): mean and variance of the mean precision; size is alpha + beta of the synsets."""
    mean, variance = (np.zeros(np.broadcast_shapes(share.shape, size.shape)) for _ in range(2))
    for correct, answered, pictures in zip(clusters.correct, clusters.answered, clusters.pictures, strict=True):
        rest = pictures - answered
        own_size = size + answered
        own = (share * size + correct) / own_size
        mean += (correct + rest * own) / pictures
        variance += rest / pictures**2 * own * (1 - own) * (own_size + rest) / (own_size + 1)
    others = clusters.synsets - len(clusters.correct)
    mean += others * share
    variance += share * (1 - share) / (size + 1) * (size * clusters.inverse_others + others)
    return mean / clusters.synsets, variance / clusters.synsets**2
