"""Verdicts where each worker picks one of several synsets for a picture: each worker's own confusions.

Such a table answers several questions of a picture at once, and the answers hang together: one yes is a no to the
others, and which other synset was taken says much ("a Norfolk terrier" is half a Norwich terrier). Dawid and Skene 1979
with all classes, each worker's confusion matrix drawn towards that of all workers.
"""

from __future__ import annotations

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.calibration import Calibration, fit_calibration
from imagenet_build.verify.goal import accepted, dividing_line, worth_of_votes
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.votes import NO_TRUTH, Answer, BoolArray, FloatArray, IntArray, VoteTable

MOST_CLASSES = 30
_POOLING = 3.0
_ITERATIONS = 30
_TEMPER = 0.6
_LEAST_LOOKS = 20
_LEAST_GOLD = 50


def is_choice(table: VoteTable) -> bool:
    """Whether every picture has the same few questions, and every worker says yes to exactly one of them."""
    questions = table.questions
    classes = len(questions.wnids)
    if not 2 <= classes <= MOST_CLASSES or len(questions) != classes * len(questions.images):
        return False
    _, look = np.unique(_looks(table), return_inverse=True)
    answers = np.bincount(look.reshape(-1))
    yeses = np.bincount(look.reshape(-1), table.answer == Answer.YES)
    return len(answers) >= _LEAST_LOOKS and bool(((answers == classes) & (yeses == 1)).all())


class ChoiceJudge:
    """Learns which synsets each worker takes for which.

    Args:
        table: the votes; `is_choice` holds.
        truth: (Q,), gold, or `NO_TRUTH`. Only pictures whose synset is known are used, to calibrate on.
    """

    def __init__(self, table: VoteTable, truth: IntArray, config: VerifyConfig) -> None:
        self._table = table
        self._truth = truth
        self._config = config
        self._classes = len(table.questions.wnids)
        names, look = np.unique(_looks(table), return_inverse=True)
        self._look = look.reshape(-1)
        self._image, self._worker = names // len(table.workers), names % len(table.workers)
        self._possible = np.ones((len(names), self._classes), bool)
        self._votes = np.zeros(len(table.questions), np.int64)
        self._belief = np.full((len(table.questions.images), self._classes), 1 / self._classes)
        self._confusion = np.full((len(table.workers), self._classes, self._classes), 1 / self._classes)

    def reveal(self, rows: IntArray) -> None:
        """Take in answers: a yes rules out every other choice of that look, a no its own."""
        table = self._table
        self._votes += np.bincount(table.question[rows], minlength=len(self._votes))
        chosen = rows[table.answer[rows] == Answer.YES]
        self._possible[self._look[chosen]] = False
        self._possible[self._look[chosen], self._class_of(chosen)] = True
        refused = rows[table.answer[rows] != Answer.YES]
        self._possible[self._look[refused], self._class_of(refused)] = False
        self._fit()

    def settle(self) -> None:
        """Fitted after every batch."""

    def opinion(self, exhausted: BoolArray) -> Opinion:
        """Probabilities of a picture's synsets sum to 1 before they are calibrated.

        Without a target precision the likeliest synset of each picture is accepted, for one of them is the right one.
        """
        questions = self._table.questions
        raw = self._belief[questions.image, questions.synset]
        probability = self._calibration(raw).apply(raw)
        if self._config.target_precision is None:
            taken = self._likeliest()[questions.image, questions.synset] & (self._votes > 0)
            line = dividing_line(raw, np.zeros(0, bool), 0.5)
        else:
            taken = accepted(probability, self._config.target_precision)
            line = dividing_line(raw, taken, self._config.target_precision)
        left = np.where(exhausted, 0, np.maximum(0, self._config.max_votes - self._votes))
        joint = np.zeros((2, len(raw), 2))
        joint[0, :, 0], joint[1, :, 1] = 1 - raw, raw
        worth = worth_of_votes(joint, self._typical(), line, left)
        return Opinion(probability, taken, np.where((self._votes == 0) & (left > 0), 1.0, worth))

    def _fit(self) -> None:
        seen = np.flatnonzero(~self._possible.all(axis=1))
        possible, worker, image = self._possible[seen].astype(np.float64), self._worker[seen], self._image[seen]
        classes, workers, images = self._classes, len(self._table.workers), len(self._belief)
        votes = possible / possible.sum(axis=1, keepdims=True)
        belief = np.stack([np.bincount(image, votes[:, c], images) for c in range(classes)], axis=1) + 0.01
        belief /= belief.sum(axis=1, keepdims=True)
        said = votes[:, None, :] * np.ones((1, classes, 1))
        for _ in range(_ITERATIONS):
            weighted = belief[image][:, :, None] * said
            cells = weighted.reshape(len(seen), -1).T
            columns = [np.bincount(worker, cell, workers) for cell in cells]
            counts = np.stack(columns, axis=1).reshape(workers, classes, classes)
            everybody = counts.sum(axis=0) + np.eye(classes) + 0.1
            everybody /= everybody.sum(axis=1, keepdims=True)
            confusion = counts + _POOLING * everybody
            confusion /= confusion.sum(axis=2, keepdims=True)
            chance = confusion[worker] * possible[:, None, :]
            total = chance.sum(axis=2)
            said = chance / total[:, :, None]
            log = np.stack([np.bincount(image, np.log(total[:, c]), images) for c in range(classes)], axis=1)
            belief = np.exp(log - log.max(axis=1, keepdims=True))
            belief /= belief.sum(axis=1, keepdims=True)
        tempered = np.exp(_TEMPER * (log - log.max(axis=1, keepdims=True)))
        self._belief, self._confusion = tempered / tempered.sum(axis=1, keepdims=True), confusion

    def _likeliest(self) -> BoolArray:
        """(pictures, classes): one synset each; the first of equals."""
        taken = np.zeros(self._belief.shape, bool)
        taken[np.arange(len(taken)), self._belief.argmax(axis=1)] = True
        return taken

    def _typical(self) -> FloatArray:
        """(3, 2): answers of the workers of the average vote to other pictures, and to true ones."""
        votes = np.bincount(self._worker, minlength=len(self._confusion)) / len(self._worker)
        mean = np.einsum("w,wtc->tc", votes, self._confusion)
        right = float(np.diagonal(mean).mean())
        wrong = (1 - right) / (self._classes - 1)
        return np.array([[1 - wrong, 1 - right], [0.0, 0.0], [wrong, right]])

    def _calibration(self, raw: FloatArray) -> Calibration:
        """Nothing was learnt from gold, so all of it may calibrate."""
        gold = np.flatnonzero((self._truth != NO_TRUTH) & (self._votes > 0))
        if len(gold) < _LEAST_GOLD:
            return Calibration()
        return fit_calibration(raw[gold], self._truth[gold])

    def _class_of(self, rows: IntArray) -> IntArray:
        return self._table.questions.synset[self._table.question[rows]]


def _looks(table: VoteTable) -> IntArray:
    """(V,): which look of a worker at a picture each answer belongs to."""
    return table.questions.image[table.question] * len(table.workers) + table.worker
