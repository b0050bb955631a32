"""Pairs of pictures that are the same -> CONFLICTS rows: one question for each pair of synsets and kept images.

A pair of pictures is taken apart into pairs of rows, and what is known of either row is put beside it by its row
group: so the tables of the run are read by pieces, wherever the work is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagenet_build.contracts import Rows
from imagenet_build.dedup.image_rows import ImageRows, Indices
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS
from imagenet_build.storage.synset_reader import rows_of

_REASONS = ("exact", "same_pixels", "near", "mirrored")
_NO_HIT = {"engine": "", "query": "", "rank": 0}
_PAIR = ("one_row", "other_row", "same", "mirrored", "distance")
_FACTS = [
    ("wnid", pa.string()),
    ("url_key", pa.string()),
    ("sha256", pa.string()),
    *((name, CONFLICTS.field(name).type) for name in _NO_HIT),
]
UNRELATED = pa.schema([field for field in CONFLICTS if field.name != "related"])
"""CONFLICTS before it is known how synsets are related."""


class _Kept(NamedTuple):
    """What a row stands for: the image that its group keeps, and the best hit of that."""

    url_key: str
    hit: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConflictRows:
    """What rows are made from; picklable."""

    rows: ImageRows
    layout: RunLayout

    def of_pairs(self, pairs: Rows) -> Rows:
        """UNRELATED rows of pairs of pictures (`PairSearch.same_pictures`): a table for each synset, synsets ascending.

        Both ways round, sorted; of several ways in which two kept images are the same the best one.
        """
        apart = pairs.mapped(self._row_pairs)
        return (
            apart.grouped("group", partial(self._beside, "one"))
            .grouped("group", partial(self._beside, "other"))
            .grouped("group", _best)
        )

    def _row_pairs(self, table: pa.Table) -> pa.Table:
        """Pairs of rows, both ways round."""
        one, other, pair = _products(table)
        both_ways = np.concatenate([one, other]), np.concatenate([other, one])
        twice = np.concatenate([pair, pair])
        made: dict[str, Any] = {"one_row": both_ways[0], "other_row": both_ways[1]}
        made |= {name: table[name].to_numpy()[twice] for name in _PAIR[2:]}
        return pa.table({**made, "group": self.rows.groups_of(both_ways[0])})

    def _beside(self, side: str, table: pa.Table) -> pa.Table:
        """What is known of the rows of one side, those of a row group; and where the rows go next."""
        wanted, place = np.unique(table[f"{side}_row"].to_numpy(), return_inverse=True)
        images = self.rows.read_rows(wanted, ["wnid", "url_key", "sha256"])
        facts: list[dict[str, Any]] = []
        for wnid, here in tables.runs_of_synsets(images):
            kept = self._kept(wnid, here["url_key"].to_pylist())
            for key, sha256 in zip(here["url_key"].to_pylist(), here["sha256"].to_pylist(), strict=True):
                facts.append({"wnid": wnid, "sha256": sha256, "url_key": kept[key].url_key, **kept[key].hit})
        known = pa.Table.from_pylist(facts, pa.schema(_FACTS)).take(pa.array(place.ravel()))
        for name in known.column_names:
            table = table.append_column(f"{side}_{name}", known[name])
        if side == "one":
            groups = self.rows.groups_of(table["other_row"].to_numpy())
        else:
            table = table.filter(pc.not_equal(table["one_wnid"], table["other_wnid"]))
            groups = np.array([int(wnid[1:]) for wnid in table["one_wnid"].to_pylist()], np.int64)
        return table.drop_columns(["group"]).append_column("group", pa.array(groups))

    def _kept(self, wnid: str, keys: list[str]) -> dict[str, _Kept]:
        """For some images of a synset the one that is kept; hits are published best query first."""
        kept = {key: key for key in keys}
        part = self.layout.duplicates_part(wnid)
        if part.exists():
            for row in tables.read(part, DUPLICATES, columns=["url_key", "duplicate_of"]).to_pylist():
                if row["url_key"] in kept:
                    kept[row["url_key"]] = row["duplicate_of"]
        hits: dict[str, dict[str, Any]] = dict.fromkeys(kept.values(), _NO_HIT)
        found = rows_of(self.layout.hits, HITS, wnid).select(["url_key", *_NO_HIT])
        for row in reversed(found.to_pylist()):
            key = row.pop("url_key")
            if key in hits:
                hits[key] = row
        return {key: _Kept(stands_for, hits[stands_for]) for key, stands_for in kept.items()}


def _products(table: pa.Table) -> tuple[Indices, Indices, Indices]:
    """(m,) each: a row of the one picture, a row of the other, and their pair; of equal pictures each two rows once."""
    ones, others = (table[name].combine_chunks() for name in ("one_rows", "other_rows"))
    one_count, other_count = (pc.list_value_length(lists).to_numpy().astype(np.int64) for lists in (ones, others))
    made = one_count * other_count
    pair = np.repeat(np.arange(len(made)), made)
    turn = np.arange(len(pair)) - np.repeat(np.cumsum(made) - made, made)
    one_starts, other_starts = np.cumsum(one_count) - one_count, np.cumsum(other_count) - other_count
    one = ones.flatten().to_numpy()[one_starts[pair] + turn // other_count[pair]]
    other = others.flatten().to_numpy()[other_starts[pair] + turn % other_count[pair]]
    wanted = ~table["same"].to_numpy()[pair] | (one < other)
    return one[wanted], other[wanted], pair[wanted]


def _best(table: pa.Table) -> pa.Table:
    """UNRELATED rows of one synset."""
    best: dict[tuple[str, str, str], tuple[tuple[int, float], dict[str, Any]]] = {}
    for row in table.to_pylist():
        if row["same"]:
            reason = 0 if row["one_sha256"] == row["other_sha256"] else 1
        else:
            reason = 3 if row["mirrored"] else 2
        key = row["one_url_key"], row["other_wnid"], row["other_url_key"]
        rank = reason, row["distance"]
        if key not in best or rank < best[key][0]:
            best[key] = rank, row
    made = []
    for (reason, distance), row in (best[key] for key in sorted(best)):
        ours = {name: row[f"one_{name}"] for name in ("wnid", "url_key", *_NO_HIT)}
        theirs = {f"other_{name}": row[f"other_{name}"] for name in ("wnid", "url_key", *_NO_HIT)}
        made.append({**ours, **theirs, "reason": _REASONS[reason], "distance": distance})
    return pa.Table.from_pylist(made, UNRELATED)
