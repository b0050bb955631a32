"""Pure: how much the pictures of a synset differ, by the size of their average image as a lossless JPEG.

Pictures that differ much average to a grey blur, whose file is small; pictures of one pose, viewpoint or background
keep its edges, and the file is large. Averages of few pictures are sharp whatever they show: the size falls with their
number. Synsets therefore compare only if the same number of pictures is averaged in each, which `averaged` is for.

Source: Deng et al., CVPR 2009, section 2, "Diversity", Figure 5. The interval is that of the delete-d jackknife (Shao
and Wu 1989, Annals of Statistics 17(3), 1176-1197, doi:10.1214/aos/1176347263). Pictures are drawn without
replacement: a bootstrap draws some twice, so its averages are those of fewer pictures, and its files too large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.stats.average_image import Pictures, average_image, check_pictures, rounded_mean
from imagenet_build.stats.lossless_jpeg import encode, sizes

RESAMPLES = 32
COMPARED_SIZES = (5, 10, 25, 50, 100, 250, 500)
REACHED_BY = 0.75
_T_975 = 2.040
"""Quantile of Student's t with RESAMPLES - 1 degrees of freedom."""
_CHUNK = 2048
"""Pictures whose sums are taken at once: 2048 * 255 is exact in float32."""


@dataclass(frozen=True)
class Diversity:
    """The size of an average image; smaller is more diverse."""

    pictures: int
    """Of the synset."""
    averaged: int
    """Pictures in each average image."""
    bytes: float
    """Of the lossless JPEG, headers included; the mean over resampled averages, or the one of all pictures."""
    low: float
    """Bytes; 95 % interval for what other pictures of this synset, so many, would give."""
    high: float
    whole_bytes: int
    """Of the average of all pictures."""


def diversity_of(pictures: Pictures, averaged: int | None = None) -> Diversity:
    """The size of the average image of a synset, with its interval.

    The same pictures give the same numbers in any order, on any machine and with any version of NumPy.

    Args:
        pictures: (n, 32, 32, 3), uint8, all kept pictures of a synset (other sides work too).
        averaged: how many pictures to average: the mean size over 32 averages of so many of the n is returned, at most
            half of n. None: all n, averaged once.
    Raises:
        DataError: no pictures, fewer than 2 * `averaged` (without `averaged`: fewer than 2), or another shape or type.

    >>> same = np.repeat(np.arange(3072, dtype=np.int64).reshape(1, 32, 32, 3) // 12, 8, axis=0).astype(np.uint8)
    >>> found = diversity_of(same, 4)
    >>> found.bytes == found.low == found.high == found.whole_bytes
    True
    """
    check_pictures(pictures)
    count = len(pictures)
    if count < least_pictures(averaged):
        raise DataError(
            f"{count} pictures are too few for averages of {averaged or 'all'} with an interval.",
            remedy=f"Leave out synsets of fewer than {least_pictures(averaged)} pictures.",
        )
    whole = len(encode(average_image(pictures)))
    drawn = averaged or count // 2
    measured = sizes(_resampled_averages(pictures, drawn)).astype(np.float64)
    # of averages of `drawn` out of n pictures, the variance between draws is 1 - drawn / n of the variance between
    # synsets' worth of new pictures; the mean over all draws has at most drawn / n of that
    spread = float(measured.std(ddof=1))
    error = spread * sqrt(drawn / (count - drawn) + (1 / RESAMPLES if averaged else 0.0))
    middle = float(measured.mean()) if averaged else float(whole)
    return Diversity(count, averaged or count, middle, middle - _T_975 * error, middle + _T_975 * error, whole)


def least_pictures(averaged: int | None) -> int:
    """How many pictures a synset needs for `diversity_of`."""
    return 2 * averaged if averaged else 2


def compared_size(counts: Iterable[int]) -> int:
    """How many pictures to average in each synset, so that most synsets can be compared.

    Args:
        counts: pictures of each synset.
    Returns:
        The largest of `COMPARED_SIZES` for which three quarters of the synsets with pictures have twice as many; the
        smallest of them if there is none.

    >>> compared_size([0, 60, 70, 80, 9]), compared_size([600] * 9)
    (25, 250)
    """
    held = np.array([count for count in counts if count > 0], np.int64)
    reached = [size for size in COMPARED_SIZES if len(held) and (held >= 2 * size).mean() >= REACHED_BY]
    return max(reached, default=COMPARED_SIZES[0])


def _resampled_averages(pictures: Pictures, drawn: int) -> Pictures:
    """(RESAMPLES, 32, 32, 3): averages of `drawn` pictures each, drawn without replacement."""
    count = len(pictures)
    flat = np.ascontiguousarray(pictures).reshape(count, -1)
    # by content, so that the order in which pictures came does not decide which are drawn
    order = flat.view(f"V{flat.shape[1]}").ravel().argsort(kind="stable")
    chosen = np.zeros((RESAMPLES, count), np.float32)
    places = np.argpartition(_keys(RESAMPLES * count).reshape(RESAMPLES, count), drawn - 1, axis=1)[:, :drawn]
    np.put_along_axis(chosen, order[places], 1.0, axis=1)
    total = np.zeros((RESAMPLES, flat.shape[1]), np.int64)
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        total += (chosen[:, part] @ flat[part].astype(np.float32)).astype(np.int64)
    return rounded_mean(total, drawn).reshape(RESAMPLES, *pictures.shape[1:])


def _keys(count: int) -> NDArray[np.uint64]:
    """Different numbers in no order: SplitMix64 of 1, 2, 3 ... It maps 64 bits one to one.

    The numbers of a library's generator may change with its version; these stay.
    """
    value = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)), np.uint64)
