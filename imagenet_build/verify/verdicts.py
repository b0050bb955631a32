"""Verdicts as a table, and EDGE: its files."""

from __future__ import annotations

from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import ConfigError
from imagenet_build.storage.places import Location
from imagenet_build.storage.tables import write_whole
from imagenet_build.verify.judge import Opinion
from imagenet_build.verify.votes import NO_TRUTH, Answer, BoolArray, Decision, IntArray, VoteTable

SUFFIXES = (".csv", ".parquet", ".json")


def still_open(opinion: Opinion, config: VerifyConfig) -> BoolArray:
    """(Q,): not accepted, and another vote could change that.

    For balanced accuracy by rates every question is decided. Pictures of a pilot are asked many times to get to know
    the workers: as long as that lasts their worth is 1, however clear they are.
    """
    worth_asking = opinion.worth >= config.least_gain
    if config.method == "rates":
        if config.target_precision is None:
            return np.zeros(len(opinion.accepted), bool)
        worth_asking &= ~((opinion.worth >= 1.0) & (opinion.probability <= config.table_reject))
    return np.asarray(~opinion.accepted & worth_asking, bool)


def verdict_table(
    table: VoteTable, opinion: Opinion, truth: IntArray, is_undecided: BoolArray, rows: IntArray | None = None
) -> pd.DataFrame:
    """One row per question, sorted by image, then wnid.

    Args:
        opinion: of the questions of `table`.
        truth: (Q,), gold, shown beside the verdict; the verdict is what the votes say.
        is_undecided: (Q,), not accepted, and another vote would be worth asking for.
        rows: the votes that were used; None for all.
    """
    counts = table.counts(rows)
    verdict = np.where(is_undecided, Decision.UNDECIDED.value, Decision.REJECTED.value).astype(object)
    verdict[opinion.accepted] = Decision.ACCEPTED.value
    gold = np.full(len(truth), "", object)
    gold[truth == 1], gold[truth == 0] = "yes", "no"
    frame: pd.DataFrame = pd.DataFrame(
        {
            "image": table.questions.images[table.questions.image],
            "wnid": table.questions.wnids[table.questions.synset],
            "probability": opinion.probability.round(6),
            "verdict": verdict,
            "yes": counts[:, Answer.YES],
            "no": counts[:, Answer.NO],
            "unsure": counts[:, Answer.UNSURE],
            "votes": counts.sum(axis=1),
        }
    )
    if (truth != NO_TRUTH).any():
        frame["gold"] = gold
    return frame


def check_suffix(path: Location) -> None:
    """Refuse a file name that does not say its format.

    Raises:
        ConfigError: it ends in none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path} does not say its format.", remedy=f"End the name in {', '.join(SUFFIXES)}.")


def write_verdicts(path: Location, frame: pd.DataFrame) -> None:
    """Write a table in the format of the path's suffix, whole or not at all."""
    check_suffix(path)

    def write(out: IO[bytes]) -> None:
        if path.suffix.lower() == ".parquet":
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
        elif path.suffix.lower() == ".json":
            out.write(frame.to_json(orient="records", indent=1, force_ascii=False).encode())
        else:
            out.write(frame.to_csv(index=False, lineterminator="\n").encode())

    write_whole(path, write)


def write_text(path: Location, text: str) -> None:
    """Write a text, whole or not at all."""

    def write(out: IO[bytes]) -> None:
        out.write(text.encode())

    write_whole(path, write)
