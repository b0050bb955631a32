import numpy as np
import pytest

from imagenet_build.dedup import join_blocks, join_search
from imagenet_build.dedup.join_spread import Spread, spread_over
from imagenet_build.dedup.join_store import Held, Room
from tests.dedup.hash_lists import KINDS, uniform

ROOM = Room(10**7, None)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Lists of a test are divided as lists of millions are."""
    monkeypatch.setattr(join_search, "CELLS_COMPARED", 400)
    monkeypatch.setattr(join_search, "PART_HASHES", 128)
    monkeypatch.setattr(join_search, "LARGE_GROUP", 5)
    monkeypatch.setattr(join_blocks, "NS_PER_KEY", 0)
    monkeypatch.setattr(join_blocks, "NS_PER_COMPARISON", 10)


def found_by_parts(spread: Spread, *lists) -> list[list[int]]:
    """Pairs that all parts report, each part with its own hashes only."""
    dealt = [np.stack(list(spread.parts(hashes))) for hashes in lists]
    pairs = []
    for part in np.unique(np.concatenate([each.ravel() for each in dealt])).tolist():
        sides = []
        for hashes, parts in zip(lists, dealt, strict=True):
            places = np.flatnonzero((parts == part).any(axis=0))
            sides.append(Held(hashes[places], places))
        for found in spread.search(tuple(sides), part, ROOM):
            pairs.extend(np.stack([found.left, found.right], axis=1).tolist())
    return sorted(sorted(pair) if len(lists) == 1 else pair for pair in pairs)


def apart(left, right) -> np.ndarray:
    return np.bitwise_count(left[:, None] ^ right[None, :])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [0, 1, 4, 8])
def test_the_parts_together_report_each_pair_once(kind, radius):
    hashes = np.unique(KINDS[kind](700, 3))
    spread = spread_over(hashes, len(hashes), radius, 50)
    expected = np.argwhere(np.triu(apart(hashes, hashes) <= radius, 1)).tolist()
    assert found_by_parts(spread, hashes) == expected


@pytest.mark.parametrize("radius", [0, 2, 4])
def test_two_lists_meet_in_the_same_parts(radius):
    left, right = np.unique(KINDS["clustered"](400, 1)), np.unique(KINDS["clustered"](300, 1))
    spread = spread_over(left, len(left), radius, 40)
    expected = np.argwhere(apart(left, right) <= radius).tolist()
    assert expected
    assert found_by_parts(spread, left, right) == expected


def test_many_hashes_are_dealt_evenly_and_copied_radius_and_one_times():
    hashes = uniform(100_000, 7)
    spread = spread_over(hashes[:5000], len(hashes), 4, 10_000)
    dealt = list(spread.parts(hashes))
    assert len(dealt) == 5
    for place, parts in enumerate(dealt):
        numbers, counts = np.unique(parts, return_counts=True)
        assert len(numbers) == 16
        assert counts.max() < 10_000
        assert spread.is_first(int(numbers[0])) is (place == 0)


def test_few_hashes_are_one_part():
    spread = spread_over(uniform(100, 1), 100, 4, 1000)
    [parts] = spread.parts(uniform(100, 1))
    assert set(parts.tolist()) == {0}
    assert spread.is_first(0)
