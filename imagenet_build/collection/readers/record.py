"""What every reader yields: one described picture, or why a row describes none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from imagenet_build.collection.languages import UNKNOWN_LANGUAGE


@dataclass(frozen=True, slots=True)
class Caption:
    """One text about a picture."""

    text: str
    language: str = UNKNOWN_LANGUAGE
    """ISO 639-3, or `und`."""


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """One picture as a source describes it: by its URL, by a file in the source's folder, or both.

    With both, the file is the picture if it is there, and the URL is where it came from.
    """

    captions: tuple[Caption, ...]
    """In the source's order; at least one."""
    url: str = ""
    """Absolute, http or https; empty if not said."""
    file: str = ""
    """Relative to the source's base folder, `/` between the parts; empty if not said."""
    width: int | None = None
    """Pixels, as the source says."""
    height: int | None = None
    page_url: str = ""
    license: str = ""
    """In the source's own words; so are the next two."""
    license_version: str = ""
    license_url: str = ""
    creator: str = ""
    creator_url: str = ""
    title: str = ""


class SkipReason(str, Enum):
    """Why a row or a file of a source is not in the index."""

    NO_PICTURE = "no_picture"
    """Neither a URL nor a file."""
    NO_CAPTION = "no_caption"
    """No text, or a text without a word."""
    BAD_URL = "bad_url"
    FILE_MISSING = "file_missing"
    OUTSIDE_FOLDER = "outside_folder"
    """The file's path leads out of the source's folder."""
    NOT_IDENTIFIED = "not_identified"
    """A photo whose observation is not of research grade, or of no taxon that is known."""
    UNREADABLE_ROW = "unreadable_row"
    UNREADABLE_NAME = "unreadable_name"
    """A file name that is not UTF-8."""
    CAPTION_WITHOUT_PICTURE = "caption_without_picture"
    """A caption file whose picture is missing, or of a format that is not read (SVG, for one)."""


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that is not in the index."""

    reason: SkipReason
    detail: str
    """Where it stands, and what was found there."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every picture of a source that says nothing else."""

    language: str = ""
    license: str = ""
    license_version: str = ""
    license_url: str = ""
    creator: str = ""
    page_url: str = ""


Rows = Iterator[PictureRecord | SkippedRow]


class Reader(Protocol):
    """One format of caption file."""

    @property
    def looks_like(self) -> str:
        """How a source of this format looks, in a few words: for the message that no reader fits."""

    def fits(self, source: Path) -> bool:
        """Whether this source is of this format, judged by its name and kind."""

    def base(self, source: Path) -> Path:
        """The folder that the source's file names are relative to."""

    def read(self, source: Path) -> Rows:
        """Every row in the source's order.

        Raises:
            ConfigError: the source as a whole has no column for pictures or for captions.
            DataError: the source is damaged: what follows cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Source:
    """One file or folder, and the reader that fits it."""

    path: Path
    reader: Reader
    base: Path = field(compare=False)
