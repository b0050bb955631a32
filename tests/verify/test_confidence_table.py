from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import permutations

import numpy as np
import pytest

from imagenet_build.verify.confidence_table import confidence_table, initial_subset
from imagenet_build.verify.table_files import table_csv, table_svg


def test_cells_are_the_share_of_good_pictures_over_all_orders_of_their_votes() -> None:
    pictures = [(3, 1), (1, 3), (2, 2)]
    table = confidence_table(np.array([yes for yes, _ in pictures]), np.array([no for _, no in pictures]))
    for yes in range(4):
        for no in range(4):
            seen = good = 0
            for all_yes, all_no in pictures:
                for order in permutations([1] * all_yes + [0] * all_no):
                    first = order[: yes + no]
                    if len(first) == yes + no and sum(first) == yes:
                        seen += 1
                        good += all_yes > all_no
            found = table.confidence[yes, no]
            assert (np.isnan(found) and seen == 0) or found == pytest.approx(good / seen)


def test_a_synset_without_any_majority_is_not_illustrable() -> None:
    assert not confidence_table(np.array([4, 5]), np.array([6, 5])).is_illustrable
    assert confidence_table(np.array([6, 5]), np.array([4, 5])).is_illustrable


def test_counts_beyond_the_table_are_unknown() -> None:
    table = confidence_table(np.array([2]), np.array([0]))
    assert np.isnan(table.of(np.array([9, 0]), np.array([0, 1]))).all()
    assert table.of(np.array([1]), np.array([0])).tolist() == [1.0]


def test_the_initial_subset_is_random_but_the_same_for_a_seed() -> None:
    synset = np.repeat([0, 1], [50, 3])
    chosen = initial_subset(synset, 10, seed=1)
    assert np.bincount(synset, chosen).tolist() == [10, 3]
    assert (chosen == initial_subset(synset, 10, seed=1)).all()
    assert (chosen != initial_subset(synset, 10, seed=2)).any()


def test_the_files_show_every_known_cell() -> None:
    tables = {"n<1>": confidence_table(np.array([2, 0]), np.array([0, 2]))}
    assert table_csv(tables).splitlines()[1:] == [
        "n<1>,0,1,0.0000",
        "n<1>,0,2,0.0000",
        "n<1>,1,0,1.0000",
        "n<1>,2,0,1.0000",
    ]
    root = ET.fromstring(table_svg(tables, most=2))
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 9
