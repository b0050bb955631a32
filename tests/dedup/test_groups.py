from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.dedup.groups import Standing, copies_of, keep_or_assign, preference

LICENSES = ("cc0", "by", "by-sa")


@st.composite
def synsets(draw: st.DrawFn) -> tuple[list[Standing], set[tuple[int, int]]]:
    """Images with many ties, and any pairs between them."""
    count = draw(st.integers(0, 9))
    standings = [
        Standing(
            f"url{place}", draw(st.sampled_from((100, 200))), draw(st.sampled_from((*LICENSES, "", "unknown"))), place
        )
        for place in range(count)
    ]
    every = list(combinations(range(count), 2))
    pairs = set(draw(st.lists(st.sampled_from(every), unique=True))) if every else set()
    return standings, pairs


def group_pairs(standings, pairs, licenses):
    """`keep_or_assign` where every proposed pair is the same picture: index -> kept index, of those that go."""
    order = sorted(range(len(standings)), key=lambda at: preference(standings[at], licenses))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    i, j = (np.array([pair[side] for pair in sorted(pairs)], np.int64) for side in (0, 1))
    asked = []

    def judge(which):
        asked.extend(which.tolist())
        return np.ones(len(which), np.bool_)

    kept_for = keep_or_assign(places, i, j, judge)
    assert len(asked) == len(set(asked))
    return {at: kept for at, kept in enumerate(kept_for.tolist()) if at != kept}


def by_url(standings, kept_for):
    return {standings[index].url_key: standings[kept].url_key for index, kept in kept_for.items()}


@settings(deadline=None)
@given(synsets(), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_images_or_pairs(synset, random):
    standings, pairs = synset
    expected = by_url(standings, group_pairs(standings, pairs, LICENSES))
    order = list(range(len(standings)))
    random.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    shuffled = [(place[i], place[j])[:: random.choice((1, -1))] for i, j in pairs]
    random.shuffle(shuffled)
    moved = [standings[old] for old in order]
    assert by_url(moved, group_pairs(moved, shuffled, LICENSES)) == expected


@settings(deadline=None)
@given(synsets())
def test_every_member_is_close_to_the_one_kept_for_it_and_no_two_kept_ones_are_close(synset):
    standings, pairs = synset
    kept_for = group_pairs(standings, pairs, LICENSES)
    close = pairs | {(j, i) for i, j in pairs}
    for index, kept in kept_for.items():
        assert kept not in kept_for
        assert (index, kept) in close
        assert preference(standings[kept], LICENSES) < preference(standings[index], LICENSES)
        better = [
            other
            for other in range(len(standings))
            if (index, other) in close
            and other not in kept_for
            and preference(standings[other], LICENSES) < preference(standings[kept], LICENSES)
        ]
        assert better == []
    kept_ones = set(range(len(standings))) - set(kept_for)
    assert not [pair for pair in pairs if set(pair) <= kept_ones]


def test_a_chain_does_not_join_its_ends():
    a, b, c = Standing("a", 300, "by", 0), Standing("b", 200, "by", 1), Standing("c", 100, "by", 2)
    assert group_pairs([a, b, c], [(0, 1), (1, 2)], LICENSES) == {1: 0}
    middle = [Standing("a", 200, "by", 0), Standing("b", 300, "by", 1), Standing("c", 100, "by", 2)]
    assert group_pairs(middle, [(0, 1), (1, 2)], LICENSES) == {0: 1, 2: 1}


def test_the_rule_is_size_then_licence_then_place():
    def kept(*standings: Standing) -> str:
        pairs = list(combinations(range(len(standings)), 2))
        gone = group_pairs(standings, pairs, LICENSES)
        (left,) = set(range(len(standings))) - set(gone)
        return standings[left].url_key

    assert kept(Standing("small", 99, "cc0", 0), Standing("large", 100, "unknown", 1)) == "large"
    assert kept(Standing("by-sa", 100, "by-sa", 0), Standing("cc0", 100, "cc0", 1)) == "cc0"
    assert kept(Standing("unlisted", 100, "by-nd", 0), Standing("listed last", 100, "by-sa", 1)) == "listed last"
    assert kept(Standing("second", 100, "by", 1), Standing("first", 100, "by", 0)) == "first"
    assert kept(Standing("b", 100, "by", 0), Standing("a", 100, "by", 0)) == "a"


@settings(deadline=None)
@given(synsets(), st.lists(st.sampled_from("xyz"), min_size=9, max_size=9))
def test_copies_are_found_before_and_after_looking_at_all_pairs(synset, letters):
    """Taking equal pictures out first changes nothing about who is kept for whom."""
    standings, _ = synset
    pictures = letters[: len(standings)]
    places = range(len(standings))
    close = {("x", "x"), ("y", "y"), ("z", "z"), ("x", "y"), ("y", "x")}
    every = [(i, j) for i, j in combinations(places, 2) if (pictures[i], pictures[j]) in close]
    copies = copies_of(standings, pictures, LICENSES)
    single = [index for index in places if index not in copies]
    between = [pair for pair in every if set(pair) <= set(single)]
    kept_for = dict(group_pairs(standings, between, LICENSES))
    kept_for.update({index: kept_for.get(first, first) for index, first in copies.items()})
    assert kept_for == group_pairs(standings, every, LICENSES)
