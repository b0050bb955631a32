from __future__ import annotations

from pathlib import Path

import pytest

from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.vote_store import JOURNAL, Journal, StoredVote, TaskPage
from imagenet_build.verify.vote_tables import VOTES, publish_votes, read_run_votes, votes_folder

DOG = "n02084071"
PAGE = TaskPage("p1", "ada", DOG, ("a", "b", "c"), {1: "no"}, 100.0)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    held = Journal(tmp_path / "votes")
    held.give([PAGE])
    return held


def said(journal: Journal) -> list[tuple[str, str]]:
    return [(vote.image, vote.answer) for vote in journal.standing()]


def test_a_page_comes_back_as_it_was_given(journal: Journal) -> None:
    assert journal.page("p1") == PAGE
    assert journal.page("p2") is None


def test_a_submission_that_is_sent_again_counts_once(journal: Journal) -> None:
    assert journal.submit("s1", PAGE, "ada", ["yes", "no", "unsure"], [5, 6, 7], 200.0)
    assert not journal.submit("s1", PAGE, "ada", ["no", "no", "no"], [5, 6, 7], 201.0)
    assert said(journal) == [("a", "yes"), ("b", "no"), ("c", "unsure")]


def test_the_latest_submission_of_a_page_counts(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    journal.submit("s2", PAGE, "ada", ["no", "no", "yes"], [1, 1, 1], 201.0)
    assert said(journal) == [("a", "no"), ("b", "no"), ("c", "yes")]


def test_an_undone_page_counts_no_more_until_it_is_answered_again(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    assert journal.open_pages(0.0) == []
    assert journal.undo("u1", PAGE, 201.0)
    assert not journal.undo("u1", PAGE, 202.0)
    assert said(journal) == []
    assert journal.answers_of("p1", "ada") == {0: "yes", 1: "no", 2: "no"}
    assert journal.open_pages(0.0) == [PAGE]
    journal.submit("s2", PAGE, "ada", ["no", "no", "no"], [1, 1, 1], 203.0)
    assert said(journal) == [("a", "no"), ("b", "no"), ("c", "no")]


def test_several_workers_may_answer_one_page(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    journal.submit("s2", PAGE, "grace", ["no", "no", "no"], [1, 1, 1], 201.0)
    assert journal.counts_by_worker() == {"ada": 3, "grace": 3}


def test_a_picture_that_was_not_seen_is_no_vote(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "", "no"], [1, 1, 1], 200.0)
    assert said(journal) == [("a", "yes"), ("c", "no")]


def test_nothing_is_ever_deleted_or_changed(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    journal.undo("u1", PAGE, 201.0)
    journal.submit("s2", PAGE, "ada", ["no", "no", "no"], [1, 1, 1], 202.0)
    rows = journal._database.execute("SELECT number, answer FROM votes ORDER BY number, position").fetchall()
    assert rows == [(1, "yes"), (1, "no"), (1, "no"), (3, "no"), (3, "no"), (3, "no")]


def test_gold_is_remembered_with_the_vote(journal: Journal) -> None:
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    assert [vote.gold for vote in journal.standing()] == ["", "no", ""]


def test_an_import_that_is_repeated_adds_nothing(journal: Journal) -> None:
    votes = [StoredVote(f"x{n}", DOG, "m", "yes", "model", "scores.csv", n, None, 0.0, "") for n in range(3)]
    assert journal.import_votes(votes) == 3
    assert journal.import_votes(votes) == 0
    more = [votes[0]._replace(answer="no"), votes[1]._replace(image="x9")]
    assert journal.import_votes(more) == 2
    assert len(said(journal)) == 5


def test_a_setting_stays(journal: Journal) -> None:
    assert journal.setting("secret") == journal.setting("secret") != journal.setting("other")


def test_a_damaged_journal_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(DataError, match="damaged"):
        Journal(tmp_path)


def test_publishing_keeps_rows_of_a_journal_that_is_gone(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    first = Journal(votes_folder(layout))
    first.give([PAGE])
    first.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, None, 3], 200.25)
    assert publish_votes(layout, first) == {DOG: 3}
    first.close()
    for path in votes_folder(layout).glob("journal*"):
        path.unlink()
    second = Journal(votes_folder(layout))
    other = TaskPage("p2", "grace", DOG, ("d",), {}, 300.0)
    second.give([other])
    second.submit("s2", other, "grace", ["unsure"], [4], 301.0)
    assert publish_votes(layout, second) == {DOG: 4}
    rows = read_run_votes(layout).to_pylist()
    assert [(row["image"], row["answer"]) for row in rows] == [("a", "yes"), ("b", "no"), ("c", "no"), ("d", "unsure")]
    assert rows[0]["time"].timestamp() == 200.25
    assert tables.read(votes_folder(layout) / f"{DOG}.parquet", VOTES).schema.names == VOTES.names


def test_an_undone_page_leaves_the_published_table(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    journal = Journal(votes_folder(layout))
    journal.give([PAGE])
    journal.submit("s1", PAGE, "ada", ["yes", "no", "no"], [1, 1, 1], 200.0)
    publish_votes(layout, journal)
    journal.undo("u1", PAGE, 201.0)
    publish_votes(layout, journal)
    assert read_run_votes(layout).num_rows == 0
