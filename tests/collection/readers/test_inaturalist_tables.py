from __future__ import annotations

import gzip
import random
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from imagenet_build.cli.collection import collection
from imagenet_build.collection.index import CollectionIndex, Defaults, IndexReport, build_index
from imagenet_build.collection.readers import inaturalist_tables
from imagenet_build.collection.readers.choose import sources_of
from imagenet_build.collection.readers.inaturalist_taxa import Taxa
from imagenet_build.collection.readers.record import Caption, PictureRecord, SkippedRow
from imagenet_build.errors import ConfigError, DataError, DiskUnusable

TAXA = """\
taxon_id	ancestry	rank_level	rank	name	active
48460		100	stateofmatter	Life	t
42069	48460/1/40151/41636/41637/42068	10	species	Vulpes vulpes	t
1	48460	70	kingdom	Animalia	t
40151	48460/1	50	class	Mammalia	t
41636	48460\\1\\40151	40	order	Carnivora	t
41637	48460/1/40151/41636	30	family	Canidae	t
42068	48460/1/40151/41636/41637	20	genus	Vulpes	t
42070	48460/1/40151/41636/41637/42068	10	species	Vulpes zerda	t
7	48460	20	genus	"Quoted" o'name	t
"""
OBSERVATION_HEADER = (
    "observation_uuid\tobserver_id\tlatitude\tlongitude\tpositional_accuracy\t"
    "taxon_id\tquality_grade\tobserved_on\tanomaly_score\n"
)


def observation(ident: int, taxon: int, grade: str = "research") -> str:
    return f"00000000-0000-4000-8000-{ident:012d}\t11\t52.1\t\t10\t{taxon}\t{grade}\t2024-05-06\t\n"


OBSERVATIONS = (
    OBSERVATION_HEADER
    + observation(1, 42069)
    + observation(2, 42070)
    + observation(3, 42069, "needs_id")
    + observation(4, 42069, "casual")
    + observation(5, 999999)
    + observation(6, 7)
)
OBSERVERS = "observer_id\tlogin\tname\n11\tada\tAda Example\n12\tbo\t\n"
PHOTO_HEADER = "photo_uuid\tphoto_id\tobservation_uuid\tobserver_id\textension\tlicense\twidth\theight\tposition\n"


def photo(ident: object, observation: int = 1, **cells: Any) -> str:
    row = {"observer_id": 11, "extension": "jpg", "license": "CC-BY-NC", "width": 2048, "height": 1365, **cells}
    of = cells.get("observation_uuid", f"00000000-0000-4000-8000-{observation:012d}")
    start = [uuid.UUID(int=1), ident, of, row["observer_id"], row["extension"], row["license"]]
    return "\t".join(map(str, [*start, row["width"], row["height"], 0])) + "\n"


def tables(folder: Path, photos: str, packed: bool = False, **others: str) -> Path:
    """A folder of tables; an empty text leaves a table out."""
    folder.mkdir(exist_ok=True)
    texts = {"taxa": TAXA, "observations": OBSERVATIONS, "observers": OBSERVERS, **others}
    for name, text in {**texts, "photos": PHOTO_HEADER + photos}.items():
        if text and packed:
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        elif text:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def read(folder: Path) -> list[PictureRecord | SkippedRow]:
    (source,) = sources_of([folder])
    assert source.path == folder
    return list(source.reader.read(source.path))


def records(folder: Path) -> list[PictureRecord]:
    rows = [row for row in read(folder) if isinstance(row, PictureRecord)]
    assert rows
    return rows


def indexed(folder: Path, **options: Any) -> tuple[IndexReport, CollectionIndex]:
    out = folder.parent / "test.index"
    report = build_index([folder], out, **options)
    return report, CollectionIndex.open(out)


def names_found(index: CollectionIndex, text: str, language: str | None) -> set[str]:
    return {row.title for row in index.search(text, language, limit=100).rows}


@pytest.mark.parametrize("packed", [False, True])
def test_a_photo_is_read_with_all_that_the_tables_say(tmp_path: Path, packed: bool) -> None:
    folder = tables(tmp_path / "open-data", photo(300000001), packed)
    assert read(folder) == [
        PictureRecord(
            captions=(Caption("Vulpes vulpes"), Caption("Vulpes, Canidae, Carnivora, Mammalia, Animalia")),
            url="https://inaturalist-open-data.s3.amazonaws.com/photos/300000001/large.jpg",
            width=2048,
            height=1365,
            page_url="https://www.inaturalist.org/observations/00000000-0000-4000-8000-000000000001",
            license="CC-BY-NC",
            license_version="4.0",
            creator="Ada Example",
            creator_url="https://www.inaturalist.org/users/11",
            title="Vulpes vulpes",
        )
    ]


def test_columns_go_by_name_and_those_of_no_need_may_be_absent(tmp_path: Path) -> None:
    folder = tables(
        tmp_path / "t",
        "",
        taxa="name\tancestry\ttaxon_id\nVulpes\t\t2\nVulpes vulpes\t2\t3\n",
        observations="quality_grade\ttaxon_id\tobservation_uuid\nresearch\t3\t00000000-0000-4000-8000-00000000000A\n",
        observers="",
    )
    (folder / "photos.csv").write_text(
        "\ufefflicense\textension\tobservation_uuid\tphoto_id\r\nCC0\tJPG\t00000000-0000-4000-8000-00000000000a\t5\r\n",
        encoding="utf-8",
    )
    (record,) = records(folder)
    assert record.url.endswith("/photos/5/large.JPG")
    assert [caption.text for caption in record.captions] == ["Vulpes vulpes", "Vulpes"]
    assert (record.width, record.height, record.creator, record.creator_url) == (None, None, "", "")


def test_a_login_is_the_creator_where_there_is_no_name_and_an_unknown_observer_has_a_page(tmp_path: Path) -> None:
    folder = tables(tmp_path / "t", photo(1, observer_id=12) + photo(2, observer_id=13) + photo(3, observer_id=""))
    about = [(record.creator, record.creator_url.rpartition("/")[2]) for record in records(folder)]
    assert about == [("bo", "12"), ("", "13"), ("", "")]


@pytest.mark.parametrize(
    ("written", "code", "version"),
    [
        ("CC-BY-NC", "by-nc", "4.0"),
        ("CC-BY-NC-SA", "by-nc-sa", "4.0"),
        ("cc-by", "by", "4.0"),
        ("CC-BY-3.0", "by", "3.0"),
        ("CC0", "cc0", "1.0"),
        ("PD", "pdm", ""),
        ("", "arr", ""),
        ("\\N", "arr", ""),
        ("NULL", "arr", ""),
        ("somebody's own", "unknown", ""),
    ],
)
def test_licences(tmp_path: Path, written: str, code: str, version: str) -> None:
    folder = tables(tmp_path / "t", photo(1, license=written))
    # What is said for pictures without a licence must not make a reserved photo free.
    _, index = indexed(folder, defaults=Defaults(license="by", license_version="4.0"))
    with index:
        (found,) = index.listing().rows
    assert (found.license, found.license_version) == (code, version)


def test_only_research_grade_observations_of_known_taxa_are_taken_and_the_others_counted(tmp_path: Path) -> None:
    folder = tables(tmp_path / "t", "".join(photo(number, number) for number in range(1, 8)))
    report, index = indexed(folder)
    with index:
        assert {row.title for row in index.listing().rows} == {"Vulpes vulpes", "Vulpes zerda", '"Quoted" o\'name'}
    assert (report.rows, report.pictures, report.skipped) == (7, 3, {"not_identified": 4})


@pytest.mark.parametrize("language", ["eng", "nld", "cmn", "lat", "la", "und", None])
def test_latin_names_are_found_in_every_language(tmp_path: Path, language: str | None) -> None:
    _, index = indexed(tables(tmp_path / "t", photo(1, 1) + photo(2, 2) + photo(6, 6)))
    both = {"Vulpes vulpes", "Vulpes zerda"}
    with index:
        assert names_found(index, "vulpes zerda", language) == {"Vulpes zerda"}
        assert names_found(index, "Vulpes", language) == both
        assert names_found(index, "Canidae", language) == both
        assert names_found(index, "Carnivora", language) == both
        assert names_found(index, "Felidae", language) == set()
        assert names_found(index, "life", language) == set()


def test_the_name_itself_comes_before_what_shares_its_genus(tmp_path: Path) -> None:
    _, index = indexed(tables(tmp_path / "t", "".join(photo(number, 1 + number % 2) for number in range(1, 21))))
    with index:
        titles = [row.title for row in index.search("Vulpes vulpes", "eng", limit=20).rows]
    assert titles == ["Vulpes vulpes"] * 10 + ["Vulpes zerda"] * 10


def test_a_photo_of_two_observations_is_one_picture_and_a_repeated_row_adds_nothing(tmp_path: Path) -> None:
    report, index = indexed(tables(tmp_path / "t", photo(1, 1) + photo(1, 1) + photo(1, 2)))
    with index:
        assert [row.url.split("/")[4] for row in index.search("zerda", "eng").rows] == ["1"]
    assert (report.pictures, report.merged, report.captions) == (1, 2, {"und": 3})


def test_of_repeated_taxa_and_observers_the_first_row_counts(tmp_path: Path) -> None:
    folder = tables(
        tmp_path / "t",
        photo(1),
        taxa=TAXA + "42069\t48460\t10\tspecies\tWrong name\tt\n",
        observers=OBSERVERS + "11\teve\tEve\n",
    )
    (record,) = records(folder)
    assert (record.title, record.creator) == ("Vulpes vulpes", "Ada Example")


def test_hostile_photos_are_counted_and_none_gets_a_url_of_another_place(tmp_path: Path) -> None:
    folder = tables(
        tmp_path / "t",
        photo("")
        + photo("../7")
        + photo("7/../../8")
        + photo("٣")
        + photo("9" * 5000)
        + photo(2, extension="")
        + photo(3, extension="jpg?x=")
        + photo(4, extension="../a")
        + photo(5, observation_uuid="")
        + photo(6, observation_uuid="00000000000040008000000000000001")
        + photo(7, observation_uuid="' OR 1=1 --")
        + "one\ttwo\n\n"
        + photo(9).rstrip("\n")
        + "\textra\n"
        + photo(10, width="-5", height="1e999", license="\x00\x01", observer_id="x"),
    )
    rows = read(folder)
    assert [row.reason.value if isinstance(row, SkippedRow) else row.url.split("/")[4] for row in rows] == [
        *["no_picture", "bad_url", "bad_url", "bad_url", "bad_url", "no_picture", "bad_url", "bad_url"],
        *["not_identified"] * 3,
        *["unreadable_row"] * 2,
        "10",
    ]
    last = rows[-1]
    assert isinstance(last, PictureRecord)
    assert (last.width, last.height, last.creator_url) == (None, None, "")
    assert all(len(row.detail) < 200 for row in rows if isinstance(row, SkippedRow))


def test_a_damaged_tree_ends_and_names_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "taxa.csv").write_bytes(
        b"taxon_id\tancestry\trank_level\tname\n"
        b"1\t2\t20\tAlpha\n2\t1\t20\tBeta\n3\t3\t20\tGamma\n4\t99/x\t20\tDelta\n5\t\\N\t20\tEpsilon\n"
        b"6\t99\t20\tZeta\n7\t1\thigh\t\xff\xc3\xa9 \xe2\x80\x99\n-8\t1\t20\tMinus\nx\t1\t20\tNone\n"
        b"999999999999999999\t1\t20\tHuge\n9999999999999999999\t1\t20\tToo huge\n9\t1\t20\t \n10\tshort\n"
    )
    taxa = Taxa(tmp_path / "taxa.csv")
    assert {taxon: list(taxa.ancestors(taxon)) for taxon in (1, 2, 3, 4, 5, 6, 7)} == {
        **{1: ["Beta"], 2: ["Alpha"], 3: [], 4: [], 5: [], 6: []},
        7: ["Alpha", "Beta"],
    }
    assert (taxa.name(7), taxa.name(999999999999999999), taxa.name(12)) == ("\ufffdé ’", "Huge", "")
    assert [taxon in taxa for taxon in (8, 9, 10, 0)] == [False] * 4
    assert len(taxa) == 8


def test_taxa_in_any_order_are_found(tmp_path: Path) -> None:
    numbers = list(range(0, 3000, 3))
    random.Random(1).shuffle(numbers)
    lines = [f"{number}\t{number // 6 * 3 or ''}\tName {number}" for number in numbers]
    (tmp_path / "taxa.csv").write_text("taxon_id\tancestry\tname\n" + "\n".join(lines), encoding="utf-8")
    taxa = Taxa(tmp_path / "taxa.csv")
    assert [taxa.name(number) for number in range(3000) if number in taxa] == [f"Name {n}" for n in range(0, 3000, 3)]
    assert list(taxa.ancestors(48)) == ["Name 24", "Name 12", "Name 6", "Name 3"]


@pytest.mark.parametrize(
    ("name", "header", "missing"),
    [
        ("photos", PHOTO_HEADER.replace("license\t", ""), "license"),
        ("photos", PHOTO_HEADER.replace("\t", ","), "photo_id, observation_uuid, extension, license"),
        ("observations", OBSERVATIONS.replace("quality_grade", "grade"), "quality_grade"),
        ("taxa", TAXA.replace("ancestry", "parents"), "ancestry"),
        ("observers", OBSERVERS.replace("login", "nick"), "login"),
    ],
)
def test_a_missing_column_is_named_with_its_table(tmp_path: Path, name: str, header: str, missing: str) -> None:
    folder = tables(tmp_path / "t", photo(1))
    (folder / f"{name}.csv").write_text(header, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name}\.csv has no column {missing}\. .*separated by tabs"):
        read(folder)


@pytest.mark.parametrize("name", ["taxa", "observations", "observers", "photos"])
def test_an_empty_or_damaged_table_is_named(tmp_path: Path, name: str) -> None:
    folder = tables(tmp_path / "t", photo(1), packed=True)
    packed = folder / f"{name}.csv.gz"
    whole = packed.read_bytes()
    for content in (gzip.compress(b""), whole[: len(whole) // 2], b"<html>AccessDenied</html>"):
        packed.write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}\.csv\.gz"):
            read(folder)


def test_photos_are_streamed(tmp_path: Path) -> None:
    folder = tables(tmp_path / "t", "", packed=True)
    ids = random.Random(2).sample(range(10**9), 20_000)
    packed = gzip.compress((PHOTO_HEADER + "".join(map(photo, ids))).encode())
    (folder / "photos.csv.gz").write_bytes(packed[: len(packed) * 9 // 10])
    (source,) = sources_of([folder])
    rows = source.reader.read(folder)
    # Rows come before the damage in the same file is reached: the table is never read as a whole.
    assert [isinstance(next(rows), PictureRecord) for _ in range(1000)] == [True] * 1000
    with pytest.raises(DataError, match="cut off"):
        list(rows)


def test_a_full_temporary_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inaturalist_tables, "_TABLES", f"PRAGMA max_page_count = 5;{inaturalist_tables._TABLES}")
    many = "".join(observation(number, 42069) for number in range(10, 2000))
    folder = tables(tmp_path / "t", photo(1), observations=OBSERVATIONS + many)
    with pytest.raises(DiskUnusable, match="SQLITE_TMPDIR"):
        read(folder)


@pytest.mark.parametrize("left_out", ["taxa", "observations"])
def test_other_tables_are_read_as_they_were(tmp_path: Path, left_out: str) -> None:
    folder = tables(tmp_path / "t", photo(1))
    (folder / f"{left_out}.csv").unlink()
    assert "INaturalistTables" not in {type(source.reader).__name__ for source in sources_of([folder])}


def test_the_help_names_the_tables(tmp_path: Path) -> None:
    text = " ".join(CliRunner().invoke(collection, ["index", "--help"]).output.split())
    assert "iNaturalist's open-data tables (taxa.csv, observations.csv, photos.csv, observers.csv, also .gz)" in text
    with pytest.raises(ConfigError, match=r"a folder with iNaturalist's open-data tables"):
        sources_of([tmp_path])
