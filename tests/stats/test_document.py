"""The statistics document as JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from imagenet_build.errors import DataError
from imagenet_build.stats.document import (
    Absent,
    Identity,
    InputFile,
    PrecisionRow,
    Statistics,
    SynsetDiversity,
    SynsetRow,
    from_json,
    read_statistics,
    to_json,
)
from imagenet_build.stats.image_counts import images_per_synset
from imagenet_build.stats.sections import (
    Bin,
    ColourStatistics,
    Conflicts,
    Duplicates,
    FoundBy,
    FoundByRow,
    HierarchyShape,
    HostRow,
    Hosts,
    Leaks,
    LevelRow,
    NamedCount,
    Quantiles,
    RefusalRow,
    Sizes,
    SubtreeRow,
    Totals,
)

LEVEL = LevelRow(3, 4, 2, 9)
FINDER = FoundByRow("eng", 9, 8, 7, 6, None)
OF = Quantiles(1, 2, 3, 4, 5, 6, 7)
FULL = Statistics(
    Identity("run", "démo", "p 1", "c 1", "abc", (InputFile("w", ""),)),
    Totals(3, 2, kept=9, accepted=None),
    images_per_synset([0, 4, 5], "kept"),
    images_per_synset([0, 1, 1], "accepted"),
    (SubtreeRow("dog", "n02084071", "dog.n.01", 3, 2, 9, 3.0, None, True, (LEVEL,)),),
    HierarchyShape((LEVEL,), (LEVEL,)),
    FoundBy((FINDER,), (FINDER,), ()),
    (NamedCount("by", 9, 2),),
    Hosts(1, (HostRow("h", 9, 0),), HostRow("", 0, 0)),
    Sizes(9, 400.5, 350.0, OF, OF, OF, (Bin(1, 31, 9),), 5.5, (NamedCount("PNG", 9),)),
    (RefusalRow("download", "timeout", 2, True),),
    Duplicates(1, (("near", 2),)),
    Conflicts(1, 2, 3, 4, ()),
    Leaks(1, 1, (("exact", 1),)),
    ColourStatistics(9, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    (SynsetDiversity("n02084071", 9, 4, 2000.5, 1900.0, 2100.0),),
    (PrecisionRow(None, 2, 9, 8, 0.9, 0.8, 1.0),),
    (),
    (SynsetRow("n02084071", "dog.n.01", ("n02083346",), 8, 1, 9),),
    (Absent("leaks", "why"),),
)


def test_json_and_back():
    assert from_json(to_json(FULL)) == FULL


def test_every_section_is_tried():
    """A new field must come into FULL."""
    empty = [field.name for field in dataclasses.fields(FULL) if not getattr(FULL, field.name)]
    assert empty == ["properties"]


def test_a_document_without_most_sections():
    bare = Statistics(FULL.identity, FULL.totals, FULL.images_per_synset)
    assert from_json(to_json(bare)) == bare


def test_equal_documents_have_equal_bytes():
    assert to_json(FULL) == to_json(from_json(to_json(FULL)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "cannot be read"),
        (b"[]", "version None"),
        (json.dumps({**json.loads(to_json(FULL)), "version": 99}).encode(), "version 99"),
        (json.dumps({**json.loads(to_json(FULL)), "totals": {}}).encode(), "totals.synsets"),
        (json.dumps({**json.loads(to_json(FULL)), "identity": None}).encode(), "identity"),
    ],
)
def test_what_is_no_document_is_refused(text, said):
    with pytest.raises(DataError, match=said) as error:
        from_json(text)
    assert "imagenet-build stats" in error.value.remedy


def test_a_missing_document_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"is missing") as error:
        read_statistics(tmp_path / "stats.json")
    assert "imagenet-build stats" in error.value.remedy
