"""Audits the index over the manifests: one row per synset with hits, and each says what its file says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from imagenet_build.errors import DataError
from imagenet_build.manifest.findings import Finding
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import read_index, row_of_file

Index = Mapping[str, Mapping[str, Any]]


def open_index(layout: RunLayout, found: list[Finding]) -> Index | None:
    """The index by wnid, in its own order; what is wrong with it as a whole is added to `found`."""
    try:
        table = read_index(layout)
    except DataError as error:
        found.append(Finding("T101", layout.manifest_index.name, error.message))
        return None
    if table is None:
        detail = "missing: the last stage was stopped, or an older version made the run; the next `build` writes it"
        found.append(Finding("T101", layout.manifest_index.name, detail))
        return None
    return {row["wnid"]: row for row in table.to_pylist()}


def check_index_row(layout: RunLayout, index: Index, wnid: str) -> Iterator[Finding]:
    """The row of one synset whose manifest is good."""
    row = index.get(wnid)
    if row is None:
        yield Finding("M108", wnid, "has a manifest, but no row")
        return
    said = row_of_file(layout, wnid)
    differing = [f"{key} is {said[key]}, not {row[key]}" for key in said if row[key] != said[key]]
    if differing:
        yield Finding("M108", wnid, f"in the file {'; '.join(differing)}")


def check_index_order(index: Index, seen: Collection[str]) -> Iterator[Finding]:
    """Rows of nothing, and their order."""
    wanted = set(seen)
    for wnid in index:
        if wnid not in wanted:
            yield Finding("M108", wnid, "has a row, but no hits")
    if list(index) != sorted(index):
        yield Finding("M108", "manifests.parquet", "the rows are not in the order of the wnids")
