"""Pure: recorded votes fed one by one to a judge that says what it still wants to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagenet_build.verify.judge import Judge, Opinion
from imagenet_build.verify.votes import BoolArray, IntArray, VoteTable

_SETTLINGS = 2
_PART_OF_BUDGET = 0.1


@dataclass(frozen=True)
class Replay:
    """How it ended."""

    opinion: Opinion
    used: IntArray
    """(Q,), votes that were asked."""
    shown: BoolArray
    """(V,), the votes that were asked."""


def replay(
    table: VoteTable,
    judge: Judge,
    *,
    max_votes: int,
    least_gain: float,
    mean_votes: float | None = None,
    shuffle: int | None = None,
) -> Replay:
    """Ask, question by question, as long as another vote is worth it.

    In each round every open question gets its next recorded vote; the judge sees no vote before it is asked.

    Args:
        max_votes: the most per question.
        least_gain: a question is asked again while the expected improvement of its verdict per vote is at least this.
        mean_votes: spend this many votes per question in all, on whatever is worth most; `least_gain` is not used.
        shuffle: a seed to take each question's votes in random order; None for the recorded order.
    """
    questions = len(table.questions)
    key = table.turn if shuffle is None else np.random.default_rng(shuffle).permutation(len(table))
    order = np.lexsort((key, table.question))
    first = np.searchsorted(table.question, np.arange(questions))
    recorded = np.bincount(table.question, minlength=questions)
    limit = np.minimum(recorded, max_votes)
    used = np.zeros(questions, np.int64)
    budget = len(table) if mean_votes is None else int(mean_votes * questions)
    cost = least_gain if mean_votes is None else 1e-9
    settlings = 0
    while True:
        opinion = judge.opinion(used >= recorded)
        is_open = (used < limit) & (opinion.worth >= cost) & (used.sum() < budget)
        if not is_open.any():
            if settlings == _SETTLINGS or used.sum() >= budget:
                break
            settlings += 1  # what is learnt from all votes so far may open questions again
            judge.settle()
            continue
        ask = np.flatnonzero(is_open)
        if mean_votes is not None:
            room = min(budget - int(used.sum()), max(1, int(_PART_OF_BUDGET * questions)))
            ask = np.sort(ask[np.argsort(-opinion.worth[ask], kind="stable")[:room]])
        judge.reveal(order[first[ask] + used[ask]])
        used[ask] += 1
    judge.settle()
    shown = np.zeros(len(table), bool)
    place = np.arange(len(table)) - first[table.question]
    shown[order[place < used[table.question]]] = True
    return Replay(judge.opinion(used >= recorded), used, shown)


def decide(table: VoteTable, judge: Judge) -> Opinion:
    """What the judge thinks when it has seen all votes."""
    judge.reveal(np.arange(len(table)))
    judge.settle()
    return judge.opinion(np.zeros(len(table.questions), bool))
