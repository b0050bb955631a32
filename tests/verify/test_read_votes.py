from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagenet_build.errors import DataError
from imagenet_build.verify.read_votes import read_truth, read_votes
from imagenet_build.verify.votes import NO_TRUTH, Answer, VoteTable

ROWS = [
    ("b.jpg", "n2", "zoe", "maybe"),
    ("a.jpg", "n1", "ann", "yes"),
    ("a.jpg", "n1", "zoe", "No"),
    ("b.jpg", "n2", "ann", "TRUE"),
    ("a.jpg", "n2", "ann", "0"),
]


def frame(rows: list[tuple[str, str, str, str]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "wnid", "worker", "answer"])


def named(table: VoteTable) -> list[tuple[str, str, str, Answer]]:
    questions = table.questions
    return [
        (
            str(questions.images[questions.image[question]]),
            str(questions.wnids[questions.synset[question]]),
            str(table.workers[worker]),
            Answer(answer),
        )
        for question, worker, answer in zip(table.question, table.worker, table.answer, strict=True)
    ]


def test_csv_and_parquet_in_any_row_order_give_the_same_table(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "votes.csv", index=False)
    frame(ROWS[::-1]).astype({"wnid": "category"}).to_parquet(tmp_path / "votes.parquet")
    first, second = read_votes(tmp_path / "votes.csv"), read_votes(tmp_path / "votes.parquet")
    expected = [
        ("a.jpg", "n1", "ann", Answer.YES),
        ("a.jpg", "n1", "zoe", Answer.NO),
        ("a.jpg", "n2", "ann", Answer.NO),
        ("b.jpg", "n2", "ann", Answer.YES),
        ("b.jpg", "n2", "zoe", Answer.UNSURE),
    ]
    assert named(first) == named(second) == expected
    assert first.turn.tolist() == [0, 1, 0, 1, 0]
    assert second.turn.tolist() == [1, 0, 0, 0, 1]


def test_the_last_vote_of_a_worker_counts_by_time(tmp_path: Path) -> None:
    rows = frame([("a", "n1", "ann", "no"), ("a", "n1", "ann", "yes"), ("a", "n1", "bob", "no")])
    rows.assign(time=["2024-05-02", "2024-05-01T10:00:00Z", "2024-05-03"]).to_csv(tmp_path / "v.csv", index=False)
    table = read_votes(tmp_path / "v.csv")
    assert table.repeated == 1
    assert named(table) == [("a", "n1", "ann", Answer.NO), ("a", "n1", "bob", Answer.NO)]
    assert table.turn.tolist() == [0, 1]


def test_a_class_chosen_is_a_yes_and_a_no_to_every_other(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("question,worker,answer\n7,1,cat\n7,2,dog\n8,1,dog\n")
    (tmp_path / "t.csv").write_text("question,truth\n7,cat\n9,dog\n")
    table = read_votes(tmp_path / "v.csv", one_of_many=True)
    assert table.counts()[:, [Answer.NO, Answer.YES]].tolist() == [[1, 1], [1, 1], [1, 0], [0, 1]]
    truth = read_truth(tmp_path / "t.csv", table.questions, one_of_many=True)
    assert truth.tolist() == [1, 0, NO_TRUTH, NO_TRUTH]


def test_truth_is_laid_beside_the_questions(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "v.csv", index=False)
    (tmp_path / "t.csv").write_text("image,wnid,truth\nb.jpg,n2,no\na.jpg,n1,yes\na.jpg,n2,unsure\nx.jpg,n1,yes\n")
    table = read_votes(tmp_path / "v.csv")
    assert read_truth(tmp_path / "t.csv", table.questions).tolist() == [1, NO_TRUTH, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("image,worker,answer\n", "no row"),
        ("image,answer\na,yes\n", "no column 'worker'; its columns are image, answer"),
        ("image,worker,answer\na,w,perhaps\nb,w,yes\n", "neither yes, no nor unsure: 'perhaps'"),
        ("image,worker,answer\na,w,\n", "1 rows have no value in the column 'answer'"),
        ("image,worker,answer,time\na,w,yes,soon\n", "'soon' in the column time"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_votes(tmp_path / "v.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,wnid,truth\nz.jpg,n1,yes\n", "says nothing about any question"),
        ("image,truth\na.jpg,yes\n", "no column wnid, but the votes are about 2 synsets"),
        ("image,wnid,truth\na.jpg,n1,yes\na.jpg,n1,no\n", "both yes and no"),
    ],
)
def test_gold_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    frame().to_csv(tmp_path / "v.csv", index=False)
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_truth(tmp_path / "t.csv", read_votes(tmp_path / "v.csv").questions)


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_votes(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR0 is not it")
    with pytest.raises(DataError, match="not valid Parquet"):
        read_votes(tmp_path / "bad.parquet")


def test_counts_of_chosen_votes(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "v.csv", index=False)
    table = read_votes(tmp_path / "v.csv")
    assert table.counts(np.array([0, 4])).tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]
