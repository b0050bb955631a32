"""Pure: what the paper's Table 1 says of datasets, with the evidence that a run or a table gives for itself."""

from __future__ import annotations

from collections.abc import Sequence

from imagenet_build.records import UNKNOWN_LICENSE
from imagenet_build.stats.document import PrecisionRow, Property, SynsetRow
from imagenet_build.stats.sections import NamedCount, Sizes, Totals

YES, PARTLY, NO, OPEN = "yes", "partly", "no", "open"
CLEAN_PRECISION = 0.95
"""Clean needs an independent check whose interval begins here or above. The paper reports 0.997 on average."""
DENSE_SHARE = 0.5
"""Dense needs so large a part of the synsets to have a parent in the dataset."""
CLOSED_LICENSES = frozenset({UNKNOWN_LICENSE, "arr"})
"""What gives nobody else the right to publish the picture."""

_MEANINGS = {
    "LabelDisam": "labels are told apart by their sense",
    "Clean": "images were looked at, and are right",
    "DenseHie": "labels form a hierarchy that is densely filled",
    "FullRes": "images have their full resolution",
    "PublicAvail": "images can be given to anyone",
    "Segmented": "objects are outlined",
}


def _property(name: str, holds: str, evidence: str) -> Property:
    return Property(name, _MEANINGS[name], holds, evidence)


def run_properties(
    totals: Totals,
    synsets: Sequence[SynsetRow],
    sizes: Sizes | None,
    licenses: Sequence[NamedCount] | None,
    precision: Sequence[PrecisionRow] | None,
) -> tuple[Property, ...]:
    """The six properties of a run, each with its own figures as evidence.

    Source:
        Deng et al., CVPR 2009, Table 1. When a property holds is this project's rule, said in the evidence and in the
        constants of this module.
    """
    return (
        label_disambiguation(totals.synsets),
        clean(totals, precision),
        dense_hierarchy(synsets),
        full_resolution(sizes),
        publicly_available(licenses),
        _property("Segmented", NO, "This program makes no outlines and no boxes."),
    )


def table_properties(synsets: Sequence[SynsetRow]) -> tuple[Property, ...]:
    """What a table of wnids and images can say: its labels and its hierarchy; the rest is open."""
    unsaid = "The table does not say."
    return (
        label_disambiguation(len(synsets)),
        _property("Clean", OPEN, unsaid),
        dense_hierarchy(synsets),
        *(_property(name, OPEN, unsaid) for name in ("FullRes", "PublicAvail", "Segmented")),
    )


def label_disambiguation(synsets: int) -> Property:
    """Holds by construction: a label is a synset, one sense of its words."""
    return _property("LabelDisam", YES if synsets else OPEN, f"Labels are {synsets:,} synsets of WordNet 3.0.")


def clean(totals: Totals, precision: Sequence[PrecisionRow] | None) -> Property:
    """Holds if an independent check finds it; votes alone make it partly true."""
    overall = next((row for row in precision or () if row.depth is None), None)
    if overall is not None:
        evidence = (
            f"An independent check of {overall.pictures:,} pictures finds {overall.precision:.1%} right"
            f" (95 % interval {overall.low:.1%} to {overall.high:.1%})."
        )
        return _property("Clean", YES if overall.low >= CLEAN_PRECISION else PARTLY, evidence)
    if totals.accepted is None:
        return _property("Clean", NO, "Nobody has looked at the images: `imagenet-build verify serve RUN`.")
    judged = totals.accepted + (totals.rejected or 0) + (totals.undecided or 0)
    evidence = (
        f"{totals.accepted:,} of {judged:,} judged images are accepted, {totals.unasked or 0:,} were not judged;"
        " no independent check yet: `imagenet-build stats sample RUN`."
    )
    return _property("Clean", PARTLY, evidence)


def dense_hierarchy(synsets: Sequence[SynsetRow]) -> Property:
    """Holds if at least `DENSE_SHARE` of the synsets have a parent in the dataset."""
    own = {row.wnid for row in synsets}
    inside = sum(any(parent in own for parent in row.parents) for row in synsets)
    levels = {row.depth for row in synsets if row.depth is not None}
    if not levels:
        return _property("DenseHie", OPEN, "No synset has a place in WordNet 3.0.")
    share = inside / len(synsets)
    evidence = (
        f"{inside:,} of {len(synsets):,} synsets have a parent in the dataset; depths {min(levels)} to {max(levels)}."
    )
    return _property("DenseHie", YES if share >= DENSE_SHARE else PARTLY if inside else NO, evidence)


def full_resolution(sizes: Sizes | None) -> Property:
    """Holds if files are kept, for they are kept as they came."""
    if sizes is None:
        return _property("FullRes", NO, "No files were kept, only addresses.")
    evidence = (
        f"Files are kept as they came, {sizes.mean_width:.0f} x {sizes.mean_height:.0f} pixels on average"
        f" (the paper: around 400 x 350)."
    )
    return _property("FullRes", YES, evidence)


def publicly_available(licenses: Sequence[NamedCount] | None) -> Property:
    """Holds if every kept image has a licence that lets others publish it."""
    images = sum(row.kept for row in licenses or ())
    if not images:
        return _property("PublicAvail", OPEN, "No licences are known yet.")
    closed = sum(row.kept for row in licenses or () if row.name in CLOSED_LICENSES)
    evidence = f"{images - closed:,} of {images:,} kept images have a licence that lets others publish them."
    return _property("PublicAvail", YES if not closed else NO if closed == images else PARTLY, evidence)
