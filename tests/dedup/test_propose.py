import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.dedup import propose
from imagenet_build.dedup.propose import distances, propose_pairs

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


def brute_force(values: list[int], radius: int) -> set[tuple[int, int]]:
    places = range(len(values))
    return {(i, j) for i in places for j in places if i < j and bin(values[i] ^ values[j]).count("1") <= radius}


@settings(deadline=None)
@given(related_hashes(), st.integers(0, 64))
def test_exactly_the_pairs_within_the_radius_are_proposed_each_once(values, radius):
    found = list(propose_pairs(np.array(values, np.uint64), radius))
    assert len(found) == len(set(found))
    assert set(found) == brute_force(values, radius)


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_no_pair_is_lost_between_blocks(monkeypatch, block):
    monkeypatch.setattr(propose, "_BLOCK", block)
    rng = np.random.default_rng(5)
    values = [int(value) for value in rng.integers(0, 2**64, 23, dtype=np.uint64)]
    values += [value ^ 0b1011 for value in values[:9]]
    found = list(propose_pairs(np.array(values, np.uint64), 28))
    assert len(found) == len(set(found))
    assert set(found) == brute_force(values, 28)
    assert len(found) > 20


@settings(deadline=None)
@given(st.lists(hashes, max_size=6), st.lists(hashes, max_size=6))
def test_distances_are_those_of_the_bits(left, right):
    expected = [[bin(a ^ b).count("1") for b in right] for a in left]
    found = distances(np.array(left, np.uint64), np.array(right, np.uint64))
    assert found.tolist() == expected
    assert found.T.tolist() == distances(np.array(right, np.uint64), np.array(left, np.uint64)).tolist()


def test_the_far_ends_of_the_scale():
    both = np.array([0, 2**64 - 1], np.uint64)
    assert distances(both, both).tolist() == [[0, 64], [64, 0]]
    assert list(propose_pairs(both, 63)) == []
    assert list(propose_pairs(both, 64)) == [(0, 1)]
    assert list(propose_pairs(np.array([], np.uint64), 64)) == []
