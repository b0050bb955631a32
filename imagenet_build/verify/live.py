"""One vote at a time: the probability of a question right after an answer, between refits."""

from __future__ import annotations

import numpy as np

from imagenet_build.verify.rates import Rates
from imagenet_build.verify.votes import Answer, FloatArray


class LiveRates:
    """Rates that have been fitted, taking in single votes; each costs the same however many there are.

    Args:
        rates: fitted; its beliefs are the starting point and are not changed.
        worker_names: the workers of its table, in its order.
    """

    def __init__(self, rates: Rates, worker_names: list[str]) -> None:
        self._prior = rates.level_prior()
        self._evidence = rates.evidence.copy()
        self._said = {name: rates.log_answer[place] for place, name in enumerate(worker_names)}
        typical = np.log(np.maximum(rates.typical(np.zeros(0, np.int64)), 1e-12))
        self._unknown_worker: FloatArray = typical

    def add(self, question: int, worker: str, answer: Answer) -> float:
        """Take in a vote.

        Args:
            question: its index in the table of the rates.
            worker: a name; one that the rates have never seen counts as a typical worker.
        Returns:
            The probability that the picture shows the synset, in [0, 1].
        """
        self._evidence[question] += self._said.get(worker, self._unknown_worker)[answer]
        return self.probability(question)

    def probability(self, question: int) -> float:
        """What is believed of a question now, in [0, 1]."""
        log = self._evidence[question] + self._prior[:, question]
        weight = np.exp(log - log.max())
        return float(weight[1].sum() / weight.sum())
