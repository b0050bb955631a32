"""All tables -> manifest/<wnid>.parquet, one file per synset with hits; and manifests.parquet, the index over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from imagenet_build.contracts import Exchange, RunContext, UnitResult, WorkUnit
from imagenet_build.manifest.assemble import SynsetTables, assemble
from imagenet_build.storage import tables
from imagenet_build.storage.manifest_index import index_row, listed_wnids, row_of_file, withdraw_index, write_index
from imagenet_build.storage.places import Location, size_of
from imagenet_build.storage.run_record import config_hash
from imagenet_build.storage.run_state import RunState, UnitRecord
from imagenet_build.storage.schemas import CONFLICTS, DUPLICATES, HITS, IMAGES, LEAKS, MANIFEST, REJECTIONS, SYNSETS
from imagenet_build.storage.synset_reader import rows_of

_BYTES = "bytes"
"""Among a unit's counts: the length of its file."""


class ManifestStage:
    """Write each synset's candidates for verification, with full provenance."""

    name = "manifest"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit per synset with hits, in wnid order; its fingerprint covers every row that goes into it."""
        others = [
            _Follower(path, schema, columns)
            for path, schema, columns in (
                (run.layout.images, IMAGES, ["wnid", "url_key", "sha256", "shard", "offset", "fetched_at"]),
                (run.layout.rejections, REJECTIONS, ["wnid", "url_key", "reason"]),
                (run.layout.duplicates, DUPLICATES, DUPLICATES.names),
                (run.layout.conflicts, CONFLICTS, CONFLICTS.names),
                (run.layout.leaks, LEAKS, LEAKS.names),
            )
        ]
        shared = config_hash(run.config)
        for wnid, hits in tables.by_synset(run.layout.hits, HITS):
            text = "/".join([shared, tables.digest(hits), *(other.digest_of(wnid) for other in others)])
            yield WorkUnit(self.name, wnid, hashlib.sha256(text.encode()).hexdigest()[:32])

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Write one manifest. Runs in any process and writes only its own file."""
        wnid = unit.key
        found = read_synset(run, wnid)
        made = assemble(wnid, found, urls_only=not run.config.download.enabled)
        synset = rows_of(run.layout.synsets, SYNSETS, wnid).to_pylist()
        metadata = {
            "wnid": wnid,
            "synset": synset[0]["name"] if synset else "",
            "gloss": synset[0]["gloss"] if synset else "",
            "config_hash": config_hash(run.config),
            "counts": json.dumps(made.counts),
            "refused_by_reason": json.dumps(made.refused_by_reason),
        }
        metadata = {f"imagenet_build.{key}": value for key, value in metadata.items()}
        path = run.layout.manifest(wnid)
        tables.write_rows(path, MANIFEST, made.rows, metadata)
        return UnitResult(unit, {**made.counts, _BYTES: size_of(path)})

    def withdraw(self, run: RunContext) -> None:
        """Take the index away, before the first unit runs: an index that is there can be trusted."""
        withdraw_index(run.layout)

    def is_published(self, run: RunContext) -> bool:
        """Whether the index is there; runs of older versions have none."""
        return run.layout.manifest_index.exists()

    def finish(self, run: RunContext, _: Exchange | None = None, /) -> None:
        """Remove manifests of synsets that no longer have hits, and publish the index."""
        wanted = [wnid for wnid, _ in tables.by_synset(run.layout.hits, HITS, ["wnid"])]
        gone = sorted(set(listed_wnids(run.layout)).difference(wanted))
        if gone:
            withdraw_index(run.layout)
        for wnid in gone:
            run.layout.manifest(wnid).unlink()
        write_index(run.layout, _index_rows(run, wanted))


def _index_rows(run: RunContext, wnids: list[str]) -> Iterator[dict[str, Any]]:
    """What the units recorded; only what they did not record is asked of the files."""
    synsets = tables.read(run.layout.synsets, SYNSETS, columns=["wnid", "name"])
    names = dict(zip(synsets["wnid"].to_pylist(), synsets["name"].to_pylist(), strict=True))
    recorded: dict[str, UnitRecord] = {}
    if run.layout.state.exists():
        state = RunState(run.layout.state, read_only=True)
        try:
            recorded = state.units(ManifestStage.name)
        finally:
            state.close()
    for wnid in wnids:
        record = recorded.get(wnid)
        if record is not None and _BYTES in record.counts:
            yield index_row(wnid, names.get(wnid, ""), record.counts, record.counts[_BYTES])
        elif run.layout.manifest(wnid).exists():
            yield row_of_file(run.layout, wnid)


def read_synset(run: RunContext, wnid: str) -> SynsetTables:
    """Every published row of one synset.

    Raises:
        DataError: a table is missing or damaged.
    """

    def rows(path: Location, schema: pa.Schema) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = rows_of(path, schema, wnid).to_pylist()
        return found

    layout = run.layout
    return SynsetTables(
        rows(layout.hits, HITS),
        rows(layout.images, IMAGES),
        rows(layout.rejections, REJECTIONS),
        rows(layout.duplicates, DUPLICATES),
        rows(layout.conflicts, CONFLICTS),
        rows(layout.leaks, LEAKS),
    )


class _Follower:
    """Walks a sorted table beside another one: digests of one synset after the other, in wnid order."""

    def __init__(self, path: Location, schema: pa.Schema, columns: list[str]) -> None:
        self._rows = tables.by_synset(path, schema, columns)
        self._next: tuple[str, pa.Table] | None = next(self._rows, None)

    def digest_of(self, wnid: str) -> str:
        while self._next is not None and self._next[0] < wnid:
            self._next = next(self._rows, None)
        return tables.digest(self._next[1]) if self._next is not None and self._next[0] == wnid else ""
