from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.verify import verify
from imagenet_build.errors import BuildError
from tests.verify.crowds import votes


@pytest.fixture
def files(tmp_path: Path) -> Path:
    table, truth = votes(pictures=300, synsets=3, each=6)
    questions = table.questions
    names = {"image": questions.images[questions.image], "wnid": questions.wnids[questions.synset]}
    truths = pd.DataFrame({**names, "truth": ["yes" if value else "no" for value in truth]})
    truths.to_csv(tmp_path / "truth.csv", index=False)
    truths.head(60).to_csv(tmp_path / "gold.csv", index=False)
    frame = pd.DataFrame({name: column[table.question] for name, column in names.items()})
    frame["worker"] = table.workers[table.worker]
    frame["answer"] = [("no", "maybe", "yes")[code] for code in table.answer]
    frame.to_csv(tmp_path / "votes.csv", index=False)
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(verify, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_decide_writes_verdicts_and_says_what_they_are_worth(files: Path, suffix: str) -> None:
    out = files / f"verdicts{suffix}"
    workers = files / "workers.csv"
    result = call(
        "decide", "--votes", files / "votes.csv", "--truth", files / "truth.csv", "--out", out, "--workers-out", workers
    )
    assert result.exit_code == 0
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}[suffix]
    verdicts = read(out)
    assert list(verdicts.columns) == ["image", "wnid", "probability", "verdict", "yes", "no", "unsure", "votes"]
    assert len(verdicts) == 300
    assert (verdicts["votes"] == 6).all()
    assert set(verdicts["verdict"]) == {"accepted", "rejected"}
    assert "krippendorff alpha: 0." in result.stdout
    assert "majority of 3: 3.0 votes per question" in result.stdout
    assert len(pd.read_csv(workers)) == 85


def test_replay_uses_fewer_votes_and_gold_stands_beside_the_verdict(files: Path) -> None:
    result = call(
        "replay", "--votes", files / "votes.csv", "--gold", files / "gold.csv", "--truth", files / "truth.csv",
        "--mean-votes", 3, "--json",
    )  # fmt: skip
    whole = json.loads(result.stdout)
    assert 1 < whole["summary"]["votes_per_question"] <= 3
    assert whole["summary"]["scores"]["questions"] == 300
    assert [row["majority_of"] for row in whole["majorities"]] == [3, 5, 10]
    assert [row["wnid"] for row in whole["synsets"]] == ["synset0000000", "synset0000001", "synset0000002"]
    assert sum(row["gold"] != "" for row in whole["verdicts"]) == 60


def test_verdicts_go_to_stdout_and_the_report_beside_them(files: Path) -> None:
    result = call("decide", "--votes", files / "votes.csv", "--method", "majority")
    lines = result.stdout.splitlines()
    assert lines[0] == "image,wnid,probability,verdict,yes,no,unsure,votes"
    assert len(lines) == 301
    assert "votes per question: 6.0" in result.stderr


def test_the_confidence_tables_are_written(files: Path) -> None:
    for suffix, start in ((".csv", "wnid,yes,no,confidence"), (".svg", "<svg ")):
        out = files / f"tables{suffix}"
        call(
            "decide", "--votes", files / "votes.csv", "--method", "table", "--table-out", out, "--out", files / "v.csv"
        )
        assert out.read_text().startswith(start)


def test_a_repeated_vote_is_said(files: Path) -> None:
    text = (files / "votes.csv").read_text()
    (files / "votes.csv").write_text(text + text.splitlines()[1] + "\n")
    result = call("decide", "--votes", files / "votes.csv", "--out", files / "v.csv")
    assert "1 votes left out: the same worker answered the same question again later." in result.stderr


def test_parents_may_come_from_a_file(files: Path) -> None:
    (files / "parents.csv").write_text("wnid,parent\nsynset0000000,synset0000001\n")
    result = call(
        "decide", "--votes", files / "votes.csv", "--synsets", files / "parents.csv", "--out", files / "v.csv"
    )
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "verdicts.txt"], "does not say its format"),
        (["--table-out", "x.svg"], "--method table"),
        (["--synsets", "none.csv"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(files: Path, more: list[str], said: str) -> None:
    with pytest.raises(BuildError, match=said):
        call("decide", "--votes", files / "votes.csv", *more)


def test_goals_that_exclude_each_other_are_refused(files: Path) -> None:
    result = call("decide", "--votes", files / "votes.csv", "--objective", "balanced", "--target-precision", 0.9)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_simulate_predicts_votes_hours_and_money(files: Path) -> None:
    result = call("simulate", "--pictures", 400, "--price-per-vote", 0.01, "--seconds-per-vote", 3.6, "--json")
    rows = json.loads(result.stdout)
    assert [row["method"] for row in rows] == ["rates", "majority of 3", "majority of 5", "majority of 10"]
    assert rows[3]["votes"] == 4000
    assert rows[3]["hours"] == 4.0
    assert rows[3]["money"] == 40.0
    assert rows[0]["balanced_accuracy"] > rows[3]["balanced_accuracy"]


def test_simulate_takes_after_real_votes(files: Path) -> None:
    result = call("simulate", "--from-votes", files / "votes.csv", "--pictures", 400, "--target-precision", 0.9)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("method\tvotes_per_question\tvotes\thours\tmoney")
