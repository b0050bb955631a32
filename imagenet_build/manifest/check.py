"""Audits a run: every count adds up, every file reads, no image twice. Reads only; findings have codes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow.parquet as pq

from imagenet_build.contracts import RunContext
from imagenet_build.errors import DataError
from imagenet_build.manifest.assemble import assemble
from imagenet_build.manifest.stage import read_synset
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import (
    CONFLICTS,
    DUPLICATES,
    HITS,
    IMAGES,
    LEFT_OUT,
    MANIFEST,
    QUERIES,
    REJECTIONS,
    SEARCH_REJECTIONS,
    SYNSETS,
)
from imagenet_build.storage.shards import read_member

CODES = {
    "T101": "a table is missing or cannot be read",
    "S101": "a shard is missing or cannot be read",
    "S102": "a shard ends before an image does",
    "S103": "an image's bytes do not have its sha256",
    "M101": "an image stands twice in a manifest",
    "M102": "a manifest lacks a row",
    "M103": "a manifest has a row that no stage accounts for",
    "M104": "a manifest's counts do not add up",
    "M105": "a manifest's row disagrees with the stages' tables",
    "M106": "a row points to a kept image that is not there",
    "M107": "a manifest's rows are not in the order of the hits",
    "M201": "a wnid that the run does not build, or has no hits for",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    where: str
    """File, or wnid and candidate."""
    detail: str


def check_run(
    run: RunContext, *, bytes_too: bool = True, advance: Callable[[int], None] = lambda _: None
) -> Iterator[Finding]:
    """Audit a run whose build has reached the manifest stage.

    Args:
        run: the run.
        bytes_too: read every image's bytes and compare their sha256; False looks at tables and shard lengths only.
        advance: called with the number of manifests looked at.
    """
    layout = run.layout
    broken = list(_check_tables(layout))
    yield from broken
    if not broken:
        built = set(tables.read(layout.synsets, SYNSETS, columns=["wnid"])["wnid"].to_pylist())
        seen = [wnid for wnid, _ in tables.by_synset(layout.hits, HITS, ["wnid"])]
        for path in sorted(layout.manifests.glob("*.parquet")):
            if path.stem not in built:
                yield Finding("M201", path.name, "no such synset in synsets.parquet")
            elif path.stem not in seen:
                yield Finding("M201", path.name, "the synset has no hits")
        for wnid in seen:
            if wnid not in built:
                yield Finding("M201", wnid, "has hits, but is not in synsets.parquet")
            try:
                yield from _check_manifest(run, wnid)
            except DataError as error:
                yield Finding("T101", f"{wnid}.parquet", error.message)
            advance(1)
    if run.config.download.enabled and layout.images.name not in {finding.where for finding in broken}:
        try:
            yield from _check_shards(run, bytes_too)
        except DataError as error:
            yield Finding("T101", layout.images.name, error.message)


def _check_tables(layout: RunLayout) -> Iterator[Finding]:
    """Every table opens; small ones are read to their end, the others with the manifests that they go into."""
    for path, schema in (
        (layout.synsets, SYNSETS),
        (layout.left_out, LEFT_OUT),
        (layout.queries, QUERIES),
        (layout.search_rejections, SEARCH_REJECTIONS),
        (layout.hits, HITS),
        (layout.images, IMAGES),
        (layout.rejections, REJECTIONS),
        (layout.duplicates, DUPLICATES),
        (layout.conflicts, CONFLICTS),
    ):
        try:
            columns = ["wnid"] if schema is IMAGES else None
            for _ in tables.by_synset(path, schema, columns):
                pass
        except DataError as error:
            yield Finding("T101", path.name, error.message)


def _check_manifest(run: RunContext, wnid: str) -> Iterator[Finding]:
    """One manifest against what the stages' tables say it must hold."""
    path = run.layout.manifest(wnid)
    if not path.exists():
        yield Finding("T101", path.name, "the manifest is missing")
        return
    rows: list[dict[str, Any]] = tables.read(path, MANIFEST).to_pylist()
    wanted = assemble(wnid, read_synset(run, wnid), urls_only=not run.config.download.enabled)
    ids = Counter(row["candidate_id"] for row in rows)
    for name, times in ids.items():
        if times > 1:
            yield Finding("M101", f"{wnid} {name}", f"{times} rows of one candidate")
    kept_bytes = Counter(
        row["sha256"] for row in rows if row["kept"] and row["sha256"] and ids[row["candidate_id"]] == 1
    )
    for sha256, times in kept_bytes.items():
        if times > 1:
            yield Finding("M101", f"{wnid} {sha256[:16]}", f"the same file is kept {times} times")
    expected = {row["candidate_id"]: row for row in wanted.rows}
    for name in expected.keys() - ids.keys():
        yield Finding("M102", f"{wnid} {name}", f"the image of {expected[name]['url']} has no row")
    for row in rows:
        name = row["candidate_id"]
        if name not in expected:
            yield Finding("M103", f"{wnid} {name}", f"{row['url']} was never downloaded for this synset")
            continue
        differing = [key for key in MANIFEST.names if row[key] != expected[name][key]]
        if differing:
            yield Finding("M105", f"{wnid} {name}", f"differs in {', '.join(differing)}")
        if row["duplicate_of"] is not None and row["duplicate_of"] not in ids:
            yield Finding("M106", f"{wnid} {name}", f"duplicate of {row['duplicate_of']}, which has no row")
    if list(ids) != list(expected) and ids.keys() == expected.keys():
        yield Finding("M107", wnid, "the rows are all there, in another order")
    said = tables.metadata(path).get("imagenet_build.counts", "nothing")
    if _counts(said) != wanted.counts:
        yield Finding("M104", wnid, f"the file says {said}, the tables say {wanted.counts}")
    if wanted.counts["waiting"] < 0:
        yield Finding("M104", wnid, "some URL is among the images and among the refused")


def _counts(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _check_shards(run: RunContext, bytes_too: bool) -> Iterator[Finding]:
    """Every stored image: its shard is there, long enough, and holds the right bytes. In order of place, each once."""
    columns = ["sha256", "shard", "offset", "size"]
    stored = tables.read(run.layout.images, IMAGES, columns=columns)
    places = sorted({(row["shard"], row["offset"], row["size"], row["sha256"]) for row in stored.to_pylist()})
    for shard, members in groupby(places, key=lambda place: place[0]):
        path = run.layout.shards / shard
        if not path.is_file():
            yield Finding("S101", shard, f"missing; {sum(1 for _ in members)} images are in it")
            continue
        length = path.stat().st_size
        cut = 0
        for _, offset, size, sha256 in members:
            if offset + size > length:
                cut += 1
            elif bytes_too:
                data = read_member(run.layout.shards, ShardRef(shard, offset, size))
                if hashlib.sha256(data).hexdigest() != sha256:
                    yield Finding(
                        "S103", f"{shard} at byte {offset}", f"the {size} bytes there are not {sha256[:16]}..."
                    )
        if cut:
            yield Finding("S102", shard, f"ends at byte {length}; {cut} images lie beyond")


def manifest_total(run: RunContext) -> int:
    """Number of manifests that an audit looks at, for progress."""
    return sum(1 for _ in tables.by_synset(run.layout.hits, HITS, ["wnid"])) if run.layout.hits.exists() else 0


def manifest_rows(run: RunContext) -> int:
    """Rows of all manifests, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in run.layout.manifests.glob("*.parquet"))
