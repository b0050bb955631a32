"""What an engine's synsets have brought so far, as one synset may know it: the same whatever finished first.

Synsets that are searched at once must not learn from each other, or the order of requests would depend on the network.
So they are dealt into slots; a slot is searched one synset after the other, in the order of their ids, and a synset
learns from those of its own slot that stand before it. A resumed run learns the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from imagenet_build.records import offset_of
from imagenet_build.search.yields import Kind, Yield
from imagenet_build.storage.page_store import PageStore


def slot_of(wnid: str, slots: int) -> int:
    """From 0 to slots - 1; of the id alone, so that no other synset of the run changes it."""
    return offset_of(wnid) % slots


@dataclass(slots=True)
class _Sum:
    end: str = ""
    """Of the synsets before this one, all yields are in the totals."""
    totals: dict[Kind, Yield] = field(default_factory=dict)


class KnownYields:
    """Sums over one engine's page store. While synsets come in the order of their ids, each row is read once a slot."""

    def __init__(self, pages: PageStore, slots: int) -> None:
        self._pages = pages
        self._sums = [_Sum() for _ in range(slots)]

    def before(self, wnid: str) -> dict[Kind, Yield]:
        """What first pages brought in the synsets of this one's slot that stand before it."""
        slots = len(self._sums)
        slot = slot_of(wnid, slots)
        if wnid < self._sums[slot].end:  # an earlier synset once more: the sums hold what it may not know
            self._sums[slot] = _Sum()
        known = self._sums[slot]
        for other, language, origin, requests, new_urls in self._pages.yields_of(known.end, wnid):
            if slot_of(other, slots) == slot:
                kind = (language, origin)
                known.totals[kind] = known.totals.get(kind, Yield()).plus(requests, new_urls)
        known.end = wnid
        return dict(known.totals)
