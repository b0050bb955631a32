"""Votes as arrays: who answered what to which question "is this picture a W?"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]


class Answer(IntEnum):
    """What a worker can say; the value is the code in the arrays."""

    NO = 0
    UNSURE = 1
    YES = 2


class Decision(str, Enum):
    """What comes of a question. UNDECIDED: another vote would still be worth its cost, but there is none."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class Vote(NamedTuple):
    """One answer of one worker: the row of a vote table."""

    image: str
    wnid: str
    worker: str
    answer: Answer


class Verdict(NamedTuple):
    """What is known of one question; `probability` that the picture shows the synset, in [0, 1]."""

    image: str
    wnid: str
    probability: float
    decision: Decision
    yes: int
    no: int
    unsure: int


NO_TRUTH = -1
"""In arrays of truth: nobody knows."""


@dataclass(frozen=True)
class Questions:
    """What is asked: Q pairs of a picture and a synset, sorted by both names."""

    image: IntArray
    """(Q,), index into `images`."""
    synset: IntArray
    """(Q,), index into `wnids`."""
    images: NDArray[Any]
    """Names of the pictures, sorted."""
    wnids: NDArray[Any]
    """Names of the synsets, sorted; one empty name where the table has no wnids."""

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class VoteTable:
    """V votes, at most one per question and worker, sorted by question, then worker.

    The order of the rows does not depend on the order in which votes were read; `turn` keeps that.
    """

    questions: Questions
    question: IntArray
    """(V,), index of the question, ascending."""
    worker: IntArray
    """(V,), index into `workers`."""
    answer: IntArray
    """(V,), an `Answer`."""
    turn: IntArray
    """(V,), the vote's place among the votes of its question, from 0, as recorded."""
    workers: NDArray[Any]
    """Names of the workers, sorted."""
    repeated: int = 0
    """Votes left out because the same worker answered the same question again later."""

    def __len__(self) -> int:
        return len(self.question)

    def counts(self, rows: IntArray | None = None) -> IntArray:
        """How often each answer was given to each question.

        Args:
            rows: only these votes; None for all.
        Returns:
            (Q, 3): no, unsure, yes.
        """
        question = self.question if rows is None else self.question[rows]
        answer = self.answer if rows is None else self.answer[rows]
        flat = np.bincount(question * len(Answer) + answer, minlength=len(self.questions) * len(Answer))
        return flat.reshape(-1, len(Answer)).astype(np.int64)


def factorize(names: NDArray[Any]) -> tuple[IntArray, NDArray[Any]]:
    """Names as indices into the sorted distinct names.

    >>> factorize(np.array(["b", "a", "b"]))[0].tolist()
    [1, 0, 1]
    """
    codes, distinct = pd.factorize(names, sort=True)
    return codes.astype(np.int64), np.asarray(distinct)


def make_vote_table(
    image: NDArray[Any],
    wnid: NDArray[Any],
    worker: NDArray[Any],
    answer: IntArray,
    when: NDArray[Any] | None = None,
) -> VoteTable:
    """Columns of equal length to a table; the last vote of a worker on a question counts.

    Args:
        image, wnid, worker: (V,), names.
        answer: (V,), each an `Answer`.
        when: (V,), what to order the votes of a question by; None for the order of the rows.
    """
    image_code, images = factorize(image)
    synset_code, wnids = factorize(wnid)
    worker_code, workers = factorize(worker)
    pair = image_code * len(wnids) + synset_code
    distinct, question = np.unique(pair, return_inverse=True)
    questions = Questions(distinct // max(1, len(wnids)), distinct % max(1, len(wnids)), images, wnids)
    recorded = np.arange(len(image)) if when is None else np.argsort(np.argsort(when, kind="stable"))
    order = np.lexsort((recorded, worker_code, question))
    question, worker_code = question.reshape(-1)[order].astype(np.int64), worker_code[order]
    is_last = np.r_[(question[1:] != question[:-1]) | (worker_code[1:] != worker_code[:-1]), np.ones(1, bool)]
    keep = order[is_last[: len(order)]]
    question, worker_code = question[is_last[: len(order)]], worker_code[is_last[: len(order)]]
    turn = _places(question, recorded[keep].astype(np.int64))
    answers = answer[keep].astype(np.int64)
    return VoteTable(questions, question, worker_code, answers, turn, workers, len(image) - len(keep))


def _places(question: IntArray, recorded: IntArray) -> IntArray:
    """(V,): the place of each vote among those of its question, by `recorded`; `question` is ascending."""
    by_time = np.lexsort((recorded, question))
    starts = np.searchsorted(question, question)
    turn = np.empty(len(question), np.int64)
    turn[by_time] = np.arange(len(question)) - starts
    return turn
