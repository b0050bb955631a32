"""The concepts file: Wikidata's items for synsets, with their names in many languages.

Tab-separated, with the header `wnid item language label`; a row per name, an item's label before its aliases. Rows
whose label is empty say what was asked: language `zxx` stands for the item itself (no item: Wikidata links none to the
synset), any other for a language in which the item has no name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imagenet_build.errors import ConfigError
from imagenet_build.records import NO_LANGUAGE, WNID_PATTERN

HEADER = ("wnid", "item", "language", "label")
_ITEM = re.compile(r"Q[1-9]\d*")
LANGUAGE_PATTERN = re.compile(r"[a-z]{3}")


class ConceptRow(NamedTuple):
    """One line of the file."""

    wnid: str
    item: str
    """Wikidata's id, `Q144`; empty: none is linked to the synset."""
    language: str
    """ISO 639-3, or `zxx`."""
    label: str
    """As Wikidata writes it; empty: see the module."""


class Concepts:
    """What a concepts file says, by synset; without rows, it stands for a file that is not there."""

    def __init__(self, rows: Iterable[ConceptRow] = ()) -> None:
        self._items: dict[str, dict[str, None]] = {}
        self._labels: dict[tuple[str, str], dict[str, None]] = {}
        for row in rows:
            if row.item:
                self._items.setdefault(row.wnid, {})[row.item] = None
            if row.label:
                self._labels.setdefault((row.wnid, row.language), {})[row.label] = None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have names."""
        return tuple(sorted({language for _, language in self._labels}))

    def items(self, wnid: str) -> tuple[str, ...]:
        """The items linked to a synset, the file's order."""
        return tuple(self._items.get(wnid, ()))

    def labels(self, wnid: str, language: str) -> tuple[str, ...]:
        """Names of a synset's items in a language, the file's order."""
        return tuple(self._labels.get((wnid, language), ()))


def format_concepts(rows: Iterable[ConceptRow]) -> str:
    """The file's text: rows by synset and item, otherwise in the order given, none twice."""
    ordered = sorted(dict.fromkeys(rows), key=lambda row: (row.wnid, int(row.item[1:] or 0)))
    return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in (HEADER, *ordered))


def parse_concepts(text: str, source: str) -> list[ConceptRow]:
    """The rows of a file.

    Args:
        source: what the file is called in messages.
    Raises:
        ConfigError: no concepts file; the message names the line.
    """
    header, *lines = text.split("\n")
    if tuple(header.rstrip("\r").split("\t")) != HEADER:
        raise ConfigError(f"The concepts file {source} must begin with the line {' '.join(HEADER)}, tabs between.")
    rows = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        problem = _problem(cells)
        if problem:
            raise ConfigError(f"The concepts file {source}, line {number}: {problem}.")
        rows.append(ConceptRow(*cells))
    return rows


def _problem(cells: list[str]) -> str:
    """What is wrong with a line; empty: nothing."""
    if len(cells) != len(HEADER):
        return f"it has {len(cells)} columns, not {len(HEADER)}"
    wnid, item, language, label = cells
    if not WNID_PATTERN.fullmatch(wnid):
        return f"{wnid!r} is not a wnid: n and eight digits"
    if item and not _ITEM.fullmatch(item):
        return f"{item!r} is no item of Wikidata, such as Q144"
    if not LANGUAGE_PATTERN.fullmatch(language):
        return f"{language!r} is no language of three letters"
    if label and (not item or language == NO_LANGUAGE):
        return f"the label {label!r} needs an item and a language"
    return ""


def read_concepts(path: Path) -> list[ConceptRow]:
    """The rows of a file on this disk. Raises ConfigError if it cannot be read."""
    return parse_concepts(_text_of(path), str(path))


def load_concepts(path: Path | None) -> Concepts:
    """What the configured file says; None: there is none. Raises ConfigError if it cannot be read."""
    return Concepts(() if path is None else read_concepts(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"The concepts file {path} cannot be read: {reason}.",
            remedy="`imagenet-build data concepts` makes one.",
        ) from None
