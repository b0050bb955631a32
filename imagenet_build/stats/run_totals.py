"""One number each of a run, and its synsets in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from imagenet_build.stats.document import SynsetRow
from imagenet_build.stats.run_tables import RunSynset
from imagenet_build.stats.run_tally import RunTally, SynsetTally
from imagenet_build.stats.sections import Totals
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout


def run_totals(
    layout: RunLayout, tally: RunTally, images: Mapping[str, int], *, judged: bool, has_manifests: bool
) -> Totals:
    """Add up.

    Args:
        layout: the run, for the sizes of tables that nothing else is read from.
        tally: sums over its tables.
        images: wnid -> kept images (without manifests: candidates) of all synsets.
        judged: there are verdicts.
        has_manifests: without, nothing is kept yet.
    Raises:
        DataError: a table cannot be read.
    """
    found = Totals(
        synsets=len(images),
        nonempty=sum(number > 0 for number in images.values()),
        left_out=tables.row_count(layout.left_out) if layout.left_out.exists() else None,
        queries=tables.row_count(layout.queries) if layout.queries.exists() else None,
    )
    if layout.hits.exists():
        found = replace(found, hits=tally.found.hits, distinct=tally.found.distinct.total())
    if layout.rejections.exists():
        found = replace(found, refused=tally.refused.total())
    if layout.images.exists():
        found = replace(found, candidates=tables.row_count(layout.images))
    if tally.pictures.stored:
        found = replace(found, distinct_pictures=tally.pictures.distinct_pictures(), kept_bytes=tally.pictures.bytes)
    if not has_manifests:
        return found
    synsets = tally.synsets.values()
    kept = sum(of.kept for of in synsets)
    candidates = sum(of.candidates for of in synsets)
    found = replace(
        found,
        candidates=candidates,
        kept=kept,
        duplicates=candidates - kept,
        refused=sum(of.counts.get("refused", 0) for of in synsets),
        waiting=sum(of.counts.get("waiting", 0) for of in synsets),
    )
    if not judged:
        return found
    accepted, rejected, undecided = (sum(getattr(of, name) for of in synsets) for name in _DECIDED)
    unasked = kept - accepted - rejected - undecided
    return replace(found, accepted=accepted, rejected=rejected, undecided=undecided, unasked=unasked)


_DECIDED = ("accepted", "rejected", "undecided")


_NOTHING = SynsetTally({}, 0, 0, 0, 0, 0)
"""Of a synset without hits."""


def synset_rows(
    rows: Sequence[SynsetRow], synsets: Mapping[str, RunSynset], tally: RunTally, *, judged: bool
) -> tuple[SynsetRow, ...]:
    """Every synset of the run with all that the run knows of it.

    Args:
        rows: by wnid, with images and the place in the hierarchy.
        synsets: the run's own words about them, which count before WordNet's.
        tally: sums over the run's tables.
        judged: there are verdicts.
    """
    return tuple(_row(row, synsets.get(row.wnid), tally, judged) for row in rows)


def _row(row: SynsetRow, own: RunSynset | None, tally: RunTally, judged: bool) -> SynsetRow:
    if own is not None:
        row = replace(row, name=own.name, parents=own.parents, depth=own.depth)
    if tally.found.hits:
        row = replace(row, hits=tally.found.hits_of[row.wnid], distinct=tally.found.distinct[row.wnid])
    if not tally.synsets:
        return row
    of = tally.synsets.get(row.wnid, _NOTHING)
    row = replace(
        row, candidates=of.candidates, refused=of.counts.get("refused", 0), waiting=of.counts.get("waiting", 0)
    )
    if not judged:
        return row
    return replace(row, accepted=of.accepted, rejected=of.rejected, undecided=of.undecided)
