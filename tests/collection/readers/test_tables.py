from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.collection.readers.choose import sources_of
from imagenet_build.collection.readers.record import Caption, PictureRecord, SkippedRow, SkipReason
from imagenet_build.errors import ConfigError, DataError
from tests.collection.sources import json_lines


def read(path: Path) -> list[PictureRecord | SkippedRow]:
    (source,) = sources_of([path])
    return list(source.reader.read(source.path))


def reasons(rows: list[PictureRecord | SkippedRow]) -> list[SkipReason]:
    return [row.reason for row in rows if isinstance(row, SkippedRow)]


def first(rows: list[PictureRecord | SkippedRow]) -> PictureRecord:
    assert isinstance(rows[0], PictureRecord)
    return rows[0]


@pytest.mark.parametrize(
    "line",
    ["a dog on grass\thttps://example.org/1.jpg", "https://example.org/1.jpg\ta dog on grass"],
    ids=["cc3m", "cc12m"],
)
def test_conceptual_captions_need_no_header(tmp_path: Path, line: str) -> None:
    table = tmp_path / "cc.tsv"
    table.write_text(f"{line}\n", encoding="utf-8")
    expected = PictureRecord(captions=(Caption("a dog on grass"),), url="https://example.org/1.jpg")
    assert read(table) == [expected]


def test_a_quotation_mark_in_a_tsv_swallows_no_rows(tmp_path: Path) -> None:
    table = tmp_path / "cc.tsv"
    table.write_text(
        'https://example.org/1.jpg\t"a dog\nhttps://example.org/2.jpg\t"a ""big"" cat"\n', encoding="utf-8"
    )
    rows = read(table)
    assert [row.captions[0].text for row in rows if isinstance(row, PictureRecord)] == ['"a dog', 'a "big" cat']


def test_csv_with_quoted_line_breaks_and_laion_names(tmp_path: Path) -> None:
    table = tmp_path / "part.csv"
    table.write_text(
        "SAMPLE_ID,URL,TEXT,HEIGHT,WIDTH,LICENSE,LANGUAGE\n"
        '1,https://example.org/1.jpg,"een hond,\nop het gras",480.0,640.0,?,nl\n'
        "2,https://example.org/2.jpg,x\n"
        "3,,een hond,1,1,?,nl\n"
        "4,ftp://example.org/2.jpg,een hond,1,1,?,nl\n"
        "5,https://example.org/3.jpg,  ,1,1,?,nl\n",
        encoding="utf-8",
    )
    rows = read(table)
    record = first(rows)
    assert record.captions == (Caption("een hond, op het gras", "nld"),)
    assert (record.width, record.height, record.license) == (640, 480, "?")
    assert reasons(rows) == [
        SkipReason.UNREADABLE_ROW,
        SkipReason.NO_PICTURE,
        SkipReason.BAD_URL,
        SkipReason.NO_CAPTION,
    ]


def test_wit_columns(tmp_path: Path) -> None:
    header = "language\tpage_url\timage_url\tpage_title\tcaption_reference_description\tcaption_alt_text_description"
    row = "it\thttps://it.wikipedia.org/wiki/Cane\thttps://upload.wikimedia.org/a.jpg\tCane\tUn cane\t"
    with gzip.open(tmp_path / "wit.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(f"{header}\n{row}\n")
    record = first(read(tmp_path / "wit.tsv.gz"))
    assert record.captions == (Caption("Un cane", "ita"), Caption("Cane", "ita"))
    assert record.page_url == "https://it.wikipedia.org/wiki/Cane"


def test_open_images_columns(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text(
        "ImageID,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title\n"
        "1,https://example.org/1.jpg,https://example.org/page,https://creativecommons.org/licenses/by/2.0/,"
        "https://example.org/ada,Ada,Beagle\n",
        encoding="utf-8",
    )
    record = first(read(tmp_path / "images.csv"))
    assert (record.page_url, record.creator, record.creator_url, record.title) == (
        "https://example.org/page",
        "Ada",
        "https://example.org/ada",
        "Beagle",
    )


def test_json_lines_of_every_kind(tmp_path: Path) -> None:
    table = json_lines(
        tmp_path / "rows.jsonl",
        [
            {"file": "a  b.jpg", "title": "dog", "language": "en"},
            {"url": "https://example.org/1.jpg", "captions": ["one", "two"]},
            {"url": "https://example.org/2.jpg", "captions": {"es": "perro", "zh_CN": ["狗", "犬"]}},
            {
                "url": "https://example.org/3.jpg",
                "lang": "nl",
                "captions": [{"text": "hond"}, {"text": "chien", "lang": "fr"}],
            },
            {"file": "../../etc/passwd", "title": "dog"},
            {"file": "/etc/passwd", "title": "dog"},
            {"file": "a\0.jpg", "title": "dog"},
            {"url": "https://[broken", "title": "dog"},
            {"url": "https://example.org/5.jpg", "path": "/mnt/5.jpg", "title": "dog"},
        ],
    )
    with table.open("ab") as file:
        file.write(
            b'{"broken": \n[1, 2]\n\n{"url": "https://example.org/4.jpg", "caption": "\\ud800 caf\\u00e9 \xff"}\n'
        )
    rows = read(table)
    records = [row for row in rows if isinstance(row, PictureRecord)]
    assert records[0].file == "a  b.jpg"
    assert [[(c.text, c.language) for c in record.captions] for record in records] == [
        [("dog", "eng")],
        [("one", "und"), ("two", "und")],
        [("perro", "spa"), ("狗", "cmn"), ("犬", "cmn")],
        [("hond", "nld"), ("chien", "fra")],
        [("dog", "und")],
        [("café \ufffd", "und")],
    ]
    assert reasons(rows) == [
        SkipReason.OUTSIDE_FOLDER,
        SkipReason.OUTSIDE_FOLDER,
        SkipReason.UNREADABLE_NAME,
        SkipReason.BAD_URL,
        SkipReason.UNREADABLE_ROW,
        SkipReason.UNREADABLE_ROW,
    ]


def test_parquet_reads_only_what_it_needs(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "uid": ["a", "b"],
        "image": [b"\xff\xd8", b"\xff\xd8"],
        "url": ["https://example.org/1.jpg", None],
        "text": ["a dog", "a cat"],
        "original_width": pa.array([640, 1], pa.int64()),
        "original_height": [float("nan"), 1.0],
        "face_bboxes": [[[0.1]], []],
    }
    pq.write_table(pa.table(columns), tmp_path / "part.parquet")
    rows = read(tmp_path / "part.parquet")
    assert (first(rows).url, first(rows).width, first(rows).height) == ("https://example.org/1.jpg", 640, None)
    assert reasons(rows) == [SkipReason.NO_PICTURE]


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no more")
    packed = gzip.compress(b"https://example.org/1.jpg\ta dog\n" * 5000)
    (tmp_path / "b.tsv.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "c.tsv.bz2").write_bytes(bz2.compress(b"https://example.org/1.jpg\ta dog\n" * 5000)[:60])
    for name in ("a.parquet", "b.tsv.gz", "c.tsv.bz2"):
        with pytest.raises(DataError, match=name):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_table_without_pictures_is_refused_with_the_columns_it_needs(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id,name\n1,dog\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="image_url"):
        read(tmp_path / name)


def test_sources_are_chosen_by_look(tmp_path: Path) -> None:
    for path in ("parts/b.jsonl", "parts/a.tsv", "parts/notes.md", "hf/metadata.jsonl", "hf/1.jpg", "empty/x.md"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert [source.path.name for source in sources_of([tmp_path / "parts"])] == ["a.tsv", "b.jsonl"]
    assert [source.path.name for source in sources_of([tmp_path / "hf"])] == ["metadata.jsonl"]
    for path, message in (
        ("empty", "holds no picture"),
        ("parts/notes.md", "Supported: a folder"),
        ("no", "no file or"),
    ):
        with pytest.raises(ConfigError, match=message):
            sources_of([tmp_path / path])
