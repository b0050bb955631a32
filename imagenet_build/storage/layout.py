"""Where each file of a run lies. A run is one directory: it can be stopped, moved and resumed.

It may also lie in an object store. Then everything published is there, under names that belong to a stage's publication
(`storage/publication.py`), and what needs a disk (SQLite, locks, shards still open, temporary files) is in a local work
directory. For a run on a disk both are the same directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagenet_build.storage.places import Location, Place
from imagenet_build.storage.snapshots import refresh

STORED_BY: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "taxonomy": ("", ("synsets.parquet", "left_out.parquet")),
    "queries": ("", ("queries.parquet",)),
    "manifest": ("manifest", None),
}
"""Stages whose units store published files, in whatever process: (folder, names, None for all in it). What the others
publish is stored by the process that publishes it."""


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths below one run directory; nothing is created here."""

    root: Location

    def _published(self, stage: str, name: str) -> Location:
        """A file, or a folder of files, that readers see when its stage is published."""
        return Place(self.root.run, name, stage) if isinstance(self.root, Place) else self.root / name

    def work(self) -> Path:
        """What must lie on a disk. Of a run in a store that is written elsewhere: as of its last snapshot."""
        return refresh(self.root.run) if isinstance(self.root, Place) else self.root

    @property
    def run_record(self) -> Location:
        """JSON: program version, configuration and its hash."""
        return self.root / "run.json"

    @property
    def config_copy(self) -> Location:
        """The configuration, as YAML for people."""
        return self.root / "config.yaml"

    @property
    def lock(self) -> Path:
        """Locked (flock) by the one process that writes the run."""
        return self.work() / "run.lock"

    @property
    def state(self) -> Path:
        """SQLite: which units are done."""
        return self.work() / "state.sqlite"

    @property
    def synsets(self) -> Location:
        """Stage 1: the synsets that are built."""
        return self._published("taxonomy", "synsets.parquet")

    @property
    def left_out(self) -> Location:
        """Stage 1: the synsets that are not, and why."""
        return self._published("taxonomy", "left_out.parquet")

    @property
    def queries(self) -> Location:
        """Stage 2."""
        return self._published("queries", "queries.parquet")

    def pages(self, engine: str) -> Path:
        """SQLite: an engine's answered pages as received, and the hits read from them. One writer per engine."""
        return self.work() / "search" / f"{engine}.sqlite"

    @property
    def hits(self) -> Location:
        """Stage 3."""
        return self._published("search", "hits.parquet")

    @property
    def search_rejections(self) -> Location:
        """Stage 3: engines' items that are no usable hit, and why."""
        return self._published("search", "search_rejections.parquet")

    @property
    def download_queue(self) -> Path:
        """SQLite: every distinct URL, what became of it, and the journal of the shards."""
        return self.work() / "download.sqlite"

    @property
    def shards(self) -> Location:
        """Tar shards of image bytes, one folder per writer."""
        return self.root / "images"

    @property
    def open_shards(self) -> Path:
        """Where shards are while they are written; the same as `shards` on a disk."""
        return self.work() / "images"

    def shard_lane(self, writer: str) -> str:
        """The folder of one writer's shards. In a store nobody appends to what another session stored there."""
        return f"{self.root.run.publication.epoch:04d}-{writer}" if isinstance(self.root, Place) else writer

    @property
    def images(self) -> Location:
        """Stage 4: one row per (synset, distinct URL) whose image was kept."""
        return self._published("download", "images.parquet")

    @property
    def rejections(self) -> Location:
        """Stage 4: every (synset, distinct URL) that was refused, and why."""
        return self._published("download", "rejections.parquet")

    def duplicates_part(self, wnid: str) -> Location:
        """Stage 5, one synset's part until the stage is finished."""
        return self.root / "dedup" / f"{wnid}.parquet"

    def pairs_part(self, wnid: str) -> Location:
        """Stage 5, what is known of one synset's pairs of images."""
        return self.root / "dedup" / f"{wnid}.pairs.parquet"

    @property
    def dedup_work(self) -> Path:
        """Stage 5: a folder for lists of excluded pictures, and for temporary files."""
        return self.work() / "dedup" / "work"

    @property
    def duplicates(self) -> Location:
        """Stage 5: group, distance and reason of every image that shows the same picture as a kept one."""
        return self._published("dedup", "duplicates.parquet")

    @property
    def conflicts(self) -> Location:
        """Stage 5: the same picture in two synsets."""
        return self._published("dedup", "conflicts.parquet")

    @property
    def leaks(self) -> Location:
        """Stage 5: images that show a picture of an excluded list."""
        return self._published("dedup", "leaks.parquet")

    @property
    def manifests(self) -> Location:
        """Stage 6: a folder with one table per synset."""
        return self._published("manifest", "manifest")

    @property
    def manifest_index(self) -> Location:
        """Stage 6: one row per manifest, in place of a listing; there if and only if it agrees with the files."""
        return self._published("manifest", "manifests.parquet")

    def manifest(self, wnid: str) -> Location:
        """Stage 6: the candidates of one synset."""
        return self.manifests / f"{wnid}.parquet"

    @property
    def votes_journal(self) -> Path:
        """A folder on a disk: the journal of the votes, and the lock of who serves them."""
        return self.work() / "votes"

    @property
    def votes(self) -> Location:
        """A folder with the votes, one table per synset."""
        return self._published("votes", "votes")

    @property
    def verdicts(self) -> Location:
        """A folder: verdicts, one table per synset; the report, the workers, the confidence tables."""
        return self._published("verdicts", "verdicts")
