from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import ConfigError, DataError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.exports.label_studio import CONFIG, read_export, tasks_json
from imagenet_build.verify.exports.mturk import batch_csv, batch_html, read_results
from imagenet_build.verify.exports.pages import Question, compose, questions
from imagenet_build.verify.exports.plain import questions_csv, read_plain
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_store import TaskPage
from tests.verify_run.fake_run import CELLO, DRUM, VIOLIN

MTURK_COLUMNS = [
    *("HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime", "MaxAssignments"),
    *("RequesterAnnotation", "AssignmentDurationInSeconds", "AutoApprovalDelayInSeconds", "Expiration"),
    *("NumberOfSimilarHITs", "LifetimeInSeconds", "AssignmentId", "WorkerId", "AssignmentStatus", "AcceptTime"),
    *("SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime", "RequesterFeedback", "WorkTimeInSeconds"),
    *("LifetimeApprovalRate", "Last30DaysApprovalRate", "Last7DaysApprovalRate"),
]


@pytest.fixture
def desk(run: RunLayout) -> Iterator[Desk]:
    made = Desk(run, VerifyConfig(), DeskOptions(page_size=20, wnids=(VIOLIN, CELLO)))
    yield made
    made.close()


def asked(desk: Desk, source: str, **more: Any) -> list[Question]:
    return list(questions(desk, compose(desk, source, **more), None, None))


def assignment(line: dict[str, str], worker: str, answers: dict[str, str], **more: str) -> dict[str, str]:
    """A line of results as the requester's website gives them."""
    return {
        **dict.fromkeys(MTURK_COLUMNS, ""),
        "AssignmentId": f"3A{worker}{line['page']}",
        "WorkerId": worker,
        "AssignmentStatus": "Submitted",
        "SubmitTime": "Thu Oct 09 07:30:20 PDT 2025",
        **{f"Input.{name}": value for name, value in line.items()},
        **answers,
        "Approve": "",
        "Reject": "",
        **more,
    }


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_every_open_picture_is_exported_once_with_gold_among_them(desk: Desk) -> None:
    pages = compose(desk, "mturk")
    own = [image for page in pages for place, image in enumerate(page.images) if page.gold.get(place) != "likely no"]
    assert len(own) == len(set(own)) == 60 + 30
    assert {page.wnid for page in pages} == {VIOLIN, CELLO}
    assert any(page.gold for page in pages)
    assert all(desk.journal.page(page.page) == page for page in pages)


def test_mturk_round_trip(desk: Desk, tmp_path: Path) -> None:
    held = asked(desk, "mturk")
    lines = list(csv.DictReader(batch_csv(held, 20).splitlines()))
    assert [line["page"] for line in lines] == [question.page.page for question in held]
    said = {line["page"]: "ynu-"[number % 4] * len(held[number].urls) for number, line in enumerate(lines)}
    rows = [
        assignment(line, "W1", {"Answer.answers": said[line["page"]], "Answer.page": line["page"]}) for line in lines
    ]
    found = list(read_results(write_csv(tmp_path / "batch_results.csv", rows), desk.journal.page))
    assert [one.page for one in found] == [question.page for question in held]
    assert [set(one.answers) for one in found[:4]] == [{"yes"}, {"no"}, {"unsure"}, {""}]
    assert found[0].time == 1760020220.0
    for one in found * 2:
        desk.journal.submit(one.submission, one.page, one.worker, one.answers, one.milliseconds, one.time)
    wanted = sum(len(letters) for letters in said.values() if set(letters) != {"-"})
    assert desk.journal.counts_by_worker() == {"W1": wanted}
    assert {vote.source for vote in desk.journal.standing()} == {"mturk"}


def test_mturk_answers_may_come_as_one_json(desk: Desk, tmp_path: Path) -> None:
    (question,) = asked(desk, "mturk", most_pages=1)
    (line,) = csv.DictReader(batch_csv([question], 20).splitlines())
    count = len(question.urls)
    whole = json.dumps([{"answers": "y" * count, "milliseconds": " ".join(["7"] * count), "page": line["page"]}])
    rows = [
        assignment(line, "W1", {"Answer.taskAnswers": whole}),
        assignment(line, "W2", {"Answer.taskAnswers": whole}, AssignmentStatus="Rejected"),
    ]
    (found,) = read_results(write_csv(tmp_path / "results.csv", rows), desk.journal.page)
    assert (found.worker, set(found.answers), set(found.milliseconds)) == ("W1", {"yes"}, {7})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Answer.answers": "y"}, "are no answers to the 20 pictures"),
        ({"Answer.answers": "z" * 20}, "are no answers to the 20 pictures"),
        ({"Answer.page": "elsewhere"}, "no page 'elsewhere'"),
        ({"SubmitTime": "yesterday"}, "'yesterday' is no time"),
        ({"Answer.taskAnswers": "{"}, "is no JSON"),
    ],
)
def test_mturk_results_that_do_not_fit_are_refused(
    desk: Desk, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    (question,) = asked(desk, "mturk", most_pages=1)
    (line,) = csv.DictReader(batch_csv([question], 20).splitlines())
    row = assignment(line, "W1", {"Answer.answers": "n" * 20, "Answer.page": line["page"], "Answer.taskAnswers": ""})
    path = write_csv(tmp_path / "results.csv", [{**row, **change}])
    with pytest.raises(DataError, match=re.escape(said)):
        list(read_results(path, desk.journal.page))


def test_the_mturk_page_uses_every_column_of_its_batch(desk: Desk) -> None:
    html, table = batch_html(20), batch_csv(asked(desk, "mturk", most_pages=1), 20)
    (line,) = csv.DictReader(table.splitlines())
    assert set(re.findall(r"\$\{(\w+)\}", html)) == set(line)
    filled = re.sub(r"\$\{(\w+)\}", lambda found: line[found[1]], html)
    assert "what a &lt;violin&gt; &amp; &quot;so on&quot; is" in filled
    assert [
        unescape(url).startswith("https://photos.example.org/") for url in re.findall(r'<img src="([^"]+)"', filled)
    ] == [True] * 20
    assert filled.count("crowd-form") >= 2


def test_label_studio_round_trip(desk: Desk, tmp_path: Path) -> None:
    held = asked(desk, "label-studio", most_pages=2, one_each=True)
    tasks = json.loads(tasks_json(held))
    assert len(tasks) == len(held) == 40
    assert {len(question.urls) for question in held} == {1}
    exported = [label_studio_task(number, task, "yes" if number % 2 else "unsure") for number, task in enumerate(tasks)]
    exported[0]["annotations"][0]["was_cancelled"] = True
    exported[1]["annotations"][0]["completed_by"] = {"id": 4, "email": "ada@example.org"}
    path = tmp_path / "export.json"
    path.write_text(json.dumps(exported))
    found = list(read_export(path, desk.journal.page))
    assert len(found) == 39
    assert found[0].worker == "label-studio:ada@example.org"
    assert found[1].worker == "label-studio:10"
    assert [one.answers for one in found[:2]] == [["yes"], ["unsure"]]
    assert found[0].milliseconds == [4288]
    for one in found * 2:
        desk.journal.submit(one.submission, one.page, one.worker, one.answers, one.milliseconds, one.time)
    assert sum(desk.journal.counts_by_worker().values()) == 39
    exported[3]["annotations"][0]["result"][0]["value"]["choices"] = ["no"]
    exported[3]["annotations"][0]["updated_at"] = "2021-03-10T22:16:08.728378Z"
    path.write_text(json.dumps(exported[3:4]))
    (changed,) = read_export(path, desk.journal.page)
    desk.journal.submit(changed.submission, changed.page, changed.worker, changed.answers, [None], changed.time)
    said = [vote.answer for vote in desk.journal.standing() if vote.image == held[3].page.images[0]]
    assert said == ["no"]


def label_studio_task(number: int, task: dict[str, Any], choice: str) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    return {
        "id": number,
        "created_at": "2021-03-09T21:52:49.513742Z",
        "updated_at": "2021-03-09T22:16:08.746926Z",
        "project": 83,
        **task,
        "annotations": [
            {
                "id": 1000 + number,
                "result": [
                    {
                        "from_name": "answer",
                        "id": "Dx_aB91ISN",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": [choice]},
                    }
                ],
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": "2021-03-09T22:16:08.728353Z",
                "updated_at": "2021-03-09T22:16:08.728378Z",
                "lead_time": 4.288,
                "task": number,
                "completed_by": 10,
            }
        ],
        "predictions": [],
    }


def test_label_studio_interface_names_what_tasks_hold(desk: Desk) -> None:
    (question, *_) = asked(desk, "label-studio", most_pages=1, one_each=True)
    data = json.loads(tasks_json([question]))[0]["data"]
    tree = ElementTree.fromstring(CONFIG)
    used = {value[1:] for element in tree.iter() for value in element.attrib.values() if value.startswith("$")}
    assert used <= set(data)
    assert [choice.get("value") for choice in tree.iter("Choice")] == ["yes", "no", "unsure"]
    assert question.page.images[0] not in json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"), [("{}", "list of tasks"), ("nothing", "is no JSON"), ('[{"id": 1}]', "list of")]
)
def test_what_is_no_label_studio_export_is_refused(desk: Desk, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        list(read_export(path, desk.journal.page))


def test_plain_questions_round_trip(desk: Desk, tmp_path: Path) -> None:
    held = asked(desk, "csv", most_pages=2)
    rows = list(csv.DictReader(questions_csv(held).splitlines()))
    assert len(rows) == 40
    for number, row in enumerate(rows[:30]):
        row["worker"], row["answer"] = "ada", ["yes", "no", "maybe"][number % 3]
    votes = read_plain(write_csv(tmp_path / "answered.csv", rows), "mine", desk.journal.page)
    pictures = [image for question in held for image in question.page.images]
    assert [vote.image for vote in votes] == pictures[:30]
    assert [vote.answer for vote in votes[:3]] == ["yes", "no", "unsure"]
    assert {vote.wnid for vote in votes} <= {VIOLIN, CELLO, DRUM}
    assert {vote.source for vote in votes} == {"mine"}
    gold = {place for place, vote in enumerate(votes) if vote.gold}
    assert gold == {
        20 * number + place
        for number, question in enumerate(held)
        for place in question.page.gold
        if 20 * number + place < 30
    }


def test_scores_of_a_model_are_votes(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"image,wnid,score\na,{VIOLIN},0.95\nb,{VIOLIN},0.5\nc,{VIOLIN},0.01\n")
    votes = read_plain(path, "model", no_page, worker="net")
    assert [(vote.image, vote.worker, vote.answer) for vote in votes] == [
        ("a", "net", "yes"),
        ("b", "net", "unsure"),
        ("c", "net", "no"),
    ]


def no_page(_: str) -> TaskPage | None:
    return None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,worker\na,b\n", "no column wnid, answer"),
        ("image,wnid,worker,answer\na,n1,b,perhaps\n", "answer 'perhaps'"),
        ("image,wnid,worker,score\na,n1,b,1.5\n", "between 0 and 1"),
        ("image,wnid,worker,answer\na,n1,,yes\n", "without image, wnid or worker"),
        ("task,position,worker,answer\np,0,b,yes\n", "without image, wnid or worker"),
        ("image,wnid,worker,answer,time\na,n1,b,yes,soon\n", "times that are neither"),
        ("", "cannot be read"),
    ],
)
def test_plain_votes_that_cannot_be_used_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_plain(path, "mine", no_page)


def test_pictures_are_written_under_names_that_tell_nothing(desk: Desk, tmp_path: Path) -> None:
    pages = compose(desk, "mturk", most_pages=1)
    (question,) = questions(desk, pages, "https://me.example/p/", tmp_path / "www")
    files = sorted(path.relative_to(tmp_path / "www").as_posix() for path in (tmp_path / "www").rglob("*.*"))
    assert sorted(url.removeprefix("https://me.example/p/") for url in question.urls) == files
    assert {path.split(".")[-1] for path in files} <= {"jpg", "png", "webp"}  # TIFF became JPEG
    assert not any(image.split("_")[1] in url for image, url in zip(question.page.images, question.urls, strict=True))


def test_picture_files_need_an_address(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        list(questions(desk, [], None, tmp_path))
