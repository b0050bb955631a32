from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imagenet_build.collection.readers.folder import Folder
from imagenet_build.collection.readers.record import Caption, PictureRecord, SkippedRow, SkipReason
from tests.collection.sources import picture


def read(folder: Path) -> dict[str, PictureRecord]:
    return {row.file: row for row in Folder().read(folder) if isinstance(row, PictureRecord)}


def test_stamps_with_captions_in_many_languages(tmp_path: Path) -> None:
    picture(tmp_path / "birds/chicken.png")
    lines = (
        "\ufeffA chicken.\r\nes.utf8=Una gallina.\r\nzh_CN.utf8=一只鸡。\nen_GB.utf8=A chicken.\nnl=\nthe end = here\n"
    )
    (tmp_path / "birds/chicken.txt").write_bytes(lines.encode())
    assert read(tmp_path)["birds/chicken.png"].captions == (
        Caption("A chicken.", "eng"),
        Caption("Una gallina.", "spa"),
        Caption("一只鸡。", "cmn"),
    )


def test_json_beside_a_picture_tells_where_it_came_from(tmp_path: Path) -> None:
    picture(tmp_path / "1.jpg")
    about = {"url": "https://example.org/dog.jpg", "caption": "een hond", "lang": "nl", "width": 9, "author": "Ada"}
    (tmp_path / "1.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "1.caption").write_text("a dog\n", encoding="utf-8")
    record = read(tmp_path)["1.jpg"]
    assert record.captions == (Caption("a dog", "eng"), Caption("een hond", "nld"))
    assert (record.file, record.url, record.creator) == ("1.jpg", "https://example.org/dog.jpg", "Ada")
    assert record.width is None  # the JSON may speak of the original: the file knows its own


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"caption": ""}'])
def test_without_a_caption_the_file_name_counts(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "German_shepherd-02.jpg")
    (tmp_path / "German_shepherd-02.json").write_text(text, encoding="utf-8")
    assert read(tmp_path)["German_shepherd-02.jpg"].captions == (Caption("German shepherd 02"),)


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    picture(tmp_path / "dog.png")
    (tmp_path / "swallow.txt").write_text("A swallow.\n", encoding="utf-8")
    (tmp_path / "swallow.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "___.jpg").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).touch()
    skipped = [row for row in Folder().read(tmp_path) if isinstance(row, SkippedRow)]
    assert {(row.reason, row.detail) for row in skipped} == {
        (SkipReason.CAPTION_WITHOUT_PICTURE, "swallow.txt"),
        (SkipReason.NO_CAPTION, "___.jpg"),
        (SkipReason.UNREADABLE_NAME, repr("caf\udce9.jpg")),
    }
    assert list(read(tmp_path)) == ["dog.png"]
