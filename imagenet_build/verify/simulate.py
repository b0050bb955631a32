"""Pure: what verification would cost and give, before anyone is asked."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.rates import Rates
from imagenet_build.verify.replay import Replay, replay
from imagenet_build.verify.scores import score
from imagenet_build.verify.simulated_workers import Batch, Crowd, simulate_votes, votes_on
from imagenet_build.verify.votes import NO_TRUTH, Answer, IntArray, Questions, VoteTable

SECONDS_PER_VOTE = 1.5
"""A grid of pictures is looked through at about this pace; the annotators' page records what yours need."""
PRICE_PER_VOTE = 0.002
"""In whatever money: pages of 48 pictures at about 0.10 each."""
_MOST_SAMENESS = 50.0


def simulate(
    crowd: Crowd,
    batch: Batch,
    config: VerifyConfig,
    *,
    seconds_per_vote: float,
    price_per_vote: float,
    mean_votes: float | None = None,
    seed: int = 0,
    questions: Questions | None = None,
) -> list[dict[str, Any]]:
    """The chosen method, then fixed majorities of 3, 5 and 10, on the same simulated votes.

    Args:
        questions: what is asked; None for as many as `batch` says.
    Returns:
        A row each: method, votes per question, hours, money, and how the verdicts compare with the truth.
    """
    table, truth = simulate_votes(crowd, batch, seed) if questions is None else votes_on(questions, crowd, batch, seed)
    rows = []
    plans: list[tuple[str, VerifyConfig, float | None]] = [(config.method, config, mean_votes)]
    for votes in (3, 5, 10):
        fixed = config.model_copy(update={"method": "majority", "majority_votes": votes, "max_votes": votes})
        plans.append((f"majority of {votes}", fixed, None))
    for name, plan, budget in plans:
        end = _replayed(table, plan, budget)
        votes_asked = int(end.used.sum())
        found = asdict(score(end.opinion.probability, end.opinion.accepted, truth))
        rows.append(
            {
                "method": name,
                "votes_per_question": round(votes_asked / len(truth), 3),
                "votes": votes_asked,
                "hours": round(votes_asked * seconds_per_vote / 3600, 2),
                "money": round(votes_asked * price_per_vote, 2),
                "accepted": int(end.opinion.accepted.sum()),
                **{key: round(float(value), 4) for key, value in found.items() if key != "questions"},
            }
        )
    return rows


def asked_votes(
    questions: Questions, crowd: Crowd, batch: Batch, config: VerifyConfig, *, seed: int = 0
) -> pd.DataFrame:
    """The simulated votes that the chosen method would ask for, as `verify import` reads them.

    Returns:
        Columns image, wnid, worker, answer; a row per vote, round by round.
    """
    table, _ = votes_on(questions, crowd, batch, seed)
    shown = np.flatnonzero(_replayed(table, config, None).shown)
    rows = shown[np.lexsort((table.question[shown], table.turn[shown]))]
    question = table.question[rows]
    asked: pd.DataFrame = pd.DataFrame(
        {
            "image": questions.images[questions.image[question]],
            "wnid": questions.wnids[questions.synset[question]],
            "worker": table.workers[table.worker[rows]],
            "answer": [Answer(int(code)).name.lower() for code in table.answer[rows]],
        }
    )
    return asked


def _replayed(table: VoteTable, config: VerifyConfig, mean_votes: float | None) -> Replay:
    judge = make_judge(table, np.full(len(table.questions), NO_TRUTH), config)
    return replay(table, judge, max_votes=config.max_votes, least_gain=config.least_gain, mean_votes=mean_votes)


def crowd_of(table: VoteTable, rates: Rates, crowd: Crowd, batch: Batch) -> tuple[Crowd, Batch]:
    """Workers and pictures like those of a real vote table, by rates fitted to it.

    Args:
        rates: fitted to all votes of `table`. crowd, batch: what cannot be told from it stays as it is there.
    """
    votes = np.bincount(table.worker, minlength=len(table.workers))
    said = np.einsum("w,wta->ta", votes / votes.sum(), rates.worker_rates())
    yes = said[:, Answer.YES] / (said[:, Answer.YES] + said[:, Answer.NO])
    of_worker = rates.worker_rates()[votes >= 20] if (votes >= 20).any() else rates.worker_rates()
    odds = np.log(of_worker[:, 1, Answer.YES] + 1e-3) - np.log(1 - of_worker[:, 1, Answer.YES] + 1e-3)
    likeness = [_sameness(spread) for spread in rates.spread]
    learnt = replace(
        crowd,
        workers=len(table.workers),
        sensitivity=float(said[1, Answer.YES]),
        false_yes=float(yes[0]),
        sameness_true=likeness[1],
        sameness_false=likeness[0],
        worker_spread=float(np.std(odds)),
        unsure_at_half=0.0 if not (table.answer == Answer.UNSURE).any() else crowd.unsure_at_half,
        unsure_else=0.0 if not (table.answer == Answer.UNSURE).any() else crowd.unsure_else,
        at_random=0.0,
    )
    return learnt, replace(batch, prevalence=float(np.clip(rates.probability.mean(), 0.01, 0.99)))


def _sameness(spread: np.ndarray[Any, Any]) -> float:
    return float(min(_MOST_SAMENESS, spread.sum()))


def votes_needed(table: VoteTable, used: IntArray) -> dict[str, float]:
    """Mean votes used per question of each synset, in the table's order."""
    count = len(table.questions.wnids)
    total = np.bincount(table.questions.synset, used, count)
    questions = np.bincount(table.questions.synset, minlength=count)
    means = total / np.maximum(1, questions)
    return {str(wnid): float(mean) for wnid, mean in zip(table.questions.wnids, means, strict=True)}
