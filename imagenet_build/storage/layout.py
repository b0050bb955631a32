"""Where each file of a run lies. A run is one directory: it can be stopped, moved and resumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths below one run directory; nothing is created here."""

    root: Path

    @property
    def run_record(self) -> Path:
        """JSON: program version, configuration and its hash."""
        return self.root / "run.json"

    @property
    def config_copy(self) -> Path:
        """The configuration, as YAML for people."""
        return self.root / "config.yaml"

    @property
    def lock(self) -> Path:
        """Locked (flock) by the one process that writes the run."""
        return self.root / "run.lock"

    @property
    def state(self) -> Path:
        """SQLite: which units are done."""
        return self.root / "state.sqlite"

    @property
    def synsets(self) -> Path:
        """Stage 1: the synsets that are built."""
        return self.root / "synsets.parquet"

    @property
    def left_out(self) -> Path:
        """Stage 1: the synsets that are not, and why."""
        return self.root / "left_out.parquet"

    @property
    def queries(self) -> Path:
        """Stage 2."""
        return self.root / "queries.parquet"

    def pages(self, engine: str) -> Path:
        """SQLite: an engine's answered pages as received, and the hits read from them. One writer per engine."""
        return self.root / "search" / f"{engine}.sqlite"

    @property
    def hits(self) -> Path:
        """Stage 3."""
        return self.root / "hits.parquet"

    @property
    def search_rejections(self) -> Path:
        """Stage 3: engines' items that are no usable hit, and why."""
        return self.root / "search_rejections.parquet"

    @property
    def download_queue(self) -> Path:
        """SQLite: every distinct URL, what became of it, and the journal of the shards."""
        return self.root / "download.sqlite"

    @property
    def shards(self) -> Path:
        """Tar shards of image bytes, one folder per writer."""
        return self.root / "images"

    @property
    def images(self) -> Path:
        """Stage 4: one row per (synset, distinct URL) whose image was kept."""
        return self.root / "images.parquet"

    @property
    def rejections(self) -> Path:
        """Stage 4: every (synset, distinct URL) that was refused, and why."""
        return self.root / "rejections.parquet"

    def duplicates_part(self, wnid: str) -> Path:
        """Stage 5, one synset's part until the stage is finished."""
        return self.root / "dedup" / f"{wnid}.parquet"

    def pairs_part(self, wnid: str) -> Path:
        """Stage 5, what is known of one synset's pairs of images."""
        return self.root / "dedup" / f"{wnid}.pairs.parquet"

    @property
    def dedup_work(self) -> Path:
        """Stage 5: a folder for lists of excluded pictures, and for temporary files."""
        return self.root / "dedup" / "work"

    @property
    def duplicates(self) -> Path:
        """Stage 5: group, distance and reason of every image that shows the same picture as a kept one."""
        return self.root / "duplicates.parquet"

    @property
    def conflicts(self) -> Path:
        """Stage 5: the same picture in two synsets."""
        return self.root / "conflicts.parquet"

    @property
    def leaks(self) -> Path:
        """Stage 5: images that show a picture of an excluded list."""
        return self.root / "leaks.parquet"

    @property
    def manifests(self) -> Path:
        """Stage 6: a folder with one table per synset."""
        return self.root / "manifest"

    @property
    def manifest_index(self) -> Path:
        """Stage 6: one row per manifest, in place of a listing; there if and only if it agrees with the files."""
        return self.root / "manifests.parquet"

    def manifest(self, wnid: str) -> Path:
        """Stage 6: the candidates of one synset."""
        return self.manifests / f"{wnid}.parquet"
