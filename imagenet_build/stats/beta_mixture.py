"""Pure: a quantity between two ends whose distribution is a mixture of beta distributions; its quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

_POINTS = 160
_FAR = 40.0
"""Logits beyond this are 0 or 1 in floats."""


@dataclass(frozen=True)
class BetaMixture:
    """All arrays (components,); a component is a beta distribution, stretched from [0, 1] to the ends."""

    low_end: float
    high_end: float
    weight: FloatArray
    """Sums to 1."""
    alpha: FloatArray
    beta: FloatArray

    def moments(self) -> tuple[float, float]:
        """Mean and variance of the part of the way from the low end to the high end."""
        total = self.alpha + self.beta
        means = self.alpha / total
        mean = float(self.weight @ means)
        variance = float(self.weight @ (means * (1 - means) / (total + 1) + (means - mean) ** 2))
        return mean, variance

    def quantiles(self, wanted: tuple[float, ...], middle: float | None = None, added: float = 0.5) -> list[float]:
        """Quantiles of probabilities in (0, 1).

        Args:
            middle: an estimate between the ends. The distribution is moved there, along the logit of the part of the
                way, so that it stays between the ends. It counts for as many observations as the spread tells.
            added: observations at each end that are added to these.
        """
        width = self.high_end - self.low_end
        if width <= 0:
            return [self.low_end] * len(wanted)
        moved = 0.0
        if middle is not None:
            mean, variance = self.moments()
            size = max(mean * (1 - mean) / max(variance, 1e-300) - 1, 1e-3)
            part = min(max((middle - self.low_end) / width, 0.0), 1.0)
            moved = float(np.log((size * part + added) / (size * (1 - part) + added)) - np.log(mean / (1 - mean)))
        logits = logit_quantiles(self.weight, self.alpha, self.beta, wanted)
        return [self.low_end + width * float(share_of(np.float64(logit + moved))) for logit in logits]


def share_of(logit: FloatArray | np.float64) -> FloatArray:
    """The inverse of the logit.

    >>> float(share_of(np.float64(0)))
    0.5
    """
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def beta_of(mean: FloatArray, variance: FloatArray, low_end: float, high_end: float) -> tuple[FloatArray, FloatArray]:
    """Parameters of the beta distributions between two ends with these means and variances."""
    width = high_end - low_end
    if width <= 0:
        return np.ones_like(mean), np.ones_like(mean)
    inner = np.clip((mean - low_end) / width, 1e-9, 1 - 1e-9)
    total = np.maximum(inner * (1 - inner) / np.maximum(variance / width**2, 1e-14) - 1, 1e-3)
    return inner * total, (1 - inner) * total


def logit_quantiles(weight: FloatArray, alpha: FloatArray, beta: FloatArray, wanted: tuple[float, ...]) -> list[float]:
    """Quantiles of the logit of a mixture of beta distributions, by sums over a grid, first wide, then close.

    >>> found = logit_quantiles(np.ones(1), np.ones(1), np.ones(1), (0.025, 0.5))
    >>> [round(float(share_of(np.float64(one))), 3) for one in found]
    [0.025, 0.5]
    """
    scale = np.log(weight) - (log_gamma(alpha) + log_gamma(beta) - log_gamma(alpha + beta))

    def densities(logit: FloatArray) -> FloatArray:
        """(components, logits)."""
        share, other = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        return np.asarray(np.exp(scale[:, None] + alpha[:, None] * share + beta[:, None] * other), np.float64)

    middle, spread = np.log(alpha / beta), np.sqrt(1 / alpha + 1 / beta)
    begin, end = float((middle - 9 * spread).min()), float((middle + 9 * spread).max())
    wide = np.linspace(max(begin, -_FAR), min(end, _FAR), _POINTS)
    # beyond the grid the densities fall exponentially
    first, last = share_of(wide[0]), share_of(wide[-1])
    falls = np.stack([alpha * (1 - first) - beta * first, beta * last - alpha * (1 - last)])
    tails = (densities(wide[[0, -1]]).T / np.maximum(falls, 1e-300)).sum(axis=1)
    steps = _running(densities(wide).sum(axis=0)) * (wide[1] - wide[0])
    reached = (tails[0] + steps) / (tails.sum() + steps[-1])
    inside = np.flatnonzero((reached > 1e-4) & (reached < 1 - 1e-4))
    if not len(inside):
        return [float(one) for one in np.interp(wanted, reached, wide)]
    low, high = max(0, int(inside[0]) - 1), min(_POINTS - 1, int(inside[-1]) + 1)
    close = np.linspace(wide[low], wide[high], _POINTS)
    steps = _running(densities(close).sum(axis=0))
    reached = reached[low] + (reached[high] - reached[low]) * steps / max(float(steps[-1]), 1e-300)
    return [float(one) for one in np.interp(wanted, reached, close)]


def log_gamma(value: FloatArray) -> FloatArray:
    """Logarithm of the gamma function for positive numbers, to 1e-9: Stirling's series, ten steps up.

    >>> bool(abs(log_gamma(np.array([5.0]))[0] - np.log(24)) < 1e-9)
    True
    """
    lowered = np.zeros_like(value)
    for step in range(10):
        lowered += np.log(value + step)
    high = value + 10
    series = 1 / (12 * high) - 1 / (360 * high**3) + 1 / (1260 * high**5)
    return np.asarray((high - 0.5) * np.log(high) - high + 0.5 * np.log(2 * np.pi) + series - lowered, np.float64)


def _running(density: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
