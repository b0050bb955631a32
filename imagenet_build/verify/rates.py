"""Pure: each worker's rates, each synset's difficulty and each question's probability, from all votes at once.

Expectation-maximisation over the hidden truth and level of every question (see `levels`). The maximisation is of the
posterior: workers are drawn towards the typical worker, synsets towards their parents.

Sources: Dawid and Skene 1979, Applied Statistics 28(1), 20-28; Raykar et al., JMLR 11 (2010), 1297-1322, for priors on
workers and the use of gold; Whitehill et al., NIPS 2009, for the difficulty of items.
"""

from __future__ import annotations

import copy

import numpy as np

from imagenet_build.verify.hierarchy import Lineage
from imagenet_build.verify.levels import SHIFTS, VARIED, Levels, answer_log_probability, fit_spread
from imagenet_build.verify.odds import logit, sigmoid
from imagenet_build.verify.votes import NO_TRUTH, Answer, FloatArray, IntArray, VoteTable
from imagenet_build.verify.worker_shifts import newton_step, prior_variance, slope, sum_by

SPREAD_PICTURES = 50.0
SPREAD_FRACTION = 0.5
PREVALENCE_WITHOUT: FloatArray = np.array([0.75, 0.25])
PREVALENCE_PICTURES = 20.0
PREVALENCE_STRENGTH = 100.0
LEVEL_STRENGTH = 300.0
LEAST_VOTES_OF_A_PAIR = 30
WORKER_VARIANCE = 2.0
PAIR_VARIANCE = 0.3
_LEAST_SHARE = 1e-12
_CENTERED = np.array([1.0, 0.0, 0.0, 0.0])
TOLERANCE = 2e-3
LEAST_ITERATIONS = 12
MOST_ITERATIONS = 25


class Rates:
    """The model of one vote table. It sees only the votes whose rows it is given.

    Args:
        table: the votes; of rows that are not handed to `fit` or `add` only question and worker are looked at.
        lineage: the parents of the table's synsets.
        levels: how pictures differ.
    """

    def __init__(self, table: VoteTable, lineage: Lineage, levels: Levels = VARIED) -> None:
        self._table = table
        self._lineage = lineage
        self._levels = levels
        questions = table.questions
        count, synsets = len(questions), len(questions.wnids)
        self.truth: IntArray = np.full(count, NO_TRUTH, np.int64)
        self._unit, self._unit_worker, self._is_pair = _units(table)
        self._worker_shift = np.zeros((len(table.workers), SHIFTS))
        self._pair_shift = np.zeros((len(self._unit_worker), SHIFTS))
        self._worker_variance = np.full(SHIFTS, WORKER_VARIANCE)
        self._pair_variance = np.full(SHIFTS, PAIR_VARIANCE)
        has_unsure = bool((table.answer == Answer.UNSURE).any())
        self._unsure = np.full(len(self._levels.share), 0.05 if has_unsure else 1e-6)
        self.spread: FloatArray = np.ones((2, 2)) if levels.spread_without is None else levels.spread_without.copy()
        self._shares = np.repeat(levels.shares(self.spread)[None], synsets, axis=0)  # (S, 2, K)
        self.log_likelihood: FloatArray = np.zeros(count)
        self._prevalence = np.full(synsets, 0.3)
        self._prior_odds = logit(self._prevalence)[questions.synset]
        self.evidence = np.zeros((count, len(self._levels.share)))
        self.log_answer = self._says()
        self.probability: FloatArray = np.full(count, 0.3)
        self._believe()

    def fit(self, rows: IntArray, iterations: int = MOST_ITERATIONS) -> None:
        """Learn from these votes, starting from what is known, until beliefs stand still.

        Args:
            rows: ascending rows of the table.
            iterations: the most to take.
        """
        chosen = _Chosen(self._table, self._unit, rows)
        for done in range(iterations):
            before = self.probability
            self._maximise(chosen)
            self._gather(chosen)
            if (
                done >= LEAST_ITERATIONS
                and len(rows)
                and float(np.abs(self.probability - before)[chosen.voted].mean()) < TOLERANCE
            ):
                break

    def clone(self) -> Rates:
        """The same beliefs, to be taught something else."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(other, name, copy.copy(value))
        return other

    def _gather(self, chosen: _Chosen) -> None:
        """Begin anew with exactly these votes, all rates left as they are."""
        self.evidence = np.zeros_like(self.evidence)
        if len(chosen.cell):
            said = self.log_answer.reshape(-1, len(self._levels.share))[chosen.cell]
            self.evidence[chosen.voted] = np.add.reduceat(said, chosen.starts, axis=0)
        self._believe()

    def add(self, rows: IntArray) -> None:
        """Take in more votes, all rates left as they are."""
        said = self.log_answer[self._unit[rows], self._table.answer[rows]]
        np.add.at(self.evidence, self._table.question[rows], said)
        self._believe()

    def set_truth(self, truth: IntArray) -> None:
        """Gold: (Q,), 1, 0 or `NO_TRUTH`. It teaches the rates; `probability` stays what the votes alone say."""
        self.truth = truth

    def unit_of(self, row: int) -> int:
        """Whose rates the vote of this row is judged by: a worker's, or a worker's in one synset."""
        return int(self._unit[row])

    def typical(self, rows: IntArray) -> FloatArray:
        """(3, K): what the workers of these votes say to each level, on average, as probabilities."""
        if not len(rows):
            said: FloatArray = np.exp(answer_log_probability(self._levels, self._unsure, np.zeros((1, SHIFTS))))[0]
            return said
        votes = np.bincount(self._unit[rows], minlength=len(self.log_answer)) / len(rows)
        mean: FloatArray = np.tensordot(votes, np.exp(self.log_answer), axes=1)
        return mean

    def level_prior(self) -> FloatArray:
        """(2, Q, K): log P(truth, level) of each question before its votes, up to a constant per question."""
        prior: FloatArray = np.log(self._shares + _LEAST_SHARE)[self._table.questions.synset].transpose(1, 0, 2)
        prior[1] += self._prior_odds[:, None]
        return prior

    def worker_rates(self) -> FloatArray:
        """(W, 2, 3): what each worker says to pictures that do not show the synset, and to those that do."""
        shares = self.joint.sum(axis=1)
        shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        said = np.exp(answer_log_probability(self._levels, self._unsure, self._worker_shift))
        rates: FloatArray = np.einsum("tk,wak->wta", shares, said)
        return rates

    def _says(self) -> FloatArray:
        shift = self._worker_shift[self._unit_worker] + self._pair_shift
        return answer_log_probability(self._levels, self._unsure, shift)

    @property
    def joint(self) -> FloatArray:
        """(2, Q, K): belief about truth and level; sums to 1 over both."""
        joint: FloatArray = self._joint.transpose(0, 2, 1)
        return joint

    def _believe(self) -> None:
        """The expectation step: evidence and priors to beliefs about truth and level."""
        synset = self._table.questions.synset
        log_shares = np.log(self._shares + _LEAST_SHARE).transpose(1, 2, 0)  # (2, K, S)
        joint = np.ascontiguousarray(self.evidence.T) + log_shares[:, :, synset]
        joint[1] += self._prior_odds
        top = joint.max(axis=(0, 1))
        joint -= top
        np.exp(joint, out=joint)
        shows = joint[1].sum(axis=0)
        both = joint[0].sum(axis=0) + shows
        joint /= both
        self._joint: FloatArray = joint
        self.probability = shows / both
        self.log_likelihood = np.log(both) + top - np.logaddexp(0.0, self._prior_odds)

    def _taught(self) -> FloatArray:
        """(2, K, Q): beliefs with the truth of gold questions put in."""
        gold = np.flatnonzero(self.truth != NO_TRUTH)
        if not len(gold):
            return self._joint
        taught: FloatArray = self._joint.copy()
        for truth in (0, 1):
            here = gold[self.truth[gold] == truth]
            taught[truth][:, here] /= np.maximum(taught[truth][:, here].sum(axis=0), 1e-300)
            taught[1 - truth][:, here] = 0.0
        return taught

    def _maximise(self, chosen: _Chosen) -> None:
        taught = self._taught()
        if len(chosen.cell):
            self._learn_workers(chosen, taught.sum(axis=0))
        self._learn_synsets(taught, chosen)
        self._prior_odds = logit(self._prevalence)[self._table.questions.synset]

    def _learn_workers(self, chosen: _Chosen, level: FloatArray) -> None:
        """Newton steps for the workers, then for pairs of worker and synset, and the share of unsure answers."""
        seen = self._seen(chosen, level)
        if self._unsure[0] > 1e-5:
            expected = (seen.sum(axis=1) * np.exp(self.log_answer[:, Answer.UNSURE])).sum(axis=0)
            found = seen[:, Answer.UNSURE].sum(axis=0)
            odds = logit(self._unsure) + np.log((found + 1) / (expected + 1))
            self._unsure = np.clip(sigmoid(odds), 1e-5, 0.95)
        workers = len(self._worker_shift)
        active = np.flatnonzero(chosen.worker_votes)
        for _ in range(2):
            steps = slope(seen, self._says(), self._levels.steepness)
            gradient, curvature = (sum_by(part, self._unit_worker, workers) for part in steps)
            self._worker_shift, doubt = newton_step(self._worker_shift, gradient, curvature, self._worker_variance)
        # levels are what the workers of the average vote say: without this, levels and workers could drift together
        if self._levels.is_typical:
            votes = chosen.worker_votes / len(chosen.cell)
            self._worker_shift = self._worker_shift - votes @ self._worker_shift * _CENTERED
        self._worker_variance = prior_variance(self._worker_shift[active], doubt[active], WORKER_VARIANCE)
        pairs = np.flatnonzero(self._is_pair)
        if len(pairs):
            gradient, curvature = slope(seen[pairs], self._says()[pairs], self._levels.steepness)
            moved, doubt = newton_step(self._pair_shift[pairs], gradient, curvature, self._pair_variance)
            self._pair_shift[pairs] = moved
            self._pair_variance = prior_variance(moved, doubt, PAIR_VARIANCE)
        self.log_answer = self._says()

    def _seen(self, chosen: _Chosen, level: FloatArray) -> FloatArray:
        """(U, 3, K): expected number of each answer of each unit to pictures of each level; `level` is (K, Q)."""
        size = len(self._unit_worker) * len(Answer)
        columns = [np.bincount(chosen.cell, at_level[chosen.question], size) for at_level in level]
        seen: FloatArray = np.stack(columns, axis=1).astype(np.float64)
        return seen.reshape(-1, len(Answer), len(self._levels.share))

    def _learn_synsets(self, taught: FloatArray, chosen: _Chosen) -> None:
        """How common true pictures are in each synset, and how hard its pictures are."""
        voted = chosen.voted
        synset = self._table.questions.synset[voted]
        synsets = len(self._prevalence)
        columns = [np.bincount(synset, part[voted], synsets) for part in taught.reshape(-1, taught.shape[2])]
        counts = np.stack(columns, axis=1).astype(np.float64).reshape(synsets, 2, -1)  # (S, 2, K)
        classes = counts.sum(axis=2)
        # one vote cannot tell a rare yes from a worker's slip: such questions leave the prevalence where it was before
        overall = classes.sum(axis=0) + (PREVALENCE_PICTURES + chosen.voted_once) * PREVALENCE_WITHOUT
        shares = self._lineage.pooled(classes, PREVALENCE_STRENGTH, overall / overall.sum())
        self._prevalence = np.clip(shares[:, 1], 1e-4, 1 - 1e-4)
        prior = self._levels.spread_without
        if prior is None:
            return
        anchor = SPREAD_PICTURES + SPREAD_FRACTION * len(voted)
        for truth in (0, 1):
            found = counts[:, truth].sum(axis=0)
            self.spread[truth] = fit_spread(self._levels, found, self.spread[truth], prior[truth], anchor)
            base = self._levels.shares(self.spread[truth])
            self._shares[:, truth] = self._lineage.pooled(counts[:, truth], LEVEL_STRENGTH, base)


class _Chosen:
    """Votes to learn from, in the shape in which every iteration needs them."""

    def __init__(self, table: VoteTable, unit: IntArray, rows: IntArray) -> None:
        self.question = table.question[rows]
        self.cell = unit[rows] * len(Answer) + table.answer[rows]
        self.starts = np.flatnonzero(np.diff(self.question, prepend=-1))
        self.voted = self.question[self.starts]
        self.voted_once = int((np.diff(self.starts, append=len(rows)) == 1).sum())
        self.worker_votes = np.bincount(table.worker[rows], minlength=len(table.workers))


def _units(table: VoteTable) -> tuple[IntArray, IntArray, IntArray]:
    """Who has rates of their own: each worker, and each worker in a synset where they have enough votes.

    Returns:
        (V,) unit of each vote; (U,) worker of each unit; (U,) 1 for a pair of worker and synset, 0 for the rest of a
        worker's votes.
    """
    workers, synsets = len(table.workers), len(table.questions.wnids)
    pair = table.worker * synsets + table.questions.synset[table.question]
    distinct, place, votes = np.unique(pair, return_inverse=True, return_counts=True)
    is_own = (votes >= LEAST_VOTES_OF_A_PAIR) & (synsets > 1)
    own = distinct[is_own]
    unit_of_pair = distinct // synsets
    unit_of_pair[is_own] = workers + np.arange(len(own))
    unit_worker = np.concatenate([np.arange(workers), own // synsets])
    return unit_of_pair[place.reshape(-1)], unit_worker, (np.arange(len(unit_worker)) >= workers).astype(np.int64)
