"""Pure: which of a host's answers are no pictures, but what it shows instead of them ("photo unavailable").

A host that gives the same bytes for many URLs has either one notice for all that is gone, or many addresses for every
picture (sizes, mirrors). The first stands out among the host's other answers; the second does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

STANDS_OUT = 10.0
"""Times as many URLs as the host's other pictures have, by their median."""


def placeholder_multiplicities(pictures_by_urls: Mapping[int, int], least: int) -> Iterator[int]:
    """Numbers of URLs that make a picture of one host a placeholder.

    Args:
        pictures_by_urls: number of URLs -> how many of the host's pictures were the answer to so many.
        least: fewer URLs never make a placeholder.

    >>> list(placeholder_multiplicities({1: 40, 12: 1}, 10))
    [12]
    >>> list(placeholder_multiplicities({50: 200}, 10))
    []
    >>> list(placeholder_multiplicities({30: 1}, 10))
    [30]
    """
    for urls in sorted(pictures_by_urls):
        if urls >= least and urls >= STANDS_OUT * _median_of_others(pictures_by_urls, urls):
            yield urls


def _median_of_others(pictures_by_urls: Mapping[int, int], urls: int) -> float:
    """Median number of URLs over all pictures but one that has `urls` of them; 1 where there is no other."""
    others = {**pictures_by_urls, urls: pictures_by_urls[urls] - 1}
    total = sum(others.values())
    if total == 0:
        return 1.0
    seen = 0
    for number in sorted(others):
        seen += others[number]
        if 2 * seen >= total:
            return float(number)
    raise AssertionError("the parts do not make the whole")
