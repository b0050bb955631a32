"""The commands of a run as somebody types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.app import main
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.vote_tables import read_run_votes
from tests.verify_run.fake_run import CELLO, VIOLIN, candidate


def typed(*words: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, words)], catch_exceptions=False)


def ok(*words: object) -> str:
    result = typed(*words)
    assert result.exit_code == 0, result.output
    return result.output


def test_tasks_says_what_is_open(run: RunLayout) -> None:
    rows = {row["wnid"]: row for row in json.loads(ok("tasks", run.root, "--json"))}
    assert rows[VIOLIN] == {"wnid": VIOLIN, "name": "violin", "pictures": 60, "voted": 0, "open": 60, "pages": 2}
    assert "120 pictures, 0 with votes" in ok("tasks", run.root)


def test_votes_of_a_table_give_verdicts(run: RunLayout, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    lines = [
        f"{candidate(VIOLIN, number)},{VIOLIN},{worker},{'yes' if number < 20 else 'no'}"
        for number in range(60)
        for worker in ("ada", "grace", "edsger")
    ]
    votes.write_text("image,wnid,worker,answer\n" + "\n".join(lines) + "\n")
    assert "180 votes read, 180 of them new; the run has 180 now." in ok("import", run.root, votes, "--format", "csv")
    assert "180 votes read, 0 of them new; the run has 180 now." in ok("import", run.root, votes, "--format", "csv")
    made = json.loads(ok("run", run.root, "--json"))
    assert (made["summary"]["accepted"], made["summary"]["rejected"]) == (20, 40)
    assert "20 accepted" in ok("run", run.root)
    rows = {row["wnid"]: row for row in json.loads(ok("tasks", run.root, "--json"))}
    assert (rows[VIOLIN]["voted"], rows[CELLO]["voted"]) == (60, 0)
    assert rows[VIOLIN]["open"] < 60


def test_a_simulated_vote_over_a_run_gives_verdicts(run: RunLayout, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    said = json.loads(ok("simulate", "--run", run.root, "--votes-out", votes, "--json").partition("\n")[2])
    asked = len(votes.read_text().splitlines()) - 1
    assert said[0]["votes"] == asked
    assert said[0]["votes_per_question"] == pytest.approx(asked / 120, abs=0.001)
    assert f"{asked} votes read, {asked} of them new" in ok("import", run.root, votes, "--format", "csv")
    made = json.loads(ok("run", run.root, "--json"))["summary"]
    assert made["accepted"] + made["rejected"] + made["undecided"] == 120
    assert made["accepted"] > 0
    again = tmp_path / "again.csv"
    ok("simulate", "--run", run.root, "--votes-out", again)
    assert again.read_bytes() == votes.read_bytes()


@pytest.mark.parametrize("kind", ["mturk", "label-studio", "csv"])
def test_an_export_is_written_whole(run: RunLayout, tmp_path: Path, kind: str) -> None:
    said = ok("export", run.root, "--format", kind, "--out", tmp_path / "out", "--pages", 2, "--page-size", 10)
    assert said.startswith("20 pictures on ")
    files = {
        "mturk": ["batch.csv", "batch.html"],
        "label-studio": ["config.xml", "tasks.json"],
        "csv": ["questions.csv"],
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files[kind]


def test_exported_votes_can_be_imported_elsewhere(run: RunLayout, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "image,wnid,worker,answer,time,milliseconds\n"
        f"{candidate(VIOLIN, 1)},{VIOLIN},ada,yes,2026-01-02T03:04:05.250Z,900\n"
        f"{candidate(VIOLIN, 2)},{VIOLIN},ada,unsure,2026-01-02T03:04:06Z,\n"
    )
    ok("import", run.root, votes, "--format", "csv", "--source", "mine")
    for suffix in ("csv", "parquet"):
        out = tmp_path / f"out.{suffix}"
        assert "2 votes in" in ok("export", run.root, "--format", "votes", "--out", out)
        assert "2 votes read, 0 of them new" in ok("import", run.root, out, "--format", "csv")
    assert read_run_votes(run).column("milliseconds").to_pylist() == [900, None]
    with (tmp_path / "out.csv").open() as file:
        assert next(csv.DictReader(file))["time"] == "2026-01-02T03:04:05.250000Z"


def test_what_cannot_be_done_is_said_in_a_line(run: RunLayout, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, code, said in (
        (("serve", tmp_path / "empty"), 3, "is not a run"),
        (("run", run.root), 3, "no votes yet"),
        (("tasks", run.root, "--wnid", "n00000001"), 3, "n00000001"),
        (("export", run.root, "--format", "votes", "--out", tmp_path / "votes.txt"), 2, "does not say its format"),
        (
            ("export", run.root, "--format", "csv", "--out", tmp_path / "x", "--base-url", "https://a"),
            2,
            "belong together",
        ),
        (("import", run.root, tmp_path / "none.csv", "--format", "csv"), 3, "cannot be read"),
    ):
        result = typed(*words)
        assert result.exit_code == code, result.output
        assert said in result.output
        assert len(result.output.strip().splitlines()) <= 3


def test_a_sample_goes_out_and_comes_back_apart_from_the_runs_votes(run: RunLayout, tmp_path: Path) -> None:
    drawn = CliRunner().invoke(main, ["stats", "sample", str(run.root), "--pictures", "5"], catch_exceptions=False)
    assert drawn.exit_code == 0, drawn.output
    sample = run.root / "precision" / "sample.parquet"
    ok("export", run.root, "--format", "csv", "--sample", sample, "--out", tmp_path / "ask")
    with (tmp_path / "ask" / "questions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 5
    answers = tmp_path / "answers.csv"
    with answers.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(
            {**row, "worker": "ada", "answer": "yes" if place % 5 else "no"} for place, row in enumerate(rows)
        )
    assert "20 votes read, 20 of them new" in ok("import", run.root, answers, "--format", "csv", "--sample", sample)
    assert read_run_votes(run).num_rows == 0
    found = CliRunner().invoke(main, ["stats", "precision", str(run.root), "--json"], catch_exceptions=False)
    assert json.loads(found.output)["rows"][-1]["pictures"] == 20
