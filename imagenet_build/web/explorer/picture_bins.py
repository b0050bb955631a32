"""Pure: pictures per synset in bins of half a decade, for small histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EDGES = (1, 4, 10, 32, 100, 317, 1000)
"""The least number of pictures of each bin but the first: powers of the root of ten."""
LABELS = ("0", "1–3", "4–9", "10–31", "32–99", "100–316", "317–999", "1,000 and more")


def bins_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin of each count.

    >>> bins_of(np.array([0, 1, 9, 10, 5000])).tolist()
    [0, 1, 2, 3, 7]
    """
    return np.searchsorted(np.array(EDGES), counts, side="right").astype(np.int64)
