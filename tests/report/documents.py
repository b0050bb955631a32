"""Statistics of made-up datasets."""

from __future__ import annotations

from dataclasses import replace

from imagenet_build.stats.document import (
    Absent,
    Identity,
    InputFile,
    PrecisionRow,
    Property,
    Statistics,
    SynsetDiversity,
    SynsetRow,
)
from imagenet_build.stats.image_counts import images_per_synset
from imagenet_build.stats.sections import (
    Bin,
    ColourStatistics,
    ConflictPair,
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

HOSTILE = '<script>alert("1")</script>&'
WNIDS = [f"n{number:08d}" for number in range(1, 41)]


def counts(name: str = "table.csv", images: int = 10) -> Statistics:
    """A table of wnids and images: a chain of three with leaves below each."""
    rows = tuple(
        SynsetRow(wnid, f"thing_{place}.n.01", (WNIDS[place % 3],) if place else (), place % 3 + 1, 0, images * place)
        for place, wnid in enumerate(WNIDS)
    )
    values = [row.images for row in rows]
    return Statistics(
        identity=Identity("counts", name, "a table", "imagenet_build 0.1.0", inputs=(InputFile(name, "ab" * 32),)),
        totals=Totals(synsets=len(rows), nonempty=len(rows) - 1, kept=sum(values)),
        images_per_synset=images_per_synset(values),
        subtrees=(SubtreeRow("things", WNIDS[0], "thing_0.n.01", 40, 39, sum(values), 9.5, None, True, ()),),
        shape=HierarchyShape((LevelRow(1, 20, 19, 100), LevelRow(2, 20, 20, 90)), (LevelRow(0, 40, 39, 190),)),
        synsets=rows,
    )


def full(word: str = "thing") -> Statistics:
    """A run with every section, in which every word that comes from outside is `word`."""
    plain = counts("a run")
    of = Quantiles(1, 2, 3, 4, 5, 6, 7)
    found = tuple(FoundByRow(f"{word} {place}", 90, 80, 70 - place, 10 + place, 50) for place in range(3))
    totals = replace(
        plain.totals,
        left_out=2,
        queries=400,
        hits=9000,
        distinct=8000,
        waiting=7,
        refused=3000,
        candidates=5000,
        duplicates=500,
        distinct_pictures=4400,
        accepted=4000,
        rejected=300,
        undecided=100,
        unasked=100,
    )
    return replace(
        plain,
        identity=Identity("run", word, word, word, "abc", (InputFile(word, ""), InputFile("w", "cd" * 32))),
        totals=totals,
        accepted_per_synset=plain.images_per_synset,
        subtrees=(replace(plain.subtrees[0], category=word, accepted=5),),
        found_by=FoundBy(found, found, found),
        licenses=(NamedCount("by-sa", 900, 800), NamedCount("unknown", 30, 20), NamedCount(word, 1, 1)),
        hosts=Hosts(50, tuple(HostRow(f"{word}{place}", 9, 1) for place in range(20)), HostRow("", 5, 6)),
        sizes=Sizes(10, 400.4, 350.2, of, of, of, (Bin(64, 127, 4), Bin(128, 255, 6)), 1e5, (NamedCount(word, 10),)),
        refusals=(
            RefusalRow("search", "license_refused", 40, False),
            RefusalRow("download", "timeout", 30, True),
            RefusalRow("download", "truncated", 20, False),
            RefusalRow("download", "html", 10, False),
            RefusalRow("download", word, 5, False),
        ),
        duplicates=Duplicates(12, (("near", 9), (word, 3))),
        conflicts=Conflicts(4, 9, 8, 3, (ConflictPair(WNIDS[1], word, WNIDS[2], word, False, 6),)),
        leaks=Leaks(3, 2, (("near", 3),)),
        colours=ColourStatistics(10, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)),
        diversity=tuple(SynsetDiversity(wnid, 30, 10, 900.0 + 9 * n, 880.0, 1300.0) for n, wnid in enumerate(WNIDS)),
        precision=(
            PrecisionRow(4, 8, 200, 198, 0.99, 0.95, 0.999),
            PrecisionRow(9, 8, 200, 180, 0.9, 0.8, 0.95),
            PrecisionRow(None, 16, 400, 378, 0.945, 0.9, 0.97),
        ),
        properties=(Property("Clean", word, "partly", f"{word} `code {word}`"),),
        synsets=tuple(
            replace(row, name=f"{word}_{row.wnid}.n.01", hits=9, distinct=8, refused=1, candidates=7, accepted=3)
            for row in plain.synsets
        ),
        absent=(Absent("leaks", word),),
    )
