from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagenet_build.taxonomy.wordnet import WordNet
from imagenet_build.web.explorer.above_run import MOST_ROOTS, is_list, with_synsets_above
from imagenet_build.web.explorer.run_tree import RunTree
from tests.mini_wordnet.fixtures import mini, mini_config, mini_folder, real, real_config, real_corpora  # noqa: F401

ANIMAL, PET, CANINE, DOG, WHIPPET, STONE = (f"n0000000{number}" for number in range(1, 7))


def row(wnid: str, name: str, *parents: str) -> dict[str, Any]:
    return {
        "wnid": wnid,
        "name": f"{name}.n.01",
        "lemmas": [name, f"{name}_too"],
        "gloss": f"what a {name} is",
        "hypernyms": list(parents),
        "depth": 1,
    }


def family() -> list[dict[str, Any]]:
    """A dog is a canine and a pet, and both are animals; a stone stands alone."""
    return [
        row(WHIPPET, "whippet", DOG),
        row(DOG, "dog", CANINE, PET),
        row(CANINE, "canine", ANIMAL),
        row(PET, "pet", ANIMAL),
        row(ANIMAL, "animal", "n99999999"),
        row(STONE, "stone"),
    ]


def test_a_synset_below_another_in_two_ways_counts_once() -> None:
    tree = RunTree(family())
    own = np.zeros(6, np.int64)
    own[[tree.number[DOG], tree.number[WHIPPET]]] = 10, 1
    sums = dict(zip(tree.wnids, tree.sums(own).tolist(), strict=True))
    assert sums == {ANIMAL: 11, PET: 11, CANINE: 11, DOG: 11, WHIPPET: 1, STONE: 0}
    assert dict(zip(tree.wnids, tree.sizes.tolist(), strict=True))[ANIMAL] == 5


def test_the_order_of_the_rows_does_not_matter() -> None:
    one, other = RunTree(family()), RunTree(family()[::-1])
    assert one.wnids == other.wnids
    assert one.children == other.children
    assert one.sums(np.arange(6)).tolist() == other.sums(np.arange(6)).tolist()


def test_parents_outside_the_run_are_left_away() -> None:
    tree = RunTree(family())
    assert [tree.wnids[root] for root in tree.roots] == [ANIMAL, STONE]
    assert [tree.name(child) for child in tree.children[tree.number[ANIMAL]]] == ["canine", "pet"]


def test_paths_lead_down_from_the_roots_shortest_first() -> None:
    tree = RunTree([*family(), row("n00000007", "lapdog", DOG, ANIMAL)])
    ways = [[tree.name(step) for step in way] for way in tree.paths(tree.number["n00000007"])]
    assert ways == [
        ["animal", "lapdog"],
        ["animal", "canine", "dog", "lapdog"],
        ["animal", "pet", "dog", "lapdog"],
    ]
    assert len(tree.paths(tree.number["n00000007"], 2)) == 2


def test_parents_in_a_circle_end_nowhere_but_end() -> None:
    tree = RunTree([row(DOG, "dog", PET), row(PET, "pet", DOG)])
    assert tree.sums(np.ones(2, np.int64)).tolist() == [2, 2]
    assert tree.paths(0) == [[1, 0]]


def test_histograms_count_each_synset_below_once() -> None:
    tree = RunTree(family())
    bins = np.array([0, 0, 0, 2, 1, 0])
    made = tree.histograms(bins, 3)
    assert made[tree.number[ANIMAL]].tolist() == [3, 1, 1]
    assert made[tree.number[STONE]].tolist() == [1, 0, 0]


def test_drawn_children_give_each_synset_one_place() -> None:
    tree = RunTree(family())
    drawn = [child for number in range(6) for child in tree.drawn_children(number)]
    assert sorted(drawn) == sorted(set(drawn)) == [1, 2, 3, 4]


def test_an_empty_run_is_an_empty_tree() -> None:
    tree = RunTree([])
    assert (len(tree), tree.roots, tree.sums(np.zeros(0, np.int64)).tolist()) == (0, [], [])
    assert tree.histograms(np.zeros(0, np.int64), 3).shape == (0, 3)


def taken(wordnet: WordNet, *names: str) -> list[dict[str, Any]]:
    found = [wordnet.find(name) for name in names]
    return [
        {**row(f"n{offset:08d}", wordnet.lemmas(offset)[0], *(f"n{up:08d}" for up in wordnet.parents(offset)))}
        for offset in found
    ]


def named(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    names = {one["wnid"]: one["name"].split(".")[0] for one in rows}
    return {names[one["wnid"]]: {names.get(up, up) for up in one["hypernyms"]} for one in rows}


def test_scattered_synsets_are_joined_by_what_stands_above_them(real: WordNet) -> None:  # noqa: F811
    rows = taken(real, "whippet.n.01", "greyhound.n.01", "cat.n.01", "violin.n.01", "cello.n.01")
    made = named(with_synsets_above(rows, real))
    assert made["whippet"] == {"greyhound"}
    assert made["greyhound"] == made["cat"] == {"carnivore"}
    assert made["violin"] == made["cello"] == {"bowed_stringed_instrument"}
    assert set(made) == {"whippet", "greyhound", "cat", "violin", "cello"} | {
        "carnivore",
        "bowed_stringed_instrument",
        "whole",
    }


def test_of_parents_one_above_the_other_the_nearer_stays(real: WordNet) -> None:  # noqa: F811
    """A dog is a domestic animal too: without another one in the run, that is only another way to animal."""
    rows = taken(real, "dog.n.01", "wolf.n.01", "bird.n.01")
    made = named(with_synsets_above(rows, real))
    assert made["dog"] == made["wolf"] == {"canine"}
    assert made["canine"] == made["bird"] == {"vertebrate"}


def test_what_joins_counts_for_nothing(real: WordNet) -> None:  # noqa: F811
    rows = with_synsets_above(taken(real, "dog.n.01", "wolf.n.01"), real)
    tree = RunTree(rows)
    canine = next(number for number in range(3) if tree.is_extra[number])
    assert (tree.name(canine), tree.sizes[canine], tree.roots) == ("canine", 2, [canine])
    assert tree.histograms(np.zeros(3, np.int64), 2)[canine].tolist() == [2, 0]


def test_unknown_synsets_stay_roots(mini: WordNet) -> None:  # noqa: F811
    rows = with_synsets_above([row("n99999998", "ghost"), *taken(mini, "dog.n.01")], mini)
    assert {one["wnid"]: one["hypernyms"] for one in rows if not one["is_extra"]}["n99999998"] == []


@pytest.mark.parametrize(("roots", "is_one"), [(MOST_ROOTS, False), (MOST_ROOTS + 1, True)])
def test_many_roots_make_a_list(roots: int, is_one: bool) -> None:
    rows = [row(f"n{number:08d}", f"thing{number}") for number in range(roots)]
    assert is_list(rows) is is_one
