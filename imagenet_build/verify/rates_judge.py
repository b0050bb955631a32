"""Verdicts by each worker's rates: sequential, calibrated on gold, for a target precision or balanced accuracy."""

from __future__ import annotations

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.calibration import Calibration, fit_calibration
from imagenet_build.verify.confidence_table import initial_subset
from imagenet_build.verify.goal import accepted, dividing_line, worth_of_votes
from imagenet_build.verify.hierarchy import Lineage
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.levels import ALIKE, VARIED
from imagenet_build.verify.rates import MOST_ITERATIONS, Rates
from imagenet_build.verify.votes import NO_TRUTH, Answer, BoolArray, FloatArray, IntArray, VoteTable

REFIT_GROWTH = 1.3
REFIT_ITERATIONS = 6
FOLDS = 5
FOLD_ITERATIONS = 4
RESERVE, RESERVE_WITH_UNSURE = 0.2, 0.6
"""Part of the errors allowed that is kept for what the model gets wrong: most of all, what an unsure answer tells."""
_GOLD_TO_HALVE_IT = 1000
LEAST_GOLD = 20

_VOTES_TO_CHOOSE = 200_000
_VOTES_FOR_COLD_FITS = 50_000
"""Fits of few votes begin anew: what the first votes seemed to say must not keep later ones from being heard."""
_TELLING_VOTES = 5
_ENOUGH_TELLING_VOTES = 100
_LEAST_CORRELATION = 0.5
_LEAST_GAIN = 1.0
_DOUBT_PER_VOTE = 0.1
"""Nats."""
PILOT_VOTES = 10
PILOT_SHARE, LEAST_PILOT, MOST_PILOT = 0.03, 20, 50


class RatesJudge:
    """Learns the workers while the votes come in.

    A few random questions, the pilot, are asked ten times whatever is thought of them: like the initial subset of the
    paper, they show how workers and pictures differ before anything rests on it.

    Args:
        table: the votes.
        truth: (Q,), gold, or `NO_TRUTH`. What is said of a gold question never comes from its own truth.
        lineage: the parents of the synsets.
    """

    def __init__(self, table: VoteTable, truth: IntArray, lineage: Lineage, config: VerifyConfig) -> None:
        self._table = table
        self._truth = truth
        self._config = config
        self._lineage = lineage
        self._varied = Rates(table, lineage, VARIED)
        self._alike = Rates(table, lineage, ALIKE)
        self.rates = self._varied
        self.calibration = Calibration()
        pilots = int(np.clip(PILOT_SHARE * len(table.questions), LEAST_PILOT, MOST_PILOT))
        self._is_pilot = initial_subset(np.zeros(len(table.questions), np.int64), pilots, config.seed)
        self._held_out = np.full(len(table.questions), np.nan)
        self._shown = np.zeros(len(table), bool)
        self._votes = np.zeros(len(table.questions), np.int64)
        self._learnt_from = 0
        self._is_settled = True

    def reveal(self, rows: IntArray) -> None:
        """Take in votes; refit the rates whenever there are a third more than at the last time."""
        self._shown[rows] = True
        self._votes += np.bincount(self._table.question[rows], minlength=len(self._votes))
        self._is_settled = False
        self.rates.add(rows)
        total = int(self._shown.sum())
        if total >= REFIT_GROWTH * self._learnt_from and total < len(self._shown):
            self._learnt_from = total
            is_cold = total < _VOTES_FOR_COLD_FITS
            self._fit(np.flatnonzero(self._shown), MOST_ITERATIONS if is_cold else REFIT_ITERATIONS, is_cold=is_cold)
            self._learn_gold(np.flatnonzero(self._shown), FOLD_ITERATIONS // 2)

    def settle(self) -> None:
        """Fit until beliefs stand still."""
        if not self._is_settled:
            rows = np.flatnonzero(self._shown)
            self._fit(rows, MOST_ITERATIONS, is_cold=True)
            self._learn_gold(rows, FOLD_ITERATIONS)
            self._is_settled = True

    def opinion(self, exhausted: BoolArray) -> Opinion:
        """Calibrated probabilities; accepted is what serves the goal; worth is the expected gain per vote."""
        raw = self.rates.probability
        probability = np.where(np.isnan(self._held_out), raw, self._held_out)
        probability = self.calibration.apply(probability)
        has_votes = self._votes > 0
        taken = np.zeros(len(probability), bool)
        voted = np.flatnonzero(has_votes)
        taken[voted] = accepted(probability[voted], self._target())
        if self._config.target_precision is None:
            line = dividing_line(raw, np.zeros(0, bool), float(raw.mean()))
        else:
            line = dividing_line(raw, taken & np.isnan(self._held_out), self._config.target_precision)
        left = np.where(exhausted, 0, np.maximum(0, self._config.max_votes - self._votes))
        typical = self.rates.typical(np.flatnonzero(self._shown))
        worth = worth_of_votes(self.rates.joint, typical, line, left)
        needs_more = self._is_pilot & (self._votes < PILOT_VOTES) & (left > 0)
        return Opinion(probability, taken, np.where(needs_more, 1.0, worth))

    def _target(self) -> float | None:
        """The precision to aim at: a part of the errors allowed is kept in reserve, less the more gold there is."""
        target = self._config.target_precision
        if target is None:
            return None
        gold = int(np.count_nonzero((self._truth != NO_TRUTH) & (self._votes > 0)))
        is_unsure = bool((self._table.answer[self._shown] == Answer.UNSURE).any())
        whole = RESERVE_WITH_UNSURE if is_unsure else RESERVE
        reserve = whole * _GOLD_TO_HALVE_IT / (_GOLD_TO_HALVE_IT + gold)
        return target + reserve * (1 - target)

    def _fit(self, rows: IntArray, iterations: int, *, is_cold: bool) -> None:
        """Fit pictures that differ and pictures that are alike; the latter is believed if it explains votes better."""
        if is_cold:
            self._varied = Rates(self._table, self._lineage, VARIED)
            self._alike = Rates(self._table, self._lineage, ALIKE)
        self.rates = self._varied
        self._varied.fit(rows, iterations)
        sample = rows[: _whole_questions(self._table.question[rows], _VOTES_TO_CHOOSE)]
        self._alike.fit(sample, iterations)
        if self._is_alike(self._table.question[sample]):
            if len(sample) < len(rows):
                self._alike.fit(rows, iterations)
            self.rates = self._alike

    def _is_alike(self, question: IntArray) -> bool:
        """Whether one level per truth explains the votes of these questions better.

        Only questions with several votes can tell: with few, both models fit about as well, and the simpler one is
        overconfident. So it must win clearly where those are rare. Where few questions have many votes, the pilot's
        count alone: the others have many because they are hard.
        """
        asked = np.unique(question)
        counts = self._table.counts(np.flatnonzero(self._shown))[asked]
        share = counts[:, Answer.YES] / np.maximum(1, counts.sum(axis=1))
        if _correlation(self._alike.probability[asked], share) < _LEAST_CORRELATION:
            return False  # it tells two kinds of pictures apart, but not the true from the others
        gain = self._alike.log_likelihood - self._varied.log_likelihood
        votes = np.bincount(question, minlength=len(gain))
        telling = votes >= _TELLING_VOTES
        if 2 * telling.sum() < (votes > 0).sum():
            telling &= self._is_pilot
        if votes[telling].sum() >= _ENOUGH_TELLING_VOTES:
            return bool(gain[telling].sum() > _LEAST_GAIN)
        mean = votes.sum() / len(asked)
        return bool(gain[asked].sum() > _DOUBT_PER_VOTE / max(mean, 1.0) ** 2 * votes.sum())

    def _learn_gold(self, rows: IntArray, iterations: int) -> None:
        """Teach the rates all gold; calibrate on gold that was held out, a fold at a time."""
        gold = np.flatnonzero((self._truth != NO_TRUTH) & (self._votes > 0))
        if not len(gold):
            return
        blind = self.rates if not (self.rates.truth != NO_TRUTH).any() else self.rates.clone()
        fold_of = np.arange(len(gold)) % FOLDS
        np.random.default_rng(self._config.seed).shuffle(fold_of)
        for fold in range(FOLDS):
            held_out = gold[fold_of == fold]
            taught = blind.clone()
            known = self._truth.copy()
            known[held_out] = NO_TRUTH
            taught.set_truth(known)
            taught.fit(rows, iterations)
            self._held_out[held_out] = taught.probability[held_out]
        self.rates.set_truth(self._truth)
        self.rates.fit(rows, iterations)
        if len(gold) >= LEAST_GOLD:
            self.calibration = fit_calibration(self._held_out[gold], self._truth[gold])


def _whole_questions(question: IntArray, most: int) -> int:
    """How many of the first `most` votes belong to questions that end among them."""
    return len(question) if most >= len(question) else int(np.searchsorted(question, question[most]))


def _correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's; 0 if one of the two does not vary."""
    spread = float(first.std() * second.std())
    return 0.0 if spread == 0 else float(((first - first.mean()) * (second - second.mean())).mean()) / spread
