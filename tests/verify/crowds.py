"""Simulated vote tables that several tests use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.replay import Replay, replay
from imagenet_build.verify.simulated_workers import Batch, Crowd, simulate_votes
from imagenet_build.verify.votes import NO_TRUTH, IntArray, VoteTable

CROWD = Crowd()
ALL_ALIKE = replace(CROWD, sameness_true=1e4, sameness_false=1e4)


def votes(
    crowd: Crowd = CROWD, pictures: int = 2000, synsets: int = 20, each: int = 10, seed: int = 0
) -> tuple[VoteTable, IntArray]:
    return simulate_votes(crowd, Batch(pictures=pictures, synsets=synsets, votes=each), seed)


def run(
    table: VoteTable, config: VerifyConfig, mean_votes: float | None = None, gold: IntArray | None = None
) -> Replay:
    known = np.full(len(table.questions), NO_TRUTH) if gold is None else gold
    return replay(
        table,
        make_judge(table, known, config),
        max_votes=config.max_votes,
        least_gain=config.least_gain,
        mean_votes=mean_votes,
    )
