from __future__ import annotations

from dataclasses import replace

from imagenet_build.report.material import Trouble
from imagenet_build.report.troubles import RunNotes, troubles_of
from imagenet_build.stats.document import Statistics
from tests.report.documents import counts, full


def told(statistics: Statistics, notes: RunNotes | None = None) -> list[Trouble]:
    return list(troubles_of(statistics, notes or RunNotes(run="runs/mine")))


def one(troubles: list[Trouble], word: str) -> Trouble:
    (found,) = [trouble for trouble in troubles if word in trouble.what]
    return found


def test_each_trouble_has_its_number_and_its_command() -> None:
    troubles = told(full())
    again = one(troubles, "another try may help")
    assert again.number == 30
    assert "`imagenet-build retry runs/mine --class transient`" in again.remedy
    assert "`imagenet-build build --out runs/mine`" in again.remedy
    assert one(troubles, "not fetched yet").number == 7
    assert one(troubles, "license refused").number == 40
    damaged = one(troubles, "Refused for what came")
    assert damaged.number == 35
    assert "truncated 20, html 10 and thing 5" in damaged.what
    assert one(troubles, "unrelated synset").number == 8
    assert one(troubles, "excluded list").number == 2
    assert one(troubles, "licence is unknown").number == 30
    assert one(troubles, "never judged").number == 100
    assert one(troubles, "more votes").number == 100


def test_an_independent_check_is_asked_for_until_there_is_one() -> None:
    assert not [trouble for trouble in told(full()) if "independent check" in trouble.what]
    unchecked = replace(full(), precision=None)
    assert "stats sample runs/mine" in one(told(unchecked), "independent check").remedy


def test_what_is_well_is_no_trouble() -> None:
    well = replace(full(), refusals=(), conflicts=None, leaks=None, licenses=None)
    totals = replace(well.totals, waiting=0, unasked=0, undecided=0)
    plenty = tuple(replace(row, images=600) for row in well.synsets)
    spread = replace(well.images_per_synset, few=0, empty=0)
    assert told(replace(well, totals=totals, synsets=plenty, images_per_synset=spread)) == []


def test_a_list_of_urls_goes_on_with_fetch_and_has_no_synsets_to_fill() -> None:
    troubles = told(full(), RunNotes(run="x", is_list=True))
    assert "`imagenet-build fetch --out x`" in one(troubles, "not fetched yet").remedy
    assert not [trouble for trouble in troubles if "Synsets" in trouble.what]


def test_stopped_stages_and_parked_engines_come_first() -> None:
    notes = RunNotes("x", parked={"openverse": "2031-01-01"}, problems=(("search", "no key", 3),))
    first, second, *_ = told(counts(), notes)
    assert (first.what, first.number) == ("Stage search: no key", 3)
    assert second.what == "openverse wants no requests until 2031-01-01"
