from __future__ import annotations

import numpy as np
import pytest

from imagenet_build.web.explorer.run_tree import RunTree
from imagenet_build.web.explorer.search_index import SearchIndex, folded
from tests.web.test_run_tree import row

ROWS = [
    {**row(wnid, lemmas[0]), "lemmas": lemmas, "gloss": gloss}
    for wnid, lemmas, gloss in (
        ("n02084071", ["dog", "domestic_dog", "Canis_familiaris"], "a member of the genus Canis"),
        ("n02091134", ["whippet"], "small slender dog of greyhound type"),
        ("n07676602", ["frank", "hotdog", "hot_dog"], "a smooth-textured sausage"),
        ("n02096294", ["Australian_terrier"], "small greyish wire-haired dog"),
        ("n01503061", ["bird"], "warm-blooded egg-laying vertebrates"),
        ("n07930864", ["cup"], "a punch served in a pitcher"),
    )
]
QUERIES = [
    ("n02084071", "perro", "spa", True),
    ("n02084071", "狗", "cmn", True),
    ("n02091134", "whippet dog", "eng", False),
    ("n02091134", "惠比特犬", "cmn", True),
    ("n01503061", "pájaro", "spa", True),
    ("n01503061", "飞鸟", "cmn", True),
    ("n02096294", "Łasica Straße", "pol", True),
]


@pytest.fixture(scope="module")
def tree() -> RunTree:
    return RunTree(ROWS)


@pytest.fixture(scope="module")
def index(tree: RunTree) -> SearchIndex:
    return SearchIndex(
        tree, [(tree.number[wnid], text, language, is_name) for wnid, text, language, is_name in QUERIES]
    )


def find(index: SearchIndex, tree: RunTree, asked: str, weights: list[int] | None = None) -> list[str]:
    found, total = index.find(asked, np.array(weights or [0] * len(tree)), 50)
    assert total == len(found)
    return [tree.name(one.number) for one in found]


def test_the_name_itself_comes_first_then_what_begins_with_it_then_the_rest(index: SearchIndex, tree: RunTree) -> None:
    assert find(index, tree, "dog") == ["dog", "frank", "whippet", "Australian terrier"]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("DOG", "dog"),
        ("domestic_dog", "dog"),
        ("hot dog", "frank"),
        ("perro", "dog"),
        ("pajaro", "bird"),
        ("PÁJARO", "bird"),
        ("pa\u0301jaro", "bird"),
        ("狗", "dog"),
        ("鸟", "bird"),
        ("比特", "whippet"),
        ("lasica strasse", "Australian terrier"),
        ("n02091134", "whippet"),
        ("02091134", "whippet"),
        ("N0150", "bird"),
        ("bird.n.01", "bird"),
        ("greyhound", "whippet"),
        ("dog slender", "whippet"),  # both words, not side by side
        ("cup", "cup"),
    ],
)
def test_words_of_any_language_wnids_and_glosses_are_found(
    index: SearchIndex, tree: RunTree, asked: str, first: str
) -> None:
    assert find(index, tree, asked)[0] == first


@pytest.mark.parametrize("asked", ["", "   ", "xyzzy", "dog bird", "n99999999", "☃", "%", "\\", "(", "\x00"])
def test_what_is_not_there_is_not_found(index: SearchIndex, tree: RunTree, asked: str) -> None:
    assert find(index, tree, asked) == []


def test_what_matched_is_told_as_it_is_written(index: SearchIndex, tree: RunTree) -> None:
    found, _ = index.find("pajaro", np.zeros(len(tree), np.int64), 5)
    assert (found[0].text, found[0].language) == ("pájaro", "spa")


def test_one_letter_is_looked_for_at_the_beginning_of_words_only(index: SearchIndex, tree: RunTree) -> None:
    assert "dog" in find(index, tree, "d")
    assert find(index, tree, "wh") == ["whippet"]


def test_of_equal_answers_the_fuller_synset_comes_first(index: SearchIndex, tree: RunTree) -> None:
    weights = [0] * len(tree)
    weights[tree.number["n02096294"]] = 9
    assert find(index, tree, "small", weights) == ["Australian terrier", "whippet"]
    weights[tree.number["n02091134"]] = 10
    assert find(index, tree, "small", weights) == ["whippet", "Australian terrier"]


def test_an_empty_run_answers_nothing() -> None:
    empty = RunTree([])
    assert SearchIndex(empty, []).find("dog", np.zeros(0, np.int64), 5) == ([], 0)


def test_folding_keeps_what_is_no_accent() -> None:
    assert folded("か") != folded("が")
    assert folded("Ångström") == "angstrom"
