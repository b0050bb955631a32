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
from imagenet_build.manifest.assemble import assemble, candidate_id
from imagenet_build.manifest.stage import read_synset
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import HITS, IMAGES, MANIFEST, SYNSETS
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
    "M201": "a wnid that the run does not build",
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
    try:
        wnids = tables.read(layout.synsets, SYNSETS, columns=["wnid"])["wnid"].to_pylist()
        seen = [wnid for wnid, _ in tables.by_synset(layout.hits, HITS, ["wnid"])]
    except DataError as error:
        yield Finding("T101", str(layout.root), error.message)
        return
    built = set(wnids)
    for path in sorted(layout.manifests.glob("*.parquet")):
        if path.stem not in built:
            yield Finding("M201", path.name, "no such synset in synsets.parquet")
    for wnid in seen:
        if wnid not in built:
            yield Finding("M201", wnid, "has hits, but is not in synsets.parquet")
            continue
        try:
            yield from _check_manifest(run, wnid)
        except DataError as error:
            yield Finding("T101", wnid, error.message)
        advance(1)
    if run.config.download.enabled:
        yield from _check_shards(run, bytes_too)


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
        elif row["wnid"] != wnid or name != candidate_id(wnid, row["url_key"]):
            yield Finding("M105", f"{wnid} {name}", "wnid or candidate_id do not belong to the row's URL")
        else:
            differing = [
                key
                for key in ("sha256", "shard", "offset", "size", "kept", "duplicate_of")
                if row[key] != expected[name][key]
            ]
            if differing:
                yield Finding("M105", f"{wnid} {name}", f"differs in {', '.join(differing)}")
        if row["duplicate_of"] is not None and row["duplicate_of"] not in ids:
            yield Finding("M106", f"{wnid} {name}", f"duplicate of {row['duplicate_of']}, which has no row")
    counts = json.loads(tables.metadata(path).get("imagenet_build.counts", "{}"))
    total = sum(counts.get(key, 0) for key in ("kept", "duplicates", "refused", "waiting"))
    if counts != wanted.counts or total != counts.get("seen"):
        yield Finding("M104", wnid, f"the file says {counts}, the tables say {wanted.counts}")


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
