from __future__ import annotations

import numpy as np

from imagenet_build.verify.gold import Gold, choose_gold, unlike_synsets
from imagenet_build.verify.task_pages import arranged, next_pictures, second_looks
from tests.verify_run.fake_run import CELLO, DRUM, FAMILY, INSTRUMENT, STRING, VIOLIN


def test_what_is_worth_most_comes_first_and_what_is_settled_never() -> None:
    worth = np.array([0.0, 0.5, 1.0, 0.001, 0.9])
    nobody, nothing = np.zeros(5, np.int64), np.zeros(5, bool)
    assert next_pictures(worth, 0.01, nobody, nothing, 10).tolist() == [2, 4, 1]


def test_what_was_seen_or_is_out_is_not_offered() -> None:
    worth = np.ones(4)
    out, seen = np.array([0, 1, 0, 0]), np.array([True, False, False, False])
    assert next_pictures(worth, 0.01, out, seen, 10).tolist() == [2, 3]


def test_negatives_come_from_siblings_first_and_never_from_the_own_line() -> None:
    others = [INSTRUMENT, STRING, VIOLIN, CELLO, DRUM]
    assert unlike_synsets(VIOLIN, others, FAMILY, 5) == [CELLO, DRUM]
    assert unlike_synsets(STRING, others, FAMILY, 5) == [DRUM]
    assert unlike_synsets("n00000001", others, FAMILY, 5) == []


def test_gold_is_half_of_each_kind_where_both_are_there() -> None:
    rng = np.random.default_rng(0)
    yes, no = [Gold(f"y{n}", "yes") for n in range(9)], [Gold(f"n{n}", "no") for n in range(9)]
    assert sorted(gold.truth for gold in choose_gold(yes, no, 4, rng)) == ["no", "no", "yes", "yes"]
    assert [gold.truth for gold in choose_gold([], no, 4, rng)] == ["no"] * 4
    assert [gold.truth for gold in choose_gold(yes, no[:1], 3, rng)].count("yes") == 2
    assert choose_gold(yes, no, 0, rng) == []


def test_gold_stands_anywhere_on_the_page() -> None:
    images = [f"i{n}" for n in range(10)]
    places = set()
    for seed in range(200):
        shown, known = arranged(images, [Gold("g", "no")], np.random.default_rng(seed))
        assert sorted(shown) == sorted([*images, "g"])
        ((place, truth),) = known.items()
        assert shown[place] == "g"
        assert truth == "no"
        places.add(place)
    assert places == set(range(11))


def test_second_looks_are_as_many_as_wanted_on_average() -> None:
    seen = np.arange(100) < 50
    counts = [len(second_looks(seen, 0.1, 40, np.random.default_rng(seed))) for seed in range(500)]
    assert 3.5 < np.mean(counts) < 4.5
    assert second_looks(seen, 0.0, 40, np.random.default_rng(0)).tolist() == []
    assert (second_looks(seen, 1.0, 40, np.random.default_rng(0)) < 50).all()
