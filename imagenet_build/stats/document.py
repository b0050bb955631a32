"""The statistics document: everything that `stats` knows of a run or a table, as one value and as JSON.

Sections that a run cannot fill (stopped early, no bytes kept, nobody voted) are None, and `absent` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from imagenet_build.errors import DataError
from imagenet_build.stats.sections import (
    ColourStatistics,
    Conflicts,
    Duplicates,
    FoundBy,
    HierarchyShape,
    Hosts,
    ImagesPerSynset,
    Leaks,
    NamedCount,
    RefusalRow,
    Sizes,
    SubtreeRow,
    Totals,
)

DOCUMENT_VERSION = 1
RUN, LIST, COUNTS = "run", "list", "counts"


@dataclass(frozen=True, slots=True)
class InputFile:
    """Something that the numbers depend on."""

    name: str
    """What it is or is called, without its folder: WordNet, counts.csv."""
    sha256: str
    """Hex digest; of WordNet, of the noun files together. Empty: it is no longer there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What was counted, and with what."""

    kind: str
    """run (of `build`), list (of `fetch`), counts (a table of wnids and images)."""
    name: str
    """The run's folder or the table's file, without the folders above."""
    program: str
    """That made the run, as it wrote it in run.json; for a table, that counted."""
    counted_by: str
    """Program and versions of the libraries that made this document."""
    config_hash: str = ""
    inputs: tuple[InputFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """A section that could not be filled."""

    section: str
    """A field of Statistics, or of Totals."""
    why: str
    """A sentence, with what to do about it if something can be done."""


@dataclass(frozen=True, slots=True)
class SynsetRow:
    """One synset in numbers."""

    wnid: str
    name: str
    parents: tuple[str, ...]
    """wnids, of which some may not belong to the run or table."""
    depth: int | None
    """Fewest steps up to a synset without parents; None: WordNet 3.0 does not have it."""
    height: int | None
    """Most steps down to a synset of the run or table; 0: none of them below."""
    images: int
    """Kept images; of a table, its images."""
    hits: int | None = None
    distinct: int | None = None
    candidates: int | None = None
    refused: int | None = None
    waiting: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    undecided: int | None = None


@dataclass(frozen=True, slots=True)
class SynsetDiversity:
    """How much a synset's pictures differ (CVPR 2009, section 2, Figure 5): a smaller file, a greyer average image."""

    wnid: str
    pictures: int
    """Kept pictures of the synset."""
    averaged: int
    """Pictures in each average image that was measured: the same for all synsets, so that these compare."""
    bytes: float
    """Of the average image (32 x 32 RGB) as lossless JPEG, headers included; the mean over the resampled images."""
    low: float
    """Bytes; 95 % interval over resampling of the pictures."""
    high: float


@dataclass(frozen=True, slots=True)
class PrecisionRow:
    """How much of what was sampled is right (CVPR 2009, section 2, Figure 4)."""

    depth: int | None
    """Of the synsets, as in SynsetRow; None: all depths together."""
    synsets: int
    """Sampled, with at least one answered picture."""
    pictures: int
    """Answered."""
    correct: int
    precision: float
    """0 to 1."""
    low: float
    """95 % interval."""
    high: float


@dataclass(frozen=True, slots=True)
class Property:
    """A line of the paper's Table 1, which compares datasets."""

    name: str
    """As in the paper: LabelDisam, Clean, DenseHie, FullRes, PublicAvail, Segmented."""
    meaning: str
    holds: str
    """yes, no, partly, or open where the run cannot say."""
    evidence: str
    """The run's own figures."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The whole document."""

    identity: Identity
    totals: Totals
    images_per_synset: ImagesPerSynset
    """Of kept (or listed) images."""
    accepted_per_synset: ImagesPerSynset | None = None
    subtrees: tuple[SubtreeRow, ...] = ()
    """Those asked for, then the site's categories in the site's (alphabetical) order; only such as hold a synset."""
    shape: HierarchyShape | None = None
    found_by: FoundBy | None = None
    licenses: tuple[NamedCount, ...] | None = None
    """By licence code, most first."""
    hosts: Hosts | None = None
    sizes: Sizes | None = None
    refusals: tuple[RefusalRow, ...] | None = None
    """By stage, most first."""
    duplicates: Duplicates | None = None
    conflicts: Conflicts | None = None
    leaks: Leaks | None = None
    colours: ColourStatistics | None = None
    diversity: tuple[SynsetDiversity, ...] | None = None
    """By wnid; synsets with too few pictures are left out."""
    precision: tuple[PrecisionRow, ...] | None = None
    """By depth, all depths together last."""
    properties: tuple[Property, ...] = ()
    synsets: tuple[SynsetRow, ...] = ()
    """By wnid."""
    absent: tuple[Absent, ...] = ()
    version: int = field(default=DOCUMENT_VERSION)


def to_json(statistics: Statistics, *, indent: bool = False) -> bytes:
    """The document as UTF-8 JSON: an object with the fields of Statistics; equal documents give equal bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if indent else 0
    return orjson.dumps(statistics, option=options)


def from_json(text: bytes) -> Statistics:
    """Read what `to_json` wrote.

    Raises:
        DataError: it is no statistics document, or one of another version.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(f"The statistics cannot be read: {error}.", remedy=_REMEDY) from None
    version = found.get("version") if isinstance(found, dict) else None
    if version != DOCUMENT_VERSION:
        raise DataError(
            f"The statistics have version {version}; this program reads {DOCUMENT_VERSION}.", remedy=_REMEDY
        )
    try:
        return _adapter().validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"The statistics cannot be read: {where}: {first['msg']}.", remedy=_REMEDY) from None


def read_statistics(path: Path) -> Statistics:
    """The document in a file; raises DataError if there is none, or none that can be read."""
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing.", remedy=_REMEDY) from None


_REMEDY = "`imagenet-build stats RUN` writes them anew."


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Statistics]:
    return TypeAdapter(Statistics)
