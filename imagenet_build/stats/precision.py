"""Pure: answers about a sample -> precision by depth, as in Figure 4 of the CVPR 2009 paper.

A picture is right if more than half of its votes say yes: unsure counts as no, and a tie is no. What is estimated for a
depth is the precision of its synsets, averaged over the synsets, each counting the same however many pictures it has;
for all depths together the same over all synsets of the run. The estimate is the plain mean of the shares seen
(weighted by how many synsets each depth has). The mean over pictures stands beside it, without an interval.

Pictures that nobody answered count as not sampled.

Source: Deng et al., CVPR 2009, section 2, "Accuracy", Figure 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from imagenet_build.errors import DataError
from imagenet_build.stats.document import PrecisionRow
from imagenet_build.stats.precision_interval import Clusters, depth_precision, overall_precision
from imagenet_build.stats.sampling import Stratum
from imagenet_build.verify.votes import Answer, VoteTable


@dataclass(frozen=True)
class CheckedSynset:
    """Answers about one synset of a sample."""

    wnid: str
    depth: int
    pictures: int
    """That the synset has."""
    answered: int
    """Pictures with a vote."""
    correct: int
    """Of them, right by majority."""


@dataclass(frozen=True)
class DepthPrecision:
    """The precision of one depth, or of all together."""

    depth: int | None
    """None: all depths together."""
    synsets: int
    """Sampled, with at least one answered picture."""
    of_synsets: int
    """With pictures at this depth."""
    pictures: int
    """Answered."""
    correct: int
    precision: float
    """0 to 1, averaged over synsets."""
    low: float
    """95 % interval."""
    high: float
    over_pictures: float
    """0 to 1, averaged over pictures: synsets with more of them count for more."""

    def row(self) -> PrecisionRow:
        """For the statistics document."""
        return PrecisionRow(self.depth, self.synsets, self.pictures, self.correct, self.precision, self.low, self.high)


def is_right(table: VoteTable) -> dict[tuple[str, str], bool]:
    """(image, wnid) -> whether more than half of its votes say yes; of a worker's votes on one picture the last counts.

    >>> from imagenet_build.verify.votes import make_vote_table
    >>> import numpy as np
    >>> names = [np.array(column, object) for column in (["a", "a", "b"], ["w", "w", "w"], ["ada", "bob", "ada"])]
    >>> is_right(make_vote_table(*names, np.array([Answer.YES, Answer.UNSURE, Answer.YES])))
    {('a', 'w'): False, ('b', 'w'): True}
    """
    counts = table.counts()
    questions = table.questions
    right = 2 * counts[:, Answer.YES] > counts.sum(axis=1)
    images, wnids = questions.images[questions.image], questions.wnids[questions.synset]
    return {
        (str(image), str(wnid)): bool(said) for image, wnid, said in zip(images, wnids, right.tolist(), strict=True)
    }


def precision_by_depth(strata: Sequence[Stratum], checked: Iterable[CheckedSynset]) -> list[DepthPrecision]:
    """Precision of each depth with answers, by depth; all these depths together last.

    Args:
        strata: the depths of the sample.
        checked: the sampled synsets, also those without an answer; in any order.
    Raises:
        DataError: there is no answer at all.
    """
    at: dict[int, list[CheckedSynset]] = {}
    for one in sorted(checked, key=lambda one: one.wnid):
        at.setdefault(one.depth, []).append(one)
    answered = {depth for depth, drawn in at.items() if any(one.answered for one in drawn)}
    with_answers = sorted((one for one in strata if one.depth in answered), key=lambda one: one.depth)
    if not with_answers:
        raise DataError(
            "No picture of the sample has a vote yet.",
            remedy="Vote first: imagenet-build verify serve RUN --sample FILE.",
        )
    parts = [_clusters(stratum, at[stratum.depth]) for stratum in with_answers]
    rows = [
        _row(stratum, [one for one in at[stratum.depth] if one.answered], clusters)
        for stratum, clusters in zip(with_answers, parts, strict=True)
    ]
    return [*rows, _together(with_answers, rows, parts)]


def _clusters(stratum: Stratum, drawn: Sequence[CheckedSynset]) -> Clusters:
    held = [one for one in drawn if one.answered]
    unanswered = sum(1 / one.pictures for one in drawn if not one.answered)
    return Clusters(
        np.array([one.correct for one in held], np.int64),
        np.array([one.answered for one in held], np.int64),
        np.array([one.pictures for one in held], np.int64),
        stratum.synsets,
        stratum.inverse_others + unanswered,
    )


def _row(stratum: Stratum, held: Sequence[CheckedSynset], clusters: Clusters) -> DepthPrecision:
    found = depth_precision(clusters)
    shares = clusters.correct / clusters.answered
    return DepthPrecision(
        stratum.depth,
        len(held),
        stratum.synsets,
        int(clusters.answered.sum()),
        int(clusters.correct.sum()),
        *found,
        float(np.average(shares, weights=clusters.pictures)),
    )


def _together(strata: Sequence[Stratum], rows: Sequence[DepthPrecision], parts: Sequence[Clusters]) -> DepthPrecision:
    synsets = np.array([stratum.synsets for stratum in strata], np.float64)
    pictures = np.array([stratum.pictures for stratum in strata], np.float64)
    found = overall_precision(parts)
    return DepthPrecision(
        None,
        sum(row.synsets for row in rows),
        int(synsets.sum()),
        sum(row.pictures for row in rows),
        sum(row.correct for row in rows),
        *found,
        float(np.average([row.over_pictures for row in rows], weights=pictures)),
    )
