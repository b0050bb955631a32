"""What a synset may know of the others: the sum over those of its slot before it, whatever was finished when."""

from __future__ import annotations

import random

import pytest

from imagenet_build.search.known_yields import KnownYields, slot_of
from imagenet_build.search.yields import Yield
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.schemas import HITS, SEARCH_REJECTIONS

WNIDS = [f"n{number:08d}" for number in range(100, 160)]
KINDS = [("eng", "synonym"), ("spa", "translation"), ("eng", "latin")]


@pytest.fixture
def store(tmp_path):
    pages = PageStore(tmp_path / "engine.sqlite")
    yield pages
    pages.close()


def keep(store: PageStore, wnid: str, *, more: int = 0) -> None:
    rng = random.Random(wnid)
    yields = {kind: (rng.randint(1, 4), rng.randint(0, 60) + more) for kind in KINDS if rng.random() < 0.8}
    store.keep_hits(wnid, HITS.empty_table(), SEARCH_REJECTIONS.empty_table(), yields)


def summed(store: PageStore, wnid: str, slots: int) -> dict[tuple[str, str], Yield]:
    """The definition, row by row."""
    total: dict[tuple[str, str], Yield] = {}
    for other, language, origin, requests, new_urls in store.yields_of("", wnid):
        if slot_of(other, slots) == slot_of(wnid, slots):
            total[language, origin] = total.get((language, origin), Yield()).plus(requests, new_urls)
    return total


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_it_is_the_sum_over_the_slot_so_far(store, slots):
    known = KnownYields(store, slots)
    for wnid in WNIDS:
        assert known.before(wnid) == summed(store, wnid, slots)
        keep(store, wnid)
    assert sum(found.requests for found in known.before(WNIDS[-1]).values()) > 20


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_what_the_other_slots_do_meanwhile_changes_nothing(store, tmp_path, slots):
    """Slots go on at their own speed; a run that is broken off starts again where each of them was."""
    expected = {}
    in_order = KnownYields(store, slots)
    for wnid in WNIDS:
        expected[wnid] = in_order.before(wnid)
        keep(store, wnid)
    rng = random.Random(slots)
    for attempt in range(5):
        other = PageStore(tmp_path / f"{attempt}.sqlite")
        lanes = [[wnid for wnid in WNIDS if slot_of(wnid, slots) == slot] for slot in range(slots)]
        known = KnownYields(other, slots)
        while any(lanes):
            lane = rng.choice([lane for lane in lanes if lane])
            assert known.before(lane[0]) == expected[lane[0]]
            if rng.random() < 0.1:  # killed before it was kept
                known = KnownYields(other, slots)
                continue
            keep(other, lane.pop(0))
        other.close()


def test_a_synset_that_is_searched_again_knows_what_it_knew(store):
    for wnid in WNIDS:
        keep(store, wnid)
    known = KnownYields(store, 1)
    before = {wnid: known.before(wnid) for wnid in WNIDS}
    assert known.before(WNIDS[7]) == before[WNIDS[7]]
    keep(store, WNIDS[7], more=1000)
    after = known.before(WNIDS[8])
    assert sum(found.new_urls for found in after.values()) > 1000
    assert after == summed(store, WNIDS[8], 1)


def test_every_row_is_read_once_however_many_synsets_there_are(store, monkeypatch):
    read = []
    kept = PageStore.yields_of

    def counted(self: PageStore, first: str, end: str) -> list[tuple[str, str, str, int, int]]:
        rows = kept(self, first, end)
        read.extend(rows)
        return rows

    monkeypatch.setattr(PageStore, "yields_of", counted)
    known = KnownYields(store, 1)
    for wnid in WNIDS:
        known.before(wnid)
        keep(store, wnid)
    known.before("n99999999")
    assert sorted(read) == kept(store, "", "n99999999")
