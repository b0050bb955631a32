import numpy as np
import pytest

from imagenet_build.dedup import same_hash
from imagenet_build.dedup.join import join
from imagenet_build.dedup.same_hash import SameHash
from tests.dedup.hash_lists import skewed


def pairs_of(*found) -> set[tuple[int, int]]:
    every = np.concatenate([np.zeros((0, 2), np.int64), *(block for blocks in found for block in blocks)])
    return {(min(pair), max(pair)) for pair in every.tolist() if pair[0] != pair[1]}


def test_close_hashes_and_equal_ones_give_all_pairs_of_pictures():
    hashes = skewed(600, 71)
    same = SameHash(hashes, np.arange(600))
    close = (block for found in join(same.values, 3) for block in same.pairs(same, found))
    expected = np.argwhere(np.triu(np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= 3, 1)).tolist()
    assert sorted(pairs_of(close, same.pairs_within())) == [tuple(pair) for pair in expected]


@pytest.mark.parametrize("most", [1, 3])
def test_the_first_pictures_stand_for_a_crowd(monkeypatch, most):
    monkeypatch.setattr(same_hash, "MOST_OF_A_HASH", most)
    hashes = np.array([5, 5, 5, 5, 5, 9, 4], np.uint64)
    same = SameHash(hashes, np.arange(10, 17))
    assert same.crowded == 1
    first = range(10, 10 + most)
    assert pairs_of(same.pairs_within()) == {(i, j) for i in first for j in first if i < j}
    close = (block for found in join(same.values, 1) for block in same.pairs(same, found))
    assert pairs_of(close) == {(i, 16) for i in first}
