"""EDGE: images of a run that show a picture of an excluded list."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagenet_build.contracts import RunContext
from imagenet_build.dedup.close_pictures import Close, close_between, decided
from imagenet_build.dedup.excluded import Listed
from imagenet_build.dedup.image_rows import ImagePiece, ImageRows, Indices, image_rows
from imagenet_build.dedup.looks import COLUMNS, Looks

_REASONS = ("exact", "same_pixels", "near", "mirrored", "hash")
Match = tuple[int, float, str]
"""Place in `_REASONS`, distance, name: the least one is the best."""


def leaks_of(run: RunContext, listed: Listed) -> list[dict[str, Any]]:
    """LEAKS rows: of each image that shows a listed picture, the best match; sorted by synset and image."""
    if not len(listed) and not listed.files:
        return []
    rows = image_rows(run.layout.images)
    made = [row for piece in rows.pieces() for row in _of_piece(_Pictures(rows, piece), listed, run)]
    return sorted(made, key=itemgetter("wnid", "url_key"))


class _Pictures:
    """The pictures of a piece of the table, each once."""

    def __init__(self, rows: ImageRows, piece: ImagePiece) -> None:
        self._rows = rows
        self._first_row = piece.first_row
        self.images = piece.read(["wnid", "url_key", "sha256", "pixel_sha256", "dct_hash"])
        digests = np.array(self.images["pixel_sha256"].to_pylist())
        _, self._first, place = np.unique(digests, return_index=True, return_inverse=True)
        self.of_row = place.ravel()
        """(rows of the piece,)"""
        self.dct = self.images["dct_hash"].to_numpy().astype(np.uint64)[self._first]
        """(pictures,)"""

    def looks(self, pictures: Indices) -> Looks:
        """Everything about some of them; 4 kB of memory for each."""
        return Looks.of_table(self._rows.read_rows(self._first_row + self._first[pictures], COLUMNS))


def _of_piece(pictures: _Pictures, listed: Listed, run: RunContext) -> Iterator[dict[str, Any]]:
    best: dict[int, Match] = {}

    def match(picture: int, found: Match) -> None:
        best[picture] = min(best.get(picture, found), found)

    for picture, name, mirrored, distance, same_pixels in _by_looks(pictures, listed, run):
        match(picture, (1 if same_pixels else 3 if mirrored else 2, distance, name))
    for picture, name, bits in _by_hash(pictures, listed, run):
        match(picture, (4, bits / 64, name))
    images = pictures.images.select(["wnid", "url_key", "sha256"]).to_pylist()
    for image, picture in zip(images, pictures.of_row.tolist(), strict=True):
        by_file = listed.files.get(image["sha256"])
        found = best.get(picture) if by_file is None else (0, 0.0, by_file)
        if found is not None:
            place, distance, name = found
            row = {"wnid": image["wnid"], "url_key": image["url_key"], "listed": name}
            yield {**row, "reason": _REASONS[place], "distance": distance}


def _by_looks(pictures: _Pictures, listed: Listed, run: RunContext) -> list[tuple[int, str, bool, float, bool]]:
    """Picture, name, mirrored, distance, same pixels."""
    theirs = listed.looks
    if theirs is None:
        return []

    def looks(left: Indices, right: Indices) -> tuple[Looks, Indices, Indices]:
        ours, one = np.unique(left, return_inverse=True)
        others, other = np.unique(right, return_inverse=True)
        return pictures.looks(ours).joined(theirs.take(others)), one, other + len(ours)

    config = run.config.dedup
    left, right = close_between(pictures.dct, theirs.dct, theirs.mirrored, config.leak_bits, run.layout.dedup_work)
    close: Close = decided(left, right, looks, config)
    same = np.unique(close.left)
    pixels = dict(zip(same.tolist(), pictures.looks(same).pixel_sha256, strict=True))
    return [
        (picture, listed.names[other], mirrored, distance, pixels[picture] == theirs.pixel_sha256[other])
        for picture, other, mirrored, distance in zip(*(column.tolist() for column in close), strict=True)
    ]


def _by_hash(pictures: _Pictures, listed: Listed, run: RunContext) -> list[tuple[int, str, int]]:
    """Picture, name, differing bits: all that can be said where a list holds hashes only."""
    if not len(listed.hashes):
        return []
    nothing: NDArray[np.uint64] = np.zeros(0, np.uint64)
    bits = run.config.dedup.leak_bits
    left, right = close_between(pictures.dct, listed.hashes, nothing, bits, run.layout.dedup_work)
    apart = np.bitwise_count(pictures.dct[left] ^ listed.hashes[right])
    names = listed.names[len(listed.names) - len(listed.hashes) :]
    return [
        (picture, names[other], count)
        for picture, other, count in zip(left.tolist(), right.tolist(), apart.tolist(), strict=True)
    ]
