"""EDGE: vote tables and gold from CSV or Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imagenet_build.errors import DataError
from imagenet_build.verify.votes import NO_TRUTH, Answer, IntArray, Questions, VoteTable, make_vote_table

ANSWERS = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0"), Answer.YES),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0"), Answer.NO),
    **dict.fromkeys(("unsure", "maybe", "unknown", "skip", "?", "0.5"), Answer.UNSURE),
}
"""How answers may be spelled, in any case."""

_ALIASES = {
    "image": ("image", "question", "item", "picture"),
    "wnid": ("wnid", "synset"),
    "worker": ("worker", "annotator", "rater"),
    "answer": ("answer", "vote"),
    "truth": ("truth", "answer", "gold"),
    "time": ("time",),
}


def read_votes(path: Path, *, one_of_many: bool = False) -> VoteTable:
    """A vote table.

    Args:
        path: a `.parquet` file, else CSV with a header. Columns: image, worker, answer; wnid if several synsets are
            asked; time, if the rows do not stand in the order of voting. Others are ignored.
        one_of_many: an answer is the name of a class, and each vote is read as one yes and a no to every other class.
    Raises:
        DataError: no such file, a column is missing, a value is missing or not understood, or there is no row.
    """
    frame = _read(path, ("image", "worker", "answer"), ("wnid", "time"))
    image, worker = _names(frame["image"]), _names(frame["worker"])
    when = _times(frame["time"], path) if "time" in frame else None
    if not one_of_many:
        wnid = _names(frame["wnid"]) if "wnid" in frame else np.full(len(frame), "", object)
        return make_vote_table(image, wnid, worker, _answers(frame["answer"], path, "votes"), when)
    chosen = _names(frame["answer"])
    classes = np.unique(chosen.astype(str)).astype(object)
    count = len(classes)
    is_yes = (np.repeat(chosen, count) == np.tile(classes, len(chosen))).astype(np.int64)
    return make_vote_table(
        np.repeat(image, count),
        np.tile(classes, len(chosen)),
        np.repeat(worker, count),
        is_yes * int(Answer.YES),
        None if when is None else np.repeat(when, count),
    )


def read_truth(path: Path, questions: Questions, *, one_of_many: bool = False) -> IntArray:
    """What is known for certain, laid beside the questions.

    Args:
        path: like a vote table, with the columns image, truth, and wnid if there are several synsets.
        one_of_many: `truth` is the name of the one class that is right.
    Returns:
        (Q,): 1 the picture shows it, 0 it does not, `NO_TRUTH` where the file says nothing or "unsure".
    Raises:
        DataError: as for `read_votes`; the file contradicts itself; or it names none of the questions.
    """
    frame = _read(path, ("image", "truth"), () if one_of_many else ("wnid",))
    image = pd.Index(questions.images).get_indexer(pd.Index(_names(frame["image"])))
    if one_of_many:
        right = np.asarray(pd.Index(questions.wnids).get_indexer(pd.Index(_names(frame["truth"]))))
        of_image = np.full(len(questions.images), NO_TRUTH - 1)
        known = image >= 0
        of_image[image[known]] = right[known]
        chosen = of_image[questions.image]
        truth = np.where(chosen == NO_TRUTH - 1, NO_TRUTH, (chosen == questions.synset).astype(np.int64))
    else:
        truth = _of_questions(frame, np.asarray(image), questions, path)
    if (truth == NO_TRUTH).all():
        raise DataError(
            f"{path} says nothing about any question of the vote table.",
            remedy="Its columns image and wnid must hold the same names as the votes.",
        )
    return truth.astype(np.int64)


def _of_questions(frame: pd.DataFrame, image: IntArray, questions: Questions, path: Path) -> IntArray:
    has_wnid = "wnid" in frame
    if not has_wnid and len(questions.wnids) > 1:
        raise DataError(
            f"{path} has no column wnid, but the votes are about {len(questions.wnids)} synsets.",
            remedy="Say in a column wnid which synset each truth is about.",
        )
    synset = (
        np.asarray(pd.Index(questions.wnids).get_indexer(pd.Index(_names(frame["wnid"]))))
        if has_wnid
        else np.zeros(len(frame), np.int64)
    )
    said = _answers(frame["truth"], path, "truths")
    asked = questions.image * len(questions.wnids) + questions.synset
    key = np.where((image >= 0) & (synset >= 0), image * len(questions.wnids) + synset, -1)
    place = np.asarray(pd.Index(asked).get_indexer(pd.Index(key)))
    usable = (place >= 0) & (said != Answer.UNSURE)
    truth = np.full(len(questions), NO_TRUTH, np.int64)
    truth[place[usable]] = (said[usable] == Answer.YES).astype(np.int64)
    if (truth[place[usable]] != (said[usable] == Answer.YES)).any():
        raise DataError(f"{path} says both yes and no about the same question.", remedy="Keep one row per question.")
    return truth


def _read(path: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> pd.DataFrame:
    """The wanted columns under their own names; no missing values in those that are needed."""
    frame = _load(path)
    found: dict[str, Any] = {}
    lower = {str(name).strip().lower(): name for name in frame.columns}
    for column in (*needed, *optional):
        alias = next((alias for alias in _ALIASES[column] if alias in lower), None)
        if alias is not None:
            found[column] = frame[lower[alias]]
        elif column in needed:
            raise DataError(
                f"{path} has no column {column!r}; its columns are {', '.join(map(str, frame.columns))}.",
                remedy=f"Wanted: {', '.join(needed)}, and if there are several synsets wnid.",
            )
    wanted: pd.DataFrame = pd.DataFrame(found)
    if wanted.empty:
        raise DataError(f"{path} holds no row.", remedy="Nothing can be decided without votes.")
    for column in wanted.columns:
        missing = int(wanted[column].isna().sum())
        if missing:
            raise DataError(
                f"{path}: {missing:,} rows have no value in the column {column!r}.",
                remedy="Fill them in, or leave those rows out.",
            )
    return wanted


def _load(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pq.read_table(path).to_pandas()
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty.", remedy="A header with image, worker and answer is the least.") from None
    except (pa.ArrowInvalid, pd.errors.ParserError, UnicodeDecodeError) as error:
        what = "Parquet" if path.suffix.lower() in (".parquet", ".pq") else "CSV"
        raise DataError(f"{path} is not valid {what}: {' '.join(str(error).split())}.") from None
    return frame


def _names(column: pd.Series[Any]) -> NDArray[Any]:
    """As texts; equal numbers give equal texts whatever the file format."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        names: NDArray[Any] = np.array([str(name).strip() for name in column.cat.categories], object)
        named: NDArray[Any] = names[column.cat.codes.to_numpy()]
        return named
    codes, distinct = pd.factorize(column)
    return np.array([str(name).strip() for name in distinct], object)[codes]


def _times(column: pd.Series[Any], path: Path) -> NDArray[Any]:
    """Values that sort by time: numbers, or dates."""
    numbers = pd.to_numeric(column, errors="coerce")
    if not numbers.isna().any():
        return numbers.to_numpy()
    dates = pd.to_datetime(column, errors="coerce", utc=True, format="mixed")
    if dates.isna().any():
        bad = column[dates.isna()].iloc[0]
        raise DataError(f"{path}: {bad!r} in the column time is neither a number nor a date.")
    return dates.to_numpy()


def _answers(column: pd.Series[Any], path: Path, what: str) -> IntArray:
    codes, distinct = pd.factorize(_names(column))
    known = [ANSWERS.get(str(name).lower()) for name in distinct]
    unknown = [repr(name) for name, answer in zip(distinct, known, strict=True) if answer is None]
    if unknown:
        raise DataError(
            f"{path} has {what} that are neither yes, no nor unsure: {', '.join(sorted(unknown)[:5])}"
            f"{' and others' if len(unknown) > 5 else ''}.",
            remedy="Understood are yes/no/unsure, maybe, true/false, 1/0; with --one-of-many, names of classes.",
        )
    return np.array([int(answer) for answer in known if answer is not None], np.int64)[codes]
