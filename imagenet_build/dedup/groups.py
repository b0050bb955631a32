"""Pure: pairs -> groups, each member close to the image that its group keeps.

A chain a~b~c does not pull a and c together: whoever is kept decides, and the order in which images are considered is
that of the stated rule, not that of arrival, so groups do not depend on input order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


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


def group_pairs(
    standings: Sequence[Standing], pairs: Iterable[tuple[int, int]], licenses: Sequence[str]
) -> Mapping[int, int]:
    """Which images are not kept, and for which kept one.

    Args:
        standings: the images of one synset.
        pairs: indexes into `standings` that show the same picture; symmetric, any order.
        licenses: best first.
    Returns:
        index -> index of the kept image. Kept images are absent. Among several kept images that it is close to, an
        image goes to the most preferred.
    """
    close: dict[int, set[int]] = {}
    for i, j in pairs:
        close.setdefault(i, set()).add(j)
        close.setdefault(j, set()).add(i)
    kept_for: dict[int, int] = {}
    order = sorted(close, key=lambda index: preference(standings[index], licenses))
    place = {index: at for at, index in enumerate(order)}
    for index in order:
        kept_neighbours = [other for other in close[index] if place[other] < place[index] and other not in kept_for]
        if kept_neighbours:
            kept_for[index] = min(kept_neighbours, key=place.__getitem__)
    return kept_for
