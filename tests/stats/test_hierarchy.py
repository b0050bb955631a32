"""Depths, heights and subtrees on the small WordNet, and the figures of ImageNet's site on the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagenet_build.records import wnid_of
from imagenet_build.stats.gather_counts import gather_counts
from imagenet_build.stats.hierarchy_shape import TableHierarchy, heights, hierarchy_shape
from imagenet_build.stats.subtrees import SITE_CATEGORIES, Category, categories_for, site_figures, subtree_rows
from imagenet_build.stats.synset_rows import placed
from imagenet_build.taxonomy.tree import ancestors
from imagenet_build.taxonomy.wordnet import WordNet

SITE = {
    "amphibian": (94, 591, 56),
    "animal": (3822, 732, 2799),
    "bird": (856, 949, 812),
    "fish": (566, 494, 280),
    "flower": (462, 735, 339),
    "fruit": (309, 607, 188),
    "furniture": (187, 1043, 195),
    "geological formation": (151, 838, 127),
    "invertebrate": (728, 573, 417),
    "mammal": (1138, 821, 934),
    "musical instrument": (157, 891, 140),
    "reptile": (268, 707, 190),
    "structure": (1239, 763, 946),
    "tool": (316, 551, 174),
    "tree": (993, 568, 564),
    "vegetable": (176, 764, 135),
    "vehicle": (481, 778, 374),
}
"""Synsets, average images per synset, thousand images."""
UNSAFE_PERSONS, THEIR_IMAGES = 1593, 600_041


def longest_way_down(tree: WordNet, top: int, wanted: set[int]) -> int:
    """By walking every way."""
    ways = [
        1 + longest_way_down(tree, child, wanted)
        for child in tree.hyponyms(top, instances=True)
        if child in wanted or any(top in ancestors(tree, below) and child in ancestors(tree, below) for below in wanted)
    ]
    return max(ways, default=0)


@pytest.fixture
def some(mini: WordNet) -> set[int]:
    names = ("animal.n.01", "dog.n.01", "puppy.n.01", "whippet.n.01", "collie.n.01", "lassie.n.01", "bird.n.01")
    return {mini.find(name) for name in (*names, "violin.n.01")}


def test_heights_are_the_longest_ways_down(mini, some):
    assert heights(mini, some) == {offset: longest_way_down(mini, offset, some) for offset in some}


def test_heights_pass_through_synsets_that_are_not_given(mini, some):
    found = heights(mini, some)
    assert found[mini.find("dog.n.01")] == 4  # hunting dog, hound, greyhound, whippet; or working dog, ..., Lassie
    assert found[mini.find("bird.n.01")] == 0  # goose, crane and woodpecker are not given


def test_a_table_of_all_synsets_is_the_same_hierarchy(mini):
    offsets = list(mini.offsets)
    table = TableHierarchy(
        {offset: mini.parents(offset) for offset in offsets},
        {offset: mini.depth(offset) for offset in offsets},
        {offset: mini.name(offset) for offset in offsets},
    )
    counts = {offset: place for place, offset in enumerate(offsets)}
    categories = [Category("dog", mini.find("dog.n.01")), Category("animal", mini.find("animal.n.01"))]
    assert heights(table, offsets) == heights(mini, offsets)
    assert hierarchy_shape(table, counts, heights(table, offsets)) == hierarchy_shape(
        mini, counts, heights(mini, offsets)
    )
    assert subtree_rows(table, counts, categories) == subtree_rows(mini, counts, categories)


def test_a_subtree_counts_each_synset_once(mini):
    counts = dict.fromkeys(mini.offsets, 1)
    (row,) = subtree_rows(mini, counts, [Category("animal", mini.find("animal.n.01"))])
    below = {offset for offset in mini.offsets if mini.find("animal.n.01") in ancestors(mini, offset)}
    assert row.synsets == row.images == len(below) + 1  # dogs have two parents, lap-dogs too
    assert sum(level.synsets for level in row.levels) == row.synsets


def test_empty_synsets_belong_to_the_average(mini):
    dog, cat = mini.find("dog.n.01"), mini.find("cat.n.01")
    (row,) = subtree_rows(mini, {dog: 7, cat: 0}, [Category("animal", mini.find("animal.n.01"))], {dog: 3})
    assert (row.synsets, row.nonempty, row.images, row.average, row.accepted) == (2, 1, 7, 3.5, 3)
    assert site_figures(row) == (2, 4, 0)


def test_only_what_is_asked_for_has_an_empty_row(mini):
    dog, violin = mini.find("dog.n.01"), mini.find("violin.n.01")
    rows = subtree_rows(mini, {dog: 1}, [Category("violin", violin, is_root=True), Category("cello", violin)])
    assert [(row.category, row.synsets, row.average) for row in rows] == [("violin", 0, 0.0)]


def test_roots_come_first_and_once(mini):
    dog, animal = mini.find("dog.n.01"), mini.find("hunting_dog.n.01")
    found = categories_for(mini, [animal, dog, animal], [Category("hund", dog), Category("katze", 5)])
    assert [(of.word, of.is_root) for of in found] == [("hunting dog", True), ("hund", True), ("katze", False)]


def test_unknown_wnids_count_but_stand_nowhere(mini):
    dog = wnid_of(mini.find("dog.n.01"))
    found = placed(mini, {dog: 3, "n99999999": 4}, [])
    assert found.unknown == ("n99999999",)
    assert [(row.wnid, row.images, row.depth) for row in found.synsets][1] == ("n99999999", 4, None)
    assert sum(level.images for level in found.shape.depths) == 3


def test_there_are_27_site_categories():
    assert len({of.offset for of in SITE_CATEGORIES}) == 27


@pytest.fixture(scope="session")
def fall_2011() -> Path:
    shared = os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[2].parent / "shared"
    path = Path(shared) / "reference" / "imagenet21k_fall11_image_counts.csv"
    if not path.is_file():
        pytest.skip("the image counts of 2011 lie neither in IMAGENET_BUILD_SHARED nor in ../shared")
    return path


@pytest.fixture(scope="session")
def found_2011(fall_2011, real):
    return gather_counts(fall_2011, real, [real.find("mammal.n.01")])


def test_site_categories_are_wordnets(real):
    for category in SITE_CATEGORIES:
        assert category.word.replace(" ", "_") in real.lemmas(category.offset)


def test_totals_of_2011(found_2011):
    assert (found_2011.totals.synsets, found_2011.totals.kept) == (21_841, 14_197_114)
    assert found_2011.images_per_synset.many == 11_221


@pytest.mark.parametrize("category", SITE)
def test_row_of_the_site(found_2011, category):
    rows = [row for row in found_2011.subtrees if row.category == category]
    assert [site_figures(row) for row in rows] == [SITE[category]]


def test_the_root_stands_first(found_2011):
    assert [row.is_root for row in found_2011.subtrees].index(False) == 1
    assert found_2011.subtrees[0].name == "mammal.n.01"


def test_every_synset_of_2011_has_a_depth_and_a_height(found_2011):
    assert sum(level.synsets for level in found_2011.shape.depths) == 21_841
    assert sum(level.images for level in found_2011.shape.heights) == 14_197_114
    assert found_2011.absent == ()


def test_images_of_the_unsafe_person_synsets(fall_2011, real):
    listed = fall_2011.with_name("person_unsafe_wnids.txt").read_text().split()
    found = gather_counts(fall_2011, real, only=frozenset(listed))
    assert (found.totals.synsets, found.totals.kept) == (UNSAFE_PERSONS, THEIR_IMAGES)
