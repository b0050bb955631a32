"""Verdicts by the confidence tables of the CVPR 2009 paper: one per synset, from its own initial subset."""

from __future__ import annotations

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.confidence_table import ConfidenceTable, confidence_table, initial_subset
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.votes import Answer, BoolArray, FloatArray, IntArray, VoteTable

LEAST_PICTURES = 10
"""With fewer pictures in its initial subset a synset uses the table of all synsets together."""


class TableJudge:
    """Asks every question of the initial subset `table_votes` times, then each other one until the table is sure.

    Unsure counts as no: the worker did not select the picture.

    Args:
        table: the votes.
    """

    def __init__(self, table: VoteTable, config: VerifyConfig) -> None:
        self._table = table
        self._config = config
        self._synset = table.questions.synset
        self._initial = initial_subset(self._synset, config.table_images, config.seed)
        self._counts = np.zeros((len(table.questions), len(Answer)), np.int64)

    def reveal(self, rows: IntArray) -> None:
        """Count these votes."""
        self._counts += self._table.counts(rows)

    def settle(self) -> None:
        """Tables are made whenever an opinion is asked for."""

    def tables(self) -> dict[str, ConfidenceTable]:
        """The confidence table of each synset from what has been voted on its initial subset."""
        yes, no = self._yes_and_no()
        known = self._initial & (yes + no > 0)
        shared = confidence_table(yes[known], no[known])
        made: dict[str, ConfidenceTable] = {}
        for code, wnid in enumerate(self._table.questions.wnids):
            own = known & (self._synset == code)
            made[str(wnid)] = confidence_table(yes[own], no[own]) if own.sum() >= LEAST_PICTURES else shared
        return made

    def opinion(self, exhausted: BoolArray) -> Opinion:
        """`probability` is the table's confidence; for pictures of the initial subset, their majority."""
        yes, no = self._yes_and_no()
        votes = yes + no
        needs_more = self._initial & (votes < self._config.table_votes) & ~exhausted
        synsets = len(self._table.questions.wnids)
        is_waiting = np.bincount(self._synset[needs_more], minlength=synsets) > 0
        confidence, is_hopeless = self._confidence(yes, no)
        accept = self._config.target_precision or self._config.table_accept
        is_open = (confidence < accept) & (confidence > self._config.table_reject) | np.isnan(confidence)
        asks = ~self._initial & is_open & ~is_hopeless & (votes < self._config.max_votes)
        worth = np.where(needs_more, 1.0, np.where(asks & ~is_waiting[self._synset] & ~exhausted, 1.0, 0.0))
        probability = np.where(self._initial, (yes > no) & (votes > 0), confidence).astype(np.float64)
        share = yes / np.maximum(1, votes)
        probability = np.where(np.isnan(probability), share, probability)
        probability = np.where(is_hopeless, 0.0, probability)
        return Opinion(probability, probability >= accept, worth)

    def _yes_and_no(self) -> tuple[IntArray, IntArray]:
        return self._counts[:, Answer.YES], self._counts[:, Answer.NO] + self._counts[:, Answer.UNSURE]

    def _confidence(self, yes: IntArray, no: IntArray) -> tuple[FloatArray, BoolArray]:
        confidence = np.full(len(yes), np.nan)
        is_hopeless = np.zeros(len(yes), bool)
        order = np.argsort(self._synset, kind="stable")
        ranked = self._synset[order]
        for code, made in enumerate(self.tables().values()):
            here = order[np.searchsorted(ranked, code) : np.searchsorted(ranked, code, "right")]
            confidence[here] = made.of(yes[here], no[here])
            is_hopeless[here] = made.pictures > 0 and not made.is_illustrable
        return confidence, is_hopeless
