"""One synset while it is being voted on: what each picture is worth asking, who has seen it, what is under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.read_votes import ANSWERS
from imagenet_build.verify.replay import decide
from imagenet_build.verify.run_pictures import SynsetPictures
from imagenet_build.verify.task_pages import next_pictures
from imagenet_build.verify.vote_store import StoredVote, TaskPage
from imagenet_build.verify.votes import NO_TRUTH, BoolArray, IntArray, Questions, VoteTable, make_vote_table

GROWTH = 1.2
LEAST_NEW_VOTES, MOST_NEW_VOTES = 24, 480


class SynsetSheet:
    """Arrays over the N kept pictures of a synset; rebuilt from the journal whenever it is loaded."""

    def __init__(
        self,
        pictures: SynsetPictures,
        votes: Sequence[StoredVote],
        open_pages: Iterable[TaskPage],
        config: VerifyConfig,
        parents: Mapping[str, str],
    ) -> None:
        self.pictures = pictures
        self._config = config
        self._parents = parents
        count = len(pictures)
        self._leases = np.zeros(count, np.int64)
        self._fresh = np.zeros(count, np.int64)
        self._seen: dict[str, BoolArray] = {}
        self.foreign_seen: dict[str, set[str]] = {}
        """Worker -> gold pictures of other synsets that were shown."""
        for vote in votes:
            self._show(vote.worker, vote.image)
        for page in open_pages:
            self.lease(page)
        self.refresh(votes)

    def refresh(self, votes: Sequence[StoredVote]) -> None:
        """Learn from all votes on the synset what each picture is worth now."""
        own = self.pictures.place
        self._known_votes = len(votes)
        self._fresh[:] = 0
        if not own:
            empty = np.zeros(0)
            self.opinion, self.voted = Opinion(empty, empty > 0, empty), empty > 0
            return
        table = with_unasked(self.pictures, votes)
        truth = np.full(len(table.questions), NO_TRUTH, np.int64)
        judge = make_judge(table, truth, self._config, self._parents)
        # without a vote there is nothing to learn: the judge says what it thinks of pictures in general
        nothing = np.zeros(len(table.questions), bool)
        opinion = decide(table, judge) if len(table) else judge.opinion(nothing)
        is_own = np.array([str(image) in own for image in table.questions.images], bool)
        # both are sorted by id, so what is left stands in the order of the pictures
        here = np.flatnonzero(is_own)[: len(self.pictures)]
        self.opinion = Opinion(opinion.probability[here], opinion.accepted[here], opinion.worth[here])
        asked = table.counts().sum(axis=1)[here]
        self.voted = asked > 0

    def is_stale(self) -> bool:
        """Whether enough votes came since the last `refresh` to look again: a fifth more, half as many as pictures."""
        fresh = int(self._fresh.sum())
        least = min(max(len(self.pictures) // 2, LEAST_NEW_VOTES), MOST_NEW_VOTES)
        return fresh >= least and fresh >= (GROWTH - 1) * self._known_votes

    def has_fresh(self) -> bool:
        """Whether any vote came since the last `refresh`."""
        return bool(self._fresh.any())

    def is_waiting(self) -> bool:
        """Whether answers are under way, or came since the last `refresh`."""
        return bool(self._fresh.any() or self._leases.any())

    def seen_by(self, worker: str) -> BoolArray:
        """(N,), what this worker was shown."""
        return self._seen.setdefault(worker, np.zeros(len(self.pictures), bool))

    def offer(self, worker: str, size: int) -> IntArray:
        """The pictures that this worker should see next; see `next_pictures`."""
        waiting = self._leases + self._fresh
        return next_pictures(self.opinion.worth, self._config.least_gain, waiting, self.seen_by(worker), size)

    def open_pictures(self) -> int:
        """How many pictures another vote is worth asking for, whoever gives it."""
        return int((self.opinion.worth >= self._config.least_gain).sum())

    def lease(self, page: TaskPage) -> None:
        """A page is out: others wait for its answers."""
        self._leases[self._places(page)] += 1
        for image in page.images:
            self._show(page.worker, image)

    def release(self, page: TaskPage) -> None:
        """Its time is over: the pictures may be asked of others."""
        self._leases[self._places(page)] -= 1

    def answered(self, page: TaskPage) -> None:
        """Answers came."""
        places = self._places(page)
        self._fresh[places] += 1
        self.voted[places] = True

    def taken_back(self, page: TaskPage) -> None:
        """Answers were undone."""
        places = self._places(page)
        self._fresh[places] = np.maximum(0, self._fresh[places] - 1)

    def _places(self, page: TaskPage) -> IntArray:
        own = self.pictures.place
        return np.array([own[image] for image in page.images if image in own], np.int64)

    def _show(self, worker: str, image: str) -> None:
        place = self.pictures.place.get(image)
        if place is None:
            self.foreign_seen.setdefault(worker, set()).add(image)
        else:
            self.seen_by(worker)[place] = True


def with_unasked(pictures: SynsetPictures, votes: Sequence[StoredVote]) -> VoteTable:
    """The votes on one synset as a table in which every kept picture is a question, also those without a vote."""
    made = vote_table(votes)
    names: Any = np.union1d(pictures.ids.astype(str), made.questions.images.astype(str)).astype(object)
    place = np.asarray(pd.Index(names).get_indexer(pd.Index(made.questions.images[made.questions.image])))
    questions = Questions(
        np.arange(len(names)), np.zeros(len(names), np.int64), names, np.array([pictures.wnid], object)
    )
    question = place[made.question].astype(np.int64)
    return VoteTable(questions, question, made.worker, made.answer, made.turn, made.workers, made.repeated)


def vote_table(votes: Sequence[StoredVote]) -> VoteTable:
    """Stored votes as arrays, by their time."""
    columns = [np.array([vote[place] for vote in votes], object) for place in range(3)]
    answer = np.array([int(ANSWERS[vote.answer]) for vote in votes], np.int64)
    when = np.array([vote.time for vote in votes], np.float64)
    return make_vote_table(columns[0], columns[1], columns[2], answer, when)
