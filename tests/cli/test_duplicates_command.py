"""`duplicates DIR` and `fingerprint`: what people use a duplicate finder for."""

import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from imagenet_build.dedup.fingerprint import FINGERPRINTS
from imagenet_build.download.inspect_bytes import EXTENSIONS, inspect_bytes
from imagenet_build.records import ImageFacts
from tests.cli.commands import program, refused, said
from tests.dedup.test_review import Page
from tests.fakes.pictures import encoded, photo, photo_image, truncated_jpeg

HALF, MIRROR, GREY = 'small/half <b>&".jpg', "mirror ü.webp", "zzz grey.png"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Six pictures, four of them with copies; and what else lies in folders."""
    folder = tmp_path_factory.mktemp("made") / "my pictures"
    (folder / "small").mkdir(parents=True)
    images = {number: photo_image(number, 480, 360) for number in range(6)}
    for number, image in images.items():
        (folder / f"{number}.jpg").write_bytes(encoded(image))
    shutil.copy(folder / "0.jpg", folder / "0 copy.jpg")
    half = images[1].resize((240, 180))
    (folder / HALF).write_bytes(encoded(half))
    (folder / MIRROR).write_bytes(encoded(ImageOps.mirror(images[2]), "WEBP"))
    (folder / "small" / "3.png").write_bytes(encoded(Image.open(folder / "3.jpg"), "PNG"))
    (folder / GREY).write_bytes(encoded(half.convert("L"), "PNG"))
    (folder / "text.jpg").write_text("a text", encoding="utf-8")
    (folder / "cut.jpg").write_bytes(truncated_jpeg(9))
    (folder / "notes.txt").write_text("a text", encoding="utf-8")
    return folder


def test_copies_are_found_and_the_largest_is_kept(made):
    found = said("duplicates", made, "--workers", "1")
    assert (found["folder"], found["pictures"], found["other_files"], found["links"]) == (str(made), 11, 1, 0)
    assert {
        group["kept"]: {member["file"]: member["reason"] for member in group["members"]} for group in found["groups"]
    } == {
        "0.jpg": {"0 copy.jpg": "exact"},
        "1.jpg": {HALF: "near", GREY: "near"},
        "2.jpg": {MIRROR: "mirrored"},
        "3.jpg": {"small/3.png": "near"},
    }
    assert [group["kept"] for group in found["groups"]] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    for group in found["groups"]:
        distances = [member["distance"] for member in group["members"]]
        assert distances == sorted(distances)
        assert all(0 <= distance < 0.2 and distance == round(distance, 4) for distance in distances)
    assert found["groups"][0]["members"][0] == {
        "file": "0 copy.jpg",
        "reason": "exact",
        "distance": 0.0,
        "dct_distance": 0,
        "gradient_distance": 0,
    }
    assert [(each["file"], each["reason"]) for each in found["unreadable"]] == [
        ("cut.jpg", "truncated"),
        ("text.jpg", "not_an_image"),
    ]
    assert all(each["detail"] for each in found["unreadable"])


def test_the_answer_does_not_depend_on_the_number_of_workers(made):
    one, two = (program("duplicates", made, "--json", "--workers", workers) for workers in ("1", "2"))
    assert one.exit_code == two.exit_code == 0
    assert one.stdout == two.stdout


def test_the_answer_does_not_depend_on_where_the_folder_lies_or_what_was_written_first(made, tmp_path):
    files = [path for path in made.rglob("*") if path.is_file()]
    random.Random(4).shuffle(files)
    for path in files:
        there = tmp_path / path.relative_to(made)
        there.parent.mkdir(exist_ok=True)
        shutil.copy(path, there)
    first, second = said("duplicates", made), said("duplicates", tmp_path)
    assert first.pop("folder") != second.pop("folder")
    assert first == second


def test_people_read_counts_groups_and_what_to_do_next(made):
    done = program("duplicates", made)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == (
        f"11 pictures in {made}: 4 groups with 5 duplicates (3 near, 1 same file, 1 mirrored); 6 left without them"
    )
    assert lines[1] == "  0.jpg"
    assert lines[2].split() == ["same", "file", "0.0000", "0", "copy.jpg"]
    assert "2 files cannot be used (1 not_an_image, 1 truncated):" in lines
    assert "1 file of other kinds passed over" in lines
    assert lines[-2].startswith(f"  imagenet-build duplicates '{made}' --html review.html")


def test_names_do_not_command_the_terminal(tmp_path):
    for name in ("\x1b[2J.jpg", "a\nb.jpg"):
        (tmp_path / name).write_bytes(photo(1, 80, 60))
    lines = program("duplicates", tmp_path).stdout.splitlines()
    assert "  a\\nb.jpg" in lines
    assert any(line.endswith("  \\x1b[2J.jpg") for line in lines)


def test_the_page_shows_the_doubtful_groups_first_and_the_refused_pairs(made, tmp_path):
    path = tmp_path / "new folder" / "review.html"
    groups = said("duplicates", made, "--html", path)["groups"]
    page = Page(path.read_text(encoding="utf-8"))
    worst = sorted(groups, key=lambda group: -max(member["distance"] for member in group["members"]))
    expected = [
        name for group in worst for name in (group["kept"], *(member["file"] for member in reversed(group["members"])))
    ]
    assert page.titles[: len(expected)] == expected
    assert page.headings[:2] == [f"Duplicates in {made}", "Accepted"]
    assert "Refused" in page.headings
    assert "script" not in page.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert [item.name for item in path.parent.iterdir()] == ["review.html"]


def test_the_page_has_as_many_groups_as_asked_for(made, tmp_path):
    done = program("duplicates", made, "--html", tmp_path / "review.html", "--limit", "1")
    page = Page((tmp_path / "review.html").read_text(encoding="utf-8"))
    assert [figure["kind"] for figure in page.figures].count("kept") == 1
    assert "1 of 4 groups are shown." in page.text
    assert f"  look at {tmp_path / 'review.html'}" in done.stdout.splitlines()


def test_thresholds_can_be_set(made):
    strict = ("agreement=1.0", "tiny_difference=0")
    options = [part for key in strict for part in ("--set", f"dedup.{key}")]
    found = said("duplicates", made, *options)
    assert [group["members"][0]["reason"] for group in found["groups"]] == ["exact"]


def test_limits_on_pictures_can_be_set(made, tmp_path):
    found = said("duplicates", made, "--set", "download.max_pixels=50000", "--set", "download.formats=[JPEG, PNG]")
    assert found["pictures"] == 2
    reasons = {each["file"]: each["reason"] for each in found["unreadable"]}
    assert (reasons["0.jpg"], reasons[MIRROR]) == ("too_many_pixels", "format_refused")
    again = said(
        *("fingerprint", made, "--out", tmp_path / "h.parquet"),
        *("--set", "download.max_pixels=50000", "--set", "download.formats=[JPEG, PNG]"),
    )
    assert (again["pictures"], again["unreadable"]) == (found["pictures"], found["unreadable"])


def test_a_single_picture_has_no_duplicates(tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo(1, 80, 60))
    assert said("duplicates", tmp_path)["groups"] == []
    done = program("duplicates", tmp_path, "--html", tmp_path / "review.html")
    assert "1 picture in" in done.stdout
    assert "0 groups with 0 duplicates; 1 left" in done.stdout
    assert Page((tmp_path / "review.html").read_text(encoding="utf-8")).text.count("None.") == 2


def test_hashes_of_a_folder_are_written(made, tmp_path):
    out = tmp_path / "lists" / "hashes.parquet"
    done = program("fingerprint", made, "--out", out, "--workers", "2")
    assert done.exit_code == 0, done.output
    table = pq.read_table(out)
    assert table.schema.remove_metadata() == FINGERPRINTS
    names = table["name"].to_pylist()
    assert names == sorted(names)
    assert {HALF, MIRROR, "small/3.png"} <= set(names)
    assert len(names) == 11
    facts = inspect_bytes((made / HALF).read_bytes(), formats=EXTENSIONS, min_side_px=1, max_pixels=10**6)
    assert isinstance(facts, ImageFacts)
    row = table.to_pylist()[names.index(HALF)]
    assert (row["sha256"], row["dct_hash"], row["tiny"]) == (facts.sha256, facts.dct_hash, facts.tiny)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{out}: 11 pictures of {made}"
    assert lines[-1] == f"  imagenet-build build CONFIG --set 'dedup.exclude=[{out}]'"
    assert any(line.split()[:2] == ["truncated", "cut.jpg"] for line in lines)
    assert said("fingerprint", made, "--out", out)["unreadable"] == said("duplicates", made)["unreadable"]
    assert pq.read_table(out).equals(table)


@pytest.mark.parametrize("command", ["duplicates", "fingerprint"])
@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "There is no picture in {folder} that can be used."),
        ({"a.txt": b"x"}, "There is no picture in {folder} that can be used (1 file of other kinds)."),
        ({"a.jpg": b"x"}, "There is no picture in {folder} that can be used (a.jpg: not_an_image, begins with b'x')."),
    ],
)
def test_a_folder_without_pictures_is_an_error(tmp_path, command, files, why):
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    code, text = refused(command, folder, *(("--out", out) if command == "fingerprint" else ()))
    assert code == 3
    assert why.format(folder=folder) in text
    assert "Name a folder with JPEG" in text
    assert not out.exists()


def test_old_hashes_stay_when_there_is_nothing_to_replace_them(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "hashes.parquet").write_bytes(b"old")
    assert refused("fingerprint", tmp_path, "--out", tmp_path / "hashes.parquet")[0] == 3
    assert (tmp_path / "hashes.parquet").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_wrong_places_and_options_are_refused_with_a_remedy(made, tmp_path):
    assert refused("duplicates", made / "0.jpg")[0] == 2
    assert refused("duplicates", tmp_path / "nowhere")[0] == 3
    for option, why in (
        (("--set", "search.attempts=3"), "has no meaning for a folder"),
        (("--set", "download.min_side_px=3"), "has no meaning for a folder"),
        (("--set", "dedup.exclude=[a]"), "has no meaning for a folder"),
        (("--set", "dedup.propose_bit=3"), "did you mean propose_bits"),
        (("--wnid", "dog"), "is for runs"),
        (("--html", made), "is a directory"),
    ):
        code, text = refused("duplicates", made, *option)
        assert (code, why in text) == (2, True), text
