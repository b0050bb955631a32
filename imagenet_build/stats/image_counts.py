"""Pure: how images are spread over synsets."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

from imagenet_build.stats.sections import FEW_IMAGES, MANY_IMAGES, CurvePoint, ImagesPerSynset
from imagenet_build.stats.whole_numbers import binned, one_two_five, quantiles

CURVE_POINTS = 200


def images_per_synset(counts: Iterable[int], of: str = "listed") -> ImagesPerSynset:
    """Mean, quantiles, histogram and curve of the number of images of each synset.

    Args:
        counts: images of each synset, 0 or more, in any order; synsets without images belong to it.
        of: what was counted: kept, accepted, listed, candidates.
    Source:
        Deng et al., "ImageNet: a large-scale hierarchical image database", CVPR 2009, section 2, Figure 2. The line at
        500 images is that of Ridnik et al., "ImageNet-21K Pretraining for the Masses", 2021, section 2.

    >>> found = images_per_synset([0, 12, 700])
    >>> found.images, found.empty, found.few, found.many, found.quantiles.median
    (712, 1, 1, 1, 12)
    """
    ordered = sorted(counts, reverse=True)
    occurrences = Counter(ordered)
    images = sum(ordered)
    return ImagesPerSynset(
        of=of,
        synsets=len(ordered),
        images=images,
        mean=images / len(ordered) if ordered else 0.0,
        quantiles=quantiles(occurrences),
        empty=occurrences[0],
        few=sum(times for number, times in occurrences.items() if number < FEW_IMAGES),
        many=sum(times for number, times in occurrences.items() if number > MANY_IMAGES),
        histogram=binned(occurrences, one_two_five(ordered[0])) if ordered else (),
        curve=_curve(ordered),
    )


def _curve(ordered: list[int]) -> tuple[CurvePoint, ...]:
    """At most CURVE_POINTS ranks, evenly spaced, the first and the last among them."""
    last = len(ordered)
    points = min(last, CURVE_POINTS)
    ranks = [1 + place * (last - 1) // max(1, points - 1) for place in range(points)]
    upto = list(itertools.accumulate(ordered))
    total = upto[-1] if upto else 0
    return tuple(CurvePoint(rank, ordered[rank - 1], upto[rank - 1] / total if total else 0.0) for rank in ranks)
