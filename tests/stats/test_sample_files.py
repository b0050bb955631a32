"""Samples of a run, their votes, and the commands, on real files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import click
import pyarrow as pa
import pytest
from click.testing import CliRunner

from imagenet_build.cli.stats_precision import precision, sample
from imagenet_build.cli.verify_run import serve_command, tasks_command
from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import BuildError, ConfigError, DataError
from imagenet_build.stats.sample_files import (
    SAMPLE,
    StoredSample,
    default_sample,
    draw_run_sample,
    read_sample,
    run_precision,
    sample_votes,
    write_sample,
)
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions, NoPage
from imagenet_build.verify.exports.pages import compose, questions
from imagenet_build.verify.exports.plain import questions_csv
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_store import TaskPage
from imagenet_build.verify.vote_tables import VERDICTS, read_run_votes, verdicts_folder, votes_folder
from imagenet_build.web.app import serve
from tests.verify_run.fake_run import CELLO, DRUM, STRING, VIOLIN, candidate, make_run

MAJORITY = VerifyConfig(method="majority", majority_votes=2)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    return make_run(tmp_path / "run", {VIOLIN: 60, CELLO: 30, STRING: 3, DRUM: 20})


def draw(run: RunLayout, **options: Any) -> StoredSample:
    return draw_run_sample(run, **{"synsets": 10, "pictures": 5, "seed": 0, **options})


def drawn(run: RunLayout) -> Path:
    path = default_sample(run)
    write_sample(path, run, draw(run))
    return path


def accept(run: RunLayout, wnid: str, images: list[str]) -> None:
    row = {"probability": 1.0, "yes": 3, "no": 0, "unsure": 0, "votes": 3}
    rows = [{"image": image, "wnid": wnid, "verdict": "accepted", **row} for image in images]
    rows.append({"image": candidate(wnid, 9), "wnid": wnid, "verdict": "rejected", **row})
    tables.write_table(verdicts_folder(run) / f"{wnid}.parquet", pa.Table.from_pylist(rows, VERDICTS))


@pytest.fixture
def desk(run: RunLayout) -> Iterator[Desk]:
    path = drawn(run)
    images = read_sample(path).images
    made = Desk(sample_votes(run, path), MAJORITY, DeskOptions(gold_share=0.0, wnids=tuple(images), images=images))
    yield made
    made.close()


def vote(desk: Desk, worker: str, wrong: set[str]) -> list[str]:
    """Everything that there is for a worker; returns what was shown."""
    shown = []
    while (page := desk.page_for(worker)) is not NoPage.NOTHING:
        assert isinstance(page, TaskPage)
        answers = ["no" if image in wrong else "yes" for image in page.images]
        assert desk.submit(f"s-{page.page}", page.page, worker, answers, [1] * len(answers))
        shown += page.images
    return shown


def test_a_sample_is_kept_pictures_with_the_design_beside_them(run: RunLayout) -> None:
    path = drawn(run)
    frame = tables.read(path, SAMPLE).to_pandas()
    assert dict(frame["wnid"].value_counts()) == {VIOLIN: 5, CELLO: 5, STRING: 3, DRUM: 5}
    assert set(frame[frame.wnid == VIOLIN]["image"]) <= {candidate(VIOLIN, number) for number in range(60)}
    assert frame[frame.wnid == CELLO]["picture_probability"].tolist() == [5 / 30] * 5
    assert frame["url"].str.startswith("https://photos.example.org/").all()
    about = read_sample(path).about
    assert (about["run"], about["of"], about["seed"]) == ("run", "kept", 0)
    assert read_sample(path) == draw(run)


def test_verdicts_make_it_a_sample_of_what_was_accepted(run: RunLayout) -> None:
    accept(run, VIOLIN, [candidate(VIOLIN, number) for number in (1, 2, 3)] + ["not_kept_any_more"])
    accept(run, CELLO, [])
    made = draw(run)
    assert made.about["of"] == "accepted"
    assert {wnid: sorted(images) for wnid, images in made.images.items()} == {
        VIOLIN: sorted(candidate(VIOLIN, number) for number in (1, 2, 3))
    }
    assert made.sample.synsets[0].pictures == 3
    assert len(draw(run, of="kept").images) == 4


def test_nothing_accepted_is_said(run: RunLayout) -> None:
    accept(run, VIOLIN, [])
    with pytest.raises(ConfigError, match="no accepted pictures"):
        draw(run)


def test_the_desk_shows_the_sample_and_nothing_else(run: RunLayout, desk: Desk) -> None:
    wanted = sorted(image for images in read_sample(default_sample(run)).images.values() for image in images)
    assert sorted(vote(desk, "ada", set())) == wanted
    assert sorted(vote(desk, "grace", set())) == wanted
    assert vote(desk, "edsger", set()) == []


def test_votes_on_a_sample_stay_apart_and_give_the_precision(run: RunLayout, desk: Desk) -> None:
    wrong = set(read_sample(default_sample(run)).images[VIOLIN][:2])
    assert run_precision(run) is None
    for worker in ("ada", "grace"):
        vote(desk, worker, wrong)
    rows = run_precision(run)
    assert rows is not None
    assert rows[-1].precision == pytest.approx((3 / 5 + 1 + 1 + 1) / 4)
    assert (rows[-1].pictures, rows[-1].correct) == (18, 16)
    assert read_run_votes(run).num_rows == 0
    assert not votes_folder(run).exists()
    assert votes_folder(sample_votes(run, default_sample(run))) == default_sample(run).with_name("sample.votes")


def test_a_sample_with_votes_is_not_overwritten_by_another(run: RunLayout, desk: Desk) -> None:
    vote(desk, "ada", set())
    path = default_sample(run)
    assert write_sample(path, run, draw(run)) == 18
    with pytest.raises(ConfigError, match="votes on another sample"):
        write_sample(path, run, draw(run, seed=1))
    with pytest.raises(ConfigError, match=r"\.parquet"):
        write_sample(path.with_suffix(".csv"), run, draw(run))


def test_pictures_that_are_gone_are_said(run: RunLayout) -> None:
    images = {VIOLIN: (candidate(VIOLIN, 1), "n04536866_gone")}
    made = Desk(run, MAJORITY, DeskOptions(wnids=(VIOLIN,), images=images))
    try:
        with pytest.raises(DataError, match="1 of the wanted pictures of n04536866"):
            made.page_for("ada")
    finally:
        made.close()


async def test_a_sample_is_served_with_its_votes_beside_it(run: RunLayout) -> None:
    path = drawn(run)
    images = read_sample(path).images
    options = DeskOptions(gold_share=0.0, wnids=tuple(images), images=images)
    async with serve(sample_votes(run, path), MAJORITY, options, port=0) as serving, aiohttp.ClientSession() as client:
        async with client.get(serving.url) as answer:
            assert answer.status == 200
        assert (path.with_suffix(".votes") / "journal.sqlite").exists()
    assert not votes_folder(run).exists()


def typed(command: click.Command, *words: object) -> str:
    result = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_draw_ask_and_evaluate(run: RunLayout, tmp_path: Path) -> None:
    said = json.loads(typed(sample, run.root, "--pictures", 4, "--json"))
    assert (said["images"], said["of"]) == (15, "kept")
    assert "15 kept pictures of 4 synsets" in typed(sample, run.root, "--pictures", 4)
    path = default_sample(run)
    asked = json.loads(typed(tasks_command, run.root, "--sample", path, "--json"))
    assert {row["wnid"]: row["open"] for row in asked} == {VIOLIN: 4, CELLO: 4, STRING: 3, DRUM: 4}
    images = read_sample(path).images
    lines = [
        f"{image},{wnid},{worker},{'no' if wnid == DRUM else 'yes'}"
        for wnid, some in images.items()
        for image in some
        for worker in ("ada", "grace")
    ]
    votes = tmp_path / "votes.csv"
    votes.write_text("image,wnid,worker,answer\n" + "\n".join([*lines, f"foreign,{VIOLIN},ada,no"]) + "\n")
    rows = json.loads(typed(precision, path, "--votes", votes, "--json"))["rows"]
    assert [row["depth"] for row in rows] == [3, None]
    assert rows[-1]["precision"] == 0.75
    assert rows[-1]["low"] < 0.75 < rows[-1]["high"]
    assert "75.0 % are right" in typed(precision, run.root, "--votes", votes)
    votes.write_text("image,worker,answer\n" + "\n".join(f"{image},ada,yes" for image in images[DRUM]) + "\n")
    assert "11 of 15 pictures have no vote" in typed(precision, path, "--votes", votes)


@pytest.mark.parametrize(
    ("command", "words", "match"),
    [
        (precision, ["RUN"], "stats sample RUN"),
        (sample, ["RUN", "--synsets", "0"], None),
        (serve_command, ["RUN", "--sample", "RUN/synsets.parquet"], "no sample"),
        (tasks_command, ["RUN", "--sample", "RUN/run.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: RunLayout, command: click.Command, words: list[str], match: str | None
) -> None:
    result = CliRunner().invoke(command, [word.replace("RUN", str(run.root)) for word in words])
    assert result.exit_code != 0
    if match is not None:
        assert isinstance(result.exception, BuildError)
        assert match in str(result.exception).replace(str(run.root), "RUN")


def test_votes_that_are_not_there_yet_are_asked_for(run: RunLayout) -> None:
    path = drawn(run)
    result = CliRunner().invoke(precision, [str(path)])
    assert isinstance(result.exception, DataError)
    assert "no votes" in str(result.exception)


def test_more_synsets_than_are_held_in_memory_are_all_shown_to_everybody(tmp_path: Path) -> None:
    wnids = [f"n1{number:07}" for number in range(70)]
    run = make_run(tmp_path / "many", dict.fromkeys(wnids, 2), dict.fromkeys(wnids, ()))
    write_sample(default_sample(run), run, draw(run, synsets=70))
    images = read_sample(default_sample(run)).images
    made = Desk(sample_votes(run, default_sample(run)), MAJORITY, DeskOptions(gold_share=0.0, images=images))
    shown: dict[str, list[str]] = {"ada": [], "grace": []}
    try:
        for _ in range(2 * len(wnids)):
            for worker, seen in shown.items():
                page = made.page_for(worker)
                if isinstance(page, TaskPage):
                    made.submit(f"s-{page.page}", page.page, worker, ["yes"] * len(page.images), [1] * len(page.images))
                    seen += page.images
        assert {made.page_for(worker) for worker in shown} == {NoPage.NOTHING}
    finally:
        made.close()
    wanted = sorted(image for some in images.values() for image in some)
    assert {worker: sorted(seen) for worker, seen in shown.items()} == {"ada": wanted, "grace": wanted}


@pytest.mark.parametrize("one_each", [True, False])
def test_a_sample_can_be_given_out_elsewhere(run: RunLayout, desk: Desk, one_each: bool) -> None:
    pages = compose(desk, "csv", one_each=one_each)
    images = read_sample(default_sample(run)).images
    assert sorted(image for page in pages for image in page.images) == sorted(
        image for some in images.values() for image in some
    )
    assert [page.gold for page in pages] == [{}] * len(pages)
    lines = questions_csv(list(questions(desk, pages, None, None))).splitlines()
    assert len(lines) == 1 + 18
