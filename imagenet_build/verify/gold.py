"""Pure: pictures whose answer is known beforehand, mixed into pages without anybody seeing which they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from imagenet_build.verify.votes import BoolArray, FloatArray, IntArray

NEAR_CERTAIN = 0.99
"""An accepted picture of at least this probability is known to show its synset."""
LEAST_VOTES = 3
"""And it must have been looked at so often."""


class Gold(NamedTuple):
    """A picture and what is known of it."""

    image: str
    truth: str
    """yes; no: it is known to show another synset; likely no: it was found for another synset."""


def gold_count(page_size: int, share: float) -> int:
    """How many gold pictures a page may hold, at most `share` of it.

    >>> gold_count(48, 0.1), gold_count(9, 0.1), gold_count(48, 0.0)
    (4, 0, 0)
    """
    return int(page_size * share + 1e-9)


def gold_beside(pictures: int, share: float) -> int:
    """How many gold pictures may join others on a page, so that they are at most `share` of it.

    >>> gold_beside(44, 0.1), gold_beside(18, 0.1)
    (4, 2)
    """
    return int(pictures * share / (1 - share) + 1e-9)


def certain(probability: FloatArray, votes: IntArray) -> BoolArray:
    """Which accepted pictures are sure enough to test workers with."""
    return np.asarray((probability >= NEAR_CERTAIN) & (votes >= LEAST_VOTES), bool)


def lines_above(wnid: str, parents: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Everything above a synset -> fewest steps up, the synset itself with 0.

    >>> lines_above("cello", {"cello": ["string"], "string": ["instrument"]})
    {'cello': 0, 'string': 1, 'instrument': 2}
    """
    steps = {wnid: 0}
    queue = [wnid]
    for below in queue:  # grows while it is walked
        for above in parents.get(below, ()):
            if above not in steps:
                steps[above] = steps[below] + 1
                queue.append(above)
    return steps


def unlike_synsets(wnid: str, others: Collection[str], parents: Mapping[str, Collection[str]], most: int) -> list[str]:
    """Synsets whose pictures do not show this one, the most similar first.

    Args:
        wnid: the synset that is asked about.
        others: synsets with pictures.
        parents: wnid -> wnids of its parents, as far as known.
        most: how many are wanted.
    Returns:
        Siblings first, then those with a common ancestor further up; never an ancestor or a descendant.
    """
    own = lines_above(wnid, parents)
    ranked = []
    for other in others:
        theirs = lines_above(other, parents)
        if other in own or wnid in theirs:
            continue
        common = [own[above] + theirs[above] for above in own.keys() & theirs.keys()]
        if common:
            ranked.append((min(common), other))
    return [other for _, other in sorted(ranked)[:most]]


def choose_gold(
    positives: Sequence[Gold], negatives: Sequence[Gold], count: int, rng: np.random.Generator
) -> list[Gold]:
    """Some of each kind, half and half as far as both are there.

    Args:
        positives, negatives: that this worker may still be shown.
        count: how many are wanted; fewer come if there are not so many.
    """
    of_positives = min(len(positives), max(count // 2, count - len(negatives)))
    of_negatives = min(len(negatives), count - of_positives)
    taken = [positives[place] for place in rng.permutation(len(positives))[:of_positives]]
    taken += [negatives[place] for place in rng.permutation(len(negatives))[:of_negatives]]
    return taken
