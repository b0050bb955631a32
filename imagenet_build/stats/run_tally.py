"""EDGE: what a run's tables add up to, apart from the look of its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.stats.found_by import HIT_COLUMNS, FoundByTally
from imagenet_build.stats.pictures import ColourTally, PictureTally, host_of, value_counts
from imagenet_build.stats.refusals import CONFLICT_COLUMNS, ConflictTally
from imagenet_build.stats.run_tables import (
    ACCEPTED,
    REJECTED,
    UNDECIDED,
    ManifestFile,
    column_batches,
    in_batches,
    manifests,
    stored_images,
    whole_synsets,
)
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import CONFLICTS, HITS

Advance = Callable[[int], None]


@dataclass
class SynsetTally:
    """One synset's manifest in numbers."""

    counts: dict[str, int]
    """seen, kept, duplicates, refused, waiting."""
    candidates: int
    kept: int
    accepted: int
    """Of the kept; so are the others."""
    rejected: int
    undecided: int


@dataclass
class RunTally:
    """Sums over a run."""

    found: FoundByTally = field(default_factory=FoundByTally)
    pictures: PictureTally = field(default_factory=PictureTally)
    """Of kept images; of all candidates where there are no manifests."""
    colours: ColourTally = field(default_factory=ColourTally)
    """Filled only where there are no manifests; else `looks` reads these."""
    conflicts: ConflictTally = field(default_factory=ConflictTally)
    synsets: dict[str, SynsetTally] = field(default_factory=dict)
    """Those with a manifest."""
    images_of: Counter[str] = field(default_factory=Counter)
    """wnid -> rows of IMAGES, where there are no manifests."""
    duplicate_reasons: Counter[str] = field(default_factory=Counter)
    duplicate_groups: int = 0
    leaked: int = 0
    """Kept images that stand for a picture of an excluded list."""
    search_refused: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    refused_hosts: Counter[str] = field(default_factory=Counter)


def tally_run(layout: RunLayout, *, has_manifests: bool, advance: Advance) -> RunTally:
    """Read every published table once, but for the tiny pictures.

    Args:
        layout: the run.
        has_manifests: without, the images of the download are counted, kept or not.
        advance: told how many manifests are read.
    Raises:
        DataError: a table cannot be read.
    """
    tally = RunTally()
    if layout.hits.exists():
        for hits in whole_synsets(layout.hits, HITS, HIT_COLUMNS):
            tally.found.add_hits(hits)
    if has_manifests:
        for files, candidates in in_batches(manifests(layout)):
            _add_manifests(tally, files, candidates.table, candidates.verdicts)
            advance(len(files))
    elif layout.images.exists():
        for images, tiny in stored_images(layout):
            tally.pictures.add(images)
            tally.colours.add(tiny)
            tally.images_of.update(value_counts(images["wnid"]))
    if layout.conflicts.exists():
        for rows in whole_synsets(layout.conflicts, CONFLICTS, CONFLICT_COLUMNS):
            tally.conflicts.add(rows)
    for rows in column_batches(layout.search_rejections, ("reason",)):
        tally.search_refused.update(value_counts(rows["reason"]))
    for rows in column_batches(layout.rejections, ("reason", "url_key")):
        tally.refused.update(value_counts(rows["reason"]))
        tally.refused_hosts.update(value_counts(host_of(rows["url_key"])))
    return tally


def _add_manifests(
    tally: RunTally, files: list[ManifestFile], table: pa.Table, verdicts: NDArray[np.int8] | None
) -> None:
    accepted = None if verdicts is None else verdicts == ACCEPTED
    tally.found.add_candidates(table, accepted)
    kept = table["kept"].to_numpy()
    tally.pictures.add(table.filter(table["kept"]), None if accepted is None else accepted[kept])
    copies = table.filter(pc.invert(table["kept"]))
    tally.duplicate_reasons.update(value_counts(copies["duplicate_reason"]))
    tally.duplicate_groups += len(pc.unique(copies["group_id"]))
    tally.leaked += int((kept & pc.is_valid(table["leak"]).to_numpy()).sum())
    for file in files:
        tally.synsets[file.wnid] = _of_synset(file)


def _of_synset(file: ManifestFile) -> SynsetTally:
    kept = file.candidates.table["kept"].to_numpy()
    decided = {ACCEPTED: 0, REJECTED: 0, UNDECIDED: 0}
    if file.candidates.verdicts is not None:
        verdicts = file.candidates.verdicts[kept]
        decided = {code: int((verdicts == code).sum()) for code in decided}
    return SynsetTally(
        file.counts, len(kept), int(kept.sum()), decided[ACCEPTED], decided[REJECTED], decided[UNDECIDED]
    )
