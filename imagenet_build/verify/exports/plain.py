"""Plain tables: questions out, votes out, votes in, a model's scores in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from imagenet_build.errors import DataError
from imagenet_build.verify.exports.pages import Question
from imagenet_build.verify.read_votes import ANSWERS
from imagenet_build.verify.vote_store import StoredVote, TaskPage

_QUESTION_COLUMNS = ("task", "position", "name", "gloss", "url")


def questions_csv(questions: Sequence[Question]) -> str:
    """One line per picture; fill in the columns worker and answer, and import it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_QUESTION_COLUMNS, "worker", "answer"])
    for question in questions:
        page, text = question.page, question.text
        for position, url in enumerate(question.urls):
            writer.writerow([page.page, position, text.name, text.gloss, url, "", ""])
    return out.getvalue()


def read_plain(
    path: Path,
    source: str,
    page_of: Callable[[str], TaskPage | None],
    *,
    worker: str | None = None,
    yes_from: float = 0.8,
    no_to: float = 0.2,
) -> list[StoredVote]:
    """Votes of a table; lines without an answer are left out.

    Args:
        path: CSV, or Parquet if it ends so: image, wnid, worker, answer; or score instead of answer; or task and
            position of `questions_csv` instead of image and wnid. Also read if they are there: milliseconds, time.
        source: where they come from; a word of the user's choice.
        page_of: the page of a name, as the run's journal knows it.
        worker: who answered, for tables without a column worker (a model, say).
        yes_from, no_to: scores from here on are yes, up to here no, between them unsure; in [0, 1].
    Raises:
        DataError: a column is missing, or a value is not understood.
    """
    frame = _load(path)
    if worker is not None and "worker" not in frame:
        frame["worker"] = worker
    _check_columns(frame, path)
    said = _said(frame, path, yes_from, no_to)
    times = _times(frame, path)
    has_image = "image" in frame and "wnid" in frame
    votes = []
    for place, row in enumerate(frame.to_dict("records")):
        if not said[place]:
            continue
        position = int(_number(row.get("position")) or 0)
        task = str(row.get("task") or path.name)
        image, wnid, gold = (str(row["image"]), str(row["wnid"]), "") if has_image else _shown(task, position, page_of)
        who = str(row["worker"])
        if not (image and wnid and who):
            raise DataError(
                f"{path} has an answer without image, wnid or worker: {image!r}, {wnid!r}, {who!r}.",
                remedy="For questions that were exported from a run, import into that run.",
            )
        spent = _number(row.get("milliseconds"))
        from_where = str(row.get("source") or source)
        votes.append(StoredVote(image, wnid, who, said[place], from_where, task, position, spent, times[place], gold))
    return votes


def _check_columns(frame: pd.DataFrame, path: Path) -> None:
    has = set(frame.columns)
    missing = [] if "worker" in has else ["worker"]
    if not {"image", "wnid"} <= has and not {"task", "position"} <= has:
        missing += [name for name in ("image", "wnid") if name not in has]
    if not {"answer", "score"} & has:
        missing.append("answer")
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; its columns are {', '.join(map(str, frame.columns))}.",
            remedy="Wanted: image, wnid, worker, answer; or score in place of answer, and --worker in place of worker.",
        )


def _shown(task: str, position: int, page_of: Callable[[str], TaskPage | None]) -> tuple[str, str, str]:
    """image, wnid and gold of a place on an exported page; empty if there is none."""
    page = page_of(task)
    if page is None or not 0 <= position < len(page.images):
        return "", "", ""
    return page.images[position], page.wnid, page.gold.get(position, "")


def votes_frame(votes: pa.Table) -> pd.DataFrame:
    """Votes of a run for a CSV: times as ISO 8601."""
    frame: pd.DataFrame = votes.to_pandas()
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    frame["milliseconds"] = frame["milliseconds"].astype("Int64")
    return frame


def _load(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            held: pd.DataFrame = pd.read_parquet(path)
            return held
        frame: pd.DataFrame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (pa.ArrowException, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
    return frame


def _said(frame: pd.DataFrame, path: Path, yes_from: float, no_to: float) -> list[str]:
    """yes, no, unsure, or empty for each line."""
    if "answer" not in frame:
        scores = pd.to_numeric(frame["score"], errors="coerce").to_numpy(float)
        if np.isnan(scores).any() or (scores < 0).any() or (scores > 1).any():
            raise DataError(f"{path} has scores that are no numbers between 0 and 1.")
        named = np.where(scores >= yes_from, "yes", np.where(scores <= no_to, "no", "unsure"))
        return [str(answer) for answer in named]
    answers = []
    for text in frame["answer"].fillna("").astype(str).str.strip().str.lower():
        if text and text not in ANSWERS:
            raise DataError(f"{path} has an answer {text!r}.", remedy="Understood are yes, no, unsure, maybe, 1, 0.")
        answers.append(ANSWERS[text].name.lower() if text else "")
    return answers


def _times(frame: pd.DataFrame, path: Path) -> list[float]:
    """Seconds since 1970; 0 where nothing is said."""
    if "time" not in frame:
        return [0.0] * len(frame)
    column = frame["time"].replace("", None)
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() == column.notna().sum() and not pd.api.types.is_datetime64_any_dtype(column):
        return [float(number) for number in numbers.fillna(0.0)]
    dates = pd.to_datetime(column, errors="coerce", utc=True, format="mixed")
    if dates.isna().sum() != column.isna().sum():
        raise DataError(f"{path} has times that are neither numbers nor dates.")
    return [0.0 if pd.isna(date) else round(date.timestamp(), 3) for date in dates]


def _number(value: object) -> int | None:
    """An optional whole number."""
    if value is None or value == "" or pd.isna(value):  # type: ignore[call-overload]
        return None
    return int(float(str(value)))
