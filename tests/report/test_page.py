from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from imagenet_build.report.material import Compared, Material, Sheet
from imagenet_build.report.page import report_page
from imagenet_build.report.places import places_of
from imagenet_build.report.troubles import RunNotes, troubles_of
from imagenet_build.stats.document import Statistics
from tests.report.documents import HOSTILE, WNIDS, counts, full
from tests.report.pages import judged


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 20, 30)).save(out, kind)
    return out.getvalue()


def sheet(wnid: str, word: str) -> Sheet:
    return Sheet(wnid, word, word, 3, 9, 4, True, picture("JPEG"), 214, 214)


def material(statistics: Statistics, word: str = "thing", against: Statistics | None = None) -> Material:
    own = {row.wnid: row.parents for row in statistics.synsets}
    places = places_of(list(own), lambda wnid: own.get(wnid, ()))
    return Material(
        statistics=statistics,
        places=places,
        names={row.wnid: row.name for row in statistics.synsets},
        roots=(word,),
        command=word,
        notes=(f"{word} `{word}`",),
        branches=((sheet(WNIDS[1], word), sheet(WNIDS[2], word)),),
        samples=(sheet(WNIDS[3], word),),
        averages={wnid: picture("PNG") for wnid in WNIDS},
        verification={
            "method": word,
            "target_precision": 0.97,
            "summary": {"questions": 10, "workers": 3, "votes": 40, "expected_precision": None},
            "majorities": [{"majority_of": 3, "votes_per_question": 2.5, "accepted": 7, "expected_precision": 0.98}],
        },
        troubles=troubles_of(statistics, RunNotes(run=word, parked={word: word}, problems=((word, word, 2),))),
        settings=((word, word),),
        against=None if against is None else Compared(against, places),
    )


def page_of(of: Material) -> str:
    return "".join(report_page(of))


def test_a_page_with_everything_is_valid_and_numbered() -> None:
    page = judged(page_of(material(full(), against=counts())))
    figures = [word for word in page.text.split("Figure ") if word[:1].isdigit()]
    numbers = [int(word.partition(".")[0]) for word in figures if "." in word[:4]]
    assert numbers[:3] == [1, 2, 3]
    for title in ("Scale", "Hierarchy", "Beside table", "Sources", "Cleaning", "Diversity", "Accuracy", "Properties"):
        assert page.section(title)
    assert "In an independent check 94.5 % were right (95 % interval 90.0 to 97.0 %)." in page.text
    assert "ab" * 32 not in page.text, "what is compared with is no input of the run"
    assert "cd" * 32 in page.section("Provenance")
    assert "not there any more" in page.section("Provenance")


def test_words_from_outside_are_text_wherever_they_stand() -> None:
    html = page_of(material(full(HOSTILE), HOSTILE, against=counts(HOSTILE)))
    judged(html)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 60


def test_a_table_alone_has_fewer_sections() -> None:
    statistics = counts()
    page = judged(
        page_of(Material(statistics, places_of([], lambda _: ()), {row.wnid: row.name for row in statistics.synsets}))
    )
    for title in ("Sources", "Cleaning", "Diversity", "Accuracy", "Resolution"):
        assert f". {title}" not in page.html


def test_an_empty_run_is_a_page_too() -> None:
    empty = replace(
        counts(), synsets=(), subtrees=(), shape=None, images_per_synset=replace(counts().images_per_synset, curve=())
    )
    judged(page_of(Material(empty, places_of([], lambda _: ()), {})))


def test_two_datasets_of_one_name_are_told_apart() -> None:
    page = judged(page_of(material(counts("same.csv"), against=counts("same.csv", images=20))))
    assert "same (this)" in page.text
    assert "same (the other)" in page.text
    assert "40 synsets stand in both: 100 % of those of same (this)" in page.text


def test_equal_material_makes_equal_pages() -> None:
    assert page_of(material(full(), against=counts())) == page_of(material(full(), against=counts()))


@pytest.mark.parametrize("count", [5_000])
def test_a_page_of_five_thousand_synsets_is_small(count: int) -> None:
    base = full()
    rows = tuple(
        replace(base.synsets[place % 40], wnid=f"n{place:08d}", parents=(f"n{place // 7:08d}",), images=place % 900)
        for place in range(1, count + 1)
    )
    big = replace(base, synsets=rows)
    html = page_of(material(big, against=big))
    assert len(html.encode()) < 3_500_000, "sheets of up to a megabyte come on top; 5 MB are promised"
