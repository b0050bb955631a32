"""The index over a run's manifests: one small table, so that nobody needs to list or open 80,000 files.

`manifests.parquet` is there if and only if it agrees with the files: it is taken away before a manifest is written, and
comes back, whole, when all are. Without it (a run in the middle of its last stage, or made by an older version) readers
fall back on the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from imagenet_build.errors import DataError
from imagenet_build.records import WNID_PATTERN
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import names_in, size_of
from imagenet_build.storage.schemas import MANIFESTS

COUNTS = ("seen", "kept", "duplicates", "refused", "waiting")
"""Of a manifest; the first is the sum of the others."""
_SUFFIX = ".parquet"


def index_row(wnid: str, name: str, counts: Mapping[str, int], size: int) -> dict[str, Any]:
    """The index's row for one manifest.

    Args:
        wnid: the synset.
        name: of the synset.
        counts: with the keys `COUNTS`; kept pictures and duplicates are the manifest's rows.
        size: of the file, in bytes.
    """
    return {
        "wnid": wnid,
        "name": name,
        "file": f"manifest/{wnid}.parquet",
        "rows": counts["kept"] + counts["duplicates"],
        **{key: counts[key] for key in COUNTS},
        "bytes": size,
    }


def row_of_file(layout: RunLayout, wnid: str) -> dict[str, Any]:
    """The same, from the manifest itself.

    Raises:
        DataError: it is missing or damaged, or its metadata have no counts.
    """
    path = layout.manifest(wnid)
    said = tables.metadata(path)
    try:
        counts = {key: int(json.loads(said["imagenet_build.counts"])[key]) for key in COUNTS}
    except (KeyError, ValueError, TypeError):
        raise DataError(f"{path} does not say its counts.", remedy="Delete it and build anew.") from None
    row = index_row(wnid, said.get("imagenet_build.synset", ""), counts, size_of(path))
    return {**row, "rows": tables.row_count(path)}


def write_index(layout: RunLayout, rows: Iterable[Mapping[str, Any]]) -> None:
    """Publish the index: rows by wnid."""
    tables.write_rows(layout.manifest_index, MANIFESTS, rows)


def withdraw_index(layout: RunLayout) -> None:
    """Take the index away: manifests are about to be written."""
    layout.manifest_index.unlink(missing_ok=True)


def read_index(layout: RunLayout) -> pa.Table | None:
    """The index, MANIFESTS rows by wnid; None if there is none.

    Raises:
        DataError: it is damaged.
    """
    return tables.read(layout.manifest_index, MANIFESTS) if layout.manifest_index.exists() else None


def listed_wnids(layout: RunLayout) -> Iterator[str]:
    """The synsets that have a file in the folder of manifests, in no order: one listing, no file is looked at."""
    for name in names_in(layout.manifests):
        wnid = name.removesuffix(_SUFFIX)
        if name.endswith(_SUFFIX) and WNID_PATTERN.fullmatch(wnid):
            yield wnid


def manifest_wnids(layout: RunLayout) -> list[str]:
    """The synsets that have a manifest, sorted.

    Raises:
        DataError: the index is damaged.
    """
    index = read_index(layout)
    found: list[str] = sorted(listed_wnids(layout)) if index is None else index["wnid"].to_pylist()
    return found


def manifest_sizes(layout: RunLayout) -> dict[str, int]:
    """Synset -> rows of its manifest, by wnid.

    Raises:
        DataError: the index or, without it, a manifest is damaged.
    """
    index = read_index(layout)
    if index is None:
        return {wnid: tables.row_count(layout.manifest(wnid)) for wnid in sorted(listed_wnids(layout))}
    return dict(zip(index["wnid"].to_pylist(), index["rows"].to_pylist(), strict=True))
