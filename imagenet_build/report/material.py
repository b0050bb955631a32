"""Pure: everything that stands in a report, gathered before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagenet_build.report.places import Places
from imagenet_build.stats.document import Statistics


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some pictures of one synset as one JPEG."""

    wnid: str
    name: str
    gloss: str
    depth: int | None
    images: int
    """Of the synset itself."""
    shown: int
    """Pictures on the sheet."""
    has_below: bool
    """Some of them stand below the synset, because it has too few of its own."""
    jpeg: bytes
    width: int
    """Pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong or is not done, and what to do."""

    what: str
    number: int | None
    """How often; None where that says nothing."""
    remedy: str
    """Words and, in backticks, commands; empty: nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The other side of a comparison."""

    statistics: Statistics
    places: Places
    """Of the synsets of both sides together."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is written from."""

    statistics: Statistics
    places: Places
    """The tree of the run's synsets."""
    names: Mapping[str, str]
    """wnid -> the synset's name in WordNet, of everything in the tree."""
    roots: tuple[str, ...] = ()
    """What was asked for, in words."""
    command: str = ""
    """That writes this page."""
    notes: tuple[str, ...] = ()
    """Paragraphs below the numbers; what stands between backticks is code."""
    branches: tuple[tuple[Sheet, ...], ...] = ()
    """Up to two ways from a synset to a leaf."""
    samples: tuple[Sheet, ...] = ()
    """Of synsets at several depths, by depth."""
    of_accepted: bool = False
    """Sheets show accepted pictures; else kept ones."""
    averages: Mapping[str, bytes] = field(default_factory=dict)
    """wnid -> its average image as PNG, 32 x 32."""
    verification: Mapping[str, Any] | None = None
    """`verdicts/report.json`."""
    troubles: tuple[Trouble, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """Keys of the configuration that differ from their defaults, with their values."""
    against: Compared | None = None

    def word(self, wnid: str) -> str:
        """A synset as a word."""
        name = self.names.get(wnid, wnid)
        return (name.rpartition(".n.")[0] or name).replace("_", " ")
