from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.run_verdicts import decide_run
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_store import TaskPage
from imagenet_build.verify.vote_tables import VERDICTS, read_run_votes, verdicts_folder
from tests.verify_run.fake_run import VIOLIN


def is_good(image: str) -> bool:
    return int(image.rsplit("_", 1)[1], 16) % 2 == 0


def vote(run: RunLayout, config: VerifyConfig, workers: int = 5, *, careless: str = "") -> None:
    """Everybody answers everything they are asked: yes to good pictures of the synset itself, no to all others."""
    names = (f"page{number}" for number in itertools.count())
    desk = Desk(run, config, DeskOptions(page_size=16), new_name=lambda: next(names))
    rng = np.random.default_rng(1)
    for worker in [f"w{number}" for number in range(workers)] * 12:
        page = desk.page_for(worker)
        if not isinstance(page, TaskPage):
            continue
        shows = [image.startswith(page.wnid) and is_good(image) for image in page.images]
        chances = [0.5 if worker == careless else 0.96 if good else 0.02 for good in shows]
        said = ["yes" if rng.random() < chance else "no" for chance in chances]
        desk.submit(page.page, page.page, worker, said, [None] * len(said))
    desk.close()


def test_a_simulated_vote_gives_verdicts(run: RunLayout) -> None:
    config = VerifyConfig(target_precision=0.95)
    vote(run, config, careless="w4")
    made = decide_run(run, config)
    rows = tables.read(verdicts_folder(run) / f"{VIOLIN}.parquet", VERDICTS).to_pylist()
    assert all(row["image"].startswith(VIOLIN) for row in rows)  # gold of other synsets gets no verdict
    right = [(row["verdict"] == "accepted") == is_good(row["image"]) for row in rows]
    assert len(rows) == 60
    assert np.mean(right) > 0.85
    accepted = [is_good(row["image"]) for row in rows if row["verdict"] == "accepted"]
    assert np.mean(accepted) >= 0.9
    report = json.loads((verdicts_folder(run) / "report.json").read_text())
    assert report["summary"] == made.summary
    assert {row["wnid"]: row["unasked"] for row in report["synsets"]}[VIOLIN] == 0
    workers = {row["worker"]: row for row in made.workers}
    assert workers["w4"]["flag"] in ("random", "inverted")
    assert workers["w0"]["flag"] == ""
    assert workers["w0"]["gold_shown"] > 0
    assert workers["w0"]["gold_as_expected"] / workers["w0"]["gold_shown"] > 0.8
    assert workers["w4"]["gold_as_expected"] / workers["w4"]["gold_shown"] < 0.8


def test_verdicts_do_not_depend_on_who_decides_when(run: RunLayout) -> None:
    config = VerifyConfig(target_precision=0.95)
    vote(run, config)
    decide_run(run, config)
    files = {path.name: path.read_bytes() for path in verdicts_folder(run).iterdir() if path.is_file()}
    decide_run(run, config)
    assert files == {path.name: path.read_bytes() for path in verdicts_folder(run).iterdir() if path.is_file()}


def test_the_papers_method_leaves_its_tables(run: RunLayout) -> None:
    config = VerifyConfig(method="table", target_precision=0.9)
    vote(run, config, workers=3)
    made = decide_run(run, config)
    assert (verdicts_folder(run) / "confidence.csv").read_text().startswith("wnid,yes,no,confidence")
    assert (verdicts_folder(run) / "confidence" / f"{VIOLIN}.svg").read_text().startswith("<svg")
    assert {row["illustrable"] for row in made.synsets} == {True}


def test_given_gold_is_learnt_from(run: RunLayout, tmp_path: Path) -> None:
    config = VerifyConfig(target_precision=0.95)
    vote(run, config)
    votes = read_run_votes_after(run, config)
    gold = tmp_path / "gold.csv"
    lines = [f"{image},{wnid},{'yes' if is_good(image) else 'no'}\n" for image, wnid in votes if image.startswith(wnid)]
    gold.write_text("image,wnid,truth\n" + "".join(lines))
    made = decide_run(run, config, gold)
    assert made.summary["expected_precision"] >= 0.95


def read_run_votes_after(run: RunLayout, config: VerifyConfig) -> list[tuple[str, str]]:
    decide_run(run, config)
    held = read_run_votes(run)
    return sorted(set(zip(held["image"].to_pylist(), held["wnid"].to_pylist(), strict=True)))


def test_without_votes_it_says_what_to_do(run: RunLayout) -> None:
    with pytest.raises(DataError, match="verify serve"):
        decide_run(run, VerifyConfig())
