"""EDGE: the same picture in two synsets: one question for verification per pair of synsets and kept image."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.contracts import RunContext
from imagenet_build.dedup.close_pictures import Close, close_within, decided
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.picture_index import Indices, PictureIndex, index_pictures
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import DUPLICATES, HITS, SYNSETS

_REASONS = ("exact", "same_pixels", "near", "mirrored")
_MOST_SYNSETS = 100
"""A picture in more synsets than these is no question about any two of them: a placeholder, a logo."""
Row = dict[str, Any]


class _Place(NamedTuple):
    """A kept image."""

    synset: int
    key: str


def conflicts_of(run: RunContext) -> list[Row]:
    """CONFLICTS rows, both ways round, sorted by synset and image."""
    index = index_pictures(run.layout.images)
    close = _close(index, run)
    rows, pictures = index.rows_of(np.unique(np.concatenate([close.left, close.right])))
    kept = _kept_images(index, rows, run)
    files = dict(zip(np.sort(rows).tolist(), index.files(rows), strict=True))
    holders: dict[int, list[int]] = {}
    for row, picture in zip(rows.tolist(), pictures.tolist(), strict=True):
        holders.setdefault(picture, []).append(row)
    best: dict[tuple[_Place, _Place], tuple[int, float]] = {}
    for left, right, mirrored, distance in zip(*(column.tolist() for column in close), strict=True):
        for one in _first_of_synsets(index, holders[left]):
            for other in _first_of_synsets(index, holders[right]):
                if index.synset_of_row[one] == index.synset_of_row[other]:
                    continue
                if left == right:
                    reason = 0 if files[one] == files[other] else 1
                else:
                    reason = 3 if mirrored else 2
                for pair in ((kept[one], kept[other]), (kept[other], kept[one])):
                    best[pair] = min(best.get(pair, (9, 9.0)), (reason, distance))
    return _rows(best, index, run)


def _close(index: PictureIndex, run: RunContext) -> Close:
    """Pairs of pictures that stand in different synsets; those that stand in several of them, with themselves."""
    alone = index.only_synset()

    def worth(left: Indices, right: Indices) -> NDArray[np.bool_]:
        wanted: NDArray[np.bool_] = (alone[left] != alone[right]) | (alone[left] < 0)
        return wanted

    def looks(left: Indices, right: Indices) -> tuple[Looks, Indices, Indices]:
        pictures, places = np.unique(np.concatenate([left, right]), return_inverse=True)
        return index.looks(pictures), places[: len(left)], places[len(left) :]

    left, right = close_within(index.dct, index.mirrored, run.config.dedup.conflict_bits, worth, run.layout.dedup_work)
    near = decided(left, right, looks, run.config.dedup)
    several = np.flatnonzero(alone < 0)
    same = Close(several, several, np.zeros(len(several), np.bool_), np.zeros(len(several), np.float32))
    return near.joined(same)


def _first_of_synsets(index: PictureIndex, rows: list[int]) -> list[int]:
    """One row for each synset."""
    first: dict[int, int] = {}
    for row in rows:
        first.setdefault(int(index.synset_of_row[row]), row)
    return list(first.values())[:_MOST_SYNSETS]


def _kept_images(index: PictureIndex, rows: Indices, run: RunContext) -> dict[int, _Place]:
    """For some rows the image that their group keeps."""
    rows = np.sort(rows)
    keys = index.keys(rows)
    synsets = index.synset_of_row[rows].tolist()
    wanted: dict[str, dict[str, str]] = {}
    for synset, key in zip(synsets, keys, strict=True):
        wanted.setdefault(index.synsets[synset], {})[key] = key
    for wnid, duplicates in tables.by_synset(run.layout.duplicates, DUPLICATES, ["wnid", "url_key", "duplicate_of"]):
        here = wanted.get(wnid, {})
        for row in duplicates.to_pylist() if here else ():
            if row["url_key"] in here:
                here[row["url_key"]] = row["duplicate_of"]
    return {
        row: _Place(synset, wanted[index.synsets[synset]][key])
        for row, synset, key in zip(rows.tolist(), synsets, keys, strict=True)
    }


def _rows(best: dict[tuple[_Place, _Place], tuple[int, float]], index: PictureIndex, run: RunContext) -> list[Row]:
    above = _ancestors(run)
    hits = _best_hits({place for pair in best for place in pair}, index, run)
    made = []
    for (one, other), (reason, distance) in best.items():
        wnid, other_wnid = index.synsets[one.synset], index.synsets[other.synset]
        made.append(
            {
                "wnid": wnid,
                "url_key": one.key,
                "other_wnid": other_wnid,
                "other_url_key": other.key,
                "related": other_wnid in above.get(wnid, ()) or wnid in above.get(other_wnid, ()),
                "reason": _REASONS[reason],
                "distance": distance,
                **hits[one],
                **{f"other_{name}": value for name, value in hits[other].items()},
            }
        )
    return sorted(made, key=itemgetter("wnid", "url_key", "other_wnid", "other_url_key"))


def _best_hits(places: set[_Place], index: PictureIndex, run: RunContext) -> dict[_Place, Row]:
    """The first hit of each image: hits are published best query first."""
    number = {wnid: at for at, wnid in enumerate(index.synsets)}
    wanted = {place: {"engine": "", "query": "", "rank": 0} for place in places}
    left = {place.synset for place in places}
    columns = ["wnid", "url_key", "engine", "query", "rank"]
    for wnid, hits in tables.by_synset(run.layout.hits, HITS, columns):
        if number.get(wnid) not in left:
            continue
        seen: set[str] = set()
        for row in hits.to_pylist():
            place = _Place(number[wnid], row["url_key"])
            if place in wanted and place.key not in seen:
                seen.add(place.key)
                wanted[place] = {name: row[name] for name in ("engine", "query", "rank")}
    return wanted


def _ancestors(run: RunContext) -> dict[str, set[str]]:
    """All ancestors of each synset of the run, through the stored parents."""
    synsets = tables.read(run.layout.synsets, SYNSETS, columns=["wnid", "hypernyms"]).to_pylist()
    parents = {row["wnid"]: row["hypernyms"] for row in synsets}
    found: dict[str, set[str]] = {}
    for wnid in parents:
        above: set[str] = set()
        stack = list(parents[wnid])
        while stack:
            parent = stack.pop()
            if parent not in above:
                above.add(parent)
                stack.extend(parents.get(parent, ()))
        found[wnid] = above
    return found
