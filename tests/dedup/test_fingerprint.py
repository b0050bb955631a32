"""A folder of pictures becomes one row per picture, whatever else lies in it."""

import os
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from imagenet_build.dedup import fingerprint
from imagenet_build.dedup.fingerprint import FINGERPRINTS, fingerprint_files, fingerprint_folder, table_of
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.picture_files import UNREADABLE, PictureFile, Refused, find_pictures
from imagenet_build.download import decode_pool
from imagenet_build.download.inspect_bytes import EXTENSIONS, inspect_bytes
from imagenet_build.errors import DataError
from imagenet_build.records import ImageFacts
from imagenet_build.storage import tables
from tests.download.deadly import deadly_inspect
from tests.fakes.pictures import photo, truncated_jpeg

as_root = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def looked_at(folder: Path, **how: object) -> dict[str, dict | Refused]:
    """By name; every name once."""
    found = list(fingerprint_folder(folder, **{"workers": 1, **how}))
    named = {each.name if isinstance(each, Refused) else each["name"]: each for each in found}
    assert len(named) == len(found)
    return named


def refused(folder: Path, **how: object) -> dict[str, str]:
    return {name: each.reason for name, each in looked_at(folder, **how).items() if isinstance(each, Refused)}


def test_each_picture_has_a_row_with_what_inspecting_it_says(tmp_path):
    files = {
        "b.jpg": photo(1),
        'a b/ü <i>&".png': photo(2, 90, 60, "PNG"),
        "a b/犬.webp": photo(3, 90, 60, "WEBP"),
        "Z.gif": photo(4, 90, 60, "GIF"),
    }
    rows = looked_at(put(tmp_path, files))
    assert list(rows) == sorted(files)
    for name, data in files.items():
        facts = inspect_bytes(data, formats=EXTENSIONS, min_side_px=1, max_pixels=10**6)
        assert isinstance(facts, ImageFacts)
        same = {key: value for key, value in rows[name].items() if key not in ("name", "size")}
        assert same == {key: getattr(facts, key) for key in same}
        assert set(rows[name]) == set(FINGERPRINTS.names)
        assert rows[name]["size"] == len(data)


def test_pictures_are_told_by_their_first_bytes(tmp_path):
    folder = put(
        tmp_path,
        {
            "picture without suffix": photo(1, 80, 60),
            "picture.dat": photo(2, 80, 60, "PNG"),
            "wrong.png": photo(3, 80, 60),
            "text.jpg": b"a text",
            "page.jpeg": b"<!doctype html><p>not found",
            "none.JPG": b"",
            "half.jpg": truncated_jpeg(),
            "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "captions.txt": b"a text",
            "table.csv": b"a,b\n",
        },
    )
    assert refused(folder) == {
        "text.jpg": "not_an_image",
        "page.jpeg": "html",
        "none.JPG": "empty",
        "half.jpg": "truncated",
        "drawing.svg": "format_refused",
    }
    assert len(looked_at(folder)) == 8
    assert find_pictures(folder).others == 2


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    put(tmp_path, {".thumbnails/a.jpg": photo(1, 80, 60), "._b.jpg": b"\0\5\x16\7", "b.jpg": photo(1, 80, 60)})
    assert list(looked_at(tmp_path)) == ["b.jpg"]
    inside = put(tmp_path / ".thumbnails", {})
    assert list(looked_at(inside)) == ["a.jpg"], "a hidden folder may be named"


def test_links_are_followed_and_each_file_counts_once(tmp_path):
    outside = put(tmp_path / "outside", {"far.jpg": photo(1, 80, 60), "deep/er.jpg": photo(2, 80, 60)})
    folder = put(tmp_path / "folder", {"m/own.jpg": photo(3, 80, 60), "note.txt": b""})
    (folder / "a link.jpg").symlink_to("m/own.jpg")
    (folder / "m" / "round").symlink_to(folder)
    (folder / "p").symlink_to(outside / "far.jpg")
    (folder / "q.jpg").symlink_to(outside / "far.jpg")
    (folder / "z").symlink_to(outside)
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (folder / "self.jpg").symlink_to("self.jpg")
    found = find_pictures(folder)
    assert [entry.name for entry in found.entries if isinstance(entry, PictureFile)] == [
        "m/own.jpg",
        "p",
        "z/deep/er.jpg",
    ]
    assert {entry.name: entry.reason for entry in found.entries if isinstance(entry, Refused)} == {
        "gone.jpg": UNREADABLE,
        "self.jpg": UNREADABLE,
    }
    assert (found.links, found.others) == (4, 1)


def test_what_is_no_file_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    put(tmp_path, {"folder.jpg/a.jpg": photo(1, 80, 60)})
    (tmp_path / "to the pipe.jpg").symlink_to("pipe.jpg")
    found = find_pictures(tmp_path)
    assert ([entry.name for entry in found.entries], found.others) == (["folder.jpg/a.jpg"], 2)


def test_names_that_are_no_text_are_spelled_out(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(photo(1, 80, 60))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    rows = looked_at(tmp_path)
    assert list(rows) == ["caf\\xe9.jpg"]
    tables.write_rows(tmp_path / "hashes.parquet", FINGERPRINTS, rows.values())


@as_root
def test_what_may_not_be_read_is_said(tmp_path):
    put(tmp_path, {"a.jpg": photo(1, 80, 60), "b.jpg": photo(2, 80, 60), "c/d.jpg": photo(3, 80, 60)})
    (tmp_path / "b.jpg").chmod(0)
    (tmp_path / "c").chmod(0)
    try:
        assert refused(tmp_path) == {"b.jpg": UNREADABLE, "c/": UNREADABLE}
    finally:
        (tmp_path / "c").chmod(0o700)


def test_a_file_that_goes_away_meanwhile_is_said(tmp_path):
    put(tmp_path, {"a.jpg": photo(1, 80, 60), "b.jpg": photo(2, 80, 60)})
    entries = find_pictures(tmp_path).entries
    (tmp_path / "a.jpg").unlink()
    gone, row = fingerprint_files(entries, workers=1)
    assert gone == Refused("a.jpg", UNREADABLE, "No such file or directory")
    assert row["name"] == "b.jpg"


@pytest.mark.parametrize("folder", ["nowhere", "file.jpg"])
def test_a_folder_that_is_none_is_an_error(tmp_path, folder):
    put(tmp_path, {"file.jpg": photo(1, 80, 60)})
    with pytest.raises(DataError, match=f"{folder} cannot be read: .*Name a folder of pictures"):
        find_pictures(tmp_path / folder)


def test_limits_are_those_that_are_given(tmp_path):
    put(tmp_path, {"a.jpg": photo(1, 80, 60), "b.png": photo(2, 80, 60, "PNG"), "c.jpg": photo(3, 200, 100)})
    assert refused(tmp_path, formats=("JPEG",), max_pixels=10_000) == {
        "b.png": "format_refused",
        "c.jpg": "too_many_pixels",
    }


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    put(tmp_path, {"a.jpg": photo(1, 80, 60), "b.jpg": photo(2, 80, 60)})
    os.truncate(tmp_path / "a.jpg", fingerprint.MOST_FILE_BYTES + 1)
    assert refused(tmp_path) == {"a.jpg": "too_many_bytes"}


def test_a_file_that_kills_the_decoder_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(decode_pool, "inspect_bytes", deadly_inspect)
    put(tmp_path, {f"{name}.jpg": name.encode() for name in ("a", "kill", "memory", "raise", "z")})
    assert refused(tmp_path) == {
        "a.jpg": "corrupt",
        "kill.jpg": "decoder_failed",
        "memory.jpg": "decoder_failed",
        "raise.jpg": "decoder_failed",
        "z.jpg": "corrupt",
    }


@pytest.mark.parametrize(("workers", "held_bytes"), [(2, 64_000_000), (1, 3000), (2, 1)])
def test_rows_do_not_depend_on_workers_or_memory(tmp_path, monkeypatch, workers, held_bytes):
    small = {f"{number:03d}.png": photo(number, 12 + number % 5, 10, "PNG") for number in range(140)}
    folder = put(tmp_path, {**small, "050 large.jpg": photo(999, 800, 600), "051.jpg": b"broken"})
    one = list(fingerprint_folder(folder, workers=1))
    assert len(one) == 142
    monkeypatch.setattr(fingerprint, "_MOST_HELD_BYTES", held_bytes)
    told = []
    assert list(fingerprint_folder(folder, workers=workers, advance=told.append)) == one
    assert told == [1] * 142


def test_nothing_is_left_behind_when_nobody_wants_the_rest(tmp_path):
    put(tmp_path, {f"{number}.jpg": photo(number, 80, 60) for number in range(6)})
    before = set(psutil.Process().children())
    rows = fingerprint_folder(tmp_path, workers=2)
    assert next(rows)["name"] == "0.jpg"
    assert set(psutil.Process().children()) > before
    rows.close()
    assert set(psutil.Process().children()) == before


def test_the_table_reads_back_and_is_what_grouping_takes(tmp_path):
    put(tmp_path, {"b.jpg": photo(2, 80, 60), "a.jpg": photo(1, 80, 60), "c.jpg": b"broken"})
    table, left_out = table_of(fingerprint_folder(tmp_path, workers=1))
    assert [each.name for each in left_out] == ["c.jpg"]
    tables.write_rows(tmp_path / "hashes.parquet", FINGERPRINTS, table.to_pylist())
    read = pq.read_table(tmp_path / "hashes.parquet")
    assert read.equals(table)
    assert all(field.metadata[b"about"] and not field.nullable for field in read.schema)
    looks = Looks.of_table(read)
    assert looks.tiny.shape == (2, 32, 32, 3)
    assert looks.dct.tolist() == read["dct_hash"].to_pylist()


def test_a_folder_without_pictures_gives_an_empty_table(tmp_path):
    table, left_out = table_of(fingerprint_folder(put(tmp_path, {"a.txt": b""})))
    assert (table.num_rows, table.schema, left_out) == (0, FINGERPRINTS, [])
