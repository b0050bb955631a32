"""images.parquet -> duplicates.parquet, conflicts.parquet: which images show the same picture, and which one stays."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from imagenet_build.config.models import DedupConfig
from imagenet_build.contracts import RunContext, UnitResult, WorkUnit
from imagenet_build.dedup.decide import Look, compare
from imagenet_build.dedup.groups import Standing, copies_of, group_pairs
from imagenet_build.dedup.propose import propose_pairs
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS, IMAGES, SYNSETS
from imagenet_build.storage.synset_reader import rows_of

_COLUMNS = ["url_key", "sha256", "pixel_sha256", "width", "height", "dct_hash", "gradient_hash", "tiny"]
_HASHES = ("dct_hash", "gradient_hash")
_FINGERPRINTED = ["url_key", "sha256"]


class DedupStage:
    """Group each synset; then find pictures that stand in several synsets."""

    name = "dedup"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per synset with images, in wnid order; its fingerprint covers their licences too."""
        hits = tables.by_synset(run.layout.hits, HITS, ["wnid", "url_key", "license"])
        for wnid, images in tables.by_synset(run.layout.images, IMAGES, ["wnid", *_FINGERPRINTED]):
            licenses = next((_licenses(found) for hits_of, found in hits if hits_of == wnid), {})
            known = [licenses.get(key, "") for key in images["url_key"].to_pylist()]
            yield WorkUnit(
                self.name, wnid, tables.digest(images.append_column("license", pa.array(known, pa.string())))
            )

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Group one synset. Runs in any process and writes only its own part."""
        images = rows_of(run.layout.images, IMAGES, unit.key).select(_COLUMNS).to_pylist()
        hits = rows_of(run.layout.hits, HITS, unit.key).select(["url_key", "license"])
        rows = duplicates_of(unit.key, images, _licenses(hits), run)
        part = run.layout.duplicates_part(unit.key)
        if rows:
            tables.write_rows(part, DUPLICATES, rows)
        else:
            part.unlink(missing_ok=True)
        return UnitResult(unit, {"images": len(images), "duplicates": len(rows)})

    def finish(self, run: RunContext) -> None:
        """Publish all groups, and the conflicts between synsets."""
        tables.write_rows(run.layout.duplicates, DUPLICATES, _all_parts(run))
        tables.write_rows(
            run.layout.conflicts,
            CONFLICTS,
            sorted(_conflicts(run), key=itemgetter("wnid", "url_key", "other_wnid", "other_url_key")),
        )


def duplicates_of(
    wnid: str, images: list[dict[str, Any]], licenses: dict[str, str], run: RunContext
) -> list[dict[str, Any]]:
    """DUPLICATES rows of one synset, sorted by url_key.

    Args:
        wnid: the synset.
        images: its IMAGES rows, in the order of the hits.
        licenses: url_key -> licence code.
        run: for the thresholds.
    """
    config = run.config.dedup
    looks = [
        Look(row["sha256"], row["pixel_sha256"], row["dct_hash"], row["gradient_hash"], row["tiny"]) for row in images
    ]
    standings = [
        Standing(row["url_key"], row["width"] * row["height"], licenses.get(row["url_key"], ""), place)
        for place, row in enumerate(images)
    ]
    copies = copies_of(standings, [look.pixel_sha256 for look in looks], config.licenses)
    single = [index for index in range(len(looks)) if index not in copies]
    proposed = ((single[i], single[j]) for i, j in proposed_pairs([looks[index] for index in single], config))
    same = (pair for pair in proposed if compare(looks[pair[0]], looks[pair[1]], config).same)
    close = group_pairs(standings, same, config.licenses)
    kept_for = {**close, **{index: close.get(first, first) for index, first in copies.items()}}
    rows = []
    for index, kept in kept_for.items():
        comparison = compare(looks[index], looks[kept], config)
        rows.append(
            {
                "wnid": wnid,
                "url_key": images[index]["url_key"],
                "duplicate_of": images[kept]["url_key"],
                "reason": comparison.reason,
                "dct_distance": comparison.dct_distance,
                "gradient_distance": comparison.gradient_distance,
                "tiny_rms": comparison.tiny_rms,
            }
        )
    return sorted(rows, key=itemgetter("url_key"))


def proposed_pairs(looks: list[Look], config: DedupConfig) -> Iterator[tuple[int, int]]:
    """Pairs of which one hash or the other is close: in a drawing on white the DCT hash may be noise."""
    dct, gradient = (np.array([getattr(look, name) for look in looks], np.uint64) for name in _HASHES)
    yield from propose_pairs(dct, config.propose_bits)
    for i, j in propose_pairs(gradient, config.gradient_bits):
        if (looks[i].dct_hash ^ looks[j].dct_hash).bit_count() > config.propose_bits:
            yield i, j


def _licenses(hits: pa.Table) -> dict[str, str]:
    """The licence of each URL: the first known one among its hits."""
    found: dict[str, str] = {}
    for row in hits.to_pylist():
        if found.get(row["url_key"], "unknown") == "unknown":
            found[row["url_key"]] = row["license"]
    return found


def _all_parts(run: RunContext) -> Iterator[dict[str, Any]]:
    for wnid, _ in tables.by_synset(run.layout.images, IMAGES, ["wnid"]):
        part = run.layout.duplicates_part(wnid)
        if part.exists():
            yield from tables.read(part, DUPLICATES).to_pylist()


def _conflicts(run: RunContext) -> Iterator[dict[str, Any]]:
    """Pairs of synsets that hold the same pixels, both ways round."""
    above = _ancestors(run)
    holders: dict[str, list[tuple[str, str]]] = {}
    for wnid, images in tables.by_synset(run.layout.images, IMAGES, ["wnid", "url_key", "pixel_sha256"]):
        for row in images.to_pylist():
            holders.setdefault(row["pixel_sha256"], []).append((wnid, row["url_key"]))
    for places in holders.values():
        first_of: dict[str, str] = {}
        for wnid, key in places:
            first_of.setdefault(wnid, key)
        for wnid, key in first_of.items():
            for other, other_key in first_of.items():
                if other != wnid:
                    related = other in above.get(wnid, ()) or wnid in above.get(other, ())
                    yield {
                        "wnid": wnid,
                        "url_key": key,
                        "other_wnid": other,
                        "other_url_key": other_key,
                        "related": related,
                    }


def _ancestors(run: RunContext) -> dict[str, set[str]]:
    """All ancestors of each synset of the run, through the stored parents."""
    synsets = tables.read(run.layout.synsets, SYNSETS, columns=["wnid", "hypernyms"]).to_pylist()
    parents = {row["wnid"]: row["hypernyms"] for row in synsets}
    found: dict[str, set[str]] = {}
    for wnid in parents:
        above: set[str] = set()
        stack = list(parents[wnid])
        while stack:
            parent = stack.pop()
            if parent not in above:
                above.add(parent)
                stack.extend(parents.get(parent, ()))
        found[wnid] = above
    return found
