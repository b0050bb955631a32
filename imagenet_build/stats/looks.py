"""EDGE: what the tiny pictures of a run add up to: mean colours, and the diversity of each synset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import numpy as np
from threadpoolctl import threadpool_limits

from imagenet_build.stats.average_image import Pictures
from imagenet_build.stats.diversity import compared_size, diversity_of, least_pictures
from imagenet_build.stats.diversity_cache import DiversityCache, cache_key
from imagenet_build.stats.document import SynsetDiversity
from imagenet_build.stats.pictures import ColourTally
from imagenet_build.stats.run_tables import pictures_in_turn
from imagenet_build.storage.layout import RunLayout

MOST_PICTURES = 2_000
"""Of one synset that its diversity is measured on: 6 MB. Of more, so many are chosen by a digest of their bytes, so
that no order of rows decides; more would narrow the intervals by little."""


def run_looks(
    layout: RunLayout, kept: Mapping[str, int], advance: Callable[[int], None]
) -> tuple[ColourTally, tuple[SynsetDiversity, ...]]:
    """Colours of all kept images, and the diversity of each synset that has enough of them.

    The same number of pictures is averaged in every synset (`diversity.compared_size`), for averages of few pictures
    are sharper, whatever they show. What was measured is kept in the run, and not measured again.

    Args:
        layout: a run with manifests.
        kept: wnid -> kept images, of the synsets with a manifest.
        advance: told how many synsets are done.
    Raises:
        DataError: a manifest cannot be read.
    """
    colours = ColourTally()
    averaged = compared_size(kept.values())
    remembered = DiversityCache(layout)
    found = []
    with threadpool_limits(1, user_api="blas"):  # its threads wait for each other longer than such sums take
        for wnid, parts in zip(sorted(kept), pictures_in_turn(layout, sorted(kept)), strict=True):
            pictures, count, digest = _pictures(parts, colours)
            if count >= least_pictures(averaged):
                key = cache_key(wnid, digest, averaged)
                measured = remembered.get(key)
                if measured is None:
                    measured = _measured(wnid, pictures, count, averaged)
                    remembered.put(key, measured)
                found.append(measured)
            advance(1)
    remembered.save()
    return colours, tuple(found)


def _pictures(parts: Iterable[Pictures], colours: ColourTally) -> tuple[Pictures, int, bytes]:
    """(at most MOST_PICTURES, how many there were, their digest); all are added to the colours."""
    held: list[Pictures] = []
    count = 0
    digest = blake2b(digest_size=16)
    for part in parts:
        colours.add(part)
        digest.update(np.ascontiguousarray(part).data)
        count += len(part)
        held.append(part)
        if sum(map(len, held)) > MOST_PICTURES:
            held = [_chosen(np.concatenate(held))]
    return np.concatenate(held) if held else np.zeros((0, 32, 32, 3), np.uint8), count, digest.digest()


def _chosen(pictures: Pictures) -> Pictures:
    """MOST_PICTURES of them: those with the smallest digests."""
    digests = [blake2b(picture, digest_size=16).digest() for picture in np.ascontiguousarray(pictures)]
    order = sorted(range(len(pictures)), key=digests.__getitem__)
    return pictures[order[:MOST_PICTURES]]


def _measured(wnid: str, pictures: Pictures, count: int, averaged: int) -> SynsetDiversity:
    measured = diversity_of(pictures, averaged)
    # two digits: sums of whole numbers agree on all machines, a square root may differ in its last bit
    sizes = (round(value, 2) for value in (measured.bytes, measured.low, measured.high))
    return SynsetDiversity(wnid, count, averaged, *sizes)
