"""Pure: the pictures of one synset, or of one folder -> groups of those that show the same picture.

Proposed (`propose`, `shapes`), decided (`decide`) and grouped (`groups`) here in this order. What was proposed and
decided is handed back and may be given again with more pictures: only pairs with a new one are then looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.groups import Standing, copies_of, keep_or_assign, preference
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.propose import propose_pairs
from imagenet_build.dedup.shapes import propose_by_shape, shapes_of

Indices = NDArray[np.int64]
MOST_NEAR_MISSES = 200
PROPOSED, DIFFERENT, SAME = 0, 1, 2
"""What is known of a pair. Pairs that no decision about a kept picture depended on stay proposed."""


class Known(NamedTuple):
    """What was found out about pairs of pictures; pictures are named by the digest of their pixels."""

    looked: list[str]
    """Among these all pairs have been proposed."""
    left: list[str]
    right: list[str]
    state: NDArray[np.int8]
    mirrored: NDArray[np.bool_]
    distance: NDArray[np.float32]
    """See `decide.Decisions`; 1 where nothing was decided."""


NOTHING_KNOWN = Known([], [], [], np.zeros(0, np.int8), np.zeros(0, np.bool_), np.zeros(0, np.float32))


@dataclass(frozen=True, order=True, slots=True)
class Member:
    """A picture that is not kept."""

    index: int
    kept: int
    reason: str
    """exact (the same file), same_pixels, near, mirrored."""
    distance: float
    """0 for the same pixels; else how much differs, as a part of what there is to see, up to 1."""
    dct_distance: int
    """Bits of 64, of mirrored pictures to the mirrored one."""
    gradient_distance: int


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A pair that was looked at closely and is not the same."""

    left: int
    right: int
    distance: float


class Grouping(NamedTuple):
    """What became of n pictures."""

    members: list[Member]
    """Ascending by index; whoever is not among them is kept."""
    near_misses: list[NearMiss]
    """Closest first."""
    known: Known


def find_groups(
    looks: Looks,
    standings: Sequence[Standing],
    config: DedupConfig,
    *,
    known: Known = NOTHING_KNOWN,
    advance: Callable[[int], None] = lambda _: None,
) -> Grouping:
    """Group pictures; the result depends neither on their order nor on what was known before.

    Args:
        looks: n pictures.
        standings: of each, what decides which one of a group is kept.
        config: thresholds, and licences in their order.
        known: from an earlier call with the same thresholds.
        advance: called with the number of pairs that were decided.
    """
    copies = copies_of(standings, looks.pixel_sha256, config.licenses)
    single = _old_ones_first([place for place in range(len(looks)) if place not in copies], looks, known)
    seen = looks.take(np.array(single, np.int64))
    pairs = _Pairs(seen, known, config)
    order = sorted(range(len(single)), key=lambda at: preference(standings[single[at]], config.licenses))
    places = np.empty(len(single), np.int64)
    places[order] = np.arange(len(single))

    def judge(which: Indices) -> NDArray[np.bool_]:
        pairs.decide(which, config)
        advance(len(which))
        return np.asarray(pairs.state[which] == SAME)

    kept_for = keep_or_assign(places, pairs.i, pairs.j, judge)
    close = {single[at]: (single[kept], pairs.at(at, kept)) for at, kept in enumerate(kept_for.tolist()) if at != kept}
    members = [_member(looks, index, copies.get(index, index), close, pairs) for index in {**copies, **close}]
    return Grouping(sorted(members), pairs.near_misses(single), pairs.known())


class _Pairs:
    """Proposed pairs of pictures, and what is known of each."""

    def __init__(self, looks: Looks, known: Known, config: DedupConfig) -> None:
        self.looks = looks
        self._shapes = shapes_of(looks)
        place = {digest: at for at, digest in enumerate(looks.pixel_sha256)}
        old = set(known.looked)
        new_from = sum(digest in old for digest in place)
        kept = [
            (at, min(place[left], place[right]), max(place[left], place[right]))
            for at, (left, right) in enumerate(zip(known.left, known.right, strict=True))
            if left in place and right in place
        ]
        which = np.array([at for at, _, _ in kept], np.int64)
        count = max(1, len(looks))
        before = np.array([i * count + j for _, i, j in kept], np.int64)
        keys = [i * count + j for i, j in _proposed(looks, self._shapes, config, new_from)]
        later = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]))
        every = np.concatenate([before, later])
        self.i, self.j = every // count, every % count
        self.state = np.concatenate([known.state[which], np.zeros(len(later), np.int8)])
        self._mirrored = np.concatenate([known.mirrored[which], np.zeros(len(later), np.bool_)])
        self._distance = np.concatenate([known.distance[which], np.ones(len(later), np.float32)])
        self._found: dict[tuple[int, int], int] | None = None

    def decide(self, which: Indices, config: DedupConfig) -> None:
        """Find out about those of some pairs of which nothing is known yet."""
        which = which[self.state[which] == PROPOSED]
        found = decide(self.looks, self._shapes, self.i[which], self.j[which], config)
        self.state[which] = np.where(found.same, SAME, DIFFERENT)
        self._mirrored[which], self._distance[which] = found.mirrored, found.distance

    def at(self, one: int, other: int) -> int:
        """The place of a pair that is the same picture."""
        if self._found is None:
            same = np.flatnonzero(self.state == SAME)
            self._found = {
                (i, j): at for at, i, j in zip(same.tolist(), self.i[same].tolist(), self.j[same].tolist(), strict=True)
            }
        return self._found[min(one, other), max(one, other)]

    def about(self, at: int) -> tuple[bool, float]:
        """Whether the pair is mirrored, and its distance."""
        return bool(self._mirrored[at]), float(self._distance[at])

    def near_misses(self, single: Sequence[int]) -> list[NearMiss]:
        """The closest pairs that are different; their pictures by their index in the list of all."""
        refused = np.flatnonzero((self.state == DIFFERENT) & (self._distance < 1))
        rows = zip(self._distance[refused].tolist(), self.i[refused].tolist(), self.j[refused].tolist(), strict=True)
        made = (NearMiss(min(single[i], single[j]), max(single[i], single[j]), distance) for distance, i, j in rows)
        return sorted(made, key=lambda miss: (miss.distance, miss.left, miss.right))[:MOST_NEAR_MISSES]

    def known(self) -> Known:
        """All of it, for another time."""
        digests = self.looks.pixel_sha256
        left, right = ([digests[at] for at in column.tolist()] for column in (self.i, self.j))
        return Known(list(digests), left, right, self.state, self._mirrored, self._distance)


def _proposed(
    looks: Looks, shapes: NDArray[np.float32], config: DedupConfig, new_from: int
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs i < j, j new, of which a hash or the shape is close: in a drawing on white one hash alone may be noise."""
    if new_from == len(looks):
        return
    yield from propose_by_shape(shapes, config.propose_shape, new_from)
    for left, right, radius in (
        (looks.dct, looks.dct, config.propose_bits),
        (looks.dct, looks.mirrored, config.propose_bits),
        (looks.gradient, looks.gradient, config.gradient_bits),
    ):
        for block in propose_pairs(left, right, radius, new_from):
            yield block[:, 0].astype(np.int64), block[:, 1].astype(np.int64)


def _old_ones_first(single: list[int], looks: Looks, known: Known) -> list[int]:
    old = set(known.looked)
    return sorted(single, key=lambda place: looks.pixel_sha256[place] not in old)


def _member(looks: Looks, index: int, first: int, close: dict[int, tuple[int, int]], pairs: _Pairs) -> Member:
    """What is said of one picture that is not kept. `first`: of the same pixels, itself if it is the first."""
    kept, at = close.get(first, (first, -1))
    mirrored, distance = pairs.about(at) if at >= 0 else (False, 0.0)
    dct = looks.mirrored if mirrored else looks.dct
    if looks.sha256[index] == looks.sha256[kept]:
        reason = "exact"
    elif looks.pixel_sha256[index] == looks.pixel_sha256[kept]:
        reason = "same_pixels"
    else:
        reason = "mirrored" if mirrored else "near"
    return Member(
        index,
        kept,
        reason,
        distance,
        (int(dct[index]) ^ int(looks.dct[kept])).bit_count(),
        (int(looks.gradient[index]) ^ int(looks.gradient[kept])).bit_count(),
    )
