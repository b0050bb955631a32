from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.calibration import expected_calibration_error
from imagenet_build.verify.hierarchy import lineage_of
from imagenet_build.verify.levels import ALIKE, VARIED, answer_log_probability
from imagenet_build.verify.live import LiveRates
from imagenet_build.verify.rates import Rates
from imagenet_build.verify.rates_judge import RatesJudge
from imagenet_build.verify.replay import decide
from imagenet_build.verify.scores import score
from imagenet_build.verify.votes import NO_TRUTH, Answer, IntArray, VoteTable, make_vote_table
from imagenet_build.verify.worker_report import worker_rows
from imagenet_build.verify.worker_shifts import slope
from tests.verify.crowds import ALL_ALIKE, CROWD, votes


def judged(table: VoteTable, gold: IntArray | None = None) -> RatesJudge:
    known = np.full(len(table.questions), NO_TRUTH) if gold is None else gold
    lineage = lineage_of([str(wnid) for wnid in table.questions.wnids], {})
    return RatesJudge(table, known, lineage, VerifyConfig())


def test_answers_of_a_level_sum_to_one_and_yes_grows_with_it() -> None:
    said = np.exp(answer_log_probability(VARIED, np.full(8, 0.1), np.array([[0.0] * 4, [1.0, -0.2, 0.5, 0.0]])))
    assert said.sum(axis=1) == pytest.approx(np.ones((2, 8)))
    assert (np.diff(said[0, Answer.YES]) > 0).all()


def test_the_slope_is_the_derivative_of_the_likelihood() -> None:
    random = np.random.default_rng(0)
    unsure, seen = np.full(8, 0.2), random.random((1, 3, 8)) * 10
    shift = random.normal(size=(1, 4))

    def likelihood(at: np.ndarray) -> float:
        return float((seen * answer_log_probability(VARIED, unsure, at)).sum())

    gradient, curvature = slope(seen, answer_log_probability(VARIED, unsure, shift), VARIED.steepness)
    for place in range(4):
        step = np.zeros((1, 4))
        step[0, place] = 1e-4
        up, middle, down = likelihood(shift + step), likelihood(shift), likelihood(shift - step)
        assert gradient[0, place] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-4)
        assert curvature[0, place, place] == pytest.approx(-(up - 2 * middle + down) / 1e-8, rel=1e-2, abs=1e-2)


def test_verdicts_beat_the_majority_and_probabilities_are_honest() -> None:
    table, truth = votes()
    opinion = decide(table, judged(table))
    counts = table.counts()
    majority = 2 * counts[:, Answer.YES] > counts.sum(axis=1)
    ours, fixed = score(opinion.probability, opinion.accepted, truth), score(opinion.probability, majority, truth)
    assert ours.balanced_accuracy > fixed.balanced_accuracy + 0.1
    assert ours.calibration_error < 0.03


def test_pictures_that_are_all_alike_are_noticed() -> None:
    table, truth = votes(ALL_ALIKE)
    judge = judged(table)
    opinion = decide(table, judge)
    assert expected_calibration_error(opinion.probability, truth) < 0.02
    assert score(opinion.probability, opinion.accepted, truth).balanced_accuracy > 0.98
    varied_table, _ = votes()
    varied = judged(varied_table)
    decide(varied_table, varied)
    assert judge.rates.joint.shape[2] == len(ALIKE.share)
    assert varied.rates.joint.shape[2] == len(VARIED.share)


def test_the_order_of_rows_changes_nothing() -> None:
    table, _ = votes(pictures=300, synsets=3)
    names = table.questions.images[table.questions.image[table.question]].astype(str)
    synsets = table.questions.wnids[table.questions.synset[table.question]].astype(str)
    workers = table.workers[table.worker].astype(str)
    order = np.random.default_rng(1).permutation(len(table))
    again = make_vote_table(names[order], synsets[order], workers[order], table.answer[order])
    assert (decide(table, judged(table)).probability == decide(again, judged(again)).probability).all()


def test_workers_who_answer_at_random_or_inverted_are_flagged() -> None:
    table, truth = votes(replace(ALL_ALIKE, workers=20, sensitivity=0.8, false_yes=0.05, at_random=0.1), each=15)
    answer = table.answer.copy()
    inverted = table.worker == 19
    answer[inverted] = np.where(truth[table.question[inverted]] == 1, Answer.NO, Answer.YES)
    table = replace(table, answer=answer)
    judge = judged(table)
    decide(table, judge)
    flags = {row.worker: row.flag for row in worker_rows(table, judge.rates)}
    assert flags.pop("worker0000000") == flags.pop("worker0000001") == "random"
    assert flags.pop("worker0000019") == "inverted"
    assert set(flags.values()) == {""}


def test_a_workers_rates_are_found() -> None:
    table, _ = votes(replace(ALL_ALIKE, worker_spread=0.0, at_random=0.0, unsure_at_half=0.0, unsure_else=0.0), 4000)
    rates = judged(table)
    decide(table, rates)
    rows = worker_rows(table, rates.rates)
    assert np.mean([row.sensitivity for row in rows]) == pytest.approx(0.53, abs=0.03)
    assert np.mean([row.false_yes for row in rows]) == pytest.approx(0.02, abs=0.005)
    for row in rows:  # a worker saw about a hundred true pictures: four standard errors
        assert row.sensitivity == pytest.approx(0.53, abs=0.2)
        assert row.false_yes == pytest.approx(0.02, abs=0.03)


def test_a_rare_synset_borrows_from_its_parent() -> None:
    """Two synsets without votes of their own: one below a common synset, one below a rare one."""
    lineage = lineage_of(["common", "rare", "a", "b"], {"a": "common", "b": "rare"})
    shares = lineage.pooled(np.array([[10.0, 90.0], [95.0, 5.0], [0.0, 0.0], [0.0, 0.0]]), 20.0)
    assert shares[2] == pytest.approx(shares[0])
    assert shares[3] == pytest.approx(shares[1])
    assert shares[2, 1] > 0.7
    assert shares[3, 1] < 0.2


def test_a_circle_of_parents_does_no_harm() -> None:
    lineage = lineage_of(["a", "b"], {"a": "b", "b": "c", "c": "a"})
    assert lineage.pooled(np.ones((2, 2)), 1.0) == pytest.approx(np.full((2, 2), 0.5))


def test_gold_teaches_but_never_answers_for_itself() -> None:
    table, truth = votes(pictures=600, synsets=6, each=5)
    gold = np.where(np.arange(len(truth)) % 2 == 0, truth, NO_TRUTH)
    with_gold = decide(table, judged(table, gold)).probability
    wrong = gold.copy()
    wrong[0] = 1 - wrong[0]
    with_one_wrong = decide(table, judged(table, wrong)).probability
    assert abs(with_gold[0] - with_one_wrong[0]) < 0.05
    assert expected_calibration_error(with_gold[1::2], truth[1::2]) < 0.05


def test_one_vote_at_a_time_gives_what_all_at_once_give() -> None:
    table, _ = votes(pictures=200, synsets=2, each=6)
    rows = np.flatnonzero(table.turn < 5)
    rates = Rates(table, lineage_of([str(wnid) for wnid in table.questions.wnids], {}))
    rates.fit(rows)
    live = LiveRates(rates, [str(name) for name in table.workers])
    last = np.flatnonzero(table.turn == 5)
    for row in last.tolist():
        live.add(int(table.question[row]), str(table.workers[table.worker[row]]), Answer(int(table.answer[row])))
    rates.add(last)
    # a worker's rates in one synset are left to the refit
    close = np.abs([live.probability(question) for question in range(200)] - rates.probability)
    assert np.median(close) < 0.01
    before = live.probability(0)
    assert live.add(0, "nobody known", Answer.YES) > before


def test_gold_tells_a_hard_yes_from_a_hard_no() -> None:
    """Pictures that fool a quarter of the workers: without gold nothing says that they are not hard true ones."""
    fooling = replace(CROWD, sensitivity=0.6, false_yes=0.25, sameness_true=6.0, sameness_false=6.0)
    table, truth = votes(fooling)
    gold = np.where(np.arange(len(truth)) % 4 == 0, truth, NO_TRUTH)
    others = gold == NO_TRUTH
    blind, taught = (decide(table, judged(table, known)) for known in (np.full(len(truth), NO_TRUTH), gold))
    errors = [expected_calibration_error(opinion.probability[others], truth[others]) for opinion in (blind, taught)]
    assert errors[1] < 0.05 < errors[0]
