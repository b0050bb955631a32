"""images.parquet -> duplicates, conflicts and leaks: which images show the same picture, and which one stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import pyarrow as pa

from imagenet_build.contracts import Exchange, RunContext, UnitResult, WorkUnit
from imagenet_build.dedup.collapse import NOTHING_KNOWN, Grouping, Known, find_groups
from imagenet_build.dedup.conflicts import conflicts_of
from imagenet_build.dedup.excluded import digest_of, fingerprint_lists, read_lists
from imagenet_build.dedup.groups import Standing
from imagenet_build.dedup.known_pairs import read_known, write_known
from imagenet_build.dedup.leaks import leaks_of
from imagenet_build.dedup.looks import COLUMNS, Looks
from imagenet_build.storage import tables
from imagenet_build.storage.places import files_in
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS, IMAGES, LEAKS
from imagenet_build.storage.synset_reader import rows_of

EXCLUDED = "excluded"
"""Key of the unit that looks at the excluded lists."""
_FINGERPRINTED = ["url_key", "sha256"]
_NOT_THRESHOLDS = {"licenses", "exclude", "conflict_bits", "leak_bits"}


class DedupStage:
    """Group each synset; then find pictures that stand in several synsets, or in an excluded list."""

    name = "dedup"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per synset with images, in wnid order; its fingerprint covers thresholds and licences too.

        Before them one for the excluded lists, which is there even without any: a list that was taken away changes
        the plan as well.
        """
        config = run.config.dedup
        across = f"{config.conflict_bits}/{config.leak_bits}/{digest_of(config.exclude)}"
        yield WorkUnit(self.name, EXCLUDED, hashlib.sha256(across.encode()).hexdigest()[:32], here=True)
        rules = f"{thresholds(run)}/{'/'.join(config.licenses)}"
        hits = tables.by_synset(run.layout.hits, HITS, ["wnid", "url_key", "license"])
        for wnid, images in tables.by_synset(run.layout.images, IMAGES, ["wnid", *_FINGERPRINTED]):
            licenses = next((_licenses(found) for hits_of, found in hits if hits_of == wnid), {})
            known = [licenses.get(key, "") for key in images["url_key"].to_pylist()]
            rows = tables.digest(images.append_column("license", pa.array(known, pa.string())))
            yield WorkUnit(self.name, wnid, hashlib.sha256(f"{rules}/{rows}".encode()).hexdigest()[:32])

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Group one synset. Runs in any process and writes only its own parts."""
        if unit.key == EXCLUDED:
            lists, work = run.config.dedup.exclude, run.layout.dedup_work
            count, refused = fingerprint_lists(lists, work, run.config.execution.workers)
            note = f"dedup: {refused:,} files of the excluded folders cannot be used" if refused else ""
            return UnitResult(unit, {"excluded_pictures": count}, note=note)
        images = rows_of(run.layout.images, IMAGES, unit.key).select(["url_key", "width", "height", *COLUMNS])
        hits = rows_of(run.layout.hits, HITS, unit.key).select(["url_key", "license"])
        pairs = run.layout.pairs_part(unit.key)
        found = group_images(images, _licenses(hits), run, read_known(pairs, thresholds(run)))
        write_known(pairs, found.known, thresholds(run))
        part = run.layout.duplicates_part(unit.key)
        rows = duplicate_rows(unit.key, images["url_key"].to_pylist(), found)
        if rows:
            tables.write_rows(part, DUPLICATES, rows)
        else:
            part.unlink(missing_ok=True)
        return UnitResult(unit, {"images": len(images), "duplicates": len(rows)})

    def finish(self, run: RunContext, exchange: Exchange, /) -> None:
        """Publish all groups, the conflicts between synsets, and the leaks."""
        tables.write_rows(run.layout.duplicates, DUPLICATES, _all_parts(run))
        tables.write_rows(run.layout.conflicts, CONFLICTS, conflicts_of(run, exchange))
        listed = read_lists(run.config.dedup.exclude, run.layout.dedup_work)
        tables.write_rows(run.layout.leaks, LEAKS, leaks_of(run, listed))


def thresholds(run: RunContext) -> str:
    """What the decision about a pair depends on, in short."""
    said = run.config.dedup.model_dump_json(exclude=_NOT_THRESHOLDS)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def group_images(images: pa.Table, licenses: dict[str, str], run: RunContext, known: Known = NOTHING_KNOWN) -> Grouping:
    """Group the images of one synset.

    Args:
        images: IMAGES rows, in the order of the hits.
        licenses: url_key -> licence code.
        run: for the thresholds.
        known: of their pairs.
    """
    columns = (images[name].to_pylist() for name in ("url_key", "width", "height"))
    standings = [
        Standing(key, width * height, licenses.get(key, ""), place)
        for place, (key, width, height) in enumerate(zip(*columns, strict=True))
    ]
    return find_groups(Looks.of_table(images), standings, run.config.dedup, known=known)


def duplicate_rows(wnid: str, keys: list[str], found: Grouping) -> list[dict[str, Any]]:
    """DUPLICATES rows of one synset, sorted by url_key."""
    rows = [
        {
            "wnid": wnid,
            "url_key": keys[member.index],
            "duplicate_of": keys[member.kept],
            "reason": member.reason,
            "distance": member.distance,
            "dct_distance": member.dct_distance,
            "gradient_distance": member.gradient_distance,
        }
        for member in found.members
    ]
    return sorted(rows, key=itemgetter("url_key"))


def _licenses(hits: pa.Table) -> dict[str, str]:
    """The licence of each URL: the first known one among its hits."""
    found: dict[str, str] = {}
    for row in hits.to_pylist():
        if found.get(row["url_key"], "unknown") == "unknown":
            found[row["url_key"]] = row["license"]
    return found


def _all_parts(run: RunContext) -> Iterator[dict[str, Any]]:
    made = {part.name for part in files_in(run.layout.duplicates_part("").parent, "*.parquet")}
    parts = (run.layout.duplicates_part(wnid) for wnid, _ in tables.by_synset(run.layout.images, IMAGES, ["wnid"]))
    for rows in tables.read_all((part for part in parts if part.name in made), DUPLICATES):
        yield from rows.to_pylist()
