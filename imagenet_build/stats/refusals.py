"""Pure: refusals by reason; duplicates, conflicts and leaks, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa

from imagenet_build.records import RejectReason
from imagenet_build.stats.sections import ConflictPair, Conflicts, Leaks, RefusalRow

MOST_PAIRS = 20
CONFLICT_COLUMNS = ("wnid", "url_key", "other_wnid", "related")
_TRANSIENT = {reason.value for reason in RejectReason if reason.transient}


def refusal_rows(by_stage: Mapping[str, Mapping[str, int]]) -> tuple[RefusalRow, ...]:
    """Rows by stage as given, then by number, most first.

    >>> refusal_rows({"download": {"too_small": 1, "timeout": 3}})[0]
    RefusalRow(stage='download', reason='timeout', count=3, transient=True)
    """
    return tuple(
        RefusalRow(stage, reason, count, reason in _TRANSIENT)
        for stage, reasons in by_stage.items()
        for reason, count in most_first(reasons)
    )


def most_first(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """(name, count), most first, then by name; without zeros."""
    return tuple(sorted(((name, count) for name, count in counts.items() if count), key=lambda it: (-it[1], it[0])))


class ConflictTally:
    """Adds up CONFLICTS: a row per synset, kept image and other synset, so that every conflict is there both ways."""

    def __init__(self) -> None:
        self._related: Counter[tuple[str, str]] = Counter()
        self._unrelated: Counter[tuple[str, str]] = Counter()
        self.pictures_of: Counter[str] = Counter()
        """wnid -> kept images that stand in an unrelated synset too."""

    def add(self, rows: pa.Table) -> None:
        """Add the rows of one synset: CONFLICT_COLUMNS."""
        columns = (rows[name].to_pylist() for name in CONFLICT_COLUMNS)
        seen: set[tuple[str, str]] = set()
        for wnid, key, other, related in set(zip(*columns, strict=True)):  # several images there may match one here
            (self._related if related else self._unrelated)[wnid, other] += 1
            if not related:
                seen.add((wnid, key))
        self.pictures_of.update(wnid for wnid, _ in seen)

    def result(self, names: Mapping[str, str]) -> Conflicts:
        """The whole; `names`: wnid -> name."""
        return Conflicts(
            related=sum(_once(self._related).values()),
            unrelated=sum(_once(self._unrelated).values()),
            pictures=self.pictures_of.total(),
            synsets=len(self.pictures_of),
            pairs=tuple(
                ConflictPair(wnid, names.get(wnid, ""), other, names.get(other, ""), False, count)
                for (wnid, other), count in _by_number(_once(self._unrelated))[:MOST_PAIRS]
            ),
        )


def _once(counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Each pair of synsets once, the lower wnid first; the larger number where one side keeps more of the images."""
    pairs: dict[tuple[str, str], int] = {}
    for (wnid, other), count in counts.items():
        pair = (min(wnid, other), max(wnid, other))
        pairs[pair] = max(pairs.get(pair, 0), count)
    return pairs


def _by_number(counts: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def leaks(rows: Iterable[tuple[str, str, str]], kept: int) -> Leaks:
    """Images that show a listed picture.

    Args:
        rows: (wnid, url_key, reason) of LEAKS; an image that shows several listed pictures counts once, by the first.
        kept: kept images that stand for such an image.
    """
    first: dict[tuple[str, str], str] = {}
    for wnid, key, reason in rows:
        first.setdefault((wnid, key), reason)
    return Leaks(len(first), kept, most_first(Counter(first.values())))
