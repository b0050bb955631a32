"""Pure: the confidence score table of the CVPR 2009 paper (section 3.2, Figure 7).

Each picture of a synset's initial subset is judged by at least ten workers; its majority says whether it is good. Any
part of its votes, in any order, could have come first: so each picture fills every cell (yes, no) of the table with the
chance that its first yes + no votes were these (hypergeometric), and a cell's confidence is the share of that from good
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from imagenet_build.verify.votes import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class ConfidenceTable:
    """P(good | yes votes, no votes) of one synset."""

    confidence: FloatArray
    """(N + 1, N + 1), [yes, no]; NaN where the initial subset says nothing."""
    pictures: int
    """Size of the initial subset."""
    good: int
    """How many of it have a majority of yes."""

    @property
    def is_illustrable(self) -> bool:
        """Whether workers agreed on any picture at all."""
        return self.good > 0

    def of(self, yes: IntArray, no: IntArray) -> FloatArray:
        """(Q,), the confidence for counts of votes; NaN where nothing is known, also beyond the table."""
        most = len(self.confidence) - 1
        inside = (yes <= most) & (no <= most)
        return np.where(inside, self.confidence[np.minimum(yes, most), np.minimum(no, most)], np.nan)


def confidence_table(yes: IntArray, no: IntArray) -> ConfidenceTable:
    """The table from an initial subset.

    Args:
        yes, no: (I,), votes of each of its pictures. A picture without a majority of yes is not good.

    >>> table = confidence_table(np.array([9, 1]), np.array([1, 9]))
    >>> table.confidence[1, 0].round(2), table.confidence[2, 0].round(2)
    (np.float64(0.9), np.float64(1.0))
    """
    size = int((yes + no).max(initial=0)) + 1
    seen, good = np.zeros((size, size)), np.zeros((size, size))
    pairs, times = np.unique(np.stack([yes, no], axis=1), axis=0, return_counts=True)
    for (all_yes, all_no), pictures in zip(pairs.tolist(), times.tolist(), strict=True):
        chance = pictures * _prefixes(all_yes, all_no)
        seen[: all_yes + 1, : all_no + 1] += chance
        if all_yes > all_no:
            good[: all_yes + 1, : all_no + 1] += chance
    with np.errstate(invalid="ignore"):
        confidence = np.where(seen > 0, good / seen, np.nan)
    return ConfidenceTable(confidence, len(yes), int((yes > no).sum()))


def initial_subset(synset: IntArray, size: int, seed: int) -> BoolArray:
    """A random choice of questions, `size` of each synset or all if there are fewer.

    Args:
        synset: (Q,), the synset of each question.
    Returns:
        (Q,). The same for the same seed.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(synset)), synset))
    ranked = synset[order]
    place = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    chosen = np.zeros(len(synset), bool)
    chosen[order[place < size]] = True
    return chosen


def _prefixes(all_yes: int, all_no: int) -> FloatArray:
    """(all_yes + 1, all_no + 1): probability that the first yes + no votes of a shuffled picture are these."""
    total = all_yes + all_no
    return np.array(
        [
            [comb(all_yes, yes) * comb(all_no, no) / comb(total, yes + no) for no in range(all_no + 1)]
            for yes in range(all_yes + 1)
        ]
    )
