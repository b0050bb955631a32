from __future__ import annotations

import numpy as np
import pytest

from imagenet_build.verify.goal import accepted, dividing_line, worth_of_votes

TYPICAL = np.array([[0.95, 0.3], [0.0, 0.0], [0.05, 0.7]])


def joint_of(probability: list[float]) -> np.ndarray:
    p = np.array(probability)
    joint = np.zeros((2, len(p), 2))
    joint[0, :, 0], joint[1, :, 1] = 1 - p, p
    return joint


def test_the_accepted_set_reaches_the_target_and_could_not_be_larger() -> None:
    probability = np.random.default_rng(0).random(500)
    for target in (0.6, 0.8, 0.95):
        taken = accepted(probability, target)
        assert probability[taken].mean() >= target
        larger = np.sort(probability)[::-1][: taken.sum() + 1]
        assert larger.mean() < target


def test_equal_probabilities_are_accepted_together_or_not_at_all() -> None:
    assert accepted(np.array([0.99, 0.8, 0.8]), 0.9).tolist() == [True, False, False]
    assert accepted(np.array([0.5, 0.5]), 0.9).tolist() == [False, False]


def test_balanced_accuracy_asks_what_is_likelier_than_the_average() -> None:
    assert accepted(np.array([0.3, 0.05, 0.01, 0.04]), None).tolist() == [True, False, False, False]


def test_a_doubtful_question_is_worth_more_than_a_settled_one() -> None:
    worth = worth_of_votes(joint_of([0.5, 0.999, 0.0001]), TYPICAL, 0.5, np.array([5, 5, 5]))
    assert worth[0] > 0.1
    assert worth[1] < 0.001
    assert worth[2] < 0.001


def test_votes_that_must_come_together_are_looked_ahead_to() -> None:
    """One vote cannot move 0.02 over a line of 0.9, several can."""
    one, five = (float(worth_of_votes(joint_of([0.02]), TYPICAL, 0.9, np.array([left]))[0]) for left in (1, 5))
    assert one == pytest.approx(0.0, abs=1e-12)
    assert five > 0.001


def test_nothing_is_worth_asking_when_no_vote_is_left() -> None:
    assert worth_of_votes(joint_of([0.5]), TYPICAL, 0.5, np.array([0])).tolist() == [0.0]


def test_the_line_stays_inside_what_can_be_reached() -> None:
    assert dividing_line(np.array([0.2, 1.0]), np.array([False, True]), 0.5) == 0.99
    assert dividing_line(np.array([0.2]), np.array([False]), 0.95) == 0.95
