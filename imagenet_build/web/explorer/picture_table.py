"""EDGE: the candidates of one synset with their verdicts: the columns that a page of pictures needs, read on demand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.verify.vote_tables import verdicts_folder
from imagenet_build.web.explorer.bounded_cache import BoundedCache
from imagenet_build.web.explorer.column_reader import whole_columns
from imagenet_build.web.explorer.file_mark import Mark, file_mark

_COLUMNS = [
    "candidate_id",
    "kept",
    "duplicate_of",
    "duplicate_reason",
    "conflicts",
    "leak",
    "shard",
    "offset",
    "size",
    "format",
    "width",
    "height",
    "license",
]
FILTERS = ("all", "accepted", "rejected", "undecided", "unasked", "conflicts", "duplicates", "leaks")
_MOST_ROWS = 60_000
"""Of all tables that are held, some 400 bytes each."""
_LEAST_WEIGHT = 100
"""A small table weighs something too."""
IntArray = NDArray[np.int64]


class PictureVerdict(NamedTuple):
    """What was decided about a picture, and the votes."""

    verdict: str
    probability: float
    yes: int
    no: int
    unsure: int


@dataclass(frozen=True)
class PictureTable:
    """N candidates of one synset in the manifest's order: those of the best query first."""

    wnid: str
    rows: pa.Table
    row_of: dict[str, int]
    """The part of candidate_id behind the wnid -> row."""
    shown: dict[str, IntArray]
    """FILTERS -> rows of kept pictures."""
    folded: dict[int, list[int]]
    """Row of a kept picture -> rows of its duplicates."""
    verdicts: dict[str, PictureVerdict]
    """By candidate_id."""
    mark: str
    """Another one: another file, perhaps with other rows."""

    def candidate(self, row: int) -> str:
        """The candidate_id."""
        return str(self.rows["candidate_id"][row].as_py())

    def ref(self, row: int) -> ShardRef | None:
        """Where the bytes lie; None if none were kept.

        Raises:
            DataError: the manifest points to somewhere outside the run.
        """
        shard, offset, size = (self.rows[name][row].as_py() for name in ("shard", "offset", "size"))
        if shard is None or offset is None or not size:
            return None
        path = PurePosixPath(shard)
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"The manifest of {self.wnid} points to a file outside the run.")
        return ShardRef(shard, offset, size)

    def format(self, row: int) -> str:
        """Pillow's name; empty if no bytes were kept."""
        return str(self.rows["format"][row].as_py() or "")

    def tiles(self, rows: IntArray) -> list[dict[str, Any]]:
        """Pictures as the page shows them."""
        made = []
        names = ["candidate_id", "conflicts", "leak", "size", "format", "width", "height", "license"]
        for number, said in zip(rows.tolist(), self.rows.select(names).take(pa.array(rows)).to_pylist(), strict=True):
            verdict = self.verdicts.get(said["candidate_id"])
            made.append(
                {
                    "id": said["candidate_id"].partition("_")[2],
                    "row": number,
                    "width": said["width"],
                    "height": said["height"],
                    "license": said["license"],
                    "format": said["format"],
                    "has_file": bool(said["size"]),
                    "conflicts": said["conflicts"],
                    "leak": said["leak"],
                    "duplicates": len(self.folded.get(number, ())),
                    "verdict": verdict.verdict if verdict else "",
                }
            )
        return made


class PictureTables:
    """The tables that were asked for lately. For several threads."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._held: BoundedCache[tuple[str, Mark | None, Mark | None], PictureTable] = BoundedCache(
            _MOST_ROWS, lambda table: max(_LEAST_WEIGHT, table.rows.num_rows)
        )

    def held(self, wnid: str) -> PictureTable | None:
        """The table of a synset if it is at hand."""
        return self._held.held(self._key(wnid))

    def of(self, wnid: str) -> PictureTable | None:
        """The table of a synset; None if it has no manifest (yet).

        Raises:
            DataError: the manifest is damaged.
        """
        key = self._key(wnid)
        mark = key[1]
        return None if mark is None else self._held.get(key, lambda: read_pictures(self._layout, wnid, f"{mark[1]:x}"))

    def _key(self, wnid: str) -> tuple[str, Mark | None, Mark | None]:
        """Another one when the manifest or the verdicts were written again."""
        verdicts = verdicts_folder(self._layout) / f"{wnid}.parquet"
        return wnid, file_mark(self._layout.manifest(wnid)), file_mark(verdicts)


def read_pictures(layout: RunLayout, wnid: str, mark: str) -> PictureTable:
    """Read one synset.

    Raises:
        DataError: its manifest is damaged.
    """
    rows = whole_columns(layout.manifest(wnid), _COLUMNS).combine_chunks()
    ids = rows["candidate_id"].to_pylist()
    by_candidate = {str(one): number for number, one in enumerate(ids)}
    verdicts = _read_verdicts(verdicts_folder(layout) / f"{wnid}.parquet")
    folded: dict[int, list[int]] = {}
    for number, kept_id in enumerate(rows["duplicate_of"].to_pylist()):
        if kept_id in by_candidate:
            folded.setdefault(by_candidate[kept_id], []).append(number)
    kept = np.flatnonzero(rows["kept"].to_numpy(zero_copy_only=False)).astype(np.int64)
    said = np.array([_word(verdicts.get(ids[row])) for row in kept.tolist()], object)
    in_conflict = pc.greater(pc.fill_null(pc.list_value_length(rows["conflicts"]), 0), 0).to_numpy()
    is_leak = pc.is_valid(rows["leak"]).to_numpy()
    has_copies = np.zeros(rows.num_rows, np.bool_)
    has_copies[list(folded)] = True
    shown = {
        "all": kept,
        **{name: kept[said == name] for name in ("accepted", "rejected", "undecided", "unasked")},
        "conflicts": kept[in_conflict[kept]],
        "duplicates": kept[has_copies[kept]],
        "leaks": kept[is_leak[kept]],
    }
    if not verdicts:
        shown["unasked"] = kept[:0]
    row_of = {one.partition("_")[2]: number for one, number in by_candidate.items()}
    return PictureTable(wnid, rows, row_of, shown, folded, verdicts, mark)


def _word(verdict: PictureVerdict | None) -> str:
    return verdict.verdict if verdict else "unasked"


def _read_verdicts(path: Location) -> dict[str, PictureVerdict]:
    if not path.exists():
        return {}
    columns = ["image", *PictureVerdict._fields]
    try:
        rows = whole_columns(path, columns)
    except DataError as error:
        raise DataError(error.message, remedy="`imagenet-build verify run` writes it again.") from None
    words, *numbers = (rows[name].to_pylist() for name in PictureVerdict._fields)
    made = map(PictureVerdict, map(sys.intern, words), *numbers)
    return dict(zip(rows["image"].to_pylist(), made, strict=True))
