import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.dedup import propose
from imagenet_build.dedup.hamming import close_cells, distances
from imagenet_build.dedup.propose import propose_pairs
from imagenet_build.errors import DataError
from tests.dedup.hash_lists import KINDS, clustered, flipped, uniform

hashes = st.integers(0, 2**64 - 1)


@st.composite
def related_hashes(draw: st.DrawFn) -> list[int]:
    """Hashes of which many are close: some bits of a few are flipped."""
    few = draw(st.lists(hashes, min_size=1, max_size=4))
    flips = st.lists(st.integers(0, 63), max_size=14)
    more = draw(st.lists(st.tuples(st.sampled_from(few), flips), max_size=20))
    changed = []
    for value, bits in more:
        for bit in bits:
            value ^= 1 << bit
        changed.append(value)
    return draw(st.permutations(few + changed))


def apart(one: int, other: int) -> int:
    return bin(one ^ other).count("1")


def brute_force(left: list[int], right: list[int], radius: int, new_from: int = 0) -> list[tuple[int, int]]:
    """By the definition, ascending."""
    places = range(len(left))
    return [
        (i, j)
        for i in places
        for j in places
        if i < j and j >= new_from and min(apart(left[i], right[j]), apart(right[i], left[j])) <= radius
    ]


def proposed(left, right, radius: int, new_from: int = 0) -> list[tuple[int, int]]:
    blocks = propose_pairs(np.array(left, np.uint64), np.array(right, np.uint64), radius, new_from)
    return [(i, j) for block in blocks for i, j in block.tolist()]


@settings(deadline=None)
@given(related_hashes(), st.integers(0, 64), st.integers(0, 24))
def test_exactly_the_pairs_within_the_radius_are_proposed_each_once_and_in_order(values, radius, new_from):
    assert proposed(values, values, radius, new_from) == brute_force(values, values, radius, new_from)


@settings(deadline=None)
@given(related_hashes(), st.randoms(use_true_random=False), st.integers(0, 64), st.integers(0, 24))
def test_mirrored_pictures_are_proposed_whichever_way_round_they_are_close(values, random, radius, new_from):
    mirrored = random.sample(values, len(values))
    assert proposed(values, mirrored, radius, new_from) == brute_force(values, mirrored, radius, new_from)


@pytest.mark.parametrize("kind", KINDS)
def test_every_radius_of_every_kind_of_list(kind):
    values = KINDS[kind](700, 3)
    mirrored = np.roll(flipped(values, 9, np.random.default_rng(4)), 5)
    same, other = distances(values, values), np.minimum(distances(values, mirrored), distances(mirrored, values))
    counts = []
    for radius in range(25):
        for right, table in ((values, same), (mirrored, other)):
            found = np.concatenate([np.empty((0, 2), np.int64), *propose_pairs(values, right, radius)])
            assert np.array_equal(found, np.argwhere(np.triu(table <= radius, 1)))
            counts.append(len(found))
    assert counts[-2] > 0
    assert counts[-1] > 0


@pytest.mark.parametrize("cells", [1, 2, 40, 500])
def test_no_pair_is_lost_between_blocks(monkeypatch, cells):
    monkeypatch.setattr(propose, "CELLS", cells)
    monkeypatch.setattr(propose, "PAIRS_PER_BLOCK", 3)
    values = clustered(60, 5).tolist()
    blocks = list(propose_pairs(np.array(values, np.uint64), np.array(values, np.uint64), 12))
    assert np.concatenate(blocks).tolist() == [list(pair) for pair in brute_force(values, values, 12)]
    assert len(blocks) > 2
    assert min(map(len, blocks)) > 0


@pytest.mark.parametrize("new_from", [0, 1, 399, 400])
def test_new_images_only_add_the_pairs_that_are_missing(new_from):
    values, mirrored = clustered(400, 8), clustered(400, 8)[::-1]
    for right in (values, mirrored):
        old = proposed(values[:new_from], right[:new_from], 20)
        assert sorted(old + proposed(values, right, 20, new_from)) == proposed(values, right, 20)


def test_hashes_of_other_images_are_refused():
    with pytest.raises(DataError, match="3 hashes of one kind and 2 of the other"):
        list(propose_pairs(uniform(3, 1), uniform(2, 1), 4))


@settings(deadline=None)
@given(st.lists(hashes, max_size=6), st.lists(hashes, max_size=6))
def test_distances_are_those_of_the_bits(left, right):
    expected = [[apart(a, b) for b in right] for a in left]
    found = distances(np.array(left, np.uint64), np.array(right, np.uint64))
    assert found.tolist() == expected
    assert found.T.tolist() == distances(np.array(right, np.uint64), np.array(left, np.uint64)).tolist()


def test_close_cells_are_those_of_the_whole_table():
    left, right = uniform(300, 1), uniform(500, 2)
    blocks = list(close_cells(left, right, 26))
    found = np.concatenate([np.stack(block, axis=1) for block in blocks])
    assert np.array_equal(found, np.argwhere(distances(left, right) <= 26))
    assert len(blocks) > 1
    assert list(close_cells(left, right[:0], 64)) == []


def test_the_far_ends_of_the_scale():
    both = [0, 2**64 - 1]
    assert distances(np.array(both, np.uint64), np.array(both, np.uint64)).tolist() == [[0, 64], [64, 0]]
    assert proposed(both, both, 63) == []
    assert proposed(both, both, 64) == [(0, 1)]
    assert proposed([], [], 64) == []
    assert proposed([7], [7], 64) == []
