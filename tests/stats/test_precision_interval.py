from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from imagenet_build.errors import DataError
from imagenet_build.stats.beta_mixture import BetaMixture, logit_quantiles, share_of
from imagenet_build.stats.precision_interval import Clusters, depth_precision, overall_precision


def clusters(
    correct: list[int], answered: int, pictures: int = 80, synsets: int | None = None, others_have: int = 80
) -> Clusters:
    count = len(correct)
    total = synsets or count
    return Clusters(
        np.array(correct), np.full(count, answered), np.full(count, pictures), total, (total - count) / others_have
    )


def simulated(mean: float, size: float, sampled: int, synsets: int, pictures: int, seed: int) -> tuple[Clusters, float]:
    """One depth, and the mean precision of all its synsets."""
    rng = np.random.default_rng(seed)
    share = rng.beta(mean * size, (1 - mean) * size, synsets)
    held = np.maximum(3, rng.lognormal(4.5, 1.0, synsets)).astype(np.int64)
    right = rng.binomial(held, share)
    chosen = rng.permutation(synsets)[:sampled]
    answered = np.minimum(pictures, held[chosen])
    correct = rng.hypergeometric(right[chosen], held[chosen] - right[chosen], answered)
    others = float((1 / np.delete(held, chosen)).sum())
    return Clusters(correct, answered, held[chosen], synsets, others), float((right / held).mean())


def test_intervals_of_depths_hold_the_truth_as_often_as_they_say() -> None:
    """95 % of 400 simulated depths of all kinds, within one percent and three standard deviations."""
    held, count = 0, 0
    for place, mean in enumerate((0.6, 0.8, 0.9, 0.97, 0.99)):
        for size, sampled, synsets, pictures in (
            (2.0, 10, 80, 20),
            (10.0, 10, 80, 10),
            (50.0, 10, 30, 25),
            (10.0, 8, 8, 20),
        ):
            for seed in range(20):
                found, truth = simulated(mean, size, sampled, synsets, pictures, 1000 * place + seed)
                _, low, high = depth_precision(found)
                held += low <= truth <= high
                count += 1
    assert abs(held / count - 0.95) <= 0.01 + 3 * sqrt(0.95 * 0.05 / count)


def test_the_interval_over_all_depths_holds_the_truth_as_often_as_it_says() -> None:
    synsets = (6, 30, 90, 60, 12)
    shares = np.array(synsets) / sum(synsets)
    held = 0
    for seed in range(150):
        size, mean = (2.0, 8.0, 40.0)[seed % 3], (0.7, 0.9, 0.97, 0.985)[seed % 4]
        depths = [
            simulated(mean, size, min(8, number), number, 15, 100 * seed + depth)
            for depth, number in enumerate(synsets)
        ]
        _, low, high = overall_precision([found for found, _ in depths])
        held += low <= float(shares @ np.array([truth for _, truth in depths])) <= high
    assert abs(held / 150 - 0.95) <= 0.01 + 3 * sqrt(0.95 * 0.05 / 150)


def test_synsets_that_differ_make_it_wider_than_independent_pictures_would() -> None:
    alike = depth_precision(clusters([18, 17, 18, 19, 18, 18, 17, 19], 20, synsets=200))
    unlike = depth_precision(clusters([20, 20, 20, 20, 20, 20, 20, 4], 20, synsets=200))
    assert alike.estimate == pytest.approx(unlike.estimate)
    assert unlike.high - unlike.low > 2 * (alike.high - alike.low)


def test_where_nothing_wrong_was_seen_it_reaches_to_one_and_has_a_width() -> None:
    few = depth_precision(clusters([5] * 8, 5, synsets=100))
    many = depth_precision(clusters([50] * 40, 50, synsets=100))
    assert few.high == many.high == many.estimate == 1.0
    assert 0.8 < few.low < 0.97
    assert 0.98 < many.low < 1.0
    nothing_right = depth_precision(clusters([0] * 8, 5, synsets=100))
    assert nothing_right.low == 0.0
    assert nothing_right.high == pytest.approx(1 - few.low, abs=1e-4)


def test_right_and_wrong_are_treated_alike() -> None:
    right = clusters([9, 12, 20, 17, 3], 20, synsets=60)
    found, mirrored = depth_precision(right), depth_precision(right._replace(correct=20 - right.correct))
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-4)
    assert mirrored.high == pytest.approx(1 - found.low, abs=1e-4)


def test_a_complete_check_leaves_nothing_open() -> None:
    whole = clusters([10, 8, 3], 10, pictures=10)
    assert depth_precision(whole) == pytest.approx((0.7, 0.7, 0.7))
    assert overall_precision([whole, whole]) == pytest.approx((0.7, 0.7, 0.7))


def test_the_fewer_synsets_there_are_besides_the_surer_it_is() -> None:
    correct = [20, 15, 12, 20, 18, 19]
    widths = [
        high - low for _, low, high in (depth_precision(clusters(correct, 20, synsets=total)) for total in (6, 9, 600))
    ]
    assert widths[0] < widths[1] < widths[2]


def test_the_interval_lies_around_the_plain_mean_whatever_the_model_thinks() -> None:
    """Half of the synsets half wrong, the others perfect: no beta distribution looks like that."""
    found = depth_precision(clusters([25] * 40 + [50] * 40, 50, synsets=600))
    assert found.estimate == 0.75
    assert found.low < 0.72
    assert found.high > 0.78
    assert (found.low + found.high) / 2 == pytest.approx(0.75, abs=0.01)


def test_all_depths_together_are_weighted_by_their_synsets() -> None:
    few, many = clusters([2, 4], 20, synsets=10), clusters([20, 18], 20, synsets=90)
    assert overall_precision([few, many]).estimate == pytest.approx(0.1 * 0.15 + 0.9 * 0.95)


def test_the_order_of_synsets_does_not_matter() -> None:
    given = clusters([9, 12, 20, 17, 3], 20, synsets=60)
    assert depth_precision(given) == pytest.approx(depth_precision(given._replace(correct=given.correct[::-1])))


@pytest.mark.parametrize(
    "wrong",
    [
        Clusters(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int), 3, 0.0),
        clusters([21], 20),
        clusters([5], 0),
        clusters([5], 81),
        clusters([5, 5], 10, synsets=1),
    ],
)
def test_counts_that_cannot_be_are_refused(wrong: Clusters) -> None:
    with pytest.raises(DataError):
        depth_precision(wrong)


def test_quantiles_of_a_mixture_are_those_of_its_draws() -> None:
    rng = np.random.default_rng(0)
    weight = np.array([0.2, 0.5, 0.3])
    alpha, beta = np.array([2.0, 400.0, 0.7]), np.array([2.0, 3.0, 0.02])
    which = rng.choice(3, 400_000, p=weight)
    draws = rng.beta(alpha[which], beta[which])
    wanted = (0.025, 0.2, 0.5)
    for level, logit in zip(wanted, logit_quantiles(weight, alpha, beta, wanted), strict=True):
        below = float((draws <= share_of(np.float64(logit))).mean())
        assert below == pytest.approx(level, abs=0.004)


def test_moving_a_mixture_keeps_it_between_its_ends() -> None:
    mixture = BetaMixture(0.5, 0.9, np.ones(1), np.array([30.0]), np.array([10.0]))
    low, high = mixture.quantiles((0.025, 0.975), middle=0.89)
    assert 0.5 < low < 0.89 < high < 0.9
    assert mixture.quantiles((0.5,)) == pytest.approx([0.8], abs=0.01)
