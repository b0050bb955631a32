"""Pure: what verification of a build will cost, by simulation, before a picture is fetched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.search.estimate import Span
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.replay import replay
from imagenet_build.verify.simulated_workers import Batch, Crowd, simulate_votes
from imagenet_build.verify.votes import NO_TRUTH

CROWDS = (
    Crowd(sensitivity=0.8, sameness_true=6.0, sameness_false=20.0, worker_spread=0.4, at_random=0.0),
    Crowd(),
    Crowd(sensitivity=0.5, false_yes=0.05, worker_spread=1.0, at_random=0.1),
)
"""Careful workers, workers like the raters of the ImageNet validation set, and careless ones: low, expected, high."""
_PICTURES = 4000
_MOST_SYNSETS = 20
_LEAST_PER_SYNSET, _MOST_PER_SYNSET = 10, 1000


@dataclass(frozen=True, slots=True)
class VerificationEstimate:
    """Low, expected and high are three crowds, each with as many pictures as `images` says."""

    votes_per_picture: Span
    votes: Span
    hours: Span
    """Of people, all together."""
    money: Span


def estimate_verification(
    images: Span, synsets: int, config: VerifyConfig, *, seconds_per_vote: float, price_per_vote: float
) -> VerificationEstimate:
    """Simulate the configured method on some thousand pictures, and scale.

    Args:
        images: pictures that people judge, of all synsets together.
        synsets: how many they belong to; with few pictures each, more of them are in the paper's initial subsets.
    """
    each = int(np.clip(images.expected / max(1, synsets), _LEAST_PER_SYNSET, _MOST_PER_SYNSET))
    some = int(np.clip(_PICTURES // each, 1, min(_MOST_SYNSETS, max(1, synsets))))
    batch = Batch(pictures=some * each, synsets=some, votes=max(config.max_votes, config.table_votes))
    needed = sorted(_votes_needed(crowd, batch, config) for crowd in CROWDS)
    votes = [count * per for count, per in zip((images.low, images.expected, images.high), needed, strict=True)]
    return VerificationEstimate(
        Span(*needed),
        Span(*votes),
        Span(*(count * seconds_per_vote / 3600 for count in votes)),
        Span(*(count * price_per_vote for count in votes)),
    )


def _votes_needed(crowd: Crowd, batch: Batch, config: VerifyConfig) -> float:
    table, _ = simulate_votes(crowd, batch, config.seed)
    judge = make_judge(table, np.full(len(table.questions), NO_TRUTH), config)
    return float(replay(table, judge, max_votes=config.max_votes, least_gain=config.least_gain).used.mean())
