"""Pictures that stand in several synsets, or in one as the near-duplicate of one in another: found part by part.

All rows of the run are compared with each other, so rows must meet that may lie anywhere; `Exchange` brings them
together, on one machine or on many:

    rows, by their digest -> pictures, each with the first row of it in each synset
    pictures, by parts of their hashes (`join_spread`) -> pairs whose hashes are close
    pairs, by the row group of the one, then of the other -> tiny images beside them -> pairs that are the same

What is found does not depend on the number of parts.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.config.models import DedupConfig
from imagenet_build.contracts import Exchange, Rows
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.image_rows import ImagePiece, ImageRows, Indices
from imagenet_build.dedup.join_spread import Spread, spread_over
from imagenet_build.dedup.join_store import BYTES_PER_HASH, Held, Room
from imagenet_build.dedup.looks import COLUMNS, Looks
from imagenet_build.dedup.same_hash import MOST_OF_A_HASH, SameHash
from imagenet_build.dedup.shapes import shapes_of

ROWS_PER_PART = 2_000_000
"""Rows, or hashes, that come together: 1 GB of memory at most."""
MEMORY_BYTES = 2_000_000_000
MOST_SYNSETS = 100
"""A picture in more synsets than these is no question about any two of them: a placeholder, a logo."""
_DECIDED = 5_000
"""Pairs that are decided together: 150 MB at most."""
_SAMPLE = 1 << 14
_SEVERAL = -1
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PairSearch:
    """What the search depends on, beside the rows; picklable."""

    rows: ImageRows
    config: DedupConfig
    spill: Path | None = None
    """A folder for temporary files; None: the system's."""
    rows_per_part: int = ROWS_PER_PART

    def same_pictures(self, exchange: Exchange) -> Rows:
        """Pairs of pictures that are the same and do not stand in one synset alone.

        Returns:
            Tables of `one_rows`, `other_rows` (lists: the first rows of each picture in its synsets), `same` (one
            picture in several synsets, with itself), `mirrored` and `distance`; each pair once.
        """
        total = int(self.rows.starts[-1])
        parts = max(1, -(-total // self.rows_per_part))
        rows = exchange.read(self.rows.pieces(), partial(_hashes_of, parts))
        pictures = rows.grouped("part", _pictures).kept()
        spread = self._spread(pictures)
        close = pictures.mapped(partial(_dealt, spread)).grouped("part", partial(self._close, spread))
        beside = close.grouped("group", self._with_one)
        return beside.grouped("group", self._decided).with_those_of(pictures.mapped(_in_several))

    def _spread(self, pictures: Rows) -> Spread:
        found = pa.concat_tables([_SAMPLES.empty_table(), *pictures.mapped(_sampled).tables()])
        counts: list[int] = found["count"].to_pylist()
        count = sum(counts)
        most = max(1, _SAMPLE // max(1, len(counts)))
        sample = [np.asarray(each, np.uint64)[:: max(1, -(-len(each) // most))] for each in found["hashes"].to_pylist()]
        hashes = np.concatenate([np.zeros(0, np.uint64), *sample])
        return spread_over(hashes, count, self.config.conflict_bits, self.rows_per_part)

    def _close(self, spread: Spread, table: pa.Table) -> pa.Table:
        """Of one part, the pairs of pictures in different synsets whose hashes are close, one mirrored or not."""
        table = table.take(pa.array(_digest_order(table)))
        number = np.cumsum(_is_new_digest(table)) - 1  # pictures by number, so that either side names them alike
        is_mirrored = table["is_mirrored"].to_numpy()
        at = np.zeros(number[-1] + 1, np.int64)
        at[number] = np.arange(len(number))
        synset = table["synset"].to_numpy()[at]
        part = int(table["part"][0].as_py())
        found = [np.zeros((0, 2), np.int64)]
        for pairs in self._searched(spread, part, number, table["hash"].to_numpy(), is_mirrored):
            pairs.sort(axis=1)
            one, other = synset[pairs[:, 0]], synset[pairs[:, 1]]
            found.append(pairs[(pairs[:, 0] != pairs[:, 1]) & ((one != other) | (one == _SEVERAL))])
        every = np.unique(np.concatenate(found), axis=0)
        one_rows, other_rows = (table["rows"].take(pa.array(at[every[:, side]])).combine_chunks() for side in (0, 1))
        columns = {"one_rows": one_rows, "other_rows": other_rows, "group": self.rows.groups_of(_firsts(one_rows))}
        return pa.table(columns, _CLOSE)

    def _searched(
        self, spread: Spread, part: int, number: Indices, hashes: NDArray[np.uint64], is_mirrored: Bools
    ) -> Iterator[Indices]:
        straight = SameHash(hashes[~is_mirrored], number[~is_mirrored])
        crossed = SameHash(hashes[is_mirrored], number[is_mirrored])
        room = Room(MEMORY_BYTES // BYTES_PER_HASH, self.spill or Path(tempfile.gettempdir()))
        if spread.is_first(part):
            if straight.crowded:
                _log.warning("%d hashes are shared by more than %d pictures each", straight.crowded, MOST_OF_A_HASH)
            yield from straight.pairs_within()
        one, other = (Held(side.values, np.arange(len(side.values))) for side in (straight, crossed))
        for found in spread.search((one,), part, room):
            yield from straight.pairs(straight, np.stack([found.left, found.right], axis=1))
        for found in spread.search((one, other), part, room):
            yield from straight.pairs(crossed, np.stack([found.left, found.right], axis=1))

    def _with_one(self, table: pa.Table) -> pa.Table:
        """Pairs, each once, those of a row group; with what is to be compared of the one.

        That stands beside the first pair only of those that go to the same place.
        """
        pairs = np.stack([_firsts(table["one_rows"]), _firsts(table["other_rows"])], axis=1)
        _, at = np.unique(pairs, axis=0, return_index=True)
        table = table.take(pa.array(at))
        ones, groups = pairs[at, 0], self.rows.groups_of(pairs[at, 1])
        _, led, place = np.unique(np.stack([ones, groups], axis=1), axis=0, return_index=True, return_inverse=True)
        leads = np.zeros(len(at), np.bool_)
        leads[led] = True
        looks = self.rows.read_rows(ones[led], COLUMNS).take(pa.array(place.ravel(), mask=~leads))
        beside = [table["one_rows"], table["other_rows"], pa.array(groups), *looks.columns]
        return pa.table(beside, ["one_rows", "other_rows", "group", *COLUMNS])

    def _decided(self, table: pa.Table) -> pa.Table:
        """Those that show the same picture."""
        table = table.take(pa.array(np.argsort(_firsts(table["one_rows"]), kind="stable")))
        led = table.filter(pc.is_valid(table["sha256"]))
        _, one = np.unique(_firsts(table["one_rows"]), return_inverse=True)
        others, other = np.unique(_firsts(table["other_rows"]), return_inverse=True)
        ours = Looks.of_table(led.select(list(COLUMNS)))
        theirs = Looks.of_table(self.rows.read_rows(others, COLUMNS))
        kept = [_SAME.empty_table()]
        for start in range(0, table.num_rows, _DECIDED):
            part = slice(start, start + _DECIDED)
            (left, i), (right, j) = (np.unique(side[part], return_inverse=True) for side in (one, other))
            looks = ours.take(left).joined(theirs.take(right))
            found = decide(looks, shapes_of(looks), i.astype(np.int64), j.astype(np.int64) + len(left), self.config)
            pairs = table.slice(start, _DECIDED).select(["one_rows", "other_rows"])
            no = np.zeros(len(pairs), np.bool_)
            columns = [*pairs.columns, *map(pa.array, (no, found.mirrored, found.distance))]
            kept.append(pa.table(columns, schema=_SAME).filter(pa.array(found.same)))
        return pa.concat_tables(kept).combine_chunks()


_ROWS_LIST = pa.list_(pa.int64())
_SAMPLES = pa.schema([("count", pa.int64()), ("hashes", pa.list_(pa.uint64()))])
_CLOSE = pa.schema([("one_rows", _ROWS_LIST), ("other_rows", _ROWS_LIST), ("group", pa.int64())])
_SAME = pa.schema(
    [
        ("one_rows", _ROWS_LIST),
        ("other_rows", _ROWS_LIST),
        ("same", pa.bool_()),
        ("mirrored", pa.bool_()),
        ("distance", pa.float32()),
    ]
)
_log = logging.getLogger(__name__)


def _hashes_of(parts: int, piece: ImagePiece) -> pa.Table:
    """Rows of a piece: half of the digest of their pixels, a chance of 1 in 10^24 that two of ten million share it."""
    images = piece.read(["wnid", "pixel_sha256", "dct_hash", "mirrored_hash"])
    halves = b"".join(bytes.fromhex(digest[:32]) for digest in images["pixel_sha256"].to_pylist())
    digest = np.frombuffer(halves, ">u8").reshape(-1, 2).astype(np.uint64)
    wnids = images["wnid"].combine_chunks().dictionary_encode()
    numbers = np.array([int(wnid[1:]) for wnid in wnids.dictionary.to_pylist()], np.int64)
    return pa.table(
        {
            "digest": digest[:, 0],
            "digest_rest": digest[:, 1],
            "row": piece.first_row + np.arange(len(images)),
            "synset": numbers[wnids.indices.to_numpy()],
            "dct": images["dct_hash"].to_numpy().astype(np.uint64),
            "mirrored": images["mirrored_hash"].to_numpy().astype(np.uint64),
            "part": (digest[:, 0] % np.uint64(parts)).astype(np.int64),
        }
    )


def _digest_order(table: pa.Table, *then: NDArray[Any]) -> Indices:
    keys = (*reversed(then), table["digest_rest"].to_numpy(), table["digest"].to_numpy())
    return np.lexsort(keys).astype(np.int64)


def _is_new_digest(table: pa.Table) -> Bools:
    """(n,): of rows in the order of their digests."""
    one, other = table["digest"].to_numpy(), table["digest_rest"].to_numpy()
    later = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return np.concatenate([np.ones(min(1, len(one)), np.bool_), later])


def _pictures(table: pa.Table) -> pa.Table:
    """One row for each picture, with the first row of it in each of its synsets, or in the first of very many."""
    table = table.take(pa.array(_digest_order(table, table["row"].to_numpy())))
    is_new = _is_new_digest(table)
    starts = np.flatnonzero(is_new)
    synset, row = table["synset"].to_numpy(), table["row"].to_numpy()
    leads = np.flatnonzero(is_new | np.concatenate([[True], synset[1:] != synset[:-1]]))  # rows ascend, so do synsets
    picture = np.cumsum(is_new)[leads] - 1
    rank = np.arange(len(leads)) - np.searchsorted(picture, picture)
    leads, picture = leads[rank < MOST_SYNSETS], picture[rank < MOST_SYNSETS]
    offsets = np.searchsorted(picture, np.arange(len(starts) + 1)).astype(np.int32)
    alone = np.where(np.diff(offsets) > 1, _SEVERAL, synset[starts])
    firsts = table.take(pa.array(starts)).select(["digest", "digest_rest", "dct", "mirrored"])
    rows = pa.ListArray.from_arrays(pa.array(offsets), pa.array(row[leads]))
    return firsts.append_column("rows", rows).append_column("synset", pa.array(alone))


def _sampled(pictures: pa.Table) -> pa.Table:
    """How many there are, and some of their hashes."""
    some = pictures["dct"].to_numpy()[:: max(1, -(-len(pictures) // _SAMPLE))]
    return pa.table({"count": [len(pictures)], "hashes": [some.tolist()]}, _SAMPLES)


def _dealt(spread: Spread, pictures: pa.Table) -> pa.Table:
    """Each picture for every part where its hash, or that of its mirror image, is to be compared."""
    made = []
    shared = pictures.select(["digest", "digest_rest", "rows", "synset"])
    for is_mirrored, name in ((False, "dct"), (True, "mirrored")):
        hashes = pictures[name].to_numpy()
        for part in spread.parts(hashes):
            table = shared.append_column("hash", pa.array(hashes)).append_column("part", pa.array(part))
            made.append(table.append_column("is_mirrored", pa.array(np.full(len(part), is_mirrored))))
    return pa.concat_tables(made)


def _in_several(pictures: pa.Table) -> pa.Table:
    """Pictures that stand in several synsets, as pairs with themselves."""
    several = pictures.filter(pa.array(pictures["synset"].to_numpy() == _SEVERAL))
    no, nothing = np.zeros(len(several), np.bool_), np.zeros(len(several), np.float32)
    return pa.table([several["rows"], several["rows"], pa.array(~no), pa.array(no), pa.array(nothing)], schema=_SAME)


def _firsts(lists: Any) -> Indices:
    """(n,): the first of each list; none is empty."""
    return np.asarray(pc.list_element(lists, 0).to_numpy(), np.int64)
