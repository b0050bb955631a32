"""EDGE: images of a run that show a picture of an excluded list."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenet_build.contracts import RunContext
from imagenet_build.dedup.close_pictures import Close, close_between, decided
from imagenet_build.dedup.excluded import Listed
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.picture_index import Indices, PictureIndex, index_pictures

_REASONS = ("exact", "same_pixels", "near", "mirrored", "hash")
Match = tuple[int, float, str]
"""Place in `_REASONS`, distance, name: the least one is the best."""


def leaks_of(run: RunContext, listed: Listed) -> list[dict[str, Any]]:
    """LEAKS rows: of each image that shows a listed picture, the best match; sorted by synset and image."""
    if not len(listed) and not listed.files:
        return []
    index = index_pictures(run.layout.images)
    best: dict[int, Match] = {}

    def match(picture: int, found: Match) -> None:
        best[picture] = min(best.get(picture, found), found)

    for picture, name, mirrored, distance, same_pixels in _by_looks(index, listed, run):
        match(picture, (1 if same_pixels else 3 if mirrored else 2, distance, name))
    for picture, name, bits in _by_hash(index, listed, run):
        match(picture, (4, bits / 64, name))
    held = index.rows_of(np.array(sorted(best), np.int64))
    rows = {row: best[picture] for row, picture in zip(*(column.tolist() for column in held), strict=True)}
    rows |= {row: (0, 0.0, name) for row, name in _by_file(index, listed)}
    places = np.array(sorted(rows), np.int64)
    made = [
        {
            "wnid": index.synsets[index.synset_of_row[row]],
            "url_key": key,
            "listed": rows[row][2],
            "reason": _REASONS[rows[row][0]],
            "distance": rows[row][1],
        }
        for row, key in zip(places.tolist(), index.keys(places), strict=True)
    ]
    return sorted(made, key=itemgetter("wnid", "url_key"))


def _by_looks(index: PictureIndex, listed: Listed, run: RunContext) -> list[tuple[int, str, bool, float, bool]]:
    """Picture, name, mirrored, distance, same pixels."""
    theirs = listed.looks
    if theirs is None:
        return []

    def looks(left: Indices, right: Indices) -> tuple[Looks, Indices, Indices]:
        pictures, one = np.unique(left, return_inverse=True)
        others, other = np.unique(right, return_inverse=True)
        return index.looks(pictures).joined(theirs.take(others)), one, other + len(pictures)

    config = run.config.dedup
    left, right = close_between(index.dct, theirs.dct, theirs.mirrored, config.leak_bits, run.layout.dedup_work)
    close: Close = decided(left, right, looks, config)
    pixels = index.looks(np.unique(close.left)).pixel_sha256
    place = {picture: at for at, picture in enumerate(np.unique(close.left).tolist())}
    return [
        (picture, listed.names[other], mirrored, distance, pixels[place[picture]] == theirs.pixel_sha256[other])
        for picture, other, mirrored, distance in zip(*(column.tolist() for column in close), strict=True)
    ]


def _by_hash(index: PictureIndex, listed: Listed, run: RunContext) -> list[tuple[int, str, int]]:
    """Picture, name, differing bits: all that can be said where a list holds hashes only."""
    if not len(listed.hashes):
        return []
    nothing: NDArray[np.uint64] = np.zeros(0, np.uint64)
    left, right = close_between(index.dct, listed.hashes, nothing, run.config.dedup.leak_bits, run.layout.dedup_work)
    bits = np.bitwise_count(index.dct[left] ^ listed.hashes[right])
    names = listed.names[len(listed.names) - len(listed.hashes) :]
    return [
        (picture, names[other], count)
        for picture, other, count in zip(left.tolist(), right.tolist(), bits.tolist(), strict=True)
    ]


def _by_file(index: PictureIndex, listed: Listed) -> list[tuple[int, str]]:
    """Row and name of every image whose very file is listed."""
    if not listed.files:
        return []
    found = index.files(np.arange(len(index.synset_of_row)))
    return [(row, listed.files[sha256]) for row, sha256 in enumerate(found) if sha256 in listed.files]
