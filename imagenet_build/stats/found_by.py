"""Pure: what each language, engine and query origin brought, and what only it brought."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.stats.sections import FoundBy, FoundByRow

FINDERS = ("language", "engine", "origin")
"""Columns of HITS, and fields of the manifests' `queries`."""
HIT_COLUMNS = ("wnid", "url_key", *FINDERS)


class FoundByTally:
    """Adds up tables, in any order and in pieces of whole synsets; the sums do not depend on the pieces."""

    def __init__(self) -> None:
        self._hits: dict[str, Counter[str]] = {finder: Counter() for finder in FINDERS}
        self._distinct: dict[str, Counter[str]] = {finder: Counter() for finder in FINDERS}
        self._kept: dict[str, Counter[str]] = {finder: Counter() for finder in FINDERS}
        self._alone: dict[str, Counter[str]] = {finder: Counter() for finder in FINDERS}
        self._accepted: dict[str, Counter[str]] = {finder: Counter() for finder in FINDERS}
        self.hits = 0
        """Rows."""
        self.distinct: Counter[str] = Counter()
        """wnid -> distinct URLs."""
        self.hits_of: Counter[str] = Counter()
        """wnid -> hits."""

    def add_hits(self, hits: pa.Table) -> None:
        """Count hits and distinct (synset, URL) of each finder.

        Args:
            hits: HIT_COLUMNS, all rows of one synset or of several.
        """
        self.hits += hits.num_rows
        wnids, synset = _codes(hits["wnid"])
        urls, url = _codes(hits["url_key"])
        places, place = np.unique(synset * len(urls) + url, return_inverse=True)
        if len(places):
            _count(self.distinct, wnids, places // len(urls))
        _count(self.hits_of, wnids, synset)
        for finder in FINDERS:
            names, name = _codes(hits[finder])
            _count(self._hits[finder], names, name)
            if len(names):
                _count(self._distinct[finder], names, np.unique(place * len(names) + name) % len(names))

    def add_candidates(self, candidates: pa.Table, accepted: NDArray[np.bool_] | None) -> None:
        """Count the pictures that each finder found, and those that it alone found.

        A picture is a duplicate group. Who found one of its copies found the picture.

        Args:
            candidates: columns group_id, kept and queries of MANIFEST; all rows of one synset or of several. Groups
                without a kept row do not count.
            accepted: (rows,), which rows were accepted; None: nothing was judged.
        """
        groups, group = _codes(candidates["group_id"])
        if not groups:
            return
        kept_rows = candidates["kept"].to_numpy()
        is_kept = np.zeros(len(groups), bool)
        is_kept[group[kept_rows]] = True
        is_accepted = np.zeros(len(groups), bool)
        if accepted is not None:
            is_accepted[group[accepted & kept_rows]] = True
        queries = candidates["queries"].combine_chunks()
        row = np.asarray(pc.list_parent_indices(queries))
        hits = pc.list_flatten(queries)
        for finder in FINDERS:
            names, name = _codes(pc.struct_field(hits, finder))
            if not names:
                continue
            pairs = np.unique(group[row] * len(names) + name)
            found, by = pairs // len(names), pairs % len(names)
            inside = is_kept[found]
            found, by = found[inside], by[inside]
            finders = np.bincount(found, minlength=len(groups))
            _count(self._kept[finder], names, by)
            _count(self._alone[finder], names, by[finders[found] == 1])
            _count(self._accepted[finder], names, by[is_accepted[found]])

    def result(self, *, judged: bool) -> FoundBy:
        """The three tables; rows by kept pictures, then hits, most first, then by name.

        Args:
            judged: there are verdicts, so that `accepted` says something.
        """
        return FoundBy(*(self._rows(finder, judged) for finder in FINDERS))

    def _rows(self, finder: str, judged: bool) -> tuple[FoundByRow, ...]:
        names = self._hits[finder].keys() | self._kept[finder].keys()
        rows = [
            FoundByRow(
                name=name,
                hits=self._hits[finder][name],
                distinct=self._distinct[finder][name],
                kept=self._kept[finder][name],
                alone=self._alone[finder][name],
                accepted=self._accepted[finder][name] if judged else None,
            )
            for name in names
        ]
        return tuple(sorted(rows, key=lambda row: (-row.kept, -row.hits, row.name)))


def _codes(column: pa.ChunkedArray | pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct values of a column, and the place of each row's value among them."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _count(into: Counter[str], names: list[str], codes: NDArray[np.int64]) -> None:
    for code, times in enumerate(np.bincount(codes, minlength=len(names)).tolist()):
        if times:
            into[names[code]] += times
