"""Pure: how many new addresses a request may bring, learnt from what requests of its kind have brought.

A kind is (language, origin of the query). Only first pages teach; what a later page may bring is said better by the
page before it. The numbers only decide the order of requests, so they need to be plausible, not exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imagenet_build.records import Origin

Kind = tuple[str, str]
"""(language, origin)."""

PRIOR_REQUESTS = 3.0
"""The prior weighs as much as so many requests."""
_PRIOR_SHARE = {
    Origin.SYNONYM: 0.6,
    Origin.TRANSLATION: 0.5,
    Origin.CONCEPT: 0.5,
    Origin.PARENT_WORD: 0.3,
    Origin.TRANSLATED_PARENT_WORD: 0.2,
}
"""Part of a full page that a first request brings before anything is known."""
_OTHER_SHARE = 0.25
LATER_PAGES = 0.8
"""A page is expected to bring so much of what the page before it brought."""


@dataclass(frozen=True, slots=True)
class Yield:
    """What requests of one kind brought."""

    requests: int = 0
    new_urls: int = 0

    def plus(self, requests: int, new_urls: int) -> Yield:
        """The sum."""
        return Yield(self.requests + requests, self.new_urls + new_urls)


def expected_first(kind: Kind, known: Mapping[Kind, Yield], page_size: int) -> float:
    """New addresses that a query's first page may bring: the mean of what is known and a prior.

    >>> expected_first(("eng", "synonym"), {}, 20)
    12.0
    >>> expected_first(("eng", "synonym"), {("eng", "synonym"): Yield(97, 0)}, 20) < 1
    True
    """
    share = _PRIOR_SHARE.get(Origin(kind[1]), _OTHER_SHARE)
    seen = known.get(kind, Yield())
    return (PRIOR_REQUESTS * share * page_size + seen.new_urls) / (PRIOR_REQUESTS + seen.requests)
