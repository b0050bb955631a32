"""Pure: verdicts by a fixed number of votes, the usual way; unsure counts as not yes."""

from __future__ import annotations

import numpy as np

from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.votes import Answer, BoolArray, IntArray, VoteTable


class MajorityJudge:
    """Accepts what more than half of its votes say yes to.

    Args:
        table: the votes.
        wanted: how many votes each question is to get.
    """

    def __init__(self, table: VoteTable, wanted: int) -> None:
        self._table = table
        self._wanted = wanted
        self._counts = np.zeros((len(table.questions), len(Answer)), np.int64)

    def reveal(self, rows: IntArray) -> None:
        """Count these votes."""
        self._counts += self._table.counts(rows)

    def settle(self) -> None:
        """Nothing is learnt."""

    def opinion(self, exhausted: BoolArray) -> Opinion:  # noqa: ARG002
        """`probability` is the share of yes; without a vote it is 0."""
        votes = self._counts.sum(axis=1)
        yes = self._counts[:, Answer.YES]
        share = yes / np.maximum(1, votes)
        return Opinion(share, 2 * yes > votes, (votes < self._wanted).astype(np.float64))
