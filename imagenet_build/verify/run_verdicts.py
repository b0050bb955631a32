"""EDGE: all votes of a run -> `verdicts/`: a table per synset, the report, the workers, the confidence tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import files_in
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.judges import make_judge
from imagenet_build.verify.parents import read_parents
from imagenet_build.verify.rates_judge import RatesJudge
from imagenet_build.verify.read_votes import ANSWERS, read_truth
from imagenet_build.verify.replay import decide
from imagenet_build.verify.report import compare_majorities, summary, synset_rows
from imagenet_build.verify.table_files import table_csv, table_svg
from imagenet_build.verify.table_judge import TableJudge
from imagenet_build.verify.verdicts import still_open, verdict_table, write_text, write_verdicts
from imagenet_build.verify.vote_store import JOURNAL, Journal
from imagenet_build.verify.vote_tables import VERDICTS, publish_votes, read_run_votes, verdicts_folder, votes_folder
from imagenet_build.verify.votes import (
    NO_TRUTH,
    BoolArray,
    Questions,
    VoteTable,
    make_vote_table,
)
from imagenet_build.verify.worker_report import WorkerRow, worker_rows


@dataclass(frozen=True)
class RunVerdicts:
    """What was decided."""

    summary: dict[str, Any]
    majorities: list[dict[str, Any]]
    synsets: list[dict[str, Any]]
    """A row per synset with votes."""
    workers: list[dict[str, Any]]
    """A row per worker: rates, flag, and how the gold was answered."""


def decide_run(layout: RunLayout, config: VerifyConfig, gold: Path | None = None) -> RunVerdicts:
    """Publish the votes of a run, judge all of them together, and write `verdicts/`.

    How workers answered the gold that was mixed into pages stands in their report. The judge is not taught its truth:
    these pictures were chosen because they are clear, and probabilities calibrated on them would be too sure.

    Args:
        gold: known answers to teach it: image, wnid, truth.
    Raises:
        DataError: there are no votes, or a table cannot be read.
    """
    publish_run_votes(layout)
    stored = read_run_votes(layout)
    if not stored.num_rows:
        raise DataError(
            f"{layout.root} has no votes yet.", remedy=f"Vote first: imagenet-build verify serve {layout.root}"
        )
    table = table_of(stored)
    nobody_knows = np.full(len(table.questions), NO_TRUTH, np.int64)
    truth = nobody_knows if gold is None else read_truth(gold, table.questions)
    judge = make_judge(table, truth, config, read_parents(layout.synsets))
    opinion = decide(table, judge)
    workers = worker_rows(table, judge.rates) if isinstance(judge, RatesJudge) else []

    own = _own_questions(table)
    is_open = still_open(opinion, config)
    table, opinion, truth = _only(table, own), _opinion_of(opinion, own), truth[own]
    is_undecided = is_open[own]
    verdicts = verdict_table(table, opinion, nobody_knows[own], is_undecided)
    rows = synset_rows(table, opinion, verdicts)
    illustrable = {}
    if isinstance(judge, TableJudge):
        made = judge.tables()
        illustrable = {wnid: held.is_illustrable for wnid, held in made.items()}
        folder = verdicts_folder(layout)
        write_text(folder / "confidence.csv", table_csv(made))
        for wnid, held in made.items():
            write_text(folder / "confidence" / f"{wnid}.svg", table_svg({wnid: held}))
    for row in rows:
        kept = _kept(layout, row["wnid"])
        row["unasked"] = None if kept is None else max(0, kept - row["questions"])
        if illustrable:
            row["illustrable"] = illustrable[row["wnid"]]
    result = RunVerdicts(
        summary(table, opinion, verdicts, truth),
        compare_majorities(table, opinion, truth),
        rows,
        _worker_rows(stored, workers),
    )
    _write(layout, config, verdicts, result)
    return result


def publish_run_votes(layout: RunLayout) -> dict[str, int]:
    """`publish_votes` from the run's journal, if it has one; wnid -> rows."""
    if not (votes_folder(layout) / JOURNAL).exists():
        return {}
    journal = Journal(votes_folder(layout))
    try:
        return publish_votes(layout, journal)
    finally:
        journal.close()


def table_of(stored: pa.Table) -> VoteTable:
    """Stored votes as arrays; a worker's last answer to a question counts.

    Raises:
        DataError: an answer is none.
    """
    said = stored["answer"].combine_chunks().dictionary_encode()
    names = said.dictionary.to_pylist()
    unknown = [name for name in names if name not in ANSWERS]
    if unknown:
        raise DataError(f"The votes hold answers that are neither yes, no nor unsure: {', '.join(unknown[:5])}.")
    codes = np.array([int(ANSWERS[name]) for name in names], np.int64)
    image, wnid, worker = (stored[name].to_numpy().astype(object) for name in ("image", "wnid", "worker"))
    when = stored["time"].cast(pa.int64()).to_numpy()
    return make_vote_table(image, wnid, worker, codes[said.indices.to_numpy()], when)


def _own_questions(table: VoteTable) -> BoolArray:
    """(Q,): pictures asked about the synset that they were found for; the others are gold."""
    names = table.questions.images[table.questions.image]
    wnids = table.questions.wnids[table.questions.synset]
    return np.array([str(name).startswith(f"{wnid}_") for name, wnid in zip(names, wnids, strict=True)], bool)


def _only(table: VoteTable, keep: BoolArray) -> VoteTable:
    """The table of some questions."""
    held = table.questions
    questions = Questions(held.image[keep], held.synset[keep], held.images, held.wnids)
    rows = keep[table.question]
    number = np.cumsum(keep) - 1
    return VoteTable(
        questions,
        number[table.question[rows]].astype(np.int64),
        table.worker[rows],
        table.answer[rows],
        table.turn[rows],
        table.workers,
        table.repeated,
    )


def _opinion_of(opinion: Opinion, keep: BoolArray) -> Opinion:
    return Opinion(opinion.probability[keep], opinion.accepted[keep], opinion.worth[keep])


def _worker_rows(stored: pa.Table, rated: list[WorkerRow]) -> list[dict[str, Any]]:
    """Each worker's rates, and how often the mixed-in gold was answered as expected."""
    frame = stored.select(["worker", "answer", "gold"]).to_pandas()
    counts = frame.groupby("worker").size()
    gold = frame[frame["gold"] != ""]
    expected = np.where(gold["gold"].to_numpy() == "yes", "yes", "no")
    right = (gold["answer"].to_numpy() == expected).astype(int)
    shown = gold.groupby("worker").size()
    well = pd.Series(right, index=gold["worker"].to_numpy()).groupby(level=0).sum()
    rates = {row.worker: row._asdict() for row in rated}
    return [
        {
            **rates.get(str(worker), {"worker": str(worker), "votes": int(counts[worker])}),
            "gold_shown": int(shown.get(worker, 0)),
            "gold_as_expected": int(well.get(worker, 0)),
        }
        for worker in counts.sort_values(ascending=False, kind="stable").index
    ]


def _kept(layout: RunLayout, wnid: str) -> int | None:
    path = layout.manifest(wnid)
    if not path.exists():
        return None
    counts = json.loads(tables.metadata(path).get("imagenet_build.counts", "{}"))
    return int(counts["kept"]) if "kept" in counts else None


def _write(layout: RunLayout, config: VerifyConfig, verdicts: pd.DataFrame, result: RunVerdicts) -> None:
    folder = verdicts_folder(layout)
    about = {
        "imagenet_build.method": config.method,
        "imagenet_build.target_precision": str(config.target_precision or ""),
    }
    written = set()
    for wnid, part in verdicts.groupby("wnid", sort=True):
        table = pa.Table.from_pandas(part[VERDICTS.names], schema=VERDICTS, preserve_index=False)
        tables.write_table(folder / f"{wnid}.parquet", table, {**about, "imagenet_build.wnid": str(wnid)})
        written.add(str(wnid))
    for path in files_in(folder, "n*.parquet"):
        if path.stem not in written:
            path.unlink()
    workers = pd.DataFrame(result.workers)
    write_verdicts(folder / "workers.parquet", workers)
    report = {
        "method": config.method,
        "target_precision": config.target_precision,
        "summary": result.summary,
        "majorities": result.majorities,
        "synsets": result.synsets,
    }
    write_text(folder / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
