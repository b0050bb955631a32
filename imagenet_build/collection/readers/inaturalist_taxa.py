"""The names of iNaturalist's taxa and of their ancestors, packed: about 55 bytes for each taxon."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from imagenet_build.collection.readers.columns import clean
from imagenet_build.collection.readers.named_columns import rows_of, whole_number

NEEDED = ("taxon_id", "ancestry", "name")
MAX_NAME_CHARACTERS = 500

_NO_PARENT = -1
_ROOT_LEVEL = 100.0
"""`rank_level` of "Life", the root of the tree: nobody who searches for "life" means every organism."""
_BETWEEN_IDS = re.compile(r"[\\/]")


class Taxa:
    """The table `taxa`: scientific names in a tree. Of an id that is there twice the first row counts."""

    def __init__(self, table: Path) -> None:
        """Read the table; raises as `rows_of`. Rows without a number or a name are passed over."""
        self._ids = array("q")
        self._parents = array("q")
        self._name_ends = array("q")
        names = bytearray()
        for row in rows_of(table, NEEDED, ("rank_level",)):
            taxon = None if row is None else whole_number(row[0])
            if row is None or taxon is None:
                continue
            name = clean(row[2][:MAX_NAME_CHARACTERS])
            if not name:
                continue
            parent = whole_number(_BETWEEN_IDS.split(row[1].strip())[-1])
            self._ids.append(taxon)
            self._parents.append(_NO_PARENT if parent is None else parent)
            names += b"" if _is_root(row[3]) else name.encode()
            self._name_ends.append(len(names))
        self._names = bytes(names)
        # Places of the rows by their ids; the sort is stable, so that the first of equal ids stays the first.
        self._places = array("q", sorted(range(len(self._ids)), key=self._ids.__getitem__))
        self._sorted_ids = array("q", (self._ids[place] for place in self._places))

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, taxon: int) -> bool:
        return self._place(taxon) is not None

    def name(self, taxon: int) -> str:
        """A taxon's scientific name; empty if it is not in the table, and for the root."""
        place = self._place(taxon)
        return "" if place is None else self._name_at(place)

    def ancestors(self, taxon: int) -> Iterator[str]:
        """The names of a taxon's ancestors, nearest first, as far as the table has them."""
        seen = {taxon}
        place = self._place(taxon)
        while place is not None and (parent := self._parents[place]) not in seen:
            seen.add(parent)  # a damaged table may lead round in circles
            place = self._place(parent)
            if place is not None and (name := self._name_at(place)):
                yield name

    def _place(self, taxon: int) -> int | None:
        at = bisect_left(self._sorted_ids, taxon)
        return self._places[at] if at < len(self._places) and self._sorted_ids[at] == taxon else None

    def _name_at(self, place: int) -> str:
        return self._names[self._name_ends[place - 1] if place else 0 : self._name_ends[place]].decode()


def _is_root(rank_level: str) -> bool:
    try:
        return float(rank_level) >= _ROOT_LEVEL
    except ValueError:
        return False
