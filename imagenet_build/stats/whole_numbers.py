"""Pure: quantiles and bins of whole numbers, exact, from how often each number occurs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from imagenet_build.stats.sections import Bin, Quantiles

Occurrences = Mapping[int, int]
"""Number -> how often it occurs."""
_SHARES_PERCENT = (0, 5, 25, 50, 75, 95, 100)


def quantiles(occurrences: Occurrences) -> Quantiles | None:
    """The least number, the 5, 25, 50, 75 and 95 % quantiles, the greatest; None where there is no number.

    The quantile at a share p is the smallest number that at least p of all do not exceed: always one that occurs.

    Source:
        Hyndman and Fan 1996, The American Statistician 50(4), 361-365, definition 1 (the inverse of the distribution).

    >>> quantiles({3: 1, 8: 2, 500: 1})
    Quantiles(least=3, q05=3, q25=3, median=8, q75=8, q95=500, most=500)
    """
    numbers = sorted(number for number, times in occurrences.items() if times)
    if not numbers:
        return None
    total = sum(occurrences[number] for number in numbers)
    found: list[int] = []
    upto = 0
    for number in numbers:
        upto += occurrences[number]
        while len(found) < len(_SHARES_PERCENT) and upto * 100 >= _SHARES_PERCENT[len(found)] * total:
            found.append(number)
    return Quantiles(*found)


def binned(occurrences: Occurrences, starts: Sequence[int]) -> tuple[Bin, ...]:
    """How many numbers lie between each start and the next.

    Args:
        occurrences: no number may be below the first start.
        starts: the least number of each bin, ascending; the last bin ends before the last start.
    Returns:
        Bins without gaps, up to the last one with a number; none where there is no number.

    >>> binned({0: 2, 4: 1, 5: 3}, (0, 1, 5, 10, 20))
    (Bin(low=0, high=0, count=2), Bin(low=1, high=4, count=1), Bin(low=5, high=9, count=3))
    """
    made = []
    for low, after in itertools.pairwise(starts):
        made.append(Bin(low, after - 1, sum(times for number, times in occurrences.items() if low <= number < after)))
    while made and not made[-1].count:
        made.pop()
    return tuple(made)


def one_two_five(most: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, 50, ... up to the first beyond `most`: starts of bins of equal width on a log axis.

    >>> one_two_five(60)
    [0, 1, 2, 5, 10, 20, 50, 100]
    """
    starts = [0]
    scale = 1
    while True:
        for step in (1, 2, 5):
            starts.append(step * scale)
            if starts[-1] > most:
                return starts
        scale *= 10


def rounded(numerator: int, denominator: int) -> int:
    """A quotient of whole numbers that are not negative, to the nearest whole one, halves up; 0 where it has no value.

    >>> rounded(5, 2), rounded(194948, 187), rounded(1, 0)
    (3, 1043, 0)
    """
    return (2 * numerator + denominator) // (2 * denominator) if denominator else 0
