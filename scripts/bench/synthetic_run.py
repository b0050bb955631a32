"""A run directory as a build leaves it before the manifest stage, of any size, without a crawl: tables, queue, state.

Shares are those of a plausible crawl: of 100 hits 80 addresses are distinct, of which 60 are images (15 duplicates),
34 refused, and 6 wait. Tiny pictures have 6 of 8 bits of noise, so that they are packed about as photographs are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.config.models import BuildConfig
from imagenet_build.records import wnid_of
from imagenet_build.storage import queue_tallies, schemas
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.queue_schema import SCHEMA as QUEUE_SCHEMA
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.tables import ROWS_PER_GROUP

KEPT, REFUSED = 0.6, 0.34
DUPLICATES, CONFLICTS, LEAKS = 0.25, 0.01, 0.001
"""Of the images."""
_SPREAD = 0.6
_TEXTS = ("page_url", "license_version", "license_url", "creator", "creator_url", "title")
_REASONS = ("http_error", "timeout", "too_small", "not_an_image", "robots_refused")
_HOSTS = 5_000

Columns = dict[str, Any]
Random = np.random.Generator


@dataclass(frozen=True)
class _Synset:
    """What one synset has."""

    wnid: str
    keys: list[str]
    """Distinct addresses."""
    kept: list[str]
    refused: list[str]
    size: int
    """Hits."""


def sizes_of(rows: int, per_synset: int, rng: Random) -> list[int]:
    """Hits of each synset, about lognormal around `per_synset`, `rows` in all."""
    count = max(1, round(rows / per_synset))
    weights = rng.lognormal(0.0, _SPREAD, count)
    ends = np.round(np.cumsum(weights) / weights.sum() * rows).astype(int)
    return [int(size) for size in np.diff([0, *ends]) if size]


def make_run(root: Path, rows: int, per_synset: int, seed: int = 0) -> RunLayout:
    """Make a run with so many hits; equal arguments, equal tables."""
    rng = np.random.default_rng(seed)
    sizes = sizes_of(rows, per_synset, rng)
    wnids = [wnid_of(10_000 + 100 * place) for place in range(len(sizes))]
    settings = {
        "taxonomy": {"roots": ["entity.n.01"]},
        "search": {"engines": [{"name": "openverse"}, {"name": "wikimedia"}]},
    }
    with writing(root, BuildConfig.model_validate(settings)) as layout:
        _synsets(layout, wnids)
        _stage_tables(layout, wnids, sizes, rng)
        _state(layout, wnids, sizes)
    return layout


def _synsets(layout: RunLayout, wnids: list[str]) -> None:
    count = len(wnids)
    columns: Columns = {
        "wnid": wnids,
        "name": [f"thing_{wnid}.n.01" for wnid in wnids],
        "lemmas": [[f"thing_{wnid}"] for wnid in wnids],
        "gloss": [f"a made-up thing that is called {wnid}" for wnid in wnids],
        "hypernyms": [["n00001740"]] * count,
        "depth": [5] * count,
        "is_organism": [False] * count,
        "root": ["n00001740"] * count,
    }
    pq.write_table(pa.table(columns, schemas.SYNSETS), layout.synsets, row_group_size=ROWS_PER_GROUP)
    for path, schema in (
        (layout.left_out, schemas.LEFT_OUT),
        (layout.queries, schemas.QUERIES),
        (layout.search_rejections, schemas.SEARCH_REJECTIONS),
    ):
        pq.write_table(schema.empty_table(), path)


def _stage_tables(layout: RunLayout, wnids: list[str], sizes: list[int], rng: Random) -> None:
    """Everything that goes into manifests, some synsets at a time; and the queue that they come from."""
    made: list[tuple[Path, pa.Schema, Callable[..., Columns]]] = [
        (layout.hits, schemas.HITS, _hits),
        (layout.images, schemas.IMAGES, _images),
        (layout.rejections, schemas.REJECTIONS, _rejections),
        (layout.duplicates, schemas.DUPLICATES, _duplicates),
        (layout.conflicts, schemas.CONFLICTS, _conflicts),
        (layout.leaks, schemas.LEAKS, _leaks),
    ]
    queue = sqlite3.connect(layout.download_queue)
    queue.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + QUEUE_SCHEMA)
    queue.executemany("INSERT INTO hosts (id, name) VALUES (?, ?)", ((n, f"h{n}.example.org") for n in range(_HOSTS)))
    writers = [_Grouped(path, schema) for path, schema, _ in made]
    for wnid, size in zip(wnids, sizes, strict=True):
        keys = [f"//h{place % _HOSTS}.example.org/photos/{wnid}/{place:07d}.jpg" for place in range(-(-size * 4 // 5))]
        lot = rng.random(len(keys))
        kept = [key for key, drawn in zip(keys, lot, strict=True) if drawn < KEPT]
        refused = [key for key, drawn in zip(keys, lot, strict=True) if KEPT <= drawn < KEPT + REFUSED]
        for writer, (_, _, columns) in zip(writers, made, strict=True):
            writer.add(wnid, columns(_Synset(wnid, keys, kept, refused, size), rng))
        _queue(queue, keys, lot, rng)
    for writer in writers:
        writer.close()
    queue_tallies.begin(queue)
    for column, state in (("kept", 1), ("refused", 2)):
        queue.execute(
            f"UPDATE hosts SET {column} = found.count FROM (SELECT host, count(*) AS count FROM urls WHERE state ="
            f" {state} GROUP BY host) AS found WHERE found.host = hosts.id"
        )
    queue.commit()
    queue.close()


class _Grouped:
    """A Parquet file written in row groups of the usual size, from columns of one synset after the other."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, wnid: str, columns: Columns) -> None:
        count = len(columns["url_key"])
        if not count:
            return
        arrays = [
            pa.array([wnid] * count if field.name == "wnid" else columns[field.name], field.type)
            if field.name == "wnid" or field.name in columns
            else _filled(field, count)
            for field in self._schema
        ]
        self._held.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows += count
        while self._rows >= ROWS_PER_GROUP:
            table = pa.concat_tables(self._held)
            self._writer.write_table(table.slice(0, ROWS_PER_GROUP))
            self._held = [table.slice(ROWS_PER_GROUP)]
            self._rows -= ROWS_PER_GROUP

    def close(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._held))
        self._writer.close()


def _filled(field: pa.Field, count: int) -> pa.Array:
    """What nobody cares about: nothing, or an empty text or 0."""
    if field.nullable:
        return pa.nulls(count, field.type)
    return pa.array([""] * count if pa.types.is_string(field.type) else [0] * count).cast(field.type)


def _hits(made: _Synset, rng: Random) -> Columns:
    """Every address once, in order; then some again, from other queries."""
    chosen = [*made.keys, *(made.keys[place] for place in rng.integers(0, len(made.keys), made.size - len(made.keys)))]
    return {
        "engine": ["openverse" if place % 3 else "wikimedia" for place in range(made.size)],
        "query": [f"thing {place // 200}" for place in range(made.size)],
        "language": ["eng"] * made.size,
        "origin": ["synonym"] * made.size,
        "position": [place // 200 for place in range(made.size)],
        "rank": [place % 200 for place in range(made.size)],
        "url": ["https:" + key for key in chosen],
        "url_key": chosen,
        "engine_id": [f"{made.wnid}-{place}" for place in range(made.size)],
        "license": ["by" if place % 2 else "unknown" for place in range(made.size)],
        **{name: [f"https://example.org/{name}/{made.wnid}/{place}" for place in range(made.size)] for name in _TEXTS},
    }


def _images(made: _Synset, rng: Random) -> Columns:
    count = len(made.kept)
    noise = rng.integers(0, 256, (count, 3072), np.uint8) & 0xFC
    hashes = {name: rng.integers(0, 2**63, count) for name in ("dct_hash", "mirrored_hash", "gradient_hash")}
    return {
        "url_key": made.kept,
        "url": ["https:" + key for key in made.kept],
        "sha256": [rng.bytes(32).hex() for _ in made.kept],
        "pixel_sha256": [rng.bytes(32).hex() for _ in made.kept],
        "shard": [f"w0/{place // 5000:05d}.tar" for place in range(count)],
        "offset": [512 + place * 110_000 for place in range(count)],
        "size": [110_000 + place for place in range(count)],
        "format": ["JPEG"] * count,
        "mode": ["RGB"] * count,
        "width": [640] * count,
        "height": [480] * count,
        "has_alpha": [False] * count,
        "has_icc_profile": [False] * count,
        "frames": [1] * count,
        "orientation": [1] * count,
        **{name: pa.array(values.astype(np.uint64)) for name, values in hashes.items()},
        "tiny": [row.tobytes() for row in noise],
        "fetched_at": [1_700_000_000_000 + place for place in range(count)],
    }


def _rejections(made: _Synset, _: Random) -> Columns:
    count = len(made.refused)
    return {
        "url_key": made.refused,
        "url": ["https:" + key for key in made.refused],
        "reason": [_REASONS[place % len(_REASONS)] for place in range(count)],
        "detail": ["HTTP status 404 from the host that was asked"] * count,
        "attempts": [1] * count,
        "refused_at": [1_700_000_000_000] * count,
    }


def _duplicates(made: _Synset, rng: Random) -> Columns:
    firsts = len(made.kept) - round(len(made.kept) * DUPLICATES)
    lost = sorted(made.kept[firsts:])
    return {
        "url_key": lost,
        "duplicate_of": [made.kept[place] for place in rng.integers(0, max(1, firsts), len(lost))],
        "reason": ["near"] * len(lost),
    }


def _conflicts(made: _Synset, _: Random) -> Columns:
    count = round(len(made.kept) * CONFLICTS)
    return {
        "url_key": sorted(made.kept[:count]),
        "other_wnid": ["n00001740"] * count,
        "other_url_key": [f"//other.example.org/{place}.jpg" for place in range(count)],
        "reason": ["exact"] * count,
    }


def _leaks(made: _Synset, _: Random) -> Columns:
    count = round(len(made.kept) * LEAKS)
    return {
        "url_key": sorted(made.kept[:count]),
        "listed": [f"test/{place}" for place in range(count)],
        "reason": ["near"] * count,
    }


def _queue(queue: sqlite3.Connection, keys: list[str], lot: np.ndarray[Any, Any], rng: Random) -> None:
    """The addresses as `download` keeps them; the images' own rows, which `status` does not read, are left out."""
    states = np.where(lot < KEPT, 1, np.where(lot < KEPT + REFUSED, 2, 0)).tolist()

    def rows() -> Iterator[tuple[Any, ...]]:
        for place, (key, state) in enumerate(zip(keys, states, strict=True)):
            reason = _REASONS[place % len(_REASONS)] if state == 2 else None
            yield rng.bytes(16), "https:" + key, place % _HOSTS, state, 1, reason

    queue.executemany("INSERT INTO urls (key, url, host, state, attempts, reason) VALUES (?, ?, ?, ?, ?, ?)", rows())


def _state(layout: RunLayout, wnids: list[str], sizes: list[int]) -> None:
    """What the stages before manifest would have recorded: done, one unit a synset (search: one per engine too)."""
    state = RunState(layout.state)
    state.close()
    database = sqlite3.connect(layout.state)
    with database:
        for stage, suffixes in (("search", ("/openverse", "/wikimedia")), ("dedup", ("",))):
            rows = (
                (stage, wnid + suffix, "0" * 32, f'{{"hits": {size}, "images": {size}}}', "", 0.0)
                for wnid, size in zip(wnids, sizes, strict=True)
                for suffix in suffixes
            )
            database.executemany("INSERT INTO units VALUES (?, ?, ?, ?, ?, ?)", rows)
        names = ("taxonomy", "queries", "search", "download", "dedup")
        stages = ((name, "done", len(wnids), 1.0, 0.0) for name in names)
        database.executemany("INSERT INTO stages VALUES (?, ?, ?, ?, ?)", stages)
    database.close()
