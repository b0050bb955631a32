from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.errors import ConfigError
from imagenet_build.stats.sampling import Sample, allocate, draw_sample

DEPTHS = {
    "shallow": 3,
    **{f"middle{number}": 5 for number in range(6)},
    **{f"deep{number:02}": 9 for number in range(40)},
}
COUNTS = {name: 5 + 7 * place for place, name in enumerate(DEPTHS)} | {"empty": 0}


def images_of(wnid: str) -> list[str]:
    return [f"{wnid}_{number}" for number in range(COUNTS[wnid])]


def drawn(synsets: int = 20, pictures: int = 10, seed: int = 0, *, backwards: bool = False) -> Sample:
    names = reversed(COUNTS) if backwards else iter(COUNTS)
    counts = {name: COUNTS[name] for name in names}
    depths = {**DEPTHS, "empty": 9}

    def in_order(wnid: str) -> list[str]:
        return images_of(wnid)[:: -1 if backwards else 1]

    return draw_sample(counts, depths, in_order, synsets=synsets, pictures=pictures, seed=seed)


@given(st.dictionaries(st.integers(0, 18), st.integers(1, 200), min_size=1), st.integers(0, 400))
def test_depths_get_equally_many_or_all_they_have(synsets: dict[int, int], extra: int) -> None:
    wanted = len(synsets) + extra
    given_ = allocate(synsets, wanted)
    assert sum(given_.values()) == min(wanted, sum(synsets.values()))
    most = max(given_.values())
    for depth, count in given_.items():
        assert 1 <= count <= synsets[depth]
        assert count == synsets[depth] or count >= most - 1


def test_what_is_left_over_goes_to_the_largest_depths() -> None:
    assert allocate({1: 50, 2: 60, 3: 60}, 10) == {1: 3, 2: 4, 3: 3}


def test_fewer_synsets_than_depths_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 depths"):
        drawn(synsets=2)


def test_a_sample_follows_its_design() -> None:
    made = drawn()
    assert [(one.depth, one.synsets, one.drawn) for one in made.strata] == [(3, 1, 1), (5, 6, 6), (9, 40, 13)]
    assert made.strata[2].pictures == sum(COUNTS[name] for name in DEPTHS if DEPTHS[name] == 9)
    chosen = {one.wnid for one in made.synsets}
    others = [name for name in DEPTHS if DEPTHS[name] == 9 and name not in chosen]
    assert made.strata[2].inverse_others == pytest.approx(sum(1 / COUNTS[name] for name in others))
    for one in made.synsets:
        assert len(one.images) == len(set(one.images)) == min(10, COUNTS[one.wnid])
        assert set(one.images) <= set(images_of(one.wnid))
        assert one.pictures == COUNTS[one.wnid]
        assert one.probability == {3: 1.0, 5: 1.0, 9: 13 / 40}[one.depth]
        assert one.picture_probability == pytest.approx(one.probability * min(1, 10 / one.pictures))


def test_every_beginning_is_spread_over_the_depths() -> None:
    assert Counter(one.depth for one in drawn().synsets[:9]) == {3: 1, 5: 4, 9: 4}


def test_order_does_not_matter_and_the_seed_does() -> None:
    assert drawn() == drawn(backwards=True)
    assert drawn(seed=1).synsets != drawn(seed=2).synsets


def test_a_run_that_grew_keeps_most_of_its_sample() -> None:
    before = {one.wnid for one in drawn().synsets}
    counts = {**COUNTS, **{f"new{number}": 10 for number in range(4)}}
    depths = {**DEPTHS, **{f"new{number}": 9 for number in range(4)}}
    after = draw_sample(
        {name: count for name, count in counts.items() if count}, depths, lambda wnid: [wnid], synsets=20, pictures=1
    )
    assert len(before & {one.wnid for one in after.synsets}) >= 16


def test_every_synset_and_picture_is_drawn_as_often_as_its_probability_says() -> None:
    """Over 200 seeds; five standard deviations of a binomial share."""
    seeds = 200
    synsets: Counter[str] = Counter()
    pictures: Counter[str] = Counter()
    for seed in range(seeds):
        for one in drawn(seed=seed).synsets:
            synsets[one.wnid] += 1
            pictures.update(one.images)
    for name, depth in DEPTHS.items():
        share = {3: 1.0, 5: 1.0, 9: 13 / 40}[depth]
        assert abs(synsets[name] / seeds - share) <= 5 * sqrt(share * (1 - share) / seeds) + 1e-9
    for image in images_of("middle5"):
        share = 10 / COUNTS["middle5"]
        assert abs(pictures[image] / seeds - share) <= 5 * sqrt(share * (1 - share) / seeds)


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ConfigError, match="No synset has a picture"):
        draw_sample({"a": 0}, {"a": 1}, images_of)
