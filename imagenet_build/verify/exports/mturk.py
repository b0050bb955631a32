"""Amazon Mechanical Turk: the page and the CSV of a batch, and its results.

The page is a template of the requester's website (`${name}` stands for a column of the CSV, whose texts are escaped for
HTML); as the HTMLContent of an HTMLQuestion, or on a server of one's own behind an ExternalQuestion, it works with the
columns filled in. Answers travel in two fields: `answers` has a letter for each picture (y, n, u, and - for one that
did not load), `milliseconds` a number.

Source: Amazon Mechanical Turk Developer Guide, "Defining an HTML form"; columns of results as the requester's website
gives them: AssignmentId, WorkerId, AssignmentStatus, SubmitTime, Input.*, Answer.*, or all answers of a crowd-form as
JSON in Answer.taskAnswers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from imagenet_build.errors import DataError
from imagenet_build.verify.exports.pages import Question
from imagenet_build.verify.task_pages import INSTRUCTION, wikipedia_link
from imagenet_build.verify.vote_store import TaskPage

LETTERS = {"yes": "y", "no": "n", "unsure": "u", "": "-"}
_ANSWERS = {letter: answer for answer, letter in LETTERS.items()}
_TEXTS = ("page", "name", "synonyms", "gloss", "parents", "wikipedia")
_ZONES = {"PDT": "-0700", "PST": "-0800", "UTC": "+0000", "GMT": "+0000"}
_HTML = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<style>
  #grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 6px; margin: 12px 0; }
  #grid button { padding: 0; border: 4px solid #ddd; background: #fff; aspect-ratio: 1; cursor: pointer; }
  #grid img { width: 100%; height: 100%; object-fit: contain; }
  #grid button[data-answer="yes"] { border-color: #13753a; }
  #grid button[data-answer="unsure"] { border-color: #d98e04; }
</style>
<crowd-form answer-format="flatten-objects">
  <h2>Which of these show ${name}?</h2>
  <p>${gloss}</p>
  <p>Also called: ${synonyms}. A kind of: ${parents}.
    <a href="${wikipedia}" target="_blank" rel="noopener">Wikipedia</a></p>
  <p>@INSTRUCTION@ Click once for yes, twice for unsure, three times for no.</p>
  <div id="grid">@PICTURES@</div>
  <input type="hidden" name="page" value="${page}">
  <input type="hidden" name="answers" id="answers">
  <input type="hidden" name="milliseconds" id="milliseconds">
</crowd-form>
<script>
  const order = ["no", "yes", "unsure"], letters = { yes: "y", no: "n", unsure: "u", "": "-" }, start = Date.now();
  const tiles = [...document.querySelectorAll("#grid button")].filter((tile) => tile.firstChild.getAttribute("src"));
  const spent = tiles.map(() => 0);
  document.querySelectorAll("#grid button").forEach((tile) => tiles.includes(tile) || tile.remove());
  const write = () => {
    document.getElementById("answers").value = tiles.map((tile) => letters[tile.dataset.answer]).join("");
    document.getElementById("milliseconds").value = spent.map((one) => one || Date.now() - start).join(" ");
  };
  tiles.forEach((tile, place) => {
    tile.dataset.answer = "no";
    tile.firstChild.onerror = () => { tile.dataset.answer = ""; write(); };
    tile.onclick = (event) => {
      event.preventDefault();
      if (!tile.dataset.answer) return;
      tile.dataset.answer = order[(order.indexOf(tile.dataset.answer) + 1) % order.length];
      spent[place] = Date.now() - start;
      write();
    };
  });
  document.querySelector("crowd-form").addEventListener("submit", write, true);
  write();
</script>
"""


def batch_html(page_size: int) -> str:
    """The template for pages of up to so many pictures; places without one vanish."""
    pictures = "".join(
        f'<button type="button" aria-label="Picture {place}"><img src="${{picture_{place}}}" alt=""></button>'
        for place in range(1, page_size + 1)
    )
    return _HTML.replace("@PICTURES@", pictures).replace("@INSTRUCTION@", INSTRUCTION)


def batch_csv(questions: Sequence[Question], page_size: int) -> str:
    """The batch: one line per HIT, all of one width."""
    out = io.StringIO()
    columns = [*_TEXTS, *(f"picture_{place}" for place in range(1, page_size + 1))]
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for question in questions:
        text = question.text
        writer.writerow(
            {
                "page": question.page.page,
                "name": escape(text.name),
                "synonyms": escape(", ".join(text.synonyms)),
                "gloss": escape(text.gloss),
                "parents": escape("; ".join(text.parents)),
                "wikipedia": wikipedia_link(text.name),
                **{f"picture_{place}": escape(url) for place, url in enumerate(question.urls, start=1)},
            }
        )
    return out.getvalue()


class Submission(NamedTuple):
    """The answers of one worker to one page."""

    submission: str
    """Made of ids of the service, so that the same results read twice are one."""
    page: TaskPage
    worker: str
    answers: list[str]
    milliseconds: list[int | None]
    time: float


def read_results(path: Path, page_of: Callable[[str], TaskPage | None]) -> Iterator[Submission]:
    """The results of a batch. Rejected assignments are left out.

    Args:
        page_of: the page of a name, as the run's journal knows it.
    Raises:
        DataError: the file is no such table, or a line does not fit its page.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no CSV: {error}.") from None
    missing = [name for name in ("AssignmentId", "WorkerId") if name not in frame.columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}.",
            remedy="Give the file that the requester's website offers as Download CSV.",
        )
    for number, row in enumerate(frame.to_dict("records"), start=2):
        if row.get("AssignmentStatus") == "Rejected":
            continue
        yield _submission({str(name): str(value) for name, value in row.items()}, f"{path}, line {number}", page_of)


def _submission(row: Mapping[str, str], where: str, page_of: Callable[[str], TaskPage | None]) -> Submission:
    said = _answers(row, where)
    name = said.get("page") or row.get("Input.page", "")
    page = page_of(name)
    if page is None:
        raise DataError(f"{where}: the run has given out no page {name!r}.", remedy="Import into the run it came from.")
    letters = said.get("answers", "")
    if len(letters) != len(page.images) or not set(letters) <= set(_ANSWERS):
        raise DataError(f"{where}: {letters!r} are no answers to the {len(page.images)} pictures of its page.")
    numbers = said.get("milliseconds", "").split()
    spent: list[int | None] = [int(number) for number in numbers if number.isdigit()]
    if len(spent) != len(letters):
        spent = [None] * len(letters)
    answers = [_ANSWERS[letter] for letter in letters]
    worker, assignment = row["WorkerId"], row["AssignmentId"]
    return Submission(f"mturk:{assignment}", page, worker, answers, spent, _time(row.get("SubmitTime", ""), where))


def _answers(row: Mapping[str, str], where: str) -> dict[str, str]:
    """The answer fields under their own names."""
    whole = row.get("Answer.taskAnswers", "")
    if whole:
        try:
            held = json.loads(whole)
        except ValueError:
            raise DataError(f"{where}: Answer.taskAnswers is no JSON.") from None
        fields = held[0] if isinstance(held, list) and held else held
        if not isinstance(fields, dict):
            raise DataError(f"{where}: Answer.taskAnswers holds no fields.")
        return {str(name): str(value) for name, value in fields.items()}
    return {name.removeprefix("Answer."): value for name, value in row.items() if name.startswith("Answer.")}


def _time(text: str, where: str) -> float:
    """Seconds since 1970; MTurk writes `Thu Oct 09 07:30:20 PDT 2025`. 0 where nothing is said."""
    if not text:
        return 0.0
    for zone, offset in _ZONES.items():
        text = text.replace(f" {zone} ", f" {offset} ")
    for form in ("%a %b %d %H:%M:%S %z %Y", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            return datetime.strptime(text, form).timestamp()
        except ValueError:
            continue
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{where}: {text!r} is no time.") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()
