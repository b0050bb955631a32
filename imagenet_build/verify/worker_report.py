"""Pure: each worker's rates, and who answers at random."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagenet_build.verify.rates import Rates
from imagenet_build.verify.votes import Answer, VoteTable

_LEAST_VOTES = 20
_LEAST_INFORMEDNESS = 0.15


class WorkerRow(NamedTuple):
    """One worker, as estimated from all votes."""

    worker: str
    votes: int
    sensitivity: float
    """P(yes | the picture shows the synset)."""
    false_yes: float
    """P(yes | it does not)."""
    unsure: float
    """Share of unsure among the worker's votes."""
    flag: str
    """Empty; "random" for answers that hardly depend on the picture; "inverted"; "few" for too few votes to say."""


def worker_rows(table: VoteTable, rates: Rates) -> list[WorkerRow]:
    """All workers, those with most votes first."""
    said = rates.worker_rates()
    votes = np.bincount(table.worker, minlength=len(table.workers))
    unsure = np.bincount(table.worker, table.answer == Answer.UNSURE, len(table.workers)) / np.maximum(1, votes)
    rows = []
    for worker in np.lexsort((np.arange(len(votes)), -votes)).tolist():
        sensitivity, false_yes = float(said[worker, 1, Answer.YES]), float(said[worker, 0, Answer.YES])
        # unsure tells apart as well: the distance between all answers to true and to other pictures
        apart = float(np.abs(said[worker, 1] - said[worker, 0]).sum() / 2)
        flag = ""
        if votes[worker] < _LEAST_VOTES:
            flag = "few"
        elif apart < _LEAST_INFORMEDNESS:
            flag = "random"
        elif sensitivity < false_yes:
            flag = "inverted"
        share_unsure = round(float(unsure[worker]), 4)
        name = str(table.workers[worker])
        rows.append(WorkerRow(name, int(votes[worker]), round(sensitivity, 4), round(false_yes, 4), share_unsure, flag))
    return rows
