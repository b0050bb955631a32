"""EDGE: the same picture in two synsets: one question for verification per pair of synsets and kept images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagenet_build.contracts import Exchange, RunContext
from imagenet_build.dedup.conflict_pairs import ROWS_PER_PART, PairSearch
from imagenet_build.dedup.conflict_rows import ConflictRows
from imagenet_build.dedup.image_rows import image_rows
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import SYNSETS


def conflicts_of(
    run: RunContext, exchange: Exchange, *, rows_per_part: int = ROWS_PER_PART
) -> Iterator[dict[str, Any]]:
    """CONFLICTS rows, both ways round, sorted by synset and image.

    Args:
        run: all units of this stage have run.
        exchange: brings rows together.
        rows_per_part: rows that come together at most, about.
    Raises:
        DataError: a table of the run is missing or damaged.
    """
    rows = image_rows(run.layout.images)
    spill = run.layout.dedup_work if isinstance(run.layout.root, Path) else None
    pairs = PairSearch(rows, run.config.dedup, spill, rows_per_part).same_pictures(exchange)
    above = _ancestors(run)
    for table in ConflictRows(rows, run.layout).of_pairs(pairs).tables():
        for row in table.to_pylist():
            one, other = row["wnid"], row["other_wnid"]
            yield {**row, "related": other in above.get(one, ()) or one in above.get(other, ())}


def _ancestors(run: RunContext) -> dict[str, set[str]]:
    """All ancestors of each synset of the run, through the stored parents."""
    synsets = tables.read(run.layout.synsets, SYNSETS, columns=["wnid", "hypernyms"]).to_pylist()
    parents = {row["wnid"]: row["hypernyms"] for row in synsets}
    found: dict[str, set[str]] = {}
    for wnid in parents:
        above: set[str] = set()
        stack = list(parents[wnid])
        while stack:
            parent = stack.pop()
            if parent not in above:
                above.add(parent)
                stack.extend(parents.get(parent, ()))
        found[wnid] = above
    return found
