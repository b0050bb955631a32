"""EDGE: the counts of every manifest, read from the files' footers, and again only from files that changed.

Of a run in a store they come from the index over the manifests: 80,000 footers would take minutes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from imagenet_build.errors import DataError
from imagenet_build.records import WNID_PATTERN
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import read_index
from imagenet_build.storage.places import Place, files_in, unreadable
from imagenet_build.web.explorer.file_mark import Mark, file_mark

KINDS = ("seen", "kept", "duplicates", "refused", "waiting")
_SUFFIX = ".parquet"
_NOTE_EVERY = 500


@dataclass(slots=True)
class ManifestFooter:
    """What a manifest says of itself."""

    counts: dict[str, int] = field(default_factory=dict)
    """By `KINDS`."""
    refused_by_reason: dict[str, int] | None = field(default_factory=dict)
    """None: it was not asked; see `read_footer`."""
    problem: str = ""
    """Why it cannot be read; empty: it can."""


class ManifestFooters:
    """All manifests of a run. Belongs to one thread; others read `found`, which is replaced, never changed."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._marks: dict[str, Mark] = {}
        self.found: dict[str, ManifestFooter] = {}
        """By wnid."""
        self.refused_by_reason: Counter[str] = Counter()
        """Of all manifests that were not asked."""
        self._index: tuple[Mark | None, Mark | None] | None = None

    def refresh(self, note: Callable[[int, int], None] | None = None) -> bool:
        """Read what changed.

        Args:
            note: told now and then how many files are read, of how many; `found` grows while it reads.
        Returns:
            whether anything changed.
        """
        if isinstance(self._layout.root, Place) and self._layout.manifest_index.exists():
            return self._take_index()
        if self._index is not None:
            self._index, self.refused_by_reason = None, Counter()
        marks = self._look()
        gone = self._marks.keys() - marks.keys()
        changed = [wnid for wnid, mark in marks.items() if self._marks.get(wnid) != mark]
        if not changed and not gone:
            return False
        found = {wnid: footer for wnid, footer in self.found.items() if wnid not in gone}
        ahead = isinstance(self._layout.root, Place)
        read = tables.in_turn(lambda wnid: read_footer(self._layout, wnid), changed, ahead=ahead)
        for number, (wnid, footer) in enumerate(zip(changed, read, strict=True)):
            found[wnid] = footer
            if note and number % _NOTE_EVERY == _NOTE_EVERY - 1:
                self.found = dict(found)
                note(number + 1, len(changed))
        self.found, self._marks = found, marks
        return True

    def _take_index(self) -> bool:
        """The counts of all manifests from their index, and the reasons from the table of what was refused."""
        mark = file_mark(self._layout.manifest_index), file_mark(self._layout.rejections)
        index = read_index(self._layout) if mark != self._index else None
        if index is None:
            return False
        self.refused_by_reason = _all_reasons(self._layout)
        self.found = {
            row["wnid"]: ManifestFooter({kind: row[kind] for kind in KINDS}, None) for row in index.to_pylist()
        }
        self._index, self._marks = mark, {}
        return True

    def _look(self) -> dict[str, Mark]:
        folder = self._layout.manifests
        if not isinstance(folder, Path):
            marks = ((place.stem, file_mark(place)) for place in files_in(folder, f"n*{_SUFFIX}"))
            return {wnid: mark for wnid, mark in marks if mark is not None}
        try:
            with os.scandir(folder) as entries:
                named = [(entry.name.removesuffix(_SUFFIX), entry) for entry in entries if entry.name.endswith(_SUFFIX)]
                wanted = [(wnid, entry.stat()) for wnid, entry in named if WNID_PATTERN.fullmatch(wnid)]
        except FileNotFoundError:
            return {}
        return {wnid: (state.st_ino, state.st_mtime_ns, state.st_size) for wnid, state in sorted(wanted)}


def _all_reasons(layout: RunLayout) -> Counter[str]:
    """What stands in all footers together."""
    found: Counter[str] = Counter()
    if not layout.rejections.exists():
        return found
    try:
        with tables.open_parquet(layout.rejections) as file:
            for group in range(file.num_row_groups):
                counted = pc.value_counts(file.read_row_group(group, columns=["reason"])["reason"])
                found.update({row["values"]: row["counts"] for row in counted.to_pylist()})
    except (pa.ArrowException, OSError) as error:
        raise unreadable(layout.rejections, error) from None
    return found


def read_footer(layout: RunLayout, wnid: str) -> ManifestFooter:
    """One manifest's own counts; a damaged file gives its problem instead."""
    try:
        said = tables.metadata(layout.manifest(wnid))
        counts = json.loads(said.get("imagenet_build.counts", "{}"))
        reasons = json.loads(said.get("imagenet_build.refused_by_reason", "{}"))
        return ManifestFooter({kind: int(counts.get(kind, 0)) for kind in KINDS}, reasons)
    except DataError as error:
        return ManifestFooter(problem=str(error))
    except (ValueError, TypeError, AttributeError) as error:
        return ManifestFooter(problem=f"{layout.manifest(wnid)} has no counts that can be read: {error}.")
