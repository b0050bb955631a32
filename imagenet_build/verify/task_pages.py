"""Pure: which pictures go on a worker's next page, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from imagenet_build.verify.gold import Gold
from imagenet_build.verify.votes import BoolArray, FloatArray, IntArray

PAGE_SIZE = 48
"""Pictures on a page."""
GOLD_SHARE = 0.1
INSTRUCTION = (
    "Select every picture that shows the object, whether it is partly hidden, stands in a crowded scene, or is there "
    "several times."
)
"""After CVPR 2009, section 3.2: whatever the occlusion, the number of objects, and the clutter."""


def next_pictures(worth: FloatArray, least_gain: float, waiting: IntArray, seen: BoolArray, size: int) -> IntArray:
    """The pictures that a vote of this worker helps most.

    Args:
        worth: (N,), how much one more vote is expected to improve each verdict.
        least_gain: below this nothing is asked.
        waiting: (N,), answers that came or were asked for since `worth` was known: such pictures wait.
        seen: (N,), pictures that this worker was shown already.
        size: the most to take.
    Returns:
        Indices, best first; of equals, the first.

    >>> next_pictures(np.array([0.2, 1.0, 0.5, 0.9]), 0.3, np.array([0, 0, 0, 1]), np.zeros(4, bool), 2).tolist()
    [1, 2]
    """
    free = np.flatnonzero((worth >= max(least_gain, 1e-12)) & (waiting == 0) & ~seen)
    best = free[np.argsort(-worth[free], kind="stable")]
    return best[:size].astype(np.int64)


def second_looks(seen: BoolArray, share: float, size: int, rng: np.random.Generator) -> IntArray:
    """Pictures to show a worker again, to see whether the answer stays: a part of a page, by chance.

    Args:
        seen: (N,), answered by this worker.
        share: of a page's pictures, on average, in [0, 1].
    """
    pool = np.flatnonzero(seen)
    count = min(int(rng.binomial(size, share)), len(pool)) if share > 0 else 0
    return np.sort(rng.permutation(pool)[:count]).astype(np.int64)


def arranged(images: Sequence[str], gold: Sequence[Gold], rng: np.random.Generator) -> tuple[list[str], dict[int, str]]:
    """A page's pictures in an order that tells nothing.

    Returns:
        candidate_ids, and position -> truth of those that are gold.
    """
    everything = [*((image, "") for image in images), *gold]
    shuffled = [everything[place] for place in rng.permutation(len(everything))]
    return [image for image, _ in shuffled], {place: truth for place, (_, truth) in enumerate(shuffled) if truth}


def wikipedia_link(name: str) -> str:
    """Where to read what a word means.

    >>> wikipedia_link("Burmese cat")
    'https://en.wikipedia.org/wiki/Special:Search?search=Burmese%20cat'
    """
    return f"https://en.wikipedia.org/wiki/Special:Search?search={quote(name)}"
