from __future__ import annotations

from collections.abc import Mapping, Sequence

from imagenet_build.report.places import best_branch, places_of, two_branches

UP: Mapping[str, Sequence[str]] = {
    "dog": ("canine", "pet"),
    "wolf": ("canine",),
    "canine": ("animal",),
    "pet": ("animal",),
    "animal": ("thing",),
    "violin": ("string",),
    "string": ("instrument",),
    "drum": ("instrument",),
    "instrument": ("thing",),
    "thing": (),
}


def parents(wnid: str) -> Sequence[str]:
    return UP.get(wnid, ())


def test_synsets_that_only_pass_on_are_left_out() -> None:
    places = places_of(["dog", "wolf", "violin"], parents)
    assert places.children == {"": ("thing",), "thing": ("canine", "violin"), "canine": ("dog", "wolf")}
    assert places.own == {"dog", "wolf", "violin"}
    assert list(places.below("canine")) == ["canine", "dog", "wolf"]


def test_the_order_in_which_synsets_come_does_not_matter() -> None:
    assert places_of(["violin", "wolf", "dog"], parents) == places_of(["dog", "wolf", "violin"], parents)


def test_sums_count_each_synset_once() -> None:
    places = places_of(UP, parents)
    totals = places.totals({"dog": 3, "wolf": 4, "violin": 5, "animal": 1})
    assert (totals["canine"], totals["animal"], totals["thing"], totals[""]) == (7, 8, 13, 13)
    tree = places.node("thing", str.upper, {"dog": 3, "violin": 5})
    assert [node.name for _, node in tree.walk()][:4] == ["THING", "INSTRUMENT", "STRING", "VIOLIN"]
    assert tree.total == 8


def test_parents_that_go_round_in_a_circle_do_no_harm() -> None:
    circle = {"a": ("b",), "b": ("c",), "c": ("a",), "d": ("d",)}
    places = places_of(["a", "d"], lambda wnid: circle.get(wnid, ()))
    assert sorted(wnid for wnid in places.below("") if wnid in places.own) == ["a", "d"]


def test_no_synsets_are_an_empty_tree() -> None:
    places = places_of([], parents)
    assert list(places.below("")) == [""]
    assert places.totals({}) == {"": 0}


def test_a_branch_is_long_and_has_pictures_everywhere() -> None:
    places = places_of(UP, parents)
    totals = places.totals({"dog": 9, "violin": 9, "drum": 20})
    assert best_branch(places, "thing", totals, least=9, most=9) == ["thing", "instrument", "string", "violin"]
    assert best_branch(places, "instrument", totals, least=10, most=9) == ["instrument", "drum"]
    assert best_branch(places, "thing", totals, least=9, most=3) == ["thing", "string", "violin"]


def test_two_branches_share_nothing() -> None:
    places = places_of(UP, parents)
    totals = places.totals({"dog": 9, "violin": 9, "drum": 20})
    tops = ["thing", "animal", "canine", "instrument", "string", "unknown"]
    ways = two_branches(places, tops, totals, least=9, most=9)
    assert ways == [["instrument", "string", "violin"], ["animal", "canine", "dog"]]
    assert two_branches(places, ["thing"], totals, least=9, most=9) == [["thing", "instrument", "string", "violin"]]
    assert two_branches(places, tops, totals, least=99, most=9) == []
