"""`duplicates RUN`: a look at what a build has grouped."""

import shutil
from typing import Any

import pytest

from imagenet_build.config.models import BuildConfig
from imagenet_build.download.inspect_bytes import EXTENSIONS, inspect_bytes
from imagenet_build.records import ImageFacts
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.schemas import DUPLICATES, IMAGES, SYNSETS
from imagenet_build.storage.shards import ShardWriter
from tests.cli.commands import program, refused, said
from tests.dedup.test_review import Page
from tests.fakes.pictures import photo

DOG, BANJO, BEER = "n02084071", "n02787622", "n07886849"


@pytest.fixture
def run(tmp_path) -> RunLayout:
    """A run of two synsets: a group of three and one of two of dogs, one of two of banjos."""
    config = BuildConfig.model_validate({"taxonomy": {"roots": ["entity.n.01"]}})
    with writing(tmp_path / "a run", config) as layout:
        synsets = [
            synset(DOG, "dog.n.01", ["dog", "domestic_dog"]),
            synset(BANJO, "banjo.n.01", ["banjo"]),
            synset(BEER, "dog.n.09", ["dog"]),
        ]
        tables.write_rows(layout.synsets, SYNSETS, synsets)
        writer = ShardWriter(layout.shards, "w0", shard_bytes=10**8)
        writer.open({})
        images = [
            image(writer, wnid, key, photo(seed, width, 120))
            for wnid, key, seed, width in (
                (DOG, "a<b>.jpg", 1, 200),
                (DOG, "b", 1, 180),
                (DOG, "c", 1, 160),
                (DOG, "d", 2, 200),
                (DOG, "e", 2, 180),
                (BANJO, "a<b>.jpg", 3, 200),
                (BANJO, "b", 3, 180),
            )
        ]
        writer.close()
        tables.write_rows(layout.images, IMAGES, images)
        rows = [
            duplicate(DOG, "b", "a<b>.jpg", "near", 0.02),
            duplicate(DOG, "c", "a<b>.jpg", "mirrored", 0.15),
            duplicate(DOG, "e", "d", "exact", 0.0),
            duplicate(BANJO, "b", "a<b>.jpg", "near", 0.1),
        ]
        tables.write_rows(layout.duplicates, DUPLICATES, rows)
    return layout


def synset(wnid: str, name: str, lemmas: list[str]) -> dict[str, Any]:
    gloss = f"what {name} is"
    more = {"hypernyms": [], "depth": 3, "is_organism": False, "root": "entity.n.01"}
    return {"wnid": wnid, "name": name, "lemmas": lemmas, "gloss": gloss, **more}


def image(writer: ShardWriter, wnid: str, key: str, data: bytes) -> dict[str, Any]:
    facts = inspect_bytes(data, formats=EXTENSIONS, min_side_px=1, max_pixels=10**6)
    assert isinstance(facts, ImageFacts)
    at = writer.append(facts.sha256, "jpg", data)
    where = {"shard": at.shard, "offset": at.offset, "size": at.size}
    row = {name: getattr(facts, name, None) for name in IMAGES.names}
    return {**row, "wnid": wnid, "url_key": key, "url": f"https://a.example.org/{key}", **where}


def duplicate(wnid: str, key: str, kept: str, reason: str, distance: float) -> dict[str, Any]:
    return {
        "wnid": wnid,
        "url_key": key,
        "duplicate_of": kept,
        "reason": reason,
        "distance": distance,
        "dct_distance": 2,
        "gradient_distance": 1,
    }


def test_groups_of_a_run_are_counted(run):
    found = said("duplicates", run.root)
    assert (found["run"], found["groups"], found["duplicates"]) == (str(run.root), 3, 4)
    assert found["reasons"] == {"exact": 1, "mirrored": 1, "near": 2}
    dog, banjo = found["synsets"]
    assert (dog["wnid"], dog["name"], dog["groups"], dog["reasons"]) == (
        DOG,
        "dog.n.01",
        2,
        {"exact": 1, "mirrored": 1, "near": 1},
    )
    assert (banjo["wnid"], banjo["groups"], banjo["duplicates"]) == (BANJO, 1, 1)

    lines = program("duplicates", run.root).stdout.splitlines()
    assert lines[0] == f"{run.root}: 3 groups with 4 duplicates (2 near, 1 same file, 1 mirrored)"
    assert lines[2].split() == [DOG, "dog.n.01", "2", "3", "1", "0", "1", "1"]
    assert lines[-1] == f"Next: imagenet-build duplicates '{run.root}' --html review.html"


def test_the_page_of_a_run_shows_the_doubtful_groups_first(run, tmp_path):
    path = tmp_path / "review.html"
    assert program("duplicates", run.root, "--html", path).exit_code == 0
    page = Page(path.read_text(encoding="utf-8"))
    first = "https://a.example.org/a<b>.jpg"
    a, b, c, d, e = first, *(f"https://a.example.org/{key}" for key in "bcde")
    assert page.titles == [a, c, b, a, b, d, e]
    assert page.headings == [
        "Duplicates in a run",
        "Accepted",
        f"dog.n.01 {DOG}: 0.1500 and less, 2 duplicates",
        f"banjo.n.01 {BANJO}: 0.1000",
        f"dog.n.01 {DOG}: 0.0000",
    ]
    assert "200×120 px" in page.figures[0]["said"]
    assert len(set(page.sources)) == 7, "each shows its own picture"

    shutil.rmtree(run.shards)
    assert program("duplicates", run.root, "--html", path).exit_code == 0
    without = Page(path.read_text(encoding="utf-8"))
    assert without.titles == page.titles
    assert not set(without.sources) & set(page.sources)


@pytest.mark.parametrize("name", [BANJO, "banjo.n.01", "banjo", "Banjo"])
def test_one_synset_of_a_run(run, tmp_path, name):
    path = tmp_path / "review.html"
    found = said("duplicates", run.root, "--wnid", name, "--html", path)
    assert [each["wnid"] for each in found["synsets"]] == [BANJO]
    assert [figure["kind"] for figure in Page(path.read_text(encoding="utf-8")).figures] == ["kept", "dup"]


def test_the_page_of_a_run_has_as_many_groups_as_asked_for(run, tmp_path):
    path = tmp_path / "review.html"
    program("duplicates", run.root, "--html", path, "--limit", "1")
    page = Page(path.read_text(encoding="utf-8"))
    assert [figure["kind"] for figure in page.figures] == ["kept", "dup", "dup"]
    assert "1 of 3 groups are shown." in page.text


def test_a_run_without_groups(run):
    tables.write_rows(run.duplicates, DUPLICATES, [])
    assert said("duplicates", run.root)["synsets"] == []
    assert program("duplicates", run.root).stdout.splitlines() == [f"{run.root}: 0 groups with 0 duplicates"]


def test_runs_that_cannot_be_shown_say_why(run, tmp_path):
    for options, why in (
        (("--wnid", "cat"), "has no synset 'cat'"),
        (("--wnid", "dog"), f"means 2 synsets of {run.root}; name one of them: dog.n.01 {DOG}"),
        (("--workers", "2"), "its pictures are grouped already"),
        (("--set", "dedup.agreement=0.9"), "its pictures are grouped already"),
    ):
        code, text = refused("duplicates", run.root, *options)
        assert (code, why in text) == (2, True), text
    run.duplicates.unlink()
    code, text = refused("duplicates", run.root)
    assert (code, "duplicates.parquet is missing. Run the build again" in text) == (3, True)
    with writing(tmp_path / "list", BuildConfig()) as layout:
        layout.download_queue.touch()
    code, text = refused("duplicates", layout.root)
    assert (code, "was made by `fetch`" in text) == (2, True)


def test_tables_that_contradict_each_other_are_an_error(run, tmp_path):
    tables.write_rows(run.duplicates, DUPLICATES, [duplicate(DOG, "b", "never seen", "near", 0.1)])
    code, text = refused("duplicates", run.root, "--html", tmp_path / "review.html")
    assert (code, "does not have" in text) == (3, True)
    assert not (tmp_path / "review.html").exists()
