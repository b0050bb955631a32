from __future__ import annotations

import pytest

from imagenet_build.errors import ConfigError
from imagenet_build.taxonomy.concepts import (
    ConceptRow,
    Concepts,
    format_concepts,
    load_concepts,
    parse_concepts,
    read_concepts,
)
from imagenet_build.taxonomy.digests import concepts_digest

DOG, CAT = "n02084071", "n02121620"
ROWS = [
    ConceptRow(CAT, "", "zxx", ""),
    ConceptRow(DOG, "Q20717272", "zxx", ""),
    ConceptRow(DOG, "Q144", "zxx", ""),
    ConceptRow(DOG, "Q144", "eng", "dog"),
    ConceptRow(DOG, "Q144", "eng", "domestic dog"),
    ConceptRow(DOG, "Q144", "cmn", "狗"),
    ConceptRow(DOG, "Q144", "nld", ""),
]
HEADER = "wnid\titem\tlanguage\tlabel\n"


def test_rows_come_back_by_synset_and_item():
    text = format_concepts([*ROWS, ROWS[3]])
    assert text.splitlines()[:4] == [
        "wnid\titem\tlanguage\tlabel",
        f"{DOG}\tQ144\tzxx\t",
        f"{DOG}\tQ144\teng\tdog",
        f"{DOG}\tQ144\teng\tdomestic dog",
    ]
    rows = parse_concepts(text, "c.tsv")
    assert sorted(rows) == sorted(ROWS)
    assert format_concepts(rows) == text


def test_white_space_in_a_name_breaks_no_line():
    (row,) = parse_concepts(format_concepts([ConceptRow(DOG, "Q144", "eng", "a\tdog \n of mine")]), "c.tsv")
    assert row.label == "a dog of mine"


def test_what_the_rows_say():
    concepts = Concepts(ROWS)
    assert concepts.items(DOG) == ("Q20717272", "Q144")
    assert concepts.items(CAT) == ()
    assert concepts.labels(DOG, "eng") == ("dog", "domestic dog")
    assert concepts.labels(DOG, "nld") == ()
    assert concepts.languages == ("cmn", "eng")
    assert load_concepts(None).languages == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must begin with the line wnid item language label"),
        ("wnid,item,language,label\n", "must begin with"),
        (f"{HEADER}{DOG}\tQ144\teng\n", "line 2: it has 3 columns"),
        (f"{HEADER}\n{DOG}\tQ144\teng\tdog\n02084071-n\tQ144\teng\tdog\n", "line 4: '02084071-n' is not a wnid"),
        (f"{HEADER}{DOG}\tP18\teng\tdog\n", "'P18' is no item"),
        (f"{HEADER}{DOG}\tQ144|P180=Q5\tzxx\t\n", "is no item"),
        (f"{HEADER}{DOG}\tQ144\ten\tdog\n", "'en' is no language"),
        (f"{HEADER}{DOG}\tQ144\tzxx\tdog\n", "needs an item and a language"),
        (f"{HEADER}{DOG}\t\teng\tdog\n", "needs an item and a language"),
    ],
)
def test_another_file_is_refused_with_its_line(text, said):
    with pytest.raises(ConfigError, match=r"c\.tsv") as caught:
        parse_concepts(text, "c.tsv")
    assert said in str(caught.value)


def test_files_of_other_programs(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + format_concepts(ROWS).replace("\n", "\r\n").encode())
    assert sorted(read_concepts(path)) == sorted(ROWS)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_concepts(path)
    with pytest.raises(ConfigError, match="data concepts"):
        load_concepts(tmp_path / "absent.tsv")


def test_the_digest_is_of_the_rows(tmp_path):
    one, other = tmp_path / "one.tsv", tmp_path / "other.tsv"
    one.write_text(format_concepts(ROWS))
    other.write_text(format_concepts(ROWS).replace("\n", "\r\n"))
    assert concepts_digest(one) == concepts_digest(other) != concepts_digest(None)
    other.write_text(format_concepts(ROWS[:-1]))
    assert concepts_digest(one) != concepts_digest(other)
