"""Pure: which synsets and pictures of a run are checked, so that the precision of each depth follows from few answers.

The design: synsets are divided by their depth; every depth gets the same number of synsets, as far as it has them; they
are drawn at random without replacement, and in each of them pictures likewise. "At random" is by a digest of the seed
and the name: the same run and seed give the same sample on every machine and in any order, and a run that has grown
keeps most of what was sampled before.

Source: Deng et al., CVPR 2009, section 2, Figure 4: 80 synsets, sampled at every tree depth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from imagenet_build.errors import ConfigError

SYNSETS = 80
PICTURES = 25


@dataclass(frozen=True)
class Stratum:
    """One depth of the run."""

    depth: int
    """Of its synsets: fewest steps up to a synset without parents."""
    synsets: int
    """That have pictures."""
    pictures: int
    """All of theirs."""
    drawn: int
    """Synsets in the sample."""
    inverse_others: float
    """Sum of 1 / pictures over the synsets that were not drawn."""


@dataclass(frozen=True)
class DrawnSynset:
    """One synset of the sample."""

    wnid: str
    depth: int
    pictures: int
    """That it has."""
    images: tuple[str, ...]
    """candidate_ids of the sampled ones, in the order drawn."""
    probability: float
    """Of the synset to be drawn, in (0, 1]."""

    @property
    def picture_probability(self) -> float:
        """Of each of its pictures to be drawn, in (0, 1]."""
        return self.probability * len(self.images) / self.pictures


@dataclass(frozen=True)
class Sample:
    """Synsets in an order in which every beginning is spread over the depths, too."""

    strata: tuple[Stratum, ...]
    """By depth."""
    synsets: tuple[DrawnSynset, ...]


def draw_sample(
    counts: Mapping[str, int],
    depths: Mapping[str, int],
    images_of: Callable[[str], Iterable[str]],
    *,
    synsets: int = SYNSETS,
    pictures: int = PICTURES,
    seed: int = 0,
) -> Sample:
    """Draw synsets over all depths, then pictures inside them.

    Args:
        counts: wnid -> how many pictures it has; synsets without are no part of the run here.
        depths: wnid -> depth.
        images_of: the candidate_ids of a synset's pictures, as many as counted; called for the drawn synsets only.
        synsets: at most so many in all. pictures: at most so many of each.
        seed: another seed, another sample.
    Raises:
        ConfigError: no synset has a picture, or there are more depths than synsets to draw.
    """
    at: dict[int, list[str]] = {}
    for wnid in sorted(wnid for wnid, count in counts.items() if count):
        at.setdefault(depths[wnid], []).append(wnid)
    if not at:
        raise ConfigError("No synset has a picture to check.", remedy="Build or verify the run first.")
    wanted = allocate({depth: len(wnids) for depth, wnids in at.items()}, synsets)
    strata, ranked = [], []
    for depth, wnids in sorted(at.items()):
        order = in_random_order(wnids, seed)
        chosen, others = order[: wanted[depth]], order[wanted[depth] :]
        inverse = sum(sorted(1 / counts[wnid] for wnid in others))
        held = sum(counts[wnid] for wnid in wnids)
        strata.append(Stratum(depth, len(wnids), held, len(chosen), inverse))
        for rank, wnid in enumerate(chosen):
            images = tuple(in_random_order(images_of(wnid), seed)[:pictures])
            ranked.append((rank, DrawnSynset(wnid, depth, counts[wnid], images, len(chosen) / len(wnids))))
    ranked.sort(key=lambda one: (one[0], one[1].depth))
    return Sample(tuple(strata), tuple(one for _, one in ranked))


def allocate(synsets: Mapping[int, int], wanted: int) -> dict[int, int]:
    """How many synsets to draw at each depth: equally many, all of a depth that has fewer.

    What a small depth leaves over is shared among the others. What cannot be shared equally goes, one each, to the
    depths with the most synsets; of equals, to the shallower.

    Args:
        synsets: depth -> how many there are, at least 1.
        wanted: in all.
    Raises:
        ConfigError: fewer are wanted than there are depths.

    >>> allocate({3: 1, 4: 10, 5: 40, 6: 40}, 30)
    {3: 1, 4: 9, 5: 10, 6: 10}
    """
    if wanted < len(synsets):
        raise ConfigError(
            f"{wanted} synsets do not reach over the {len(synsets)} depths of this run.",
            remedy=f"Give --synsets {len(synsets)} or more.",
        )
    given = dict.fromkeys(sorted(synsets), 0)
    left = min(wanted, sum(synsets.values()))
    while left:
        open_depths = sorted(
            (depth for depth in given if given[depth] < synsets[depth]), key=lambda d: (-synsets[d], d)
        )
        each = left // len(open_depths)
        for depth in open_depths if each else open_depths[:left]:
            more = min(max(each, 1), synsets[depth] - given[depth])
            given[depth] += more
            left -= more
    return given


def in_random_order(names: Iterable[str], seed: int) -> list[str]:
    """Names by the digest of seed and name: a random order that does not depend on the order given.

    >>> in_random_order(["b", "a", "c"], 1) == in_random_order(["c", "b", "a"], 1)
    True
    """
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
