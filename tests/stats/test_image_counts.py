"""Images per synset: quantiles, bins and curve of whole numbers, exact."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.stats.image_counts import CURVE_POINTS, images_per_synset
from imagenet_build.stats.whole_numbers import binned, one_two_five, quantiles, rounded

COUNTS = st.lists(st.integers(0, 3000), min_size=1, max_size=200)


@settings(deadline=None)
@given(COUNTS)
def test_quantiles_are_those_of_the_inverse_distribution(counts):
    found = quantiles(Counter(counts))
    expected = np.quantile(counts, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], method="inverted_cdf")
    assert found is not None
    assert [found.least, found.q05, found.q25, found.median, found.q75, found.q95, found.most] == expected.tolist()


def test_no_number_has_no_quantile():
    assert quantiles({}) is None
    assert quantiles({7: 0}) is None


@settings(deadline=None)
@given(COUNTS)
def test_bins_hold_every_number_once(counts):
    bins = binned(Counter(counts), one_two_five(max(counts)))
    assert sum(of.count for of in bins) == len(counts)
    assert bins[0].low == 0
    assert all(one.high + 1 == other.low for one, other in itertools.pairwise(bins))
    assert bins[-1].low <= max(counts) <= bins[-1].high


@settings(deadline=None)
@given(COUNTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(counts: list[int], shuffler: random.Random):
    shuffled = counts[:]
    shuffler.shuffle(shuffled)
    assert images_per_synset(shuffled) == images_per_synset(counts)


def test_shares_are_strict():
    found = images_per_synset([0, 9, 10, 500, 501])
    assert (found.empty, found.few, found.many) == (1, 2, 1)


def test_curve_ends_at_everything():
    counts = list(range(1000))
    curve = images_per_synset(counts).curve
    assert len(curve) == CURVE_POINTS
    assert (curve[0].rank, curve[0].images) == (1, 999)
    assert (curve[-1].rank, curve[-1].images, curve[-1].share) == (1000, 0, 1.0)
    assert curve[100].share == pytest.approx(sum(sorted(counts)[-curve[100].rank :]) / sum(counts))


def test_few_synsets_are_all_points():
    assert [point.rank for point in images_per_synset([4, 2, 9]).curve] == [1, 2, 3]


def test_nothing_at_all():
    found = images_per_synset([])
    assert (found.synsets, found.images, found.mean, found.quantiles, found.histogram, found.curve) == (
        *(0, 0, 0.0, None),
        *((), ()),
    )


def test_synsets_without_images_have_no_share():
    assert [point.share for point in images_per_synset([0, 0]).curve] == [0.0, 0.0]


@pytest.mark.parametrize(("images", "synsets", "average"), [(1, 2, 1), (3, 2, 2), (1049, 1000, 1), (1499, 1000, 1)])
def test_halves_are_rounded_up(images, synsets, average):
    assert rounded(images, synsets) == average
