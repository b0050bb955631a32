from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.choice_judge import ChoiceJudge, is_choice
from imagenet_build.verify.judges import METHODS, make_judge
from imagenet_build.verify.replay import decide, replay
from imagenet_build.verify.scores import score
from imagenet_build.verify.simulate import votes_needed
from imagenet_build.verify.simulated_workers import Batch, simulate_votes
from imagenet_build.verify.table_judge import TableJudge
from imagenet_build.verify.votes import NO_TRUTH, Answer, IntArray, VoteTable, make_vote_table
from tests.verify.crowds import CROWD, run, votes


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    """What holds for every method, new ones included."""

    def test_no_more_votes_than_allowed_and_the_verdict_rests_on_those(self, method: str) -> None:
        table, _ = votes(pictures=300, synsets=3)
        end = run(table, VerifyConfig(method=method, max_votes=6, majority_votes=4, table_images=30, table_votes=6))
        assert end.used.max() <= 6
        assert (np.bincount(table.question[end.shown], minlength=300) == end.used).all()
        assert ((end.opinion.probability >= 0) & (end.opinion.probability <= 1)).all()

    def test_votes_that_were_not_asked_for_have_no_influence(self, method: str) -> None:
        table, _ = votes(pictures=300, synsets=3)
        config = VerifyConfig(method=method, max_votes=5, majority_votes=3, table_images=30, table_votes=5)
        first = run(table, config)
        hidden = table.answer.copy()
        hidden[~first.shown] = 2 - hidden[~first.shown]
        second = run(replace(table, answer=hidden), config)
        assert (second.used == first.used).all()
        assert (second.opinion.probability == first.opinion.probability).all()

    def test_all_votes_give_a_better_verdict_than_chance(self, method: str) -> None:
        table, truth = votes(pictures=600, synsets=3)
        config = VerifyConfig(method=method, table_images=50)
        opinion = decide(table, make_judge(table, np.full(600, NO_TRUTH), config))
        assert score(opinion.probability, opinion.accepted, truth).balanced_accuracy > 0.6


def test_three_votes_beat_a_majority_of_ten() -> None:
    table, truth = votes()
    end = run(table, VerifyConfig(), mean_votes=3.0)
    fixed = run(table, VerifyConfig(method="majority", majority_votes=10))
    ours, theirs = (score(e.opinion.probability, e.opinion.accepted, truth) for e in (end, fixed))
    assert end.used.mean() <= 3.0
    assert fixed.used.mean() == 10.0
    assert ours.balanced_accuracy > theirs.balanced_accuracy + 0.1
    assert ours.calibration_error < 0.03


def test_a_target_precision_is_reached_with_few_votes() -> None:
    table, truth = votes(pictures=4000, synsets=40)
    end = run(table, VerifyConfig(target_precision=0.935))
    scores = score(end.opinion.probability, end.opinion.accepted, truth)
    assert scores.precision_high >= 0.935
    assert scores.precision > 0.92
    assert scores.recall >= 0.6
    assert end.used.mean() <= 5.0
    assert scores.calibration_error < 0.03


def test_the_hard_synset_gets_several_times_the_votes_of_the_easy_one() -> None:
    """The paper's cat and Burmese cat, by its own table and at one confidence."""
    easy = replace(CROWD, sensitivity=0.95, false_yes=0.03, sameness_true=60, sameness_false=60, at_random=0)
    hard = replace(easy, sensitivity=0.68, false_yes=0.32)
    batch = Batch(pictures=400, synsets=1, prevalence=0.5, prevalence_sameness=1e6, votes=15)
    table = joined(simulate_votes(easy, batch, 1)[0], simulate_votes(hard, batch, 2)[0])
    end = run(table, VerifyConfig(method="table", table_images=100, max_votes=15))
    others = replace_used(end.used, table)
    assert others["burmese cat"] > 2 * others["cat"]
    judge = TableJudge(table, VerifyConfig(method="table", table_images=100))
    judge.reveal(np.arange(len(table)))
    cat, burmese = judge.tables()["cat"], judge.tables()["burmese cat"]
    assert cat.confidence[2, 0] > 0.95 > burmese.confidence[2, 0]
    learnt = votes_needed(table, run(table, VerifyConfig(max_votes=15, least_gain=0.01)).used)
    assert learnt["burmese cat"] > 2 * learnt["cat"]


def joined(first: VoteTable, second: VoteTable) -> VoteTable:
    columns = []
    for table, wnid in ((first, "cat"), (second, "burmese cat")):
        image = table.questions.images[table.questions.image[table.question]].astype(str)
        columns.append((np.char.add(wnid, image), np.full(len(table), wnid), table.workers[table.worker], table.answer))
    image, wnids, worker, answer = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return make_vote_table(image.astype(object), wnids.astype(object), worker, answer)


def replace_used(used: IntArray, table: VoteTable) -> dict[str, float]:
    """Votes per question outside the initial subset, whose votes the table does not choose."""
    is_initial = used == 10
    counts = votes_needed(table, np.where(is_initial, 0, used))
    kept = votes_needed(table, (~is_initial).astype(np.int64))
    return {wnid: counts[wnid] / kept[wnid] for wnid in counts}


def test_a_synset_without_agreement_stops_after_its_initial_subset() -> None:
    nobody_agrees = replace(CROWD, sensitivity=0.1, false_yes=0.1, sameness_true=1e4, sameness_false=1e4, at_random=0.0)
    table, _ = simulate_votes(nobody_agrees, Batch(pictures=200, synsets=1, votes=10), 0)
    end = run(table, VerifyConfig(method="table", table_images=40))
    assert np.sort(end.used)[-40:].tolist() == [10] * 40
    assert end.used.sum() == 400
    assert not end.opinion.accepted.any()


def test_shuffled_votes_are_the_same_for_the_same_seed() -> None:
    table, _ = votes(pictures=200, synsets=2)

    def used(seed: int) -> list[int]:
        judge = make_judge(table, np.full(200, NO_TRUTH), VerifyConfig())
        return replay(table, judge, max_votes=10, least_gain=0.003, shuffle=seed).used.tolist()

    assert used(1) == used(1)
    assert used(1) != used(2)


def choices(images: int = 150, workers: int = 12, each: int = 8, seed: int = 0) -> tuple[VoteTable, IntArray]:
    """Workers choose one of three; two of the three are easily mistaken for each other."""
    random = np.random.default_rng(seed)
    confusion = np.array([[0.65, 0.3, 0.05], [0.3, 0.65, 0.05], [0.05, 0.05, 0.9]])
    right = random.integers(0, 3, images)
    image = np.repeat(np.arange(images), each)
    worker = np.concatenate([random.permutation(workers)[:each] for _ in range(images)])
    said = np.array([random.choice(3, p=confusion[label]) for label in right[image]])
    classes = np.tile(np.arange(3), len(image))
    answer = (np.repeat(said, 3) == classes) * int(Answer.YES)
    table = make_vote_table(
        np.array([f"i{n:04}" for n in np.repeat(image, 3)], object),
        np.array(["abc"[c] for c in classes], object),
        np.array([f"w{n:02}" for n in np.repeat(worker, 3)], object),
        answer.astype(np.int64),
    )
    return table, (right[:, None] == np.arange(3)).ravel().astype(np.int64)


def test_one_of_many_is_noticed_and_beats_the_majority_with_fewer_votes() -> None:
    table, truth = choices()
    assert is_choice(table)
    assert not is_choice(votes(pictures=200, synsets=1)[0])
    assert isinstance(make_judge(table, np.full(len(truth), NO_TRUTH), VerifyConfig()), ChoiceJudge)
    end = run(table, VerifyConfig(max_votes=8))
    fixed = run(table, VerifyConfig(method="majority", majority_votes=8, max_votes=8))
    ours, theirs = (score(e.opinion.probability, e.opinion.accepted, truth) for e in (end, fixed))
    assert end.used.mean() < 6
    assert ours.balanced_accuracy > theirs.balanced_accuracy
    taken = np.bincount(table.questions.image, end.opinion.accepted)
    assert (taken == 1).all()  # one of many: one synset for every picture
