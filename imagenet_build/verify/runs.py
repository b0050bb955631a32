"""Files of votes in, verdicts and their report out: what `verify decide`, `replay` and `simulate` do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import ConfigError
from imagenet_build.verify.hierarchy import lineage_of
from imagenet_build.verify.judge import Judge, Opinion
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.parents import read_parents
from imagenet_build.verify.rates import Rates
from imagenet_build.verify.rates_judge import RatesJudge
from imagenet_build.verify.read_votes import read_truth, read_votes
from imagenet_build.verify.replay import decide, replay
from imagenet_build.verify.report import compare_majorities, summary, synset_rows
from imagenet_build.verify.simulate import crowd_of
from imagenet_build.verify.simulated_workers import Batch, Crowd
from imagenet_build.verify.table_files import table_csv, table_svg
from imagenet_build.verify.table_judge import TableJudge
from imagenet_build.verify.verdicts import check_suffix, still_open, verdict_table, write_text, write_verdicts
from imagenet_build.verify.votes import NO_TRUTH, IntArray, VoteTable
from imagenet_build.verify.worker_report import WorkerRow, worker_rows


class VoteFiles(NamedTuple):
    """The files of one job; only `votes` is needed."""

    votes: Path
    gold: Path | None = None
    truth: Path | None = None
    synsets: Path | None = None
    one_of_many: bool = False
    out: Path | None = None
    workers_out: Path | None = None
    table_out: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """Verdicts with their report; `majorities` compares fixed majorities, `synsets` has a row each."""

    verdicts: pd.DataFrame
    summary: dict[str, Any]
    majorities: list[dict[str, Any]]
    synsets: list[dict[str, Any]]
    workers: list[WorkerRow]

    def lines(self) -> Iterator[str]:
        """The report as plain lines."""
        for name, value in self.summary.items():
            if name != "scores":
                yield f"{name.replace('_', ' ')}: {'unknown' if value is None else value}"
        yield from _score_lines(self.summary.get("scores"))
        for row in self.majorities:
            yield (
                f"majority of {row['majority_of']}: {row['votes_per_question']} votes per question, "
                f"{row['accepted']} accepted, expected precision {row['expected_precision']}, "
                f"recall {row['expected_recall']}"
            )
            yield from _score_lines(row.get("scores"))
        flags = [row for row in self.workers if row.flag not in ("", "few")]
        if flags:
            yield "workers to look at: " + ", ".join(f"{row.worker} ({row.flag})" for row in flags[:20])


def decide_files(files: VoteFiles, config: VerifyConfig) -> Outcome:
    """Verdicts from all votes of a file.

    Raises:
        DataError: a file cannot be used. ConfigError: a name of an output does not say its format.
    """
    table, gold, truth, judge = _prepared(files, config)
    opinion = decide(table, judge)
    undecided = still_open(opinion, config)
    verdicts = verdict_table(table, opinion, gold, undecided)
    return _outcome(files, table, judge, opinion, verdicts, np.where(truth == NO_TRUTH, gold, truth))


def replay_files(
    files: VoteFiles, config: VerifyConfig, *, mean_votes: float | None = None, shuffle: int | None = None
) -> Outcome:
    """Verdicts from as many of the recorded votes as the stopping rule asks for; see `replay`."""
    table, gold, truth, judge = _prepared(files, config)
    end = replay(
        table,
        judge,
        max_votes=config.max_votes,
        least_gain=config.least_gain,
        mean_votes=mean_votes,
        shuffle=shuffle,
    )
    undecided = still_open(end.opinion, config)
    verdicts = verdict_table(table, end.opinion, gold, undecided, np.flatnonzero(end.shown))
    return _outcome(files, table, judge, end.opinion, verdicts, np.where(truth == NO_TRUTH, gold, truth))


def crowd_like(votes: Path, crowd: Crowd, batch: Batch) -> tuple[Crowd, Batch]:
    """Workers and pictures like those of a file of votes; see `crowd_of`.

    Raises:
        DataError: the file cannot be used.
    """
    table = read_votes(votes)
    rates = Rates(table, lineage_of([str(wnid) for wnid in table.questions.wnids], {}))
    rates.fit(np.arange(len(table)))
    return crowd_of(table, rates, crowd, batch)


def _prepared(files: VoteFiles, config: VerifyConfig) -> tuple[VoteTable, IntArray, IntArray, Judge]:
    """The table, gold, truth to score by, and the judge. Names of outputs are checked before the work."""
    for path in (files.out, files.workers_out):
        if path is not None:
            check_suffix(path)
    if files.table_out is not None and (config.method != "table" or files.table_out.suffix not in (".csv", ".svg")):
        raise ConfigError("--table-out writes a .csv or .svg of the confidence tables of --method table.")
    table = read_votes(files.votes, one_of_many=files.one_of_many)
    nobody_knows = np.full(len(table.questions), NO_TRUTH, np.int64)
    gold, truth = (
        nobody_knows if path is None else read_truth(path, table.questions, one_of_many=files.one_of_many)
        for path in (files.gold, files.truth)
    )
    parents = {} if files.synsets is None else read_parents(files.synsets)
    return table, gold, truth, make_judge(table, gold, config, parents)


def _outcome(
    files: VoteFiles, table: VoteTable, judge: Judge, opinion: Opinion, verdicts: pd.DataFrame, truth: IntArray
) -> Outcome:
    workers = worker_rows(table, judge.rates) if isinstance(judge, RatesJudge) else []
    if files.workers_out is not None:
        write_verdicts(files.workers_out, pd.DataFrame(workers, columns=list(WorkerRow._fields)))
    if files.table_out is not None and isinstance(judge, TableJudge):
        made = judge.tables()
        text = table_csv(made) if files.table_out.suffix == ".csv" else table_svg(made)
        write_text(files.table_out, text)
    majorities = compare_majorities(table, opinion, truth)
    rows = synset_rows(table, opinion, verdicts)
    return Outcome(verdicts, summary(table, opinion, verdicts, truth), majorities, rows, workers)


def _score_lines(scores: dict[str, Any] | None) -> Iterator[str]:
    if scores is not None:
        yield "  against the truth: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in scores.items())
