"""The demo's word list and its small wordnet: well formed, and true to WordNet 3.0 where that is at hand."""

import os
import re
import unicodedata
import zipfile
from pathlib import Path

import pytest

from imagenet_build.records import WNID_PATTERN

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = CHECKOUT / "data" / "reference"
LANGUAGES = ("cmn", "ita", "nld", "spa")
PERSON_OFFSET = "00007846"
CJK = re.compile(r"[\u4e00-\u9fff]")


def read_list(path):
    """(wnid, name) of each line that is no comment."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    matches = [re.fullmatch(rf"({WNID_PATTERN.pattern})  # (\S+\.n\.\d\d)", line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [match.groups() for match in matches]


def read_tab(language):
    path = REFERENCE / "demo_omw" / "demo" / f"wn-data-{language}.tab"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    return header, [line.split("\t") for line in lines]


@pytest.fixture(scope="module")
def listed():
    return read_list(REFERENCE / "demo_wnids.txt")


@pytest.fixture(scope="module")
def ancestors():
    return read_list(REFERENCE / "demo_omw" / "ancestors.txt")


def test_lists_are_sorted_unique_and_disjoint(listed, ancestors):
    for entries in (listed, ancestors):
        wnids = [wnid for wnid, _ in entries]
        assert wnids == sorted(set(wnids))
        assert len({name for _, name in entries}) == len(entries)
    assert not {wnid for wnid, _ in listed} & {wnid for wnid, _ in ancestors}


def test_list_is_large_enough_for_the_demo(listed):
    assert len(listed) >= 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_tab_file_is_well_formed(language, listed, ancestors):
    header, rows = read_tab(language)
    assert re.fullmatch(rf"# Demo wordnet\t{language}\t[^\t]+\tCC0-1\.0", header)
    known = {wnid for wnid, _ in listed + ancestors}
    for row in rows:
        assert len(row) == 3, row
        synset, kind, lemma = row
        assert re.fullmatch(r"\d{8}-n", synset), row
        assert kind == "lemma", row
        assert f"n{synset[:8]}" in known, row
        assert lemma, row
        assert lemma == " ".join(lemma.split()), row
        assert not re.search(r"[_+|\"]", lemma), row
        assert lemma == unicodedata.normalize("NFC", lemma), row
        assert bool(CJK.search(lemma)) == (language == "cmn"), row
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len({(synset, lemma) for synset, _, lemma in rows}) == len(rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_listed_synsets_have_one_to_three_lemmas(language, listed):
    counts: dict[str, int] = {}
    for synset, _, _ in read_tab(language)[1]:
        counts[f"n{synset[:8]}"] = counts.get(f"n{synset[:8]}", 0) + 1
    assert max(counts.values()) <= 3
    assert sum(wnid in counts for wnid, _ in listed) >= 0.9 * len(listed)


@pytest.fixture(scope="module")
def wordnet():
    """data.noun and index.noun of the real WordNet 3.0."""
    shared = Path(os.environ.get("IMAGENET_BUILD_SHARED", CHECKOUT.parent / "shared"))
    path = shared / "nltk_data" / "corpora" / "wordnet.zip"
    if not path.exists():
        pytest.skip("the real WordNet 3.0 is absent: set IMAGENET_BUILD_SHARED to the folder that holds nltk_data")
    with zipfile.ZipFile(path) as archive:
        return archive.read("wordnet/data.noun"), archive.read("wordnet/index.noun").decode("ascii")


def fields_at(data, offset):
    start = int(offset)
    return data[start : data.index(b"\n", start)].decode("ascii").split(" | ")[0].split(" ")


def parents(fields):
    words = int(fields[3], 16)
    start = 5 + 2 * words
    pointers = fields[start : start + 4 * int(fields[start - 1])]
    return {pointers[at + 1] for at in range(0, len(pointers), 4) if pointers[at] in ("@", "@i")}


def ancestors_of(data, offset):
    above: set[str] = set()
    waiting = [offset]
    while waiting:
        new = parents(fields_at(data, waiting.pop())) - above
        above |= new
        waiting += new
    return above


def test_wnids_are_nouns_of_wordnet_with_the_names_written_beside_them(listed, ancestors, wordnet):
    data, index = wordnet
    entries = (line.split() for line in index.splitlines() if not line.startswith(" "))
    senses = {entry[0]: entry[-int(entry[2]) :] for entry in entries}
    for wnid, name in listed + ancestors:
        fields = fields_at(data, wnid[1:])
        assert fields[0] == wnid[1:], name
        assert fields[2] == "n", name
        lemma = fields[4].lower()
        assert name == f"{lemma}.n.{senses[lemma].index(wnid[1:]) + 1:02d}"


def test_no_synset_is_a_person(listed, wordnet):
    data, _ = wordnet
    assert fields_at(data, PERSON_OFFSET)[4] == "person"
    assert [name for wnid, name in listed if PERSON_OFFSET in ancestors_of(data, wnid[1:]) | {wnid[1:]}] == []


def test_ancestors_stand_above_listed_synsets(listed, ancestors, wordnet):
    data, _ = wordnet
    above = set().union(*(ancestors_of(data, wnid[1:]) for wnid, _ in listed))
    assert [name for wnid, name in ancestors if wnid[1:] not in above] == []
