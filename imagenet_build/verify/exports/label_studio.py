"""Label Studio: the labelling interface, the tasks, and exported annotations (its JSON; one picture per task).

Source: Label Studio's guide, "Label Studio Task Format" and "Import data", and its tag reference (View, Header, Image,
Choices).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from imagenet_build.errors import DataError
from imagenet_build.verify.exports.mturk import Submission
from imagenet_build.verify.exports.pages import Question
from imagenet_build.verify.task_desk import ANSWER_NAMES
from imagenet_build.verify.task_pages import INSTRUCTION, wikipedia_link
from imagenet_build.verify.vote_store import TaskPage

CONTROL = "answer"
CONFIG = f"""<View>
  <Header value="$question" size="3"/>
  <Text name="gloss" value="$gloss"/>
  <Header value="{INSTRUCTION}" size="6"/>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <Choices name="{CONTROL}" toName="image" choice="single" required="true" showInline="true">
    <Choice value="yes" hotkey="1"/>
    <Choice value="no" hotkey="2"/>
    <Choice value="unsure" hotkey="3"/>
  </Choices>
</View>
"""


def tasks_json(questions: Sequence[Question]) -> str:
    """Tasks in Label Studio's JSON; `data.page` is a random name by which answers are known again."""
    tasks = [
        {
            "data": {
                "image": question.urls[0],
                "page": question.page.page,
                "wnid": question.page.wnid,
                "question": f"Does it show {question.text.name}?",
                "synonyms": ", ".join(question.text.synonyms),
                "gloss": _explained(question),
                "wikipedia": wikipedia_link(question.text.name),
            }
        }
        for question in questions
    ]
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def _explained(question: Question) -> str:
    text = question.text
    parts = [f"{text.gloss}." if text.gloss else ""]
    if len(text.synonyms) > 1:
        parts.append(f"Also called: {', '.join(text.synonyms[1:])}.")
    if text.parents:
        parts.append(f"A kind of: {'; '.join(text.parents)}.")
    return " ".join(part for part in parts if part)


def read_export(path: Path, page_of: Callable[[str], TaskPage | None]) -> Iterator[Submission]:
    """Exported annotations (format JSON). Cancelled and skipped ones are left out.

    Args:
        page_of: the page of a name, as the run's journal knows it.
    Raises:
        DataError: the file is no such export, or a task is none of the run's.
    """
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}.") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "annotations" in task for task in tasks):
        raise DataError(
            f"{path} is no export of Label Studio: it must be a list of tasks with annotations.",
            remedy="Export with the format JSON (not JSON-MIN or CSV).",
        )
    for number, task in enumerate(tasks):
        name = str(task.get("data", {}).get("page", ""))
        page = page_of(name)
        if page is None:
            raise DataError(
                f"{path}, task {task.get('id', number)}: the run has given out no page {name!r}.",
                remedy="Import into the run it came from.",
            )
        for annotation in task["annotations"]:
            made = _submission(annotation, page, f"{path}, task {task.get('id', number)}")
            if made is not None:
                yield made


def _submission(annotation: dict[str, Any], page: TaskPage, where: str) -> Submission | None:
    if annotation.get("was_cancelled"):
        return None
    said = [
        choice
        for result in annotation.get("result", [])
        if result.get("type") == "choices" and result.get("from_name") == CONTROL
        for choice in result.get("value", {}).get("choices", [])
    ]
    if not said:
        return None
    if len(said) != 1 or said[0] not in ANSWER_NAMES:
        raise DataError(f"{where}: {', '.join(map(str, said))} is none of {', '.join(ANSWER_NAMES)}.")
    worker = _worker(annotation.get("completed_by"), where)
    changed = str(annotation.get("updated_at") or annotation.get("created_at") or "")
    name = f"label-studio:{page.page}:{annotation.get('id', worker)}:{changed}"
    lead_s = annotation.get("lead_time")
    spent = round(lead_s * 1000) if isinstance(lead_s, (int, float)) else None
    return Submission(name, page, worker, [said[0]], [spent], _time(changed, where))


def _worker(completed_by: object, where: str) -> str:
    """Label Studio writes the id of the user, or, if asked to, an object with id and email."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    if completed_by is None or completed_by == "":
        raise DataError(f"{where}: an annotation does not say who completed it (completed_by).")
    return f"label-studio:{completed_by}"


def _time(text: str, where: str) -> float:
    if not text:
        return 0.0
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise DataError(f"{where}: {text!r} is no time.") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()
