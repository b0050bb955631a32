import tracemalloc
from functools import partial
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.dedup import join_blocks, join_distinct, join_search
from imagenet_build.dedup.hamming import distances
from imagenet_build.dedup.join import join, join_between
from imagenet_build.dedup.join_blocks import Blocks, choose_blocks
from imagenet_build.errors import ConfigError
from tests.dedup.hash_lists import KINDS, clustered, few_bits, flipped, skewed, uniform

FEW_BYTES = 60_000
"""Of working memory: nearly every list below has to go through files."""


@pytest.fixture
def small_steps(monkeypatch):
    """Lists of a test are divided as lists of millions are."""
    monkeypatch.setattr(join_search, "CELLS_COMPARED", 400)
    monkeypatch.setattr(join_search, "PART_HASHES", 128)
    monkeypatch.setattr(join_search, "LARGE_GROUP", 5)
    monkeypatch.setattr(join_blocks, "NS_PER_KEY", 0)
    monkeypatch.setattr(join_blocks, "NS_PER_COMPARISON", 10)
    monkeypatch.setattr(join_distinct, "PARTS", 8)


def rows(blocks) -> np.ndarray:
    return np.concatenate([np.empty((0, 2), np.int64), *blocks])


def ascending(blocks) -> list[list[int]]:
    return sorted(rows(blocks).tolist())


def first_places(hashes) -> np.ndarray:
    return np.sort(np.unique(hashes, return_index=True)[1])


def brute_force(hashes, radius: int) -> list[list[int]]:
    """By the definition: pairs of first places, ascending."""
    first = first_places(hashes)
    cells = np.argwhere(np.triu(distances(hashes[first], hashes[first]) <= radius, 1))
    return first[cells].tolist()


def brute_force_between(left, right, radius: int) -> list[list[int]]:
    own, other = first_places(left), first_places(right)
    cells = np.argwhere(distances(left[own], right[other]) <= radius)
    return np.stack([own[cells[:, 0]], other[cells[:, 1]]], axis=1).tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", range(9))
def test_every_radius_of_every_kind_of_list(small_steps, kind, radius):
    hashes = KINDS[kind](1000, 11)
    expected = brute_force(hashes, radius)
    assert ascending(join(hashes, radius)) == expected
    assert (len(expected) > 0) == (radius > 0 and kind != "uniform")
    other = np.concatenate([flipped(hashes[:300], 8, np.random.default_rng(2)), KINDS[kind](300, 12)])
    assert ascending(join_between(hashes, other, radius)) == brute_force_between(hashes, other, radius)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [0, 1, 4, 8])
def test_little_memory_changes_nothing(small_steps, tmp_path, kind, radius):
    hashes = KINDS[kind](900, 21)
    expected = brute_force(hashes, radius)
    assert ascending(join(hashes, radius, memory_bytes=FEW_BYTES, folder=tmp_path)) == expected
    pieces = np.array_split(hashes, [0, 1, 400, 401])
    assert ascending(join(iter(pieces), radius, memory_bytes=FEW_BYTES, folder=tmp_path)) == expected
    assert ascending(join_between(hashes[:500], iter(pieces), radius, memory_bytes=FEW_BYTES, folder=tmp_path)) == (
        brute_force_between(hashes[:500], hashes, radius)
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_lists_as_long_as_they_come(kind):
    hashes = KINDS[kind](4000, 31)
    assert ascending(join(hashes, 4)) == brute_force(hashes, 4)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5),
    st.integers(0, 30),
    st.integers(0, 8),
    st.randoms(use_true_random=False),
)
def test_short_lists(few, copies, radius, chance):
    values = list(few)
    for _ in range(copies):
        value = chance.choice(values)
        for bit in chance.sample(range(64), chance.randint(0, 4)):
            value ^= 1 << bit
        values.append(value)
    hashes = np.array(values, np.uint64)
    assert ascending(join(hashes, radius)) == brute_force(hashes, radius)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory_bytes", [FEW_BYTES, 10**9])
@pytest.mark.parametrize("new_from", [0, 1, 1150, 1200])
def test_new_hashes_only_add_the_pairs_that_are_missing(small_steps, tmp_path, kind, memory_bytes, new_from):
    hashes = KINDS[kind](1200, 41)
    hashes = hashes[first_places(hashes)]
    limits = {"memory_bytes": memory_bytes, "folder": tmp_path}
    added = ascending(join(hashes, 5, new_from=new_from, **limits))
    old = ascending(join(hashes[:new_from], 5, **limits))
    assert sorted(added + old) == brute_force(hashes, 5)
    assert all(j >= new_from for _, j in added)


def test_a_new_picture_with_an_old_hash_is_new():
    hashes = np.array([0b0000, 0b0001, 0b111111, 0b111110, 0b0000], np.uint64)
    assert ascending(join(hashes, 1, new_from=4)) == [[0, 1]]
    assert ascending(join(hashes, 1, new_from=5)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory_bytes", [FEW_BYTES, 10**9])
def test_pairs_do_not_depend_on_the_order_of_hashes(small_steps, tmp_path, kind, memory_bytes):
    hashes = KINDS[kind](1000, 51)
    hashes = hashes[first_places(hashes)]
    order = np.random.default_rng(6).permutation(len(hashes))
    limits = {"memory_bytes": memory_bytes, "folder": tmp_path}
    moved = order[rows(join(hashes[order], 4, **limits))]
    assert sorted(np.sort(moved, axis=1).tolist()) == ascending(join(hashes, 4, **limits))


def test_the_same_call_gives_the_same_order(small_steps):
    hashes = skewed(2000, 61)
    assert np.array_equal(rows(join(hashes, 4)), rows(join(hashes.copy(), 4)))


@pytest.mark.parametrize("make", [uniform, partial(few_bits, bits=32), skewed])
def test_memory_stays_within_the_limit(tmp_path, make):
    limit = 12_000_000
    pieces = (make(20_000, seed) for seed in range(12))  # 38 MB, if all were held
    tracemalloc.start()
    try:
        for _ in join(pieces, 3, memory_bytes=limit, folder=tmp_path):
            pass
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def test_what_does_not_fit_needs_a_folder():
    with pytest.raises(ConfigError, match=r"More than 100 hashes .* Name a folder"):
        list(join(uniform(1000, 1), 4, memory_bytes=16_000))
    with pytest.raises(ConfigError, match="Name a folder"):
        list(join(iter([uniform(10, 1)]), 4))


def test_files_are_removed_when_the_caller_stops_early(small_steps, tmp_path):
    hashes = clustered(2000, 81)
    found = join(hashes, 6, memory_bytes=FEW_BYTES, folder=tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagenet_build.dedup.join.PAIRS_PER_BLOCK", 1)
        found = join(hashes, 6, memory_bytes=FEW_BYTES, folder=tmp_path)
        next(found)
        assert list(tmp_path.iterdir()) != []
    found.close()
    assert list(tmp_path.iterdir()) == []


def test_no_hashes():
    nothing = np.empty(0, np.uint64)
    assert list(join(nothing, 4)) == []
    assert list(join_between(nothing, uniform(5, 1), 4)) == []


@pytest.mark.parametrize("radius", [1, 4, 8])
def test_exactly_one_key_reports_a_pair(radius):
    blocks = choose_blocks(uniform(2000, 91), (10**6, 10**6), radius)
    assert blocks is not None
    rng = np.random.default_rng(3)
    one = uniform(3000, 92)
    differing = one ^ flipped(one, radius, rng)
    told = np.sum([blocks.reports(key, differing) for key in list(blocks.keys())], axis=0)
    assert told.tolist() == [1] * len(differing)


def test_blocks_are_disjoint_and_leave_out_bits_that_tell_nothing():
    blocks = choose_blocks(few_bits(3000, 95), (3000, 3000), 2)
    assert blocks is not None
    assert sum(mask.bit_count() for mask in blocks.masks) == sum(blocks.masks).bit_count()
    assert sum(blocks.masks) == 2**20 - 1
    assert choose_blocks(np.zeros(50, np.uint64), (50, 50), 2) is None


def test_longer_keys_are_those_that_begin_so():
    blocks = Blocks((1, 2, 4, 8, 16), agreeing=3)
    below = [list(blocks.keys(begun)) for begun in chain.from_iterable(map(blocks.longer, blocks.longer(())))]
    assert list(chain.from_iterable(below)) == list(blocks.keys())
    assert len(list(blocks.keys())) == 10
