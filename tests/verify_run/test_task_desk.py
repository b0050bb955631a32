from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions, NoPage
from imagenet_build.verify.gold import gold_count
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.vote_store import TaskPage
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder
from tests.verify_run.fake_run import CELLO, DRUM, STRING, VIOLIN, candidate, make_run

CONFIG = VerifyConfig(target_precision=0.95)
MakeDesk = Callable[..., Desk]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(run: RunLayout, clock: Clock) -> Iterator[MakeDesk]:
    made: list[Desk] = []

    def make(config: VerifyConfig = CONFIG, **options: Any) -> Desk:
        made.append(Desk(run, config, DeskOptions(**options), clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


def page_of(desk: Desk, worker: str, have: tuple[str, ...] = ()) -> TaskPage:
    page = desk.page_for(worker, have)
    assert isinstance(page, TaskPage)
    return page


def answer(desk: Desk, page: TaskPage, said: str = "no") -> None:
    count = len(page.images)
    assert desk.submit(f"s-{page.page}", page.page, page.worker, [said] * count, [1] * count)


def test_a_page_holds_kept_pictures_of_one_synset_and_at_most_a_tenth_gold(desk: MakeDesk) -> None:
    page = page_of(desk(wnids=(VIOLIN,)), "ada")
    own = [image for place, image in enumerate(page.images) if place not in page.gold]
    assert len(page.images) == 48
    assert set(own) <= {candidate(VIOLIN, number) for number in range(60)}
    assert len(page.gold) == gold_count(48, 0.1) == 4
    assert {page.images[place].split("_")[0] for place in page.gold} <= {CELLO, DRUM}
    assert set(page.gold.values()) == {"likely no"}


def test_nobody_is_shown_a_picture_twice_and_everything_is_asked(desk: MakeDesk) -> None:
    ours = desk(gold_share=0.0)
    shown: Counter[str] = Counter()
    while isinstance(page := ours.page_for("ada"), TaskPage):
        shown.update(page.images)
        answer(ours, page)
    assert set(shown.values()) == {1}
    assert len(shown) == 60 + 30 + 10 + 20


def test_two_at_once_get_different_pictures(desk: MakeDesk) -> None:
    ours = desk(wnids=(VIOLIN,), page_size=20, gold_share=0.0)
    assert not set(page_of(ours, "ada").images) & set(page_of(ours, "grace").images)


def test_a_page_that_was_not_answered_is_given_again_unless_it_is_in_hand(desk: MakeDesk) -> None:
    ours = desk(page_size=20)
    first = page_of(ours, "ada")
    assert page_of(ours, "ada") == first
    second = page_of(ours, "ada", (first.page,))
    assert second != first
    assert not set(first.images) & set(second.images)
    assert page_of(ours, "ada", ("",)) == first


def test_pages_that_never_come_back_are_asked_of_others(desk: MakeDesk, clock: Clock) -> None:
    ours = desk(wnids=(STRING,), gold_share=0.0, lease_s=60.0)
    first = page_of(ours, "ada")
    assert ours.page_for("grace") is NoPage.NOTHING
    clock.now += 61
    assert set(page_of(ours, "grace").images) == set(first.images)
    answer(ours, first)  # late, but given
    assert ours.journal.counts_by_worker() == {"ada": 10}


def test_who_hoards_pages_gets_no_more(desk: MakeDesk) -> None:
    ours = desk(page_size=5, gold_share=0.0)
    held: list[str] = []
    while isinstance(page := ours.page_for("ada", held), TaskPage):
        held.append(page.page)
    assert len(held) == 8
    assert isinstance(ours.page_for("grace"), TaskPage)


def test_votes_of_others_reopen_what_needs_more(desk: MakeDesk) -> None:
    ours = desk(VerifyConfig(method="majority", majority_votes=3), wnids=(STRING,), gold_share=0.0)
    for worker in ("ada", "grace", "edsger"):
        answer(ours, page_of(ours, worker))
    assert ours.page_for("barbara") is NoPage.NOTHING
    assert ours.journal.counts_by_worker() == {"ada": 10, "edsger": 10, "grace": 10}


def test_a_new_session_knows_what_was_seen_answered_and_is_out(desk: MakeDesk) -> None:
    first = desk(wnids=(VIOLIN,), page_size=20, gold_share=0.0)
    done, out = page_of(first, "ada"), None
    answer(first, done)
    out = page_of(first, "ada")
    second = desk(wnids=(VIOLIN,), page_size=20, gold_share=0.0)
    assert page_of(second, "ada") == out
    third = page_of(second, "ada", (out.page,))
    assert not set(third.images) & {*done.images, *out.images}
    assert not set(page_of(second, "grace").images) & set(out.images)
    assert second.progress("ada", VIOLIN)["answered"] == 20


def test_undo_brings_the_page_and_its_answers_back(desk: MakeDesk) -> None:
    ours = desk(wnids=(STRING,), gold_share=0.0)
    page = page_of(ours, "ada")
    answer(ours, page, "yes")
    assert ours.progress("ada", STRING)["answered"] == 10
    again, said = ours.undo("u1", page.page, "ada")
    assert (again, said) == (page, ["yes"] * 10)
    assert list(ours.journal.standing()) == []
    assert ours.progress("ada", STRING)["answered"] == 0
    assert page_of(ours, "ada") == page
    assert ours.submit("s2", page.page, "ada", ["no"] * 10, [1] * 10)
    assert ours.progress("ada", STRING)["answered"] == 10


def test_a_page_belongs_to_who_got_it(desk: MakeDesk) -> None:
    ours = desk()
    page = page_of(ours, "ada")
    for work in (
        lambda: ours.submit("s", page.page, "grace", ["no"] * 48, [1] * 48),
        lambda: ours.undo("u", page.page, "grace"),
        lambda: ours.places(page.page, "grace"),
        lambda: ours.places("nothing", "ada"),
    ):
        with pytest.raises(DataError, match="no such page"):
            work()


@pytest.mark.parametrize("answers", [["no"], ["no"] * 49, ["perhaps"] * 48])
def test_answers_must_fit_the_page(desk: MakeDesk, answers: list[str]) -> None:
    ours = desk(wnids=(VIOLIN,))
    with pytest.raises(DataError):
        ours.submit("s", page_of(ours, "ada").page, "ada", answers, [1] * len(answers))
    assert list(ours.journal.standing()) == []


def test_accepted_pictures_become_gold(run: RunLayout, desk: MakeDesk) -> None:
    for wnid, count in ((VIOLIN, 8), (CELLO, 5), (DRUM, 5)):
        frame = pd.DataFrame({"image": [candidate(wnid, number) for number in range(count)], "wnid": wnid})
        frame["probability"], frame["verdict"], frame["votes"] = 0.999, "accepted", 5
        frame[["yes", "no", "unsure"]] = [5, 0, 0]
        path = verdicts_folder(run) / f"{wnid}.parquet"
        tables.write_rows(path, VERDICTS, frame[VERDICTS.names].to_dict("records"))
    seen: dict[str, set[str]] = {"yes": set(), "no": set(), "likely no": set()}
    ours = desk(wnids=(VIOLIN,))
    for worker in range(12):
        if isinstance(page := ours.page_for(f"w{worker}"), TaskPage):
            for place, truth in page.gold.items():
                seen[truth].add(page.images[place])
    assert seen["yes"] <= {candidate(VIOLIN, number) for number in range(8)}
    assert seen["no"] <= {candidate(wnid, number) for wnid in (CELLO, DRUM) for number in range(5)}
    assert not seen["likely no"]
    assert seen["yes"]
    assert seen["no"]


def test_a_wanted_second_look_shows_old_pictures_again(desk: MakeDesk) -> None:
    ours = desk(wnids=(VIOLIN,), page_size=20, gold_share=0.0, second_look=0.3)
    first = page_of(ours, "ada")
    answer(ours, first)
    second = page_of(ours, "ada")
    assert len(second.images) == 20
    assert set(first.images) & set(second.images)


def test_a_run_without_manifests_says_so(tmp_path: Any) -> None:
    with pytest.raises(DataError, match="nothing to vote on"):
        Desk(RunLayout(tmp_path), CONFIG)


def test_an_unknown_synset_is_refused(run: RunLayout) -> None:
    with pytest.raises(DataError, match="n00000001"):
        Desk(run, CONFIG, DeskOptions(wnids=("n00000001",)))


def test_good_and_bad_pictures_are_told_apart_with_few_votes(desk: MakeDesk) -> None:
    """The desk stops asking: fewer votes than a fixed majority of five on every picture."""
    ours = desk(gold_share=0.0, page_size=12)
    rng = np.random.default_rng(3)
    total = 0
    for worker in [f"w{number % 6}" for number in range(200)]:
        page = ours.page_for(worker)
        if not isinstance(page, TaskPage):
            continue
        shows = [int(image.rsplit("_", 1)[1], 16) % 2 == 0 for image in page.images]
        said = ["yes" if rng.random() < (0.95 if good else 0.03) else "no" for good in shows]
        ours.submit(f"s-{page.page}", page.page, worker, said, [None] * len(said))
        total += len(said)
    assert total < 5 * 120
    assert all(ours.progress("w0", wnid)["voted"] == ours.progress("w0", wnid)["pictures"] for wnid in ours.wnids)


@pytest.mark.parametrize("method", ["rates", "table", "majority"])
def test_a_synset_without_kept_pictures_is_passed_over(tmp_path: Any, method: Any) -> None:
    run = make_run(tmp_path / "run", {CELLO: 0, VIOLIN: 1})
    desk = Desk(run, VerifyConfig(method=method), DeskOptions(gold_share=0.0))
    page = page_of(desk, "ada")
    assert page.images == (candidate(VIOLIN, 0),)
    answer(desk, page)
    assert desk.page_for("ada") is NoPage.NOTHING
    desk.close()
