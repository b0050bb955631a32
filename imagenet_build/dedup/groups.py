"""Pure: proposed pairs -> groups, each member close to the image that its group keeps.

A chain a~b~c does not pull a and c together: whoever is kept decides, and the order in which images are considered is
that of the stated rule, not that of arrival, so groups do not depend on input order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Judge = Callable[[Indices], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rule for the kept image looks at."""

    url_key: str
    pixels: int
    """Width times height."""
    license: str
    first_seen: int
    """Place among the synset's hits, from 0."""


def preference(standing: Standing, licenses: Sequence[str]) -> tuple[int, int, int, str]:
    """Sort key, best first: largest, then best licence (in the order of `licenses`), then first seen."""
    place = licenses.index(standing.license) if standing.license in licenses else len(licenses)
    return (-standing.pixels, place, standing.first_seen, standing.url_key)


def copies_of(standings: Sequence[Standing], pictures: Sequence[str], licenses: Sequence[str]) -> dict[int, int]:
    """Images that show exactly the pixels of another one: index -> index of the most preferred of them.

    A thousand addresses of one placeholder picture become one image here, before all pairs are looked at.

    Args:
        standings: the images of one synset.
        pictures: what tells their pixels apart, one for each.
        licenses: best first.
    """
    best: dict[str, int] = {}
    for index in sorted(range(len(standings)), key=lambda index: preference(standings[index], licenses)):
        best.setdefault(pictures[index], index)
    return {index: best[picture] for index, picture in enumerate(pictures) if best[picture] != index}


def keep_or_assign(places: Indices, i: Indices, j: Indices, judge: Judge) -> Indices:
    """Which images are kept, and for which kept one the others stand.

    Image by image, the most preferred first: one that is close to a kept one stands for it, to the most preferred of
    several; every other one is kept. Only pairs with a kept image are ever judged: of a picture with a hundred copies
    some hundred pairs, not five thousand. Many pairs are judged at once: round by round all those whose more preferred
    image is known to be kept.

    Args:
        places: (n,), place of each image in the order of preference, from 0, the best.
        i, j: (m,), proposed pairs of images, each pair once.
        judge: is given indices of pairs and says which of them show the same picture; asked about no pair twice.
    Returns:
        (n,): the index of the kept image; its own for those that are kept.
    """
    kept_for = np.arange(len(places))
    better, worse = np.where(places[i] < places[j], i, j), np.where(places[i] < places[j], j, i)
    order = np.lexsort((places[better], places[worse]))
    settled, kept = np.zeros(len(places), np.bool_), np.zeros(len(places), np.bool_)
    pairs = order
    while not settled.all():
        pairs = pairs[~settled[worse[pairs]] & (~settled[better[pairs]] | kept[better[pairs]])]
        waiting = np.zeros(len(places), np.bool_)
        waiting[worse[pairs]] = True
        free = ~settled & ~waiting
        settled |= free
        kept |= free
        if not len(pairs):
            continue
        ready = pairs[_before_first(worse[pairs], ~kept[better[pairs]])]
        same = judge(ready)
        found, first = np.unique(worse[ready[same]], return_index=True)
        kept_for[found] = better[ready[same][first]]
        settled[found] = True
        pairs = pairs[~np.isin(pairs, ready)]
    return kept_for


def _before_first(groups: Indices, stops: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which entries stand before the first stop of their group; groups stand together."""
    total = np.cumsum(stops)
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    before: Indices = np.repeat((total - stops)[starts], np.diff(np.append(starts, len(groups))))
    return np.asarray(total == before)
