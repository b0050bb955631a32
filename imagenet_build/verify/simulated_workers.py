"""Pure: votes of workers who do not exist, on pictures whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagenet_build.verify.odds import logit, sigmoid
from imagenet_build.verify.votes import Answer, FloatArray, IntArray, Questions, VoteTable, factorize


@dataclass(frozen=True)
class Crowd:
    """How workers answer. The defaults resemble the raters of the ImageNet validation set (Beyer et al. 2020)."""

    workers: int = 85
    sensitivity: float = 0.53
    """Share of yes to true pictures, over workers and pictures."""
    false_yes: float = 0.02
    """Share of yes to other pictures."""
    unsure_at_half: float = 0.5
    """Share of unsure among the answers that are not yes, for a picture that half of the workers say yes to."""
    unsure_else: float = 0.04
    """The same for pictures that nobody or everybody says yes to."""
    sameness_true: float = 2.0
    """How alike true pictures are: a + b of the Beta distribution of their shares of yes; large means all alike."""
    sameness_false: float = 8.0
    worker_spread: float = 0.8
    """Standard deviation of the workers' log odds of yes."""
    at_random: float = 0.02
    """Share of workers who answer without looking."""


@dataclass(frozen=True)
class Batch:
    """What is asked: so many pictures of so many synsets, so many votes each."""

    pictures: int = 2000
    synsets: int = 20
    prevalence: float = 0.22
    """Share of true pictures."""
    prevalence_sameness: float = 6.0
    """a + b of the Beta distribution of the synsets' prevalences."""
    votes: int = 10


def simulate_votes(crowd: Crowd, batch: Batch, seed: int) -> tuple[VoteTable, IntArray]:
    """A vote table on pictures that do not exist, and its truth; see `votes_on`."""
    return votes_on(made_questions(batch), crowd, batch, seed)


def made_questions(batch: Batch) -> Questions:
    """Pictures that do not exist, equally many of each synset."""
    synset = np.sort(np.arange(batch.pictures) % batch.synsets)
    names = _names("picture", batch.pictures), _names("synset", batch.synsets)
    return Questions(np.arange(batch.pictures), synset, *names)


def votes_on(questions: Questions, crowd: Crowd, batch: Batch, seed: int) -> tuple[VoteTable, IntArray]:
    """Votes on given questions, whose truth is drawn.

    Args:
        questions: Q of them.
        batch: its prevalence and votes count; how many pictures and synsets there are, `questions` says.
    Returns:
        The table, every question with `batch.votes` votes of different workers in random order; and (Q,), 0 or 1.
    """
    random = np.random.default_rng(seed)
    count, synset = len(questions), questions.synset
    prevalence = _beta(random, batch.prevalence, batch.prevalence_sameness, len(questions.wnids))
    truth = (random.random(count) < prevalence[synset]).astype(np.int64)
    level = np.where(
        truth == 1,
        _beta(random, crowd.sensitivity, crowd.sameness_true, count),
        _beta(random, crowd.false_yes, crowd.sameness_false, count),
    )
    votes = min(batch.votes, crowd.workers)
    worker = np.argsort(random.random((count, crowd.workers)), axis=1)[:, :votes]
    bias = random.normal(0.0, crowd.worker_spread, crowd.workers)
    yes = sigmoid(logit(level)[:, None] + bias[worker])
    doubt = (4 * level * (1 - level))[:, None]
    unsure = crowd.unsure_else + (crowd.unsure_at_half - crowd.unsure_else) * doubt
    draw = random.random(yes.shape)
    answer = np.where(draw < yes, Answer.YES, np.where(draw < yes + (1 - yes) * unsure, Answer.UNSURE, Answer.NO))
    is_random = (np.arange(crowd.workers) < round(crowd.at_random * crowd.workers))[worker]
    answer = np.where(is_random, np.where(random.random(yes.shape) < 0.5, Answer.YES, Answer.NO), answer)
    by_worker = np.argsort(worker, axis=1)
    table = VoteTable(
        questions,
        np.repeat(np.arange(count), votes),
        np.take_along_axis(worker, by_worker, axis=1).ravel(),
        np.take_along_axis(answer, by_worker, axis=1).ravel().astype(np.int64),
        by_worker.ravel(),
        _names("worker", crowd.workers),
    )
    return table, truth


def _beta(random: np.random.Generator, mean: float, sameness: float, size: int) -> FloatArray:
    return random.beta(mean * sameness, (1 - mean) * sameness, size)


def _names(what: str, count: int) -> FloatArray:
    return factorize(np.array([f"{what}{number:07}" for number in range(count)], object))[1]
