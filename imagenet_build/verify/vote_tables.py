"""EDGE: votes and verdicts as tables of a run: `votes/<wnid>.parquet`, `verdicts/<wnid>.parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, files_in
from imagenet_build.verify.vote_store import Journal, StoredVote


def _column(name: str, kind: pa.DataType, about: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"about": about})


_TEXT = pa.string()
VOTES = pa.schema(
    [
        _column("image", _TEXT, "candidate_id of the picture"),
        _column("wnid", _TEXT, "synset that was asked about; for gold it may be another than the picture's own"),
        _column("worker", _TEXT, "name or id of whoever answered"),
        _column("answer", _TEXT, "yes, no, unsure"),
        _column("source", _TEXT, "web, mturk, label-studio, or the name given to an import"),
        _column("task", _TEXT, "the page, or the import"),
        _column("position", pa.int32(), "place on the page, from 0"),
        _column("milliseconds", pa.int64(), "from the page's showing to the answer", nullable=True),
        _column("time", pa.timestamp("ms", tz="UTC"), "when the page was sent"),
        _column("gold", _TEXT, "what was known of the picture when it was shown: yes, no, likely no; empty: nothing"),
    ]
)
VERDICTS = pa.schema(
    [
        _column("image", _TEXT, "candidate_id"),
        _column("wnid", _TEXT, "synset"),
        _column("probability", pa.float64(), "that the picture shows the synset, calibrated"),
        _column("verdict", _TEXT, "accepted, rejected, undecided"),
        _column("yes", pa.int32(), "votes"),
        _column("no", pa.int32(), "votes"),
        _column("unsure", pa.int32(), "votes"),
        _column("votes", pa.int32(), "all of them"),
    ]
)


@dataclass(frozen=True, slots=True)
class VotesApart(RunLayout):
    """A run whose votes lie elsewhere: those of an independent check, which are no votes on the run itself."""

    folder: Path

    @property
    def votes_journal(self) -> Path:
        """A folder on a disk."""
        return self.folder

    @property
    def votes(self) -> Location:
        """The same folder."""
        return self.folder


def votes_folder(layout: RunLayout) -> Path:
    """The journal, on a disk; for a run on a disk also the tables."""
    return layout.votes_journal


def verdicts_folder(layout: RunLayout) -> Location:
    """One table per synset, the report, the workers, the confidence tables."""
    return layout.verdicts


def publish_votes(layout: RunLayout, journal: Journal) -> dict[str, int]:
    """Write the standing votes of each synset; rows that the journal does not know are kept.

    Returns:
        wnid -> rows of its table.
    """
    known_tasks = journal.tasks()
    counts = {}
    for wnid in journal.wnids():
        path = layout.votes / f"{wnid}.parquet"
        foreign = [vote for vote in _published(path) if vote.task not in known_tasks]
        rows = [*foreign, *journal.standing(wnid)]
        made = pa.Table.from_pylist([_row(vote) for vote in rows], VOTES)
        if not path.exists() or not tables.read(path, VOTES).equals(made):
            tables.write_table(path, made, {"imagenet_build.wnid": wnid})
        counts[wnid] = len(rows)
    return counts


def read_run_votes(layout: RunLayout) -> pa.Table:
    """All published votes, by synset, in the order in which they came.

    Raises:
        DataError: a table cannot be read.
    """
    paths = files_in(layout.votes, "n*.parquet")
    return pa.concat_tables([tables.read(path, VOTES) for path in paths]) if paths else VOTES.empty_table()


def _published(path: Location) -> Iterator[StoredVote]:
    if path.exists():
        for row in tables.read(path, VOTES).to_pylist():
            yield StoredVote(**{**row, "time": row["time"].timestamp()})


def _row(vote: StoredVote) -> dict[str, object]:
    return {**vote._asdict(), "time": round(vote.time * 1000)}
