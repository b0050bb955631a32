"""Audits a run: every count adds up, every file reads, no image twice. Reads only; findings have codes."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, BinaryIO, NamedTuple

import pyarrow.compute as pc

from imagenet_build.contracts import RunContext
from imagenet_build.errors import DataError
from imagenet_build.manifest.assemble import assemble
from imagenet_build.manifest.check_index import check_index_order, check_index_row, open_index
from imagenet_build.manifest.check_queue import check_against_queue
from imagenet_build.manifest.findings import CODES, Finding
from imagenet_build.manifest.stage import read_synset
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import listed_wnids, manifest_sizes
from imagenet_build.storage.places import open_file
from imagenet_build.storage.run_status import is_list_run
from imagenet_build.storage.schemas import (
    CONFLICTS,
    DUPLICATES,
    HITS,
    IMAGES,
    LEAKS,
    LEFT_OUT,
    MANIFEST,
    QUERIES,
    REJECTIONS,
    SEARCH_REJECTIONS,
    SYNSETS,
)

__all__ = ["CODES", "Finding", "check_run", "manifest_rows", "manifest_total"]
_ROWS = 10_000


def check_run(
    run: RunContext, *, bytes_too: bool = True, advance: Callable[[int], None] = lambda _: None
) -> Iterator[Finding]:
    """Audit a run whose build has reached the manifest stage, or one of `fetch`.

    Args:
        run: the run.
        bytes_too: read every image's bytes and compare their sha256; False looks at tables and shard lengths only.
        advance: called with the number of manifests looked at.
    """
    layout = run.layout
    if is_list_run(layout):
        yield from check_against_queue(run)
        if layout.images.exists():
            yield from _shards_or_table(run, bytes_too)
        return
    broken = list(_check_tables(layout))
    yield from broken
    if not broken:
        built = set(tables.read(layout.synsets, SYNSETS, columns=["wnid"])["wnid"].to_pylist())
        seen = [wnid for wnid, _ in tables.by_synset(layout.hits, HITS, ["wnid"])]
        with_hits = set(seen)
        for wnid in sorted(set(listed_wnids(layout)) - (built & with_hits)):
            missing = "no such synset in synsets.parquet" if wnid not in built else "the synset has no hits"
            yield Finding("M201", layout.manifest(wnid).name, missing)
        of_index: list[Finding] = []
        index = open_index(layout, of_index)
        for wnid in seen:
            if wnid not in built:
                yield Finding("M201", wnid, "has hits, but is not in synsets.parquet")
            try:
                found = list(_check_manifest(run, wnid))
                yield from found
                if index is not None and not found:
                    of_index += check_index_row(layout, index, wnid)
            except DataError as error:
                yield Finding("T101", f"{wnid}.parquet", error.message)
            advance(1)
        yield from of_index
        yield from check_index_order(index, seen) if index is not None else ()
    if run.config.download.enabled and layout.images.name not in {finding.where for finding in broken}:
        yield from _shards_or_table(run, bytes_too)


def _shards_or_table(run: RunContext, bytes_too: bool) -> Iterator[Finding]:
    try:
        yield from _check_shards(run, bytes_too)
    except DataError as error:
        yield Finding("T101", run.layout.images.name, error.message)


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
        (layout.leaks, LEAKS),
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
    """Every stored image: its shard is there, long enough, and holds the right bytes under the right name."""
    for shard, members in groupby(_places(run), key=lambda place: place.shard):
        path = run.layout.shards / shard
        if not path.exists():
            yield Finding("S101", shard, f"missing; {sum(1 for _ in members)} images are in it")
            continue
        cut = 0
        with open_file(path) as file:
            length = file.seek(0, os.SEEK_END)
            for place in members:
                if place.offset + place.size > length:
                    cut += 1
                elif bytes_too:
                    yield from _check_member(file, place)
        if cut:
            yield Finding("S102", shard, f"ends at byte {length}; {cut} images lie beyond")


class _Place(NamedTuple):
    """Where the tables say that an image lies."""

    shard: str
    offset: int
    size: int
    sha256: str


def _places(run: RunContext) -> Iterator[_Place]:
    """In the order of place, each once; 100 bytes of memory for a row of the table."""
    stored = tables.read(run.layout.images, IMAGES, columns=_Place._fields).drop_null()
    order = pc.sort_indices(stored, sort_keys=[(name, "ascending") for name in _Place._fields])
    before: _Place | None = None
    for start in range(0, len(order), _ROWS):
        for row in stored.take(order.slice(start, _ROWS)).to_pylist():
            place = _Place(**row)
            if place != before:
                yield place
            before = place


def _check_member(file: BinaryIO, place: _Place) -> Iterator[Finding]:
    where = f"{place.shard} at byte {place.offset}"
    file.seek(max(0, place.offset - tarfile.BLOCKSIZE))
    header = file.read(min(place.offset, tarfile.BLOCKSIZE))
    if hashlib.sha256(file.read(place.size)).hexdigest() != place.sha256:
        yield Finding("S103", where, f"the {place.size} bytes there are not {place.sha256[:16]}...")
        return
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
    except tarfile.HeaderError as error:
        yield Finding("S104", where, str(error))
        return
    if (member.name.partition(".")[0], member.size) != (place.sha256, place.size):
        yield Finding("S104", where, f"it says {member.name[:80]}, {member.size} bytes")


def manifest_total(run: RunContext) -> int:
    """Number of manifests that an audit looks at, for progress."""
    return sum(1 for _ in tables.by_synset(run.layout.hits, HITS, ["wnid"])) if run.layout.hits.exists() else 0


def manifest_rows(run: RunContext) -> int:
    """Rows of all manifests, from the index."""
    return sum(manifest_sizes(run.layout).values())
