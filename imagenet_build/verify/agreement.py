"""Pure: how far workers agree, and how sure a counted share is."""

from __future__ import annotations

from math import sqrt

import numpy as np

from imagenet_build.verify.votes import IntArray


def krippendorff_alpha(counts: IntArray) -> float:
    """Krippendorff's alpha for nominal answers with missing votes: 1 is agreement, 0 is chance.

    Args:
        counts: (Q, C), how often each of C answers was given to each question.
    Returns:
        At most 1. NaN if no question has two votes; 1 if all votes are the same.
    Source:
        Krippendorff, Content Analysis, 3rd ed. 2013, chapter 12.

    >>> krippendorff_alpha(np.array([[3, 0], [0, 3]])).__round__(3)
    1.0
    """
    votes = counts.sum(axis=1)
    paired = counts[votes > 1].astype(np.float64)
    size = votes[votes > 1].astype(np.float64)
    total = size.sum()
    if total == 0:
        return float("nan")
    same = ((paired * (paired - 1)).sum(axis=1) / (size - 1)).sum()
    answers = paired.sum(axis=0)
    expected = (answers * (answers - 1)).sum() / (total - 1)
    if total == expected:
        return 1.0
    return float(1 - (total - same) / (total - expected))


def share_interval(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share that was counted (Wilson 1927, Journal of the American Statistical Association 22).

    >>> [round(end, 3) for end in share_interval(97, 100)]
    [0.915, 0.99]
    """
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    share = hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, middle - reach), min(1.0, middle + reach)
