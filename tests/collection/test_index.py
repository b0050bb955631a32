from __future__ import annotations

import os
import sqlite3
import string
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagenet_build.collection.index import CollectionIndex, Defaults, build_index, index_id_of
from imagenet_build.collection.languages import UNKNOWN_LANGUAGE
from imagenet_build.collection.words import folded, words_of
from imagenet_build.errors import ConfigError, DataError, DiskUnusable
from tests.collection.sources import captions_found, index_of, json_lines, picture, web_row

IN_ONE_FOLDER = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
UNSPACED = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF),
        st.sampled_from("のがぎアーかなカナ々한국어개한글กขนหมาไทย้ำ"),
        st.characters(min_codepoint=0x20000, max_codepoint=0x20100),
    ),
    min_size=1,
    max_size=12,
)


@IN_ONE_FOLDER
@given(st.data(), UNSPACED, st.sampled_from(["cmn", "jpn", "kor", "tha", None]))
def test_any_part_of_an_unspaced_caption_is_found(
    tmp_path: Path, data: st.DataObject, text: str, language: str | None
) -> None:
    text = folded(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    rows = [web_row(f"x {text} y", language or "cmn"), web_row("别的东西", language or "cmn")]
    with index_of(tmp_path, rows) as index:
        assert f"x {text} y" in captions_found(index, text[start:end], language)


def test_a_run_is_found_only_where_it_stands_unbroken(tmp_path: Path) -> None:
    with index_of(
        tmp_path, [web_row("牧羊犬", "cmn"), web_row("牧羊, 羊犬", "cmn"), web_row("羊犬牧", "cmn")]
    ) as index:
        assert captions_found(index, "牧羊犬", "cmn") == ["牧羊犬"]
        assert sorted(captions_found(index, "羊犬", "zh")) == ["牧羊, 羊犬", "牧羊犬", "羊犬牧"]
        assert sorted(captions_found(index, "牧羊 犬", None)) == ["牧羊, 羊犬", "牧羊犬"]


@IN_ONE_FOLDER
@given(
    st.one_of(st.text(), st.text(alphabet=string.punctuation + "aAОR狗␟ \0\ud800")),
    st.sampled_from(["eng", "cmn", "", None]),
)
def test_no_query_is_syntax(tmp_path: Path, text: str, language: str | None) -> None:
    path = tmp_path / "test.index"
    if not path.exists():
        index_of(tmp_path, [web_row("a dog or near cat"), web_row("狗", "cmn")]).close()
    with CollectionIndex.open(path) as index:
        found = index.search(text, language)
        assert found.total == len(found.rows)
        if not words_of(text):
            assert found.total == 0


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("dog " * 5000, 1),
        (" ".join(f"w{n}" for n in range(400)), 0),
        ("犬" * 5000, 1),
        ("犬 " * 300, 1),
        ("犬-" + " ".join(f"犬{n}" for n in range(90)), 0),
        ("NEAR(dog cat, 2)", 0),
        ("english : dog", 0),
        ("(dog)^*", 1),
    ],
)
def test_long_and_strange_queries_are_answered(tmp_path: Path, text: str, total: int) -> None:
    with index_of(tmp_path, [web_row("a dog"), web_row("犬" * 5000, "jpn")]) as index:
        assert index.search(text).total == total


def test_every_word_must_be_in_one_caption(tmp_path: Path) -> None:
    rows = [
        web_row("a brown dog in the park"),
        {"url": "https://example.org/two.jpg", "captions": ["a brown bench", "a dog"], "language": "en"},
    ]
    with index_of(tmp_path, rows) as index:
        assert captions_found(index, "dogs park brown", "eng") == ["a brown dog in the park"]
        assert captions_found(index, "brown DOG", "eng") == ["a brown dog in the park"]
        assert len(captions_found(index, "brown", "eng")) == 2


def test_a_language_finds_itself_and_the_unknown(tmp_path: Path) -> None:
    rows = [web_row("perros", "es"), web_row("gift", "eng"), web_row("gift box", "de"), web_row("perro", "")]
    with index_of(tmp_path, [*rows, web_row("Perro grande", "ita")]) as index:
        assert sorted(captions_found(index, "perro", "spa")) == ["perro", "perros"]
        assert captions_found(index, "perros", "spa") == ["perros"]
        assert captions_found(index, "gift", "deu") == ["gift box"]
        assert sorted(captions_found(index, "gifts", None)) == ["gift", "gift box"]
        assert sorted(captions_found(index, "perros", None)) == ["Perro grande", "perro", "perros"]
        assert captions_found(index, "perro", "nld") == ["perro"]
        assert captions_found(index, "Perro", "und") == ["perro"]


def test_order_is_fixed_and_pages_do_not_overlap(tmp_path: Path) -> None:
    rows = [{"url": f"https://example.org/{n}.jpg", "caption": "a dog" + " and more" * (n % 3)} for n in range(50)]
    with index_of(tmp_path, rows) as index:
        everything = [row.id for row in index.search("dog", "eng", limit=100).rows]
        pages = [row.id for start in range(0, 50, 7) for row in index.search("dog", "eng", start, 7).rows]
        assert pages == everything
        assert len(set(everything)) == 50
        shortest = [row.id for row in index.search("dog", "eng", limit=17).rows if row.caption == "a dog"]
        assert shortest == sorted(shortest)
        assert len(shortest) == 17
        assert index.search("dog", "eng", 60, 7) == (50, [])


def test_rows_add_up_and_same_pictures_are_merged(tmp_path: Path) -> None:
    rows = [
        web_row("a dog"),
        {**web_row("a dog"), "caption": "un perro", "language": "es"},
        {**web_row("a dog"), "caption": "a dog", "language": "en"},
        {"url": "https://example.org/none.jpg", "caption": "?!"},
        {"file": "missing.jpg", "caption": "a dog"},
        {"file": "n" * 5000, "caption": "a dog"},
    ]
    report = build_index([json_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "i.index")
    assert (report.rows, report.pictures, report.merged) == (6, 1, 2)
    assert report.skipped == {"file_missing": 2, "no_caption": 1}
    assert report.rows == report.pictures + report.merged + sum(report.skipped.values())
    assert report.captions == {"eng": 1, "spa": 1}
    assert report.examples["no_caption"] == ["https://example.org/none.jpg"]


def test_local_pictures_have_a_size_a_path_and_the_source_s_defaults(tmp_path: Path) -> None:
    picture(tmp_path / "one/dog.png", 64, 48)
    picture(tmp_path / "two/dog.png", 32, 16)
    (tmp_path / "two/broken dog.jpg").write_bytes(b"\xff\xd8\xff")
    usual = Defaults(language="eng", license_url="https://creativecommons.org/publicdomain/zero/1.0/", creator="Ada")
    report = build_index([tmp_path / "one", tmp_path / "two"], tmp_path / "i.index", defaults=usual)
    assert report.captions == {"eng": 3}
    with CollectionIndex.open(tmp_path / "i.index") as index:
        rows = {row.path: row for row in index.search("dogs", "eng").rows}
        assert {path: (row.width, row.height) for path, row in rows.items()} == {
            "dog.png": (64, 48),
            "2/dog.png": (32, 16),
            "broken dog.jpg": (None, None),
        }
        assert rows["2/dog.png"].file == str(tmp_path / "two/dog.png")
        assert {(row.license, row.license_version, row.creator) for row in rows.values()} == {("cc0", "1.0", "Ada")}
        assert index.picture_at("2/dog.png") == index.picture(rows["2/dog.png"].id)
        assert index.picture_at("../one/dog.png") is None


def test_a_file_that_is_there_goes_before_the_url_it_came_from(tmp_path: Path) -> None:
    picture(tmp_path / "here.png")
    rows = [{**web_row(f"dog {name}"), "filename": name} for name in ("here.png", "gone.png")]
    with index_of(tmp_path, rows) as index:
        here, gone = index.search("dog here").rows[0], index.search("dog gone").rows[0]
    assert (here.url, here.path, here.page_url) == ("", "here.png", rows[0]["url"])
    assert (gone.url, gone.path, gone.file, gone.page_url) == (rows[1]["url"], "", "", "")


def test_an_index_moves_with_its_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "here/photos/dog.png")
    build_index([tmp_path / "here/photos"], tmp_path / "here/i.index")
    before = index_id_of(tmp_path / "here/i.index")
    (tmp_path / "here").rename(tmp_path / "there")
    with CollectionIndex.open(tmp_path / "there/i.index") as index:
        assert index.search("dog").rows[0].file == str(tmp_path / "there/photos/dog.png")
        assert index.id != before


def test_the_id_follows_the_content(tmp_path: Path) -> None:
    def index_id(rows: list[dict[str, str]]) -> str:
        return build_index([json_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "i.index").index_id

    first = index_id([web_row("a dog")])
    assert index_id([web_row("a dog")]) == first
    others = [
        index_id([web_row("a cat")]),
        index_id([web_row("a dog", "nld")]),
        index_id([web_row("a dog", creator="Ada")]),
    ]
    assert len({first, *others}) == 4


def test_a_failed_index_leaves_the_old_one(tmp_path: Path) -> None:
    index_of(tmp_path, [web_row("a dog")]).close()
    kept = (tmp_path / "test.index").read_bytes()
    broken = tmp_path / "broken.tsv.gz"
    broken.write_bytes(b"\x1f\x8b nothing")
    empty = json_lines(tmp_path / "empty.jsonl", [{"caption": "no picture"}])
    for source, error in ((broken, DataError), (empty, DataError), (tmp_path / "absent", ConfigError)):
        with pytest.raises(error):
            build_index([tmp_path / "rows.jsonl", source] if source is broken else [source], tmp_path / "test.index")
        assert (tmp_path / "test.index").read_bytes() == kept
    assert not list(tmp_path.glob(".*"))


def test_no_other_file_is_ever_replaced(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "rows.jsonl", [web_row("a dog")])
    database = sqlite3.connect(tmp_path / "other.sqlite")
    database.execute("CREATE TABLE t (x)")
    database.close()
    for name in ("rows.jsonl", "other.sqlite", "."):
        with pytest.raises(ConfigError, match="no caption index"):
            build_index([source], tmp_path / name)
    assert source.read_text(encoding="utf-8").startswith("{")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "rows.jsonl", [web_row("a dog")])
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(DiskUnusable, match="locked"):
        build_index([source], tmp_path / "locked/i.index")


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "rows.jsonl", [web_row("a dog")])
    with pytest.raises(DiskUnusable, match="cannot be written"):
        build_index([source], source / "i.index")


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no caption index"):
        CollectionIndex.open(tmp_path / "absent.index")
    (tmp_path / "text.index").write_text("no database at all, but a text", encoding="utf-8")
    with pytest.raises(DataError, match="collection index SOURCE"):
        CollectionIndex.open(tmp_path / "text.index")
    index_of(tmp_path, [web_row(f"a dog number {n}") for n in range(300)]).close()
    whole = (tmp_path / "test.index").read_bytes()
    (tmp_path / "old.index").write_bytes(whole[:60] + (99).to_bytes(4, "big") + whole[64:])
    with pytest.raises(DataError, match="another version"):
        CollectionIndex.open(tmp_path / "old.index")
    (tmp_path / "cut.index").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match="damaged"), CollectionIndex.open(tmp_path / "cut.index") as index:
        index.search("dog")


def test_threads_take_turns(tmp_path: Path) -> None:
    with index_of(tmp_path, [web_row(f"dog {n}") for n in range(200)]) as index:
        totals: list[int] = []

        def ask(number: int) -> None:
            totals.extend(index.search(text).total for text in ("dogs", f"dog {number}") for _ in range(10))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(totals) == [1] * 80 + [200] * 80


def test_progress_counts_every_row(tmp_path: Path) -> None:
    rows = json_lines(tmp_path / "rows.jsonl", [web_row(f"dog {n}") for n in range(450)])
    steps: list[int] = []
    assert build_index([rows], tmp_path / "i.index", progress=steps.append).rows == sum(steps) == 450


def test_only_wanted_languages_are_taken(tmp_path: Path) -> None:
    rows = [web_row("un perro", "spa"), web_row("a dog", "eng"), web_row("whatever", "")]
    report = build_index([json_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "some.index", languages=["spa"])
    assert report.captions == {"spa": 1, UNKNOWN_LANGUAGE: 1}
    assert report.skipped == {"no_caption": 1}
    with CollectionIndex.open(tmp_path / "some.index") as index:
        assert captions_found(index, "perro", "spa") == ["un perro"]
        assert captions_found(index, "dog", None) == []
