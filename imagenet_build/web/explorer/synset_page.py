"""EDGE: all that a synset's page tells, but its pictures."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from imagenet_build.errors import DataError
from imagenet_build.records import ENGLISH, UNKNOWN_LICENSE, Origin
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.page_store import PageStore
from imagenet_build.verify.task_pages import wikipedia_link
from imagenet_build.web.explorer.column_reader import synset_columns
from imagenet_build.web.explorer.manifest_counts import ManifestFooter
from imagenet_build.web.explorer.picture_table import PictureTable, PictureTables
from imagenet_build.web.explorer.query_yields import query_yields
from imagenet_build.web.explorer.snapshot import Snapshot

_HIT_COLUMNS = ["query", "language", "origin", "engine", "url_key"]
_OTHER_NAMES = (Origin.TRANSLATION.value, Origin.LABEL.value, Origin.LATIN.value)
_MOST_CONFLICTS = 60
_MOST_CHILDREN = 500


def describe(
    snapshot: Snapshot, number: int, table: PictureTable | None, problem: str, footer: ManifestFooter | None = None
) -> dict[str, Any]:
    """What is said of a synset at the head of its page.

    Args:
        table: its pictures; None: there are none yet, or they cannot be read.
        problem: why they cannot be read.
        footer: what its manifest says of itself; None: what the snapshot knows of that.
    """
    tree = snapshot.concepts.tree
    wnid = tree.wnids[number]
    footer = footer or snapshot.footers.get(wnid)
    queries = queries_of(snapshot, wnid)
    children = tree.children[number]
    return {
        **snapshot.row(number),
        "synset": tree.synset_names[number],
        "words": list(tree.words[number]),
        "gloss": tree.glosses[number],
        "depth": tree.depths[number],
        "wikipedia": wikipedia_link(tree.name(number)),
        "other_names": _other_names(queries),
        "paths": [[_named(snapshot, one) for one in way] for way in tree.paths(number)],
        "children": [snapshot.row(child) for child in children[:_MOST_CHILDREN]],
        "children_total": len(children),
        "counts": {kind: int(values[number]) for kind, values in snapshot.own.items()},
        "counts_below": {kind: int(values[number]) for kind, values in snapshot.below.items()},
        "measure": snapshot.measure,
        "refused_by_reason": dict(footer.refused_by_reason or {}) if footer else {},
        "problem": problem or (footer.problem if footer else ""),
        "has_manifest": table is not None,
        "shown": {name: len(rows) for name, rows in table.shown.items()} if table else {},
        "licenses": _licenses(table),
        "conflicts": _conflicts(snapshot, table),
    }


def _named(snapshot: Snapshot, number: int) -> dict[str, str]:
    tree = snapshot.concepts.tree
    return {"wnid": tree.wnids[number], "name": tree.name(number)}


def name_of(snapshot: Snapshot, wnid: str) -> str:
    """The first synonym of a synset that the run may not have."""
    number = snapshot.concepts.tree.number.get(wnid)
    return wnid if number is None else snapshot.concepts.tree.name(number)


def queries_of(snapshot: Snapshot, wnid: str) -> list[dict[str, Any]]:
    """The rows of QUERIES of one synset, best first."""
    rows = snapshot.concepts.queries.filter(pc.equal(snapshot.concepts.queries["wnid"], wnid)).to_pylist()
    return sorted(rows, key=lambda row: int(row["position"]))


def _other_names(queries: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Language -> names in it."""
    names: dict[str, list[str]] = {}
    for row in queries:
        if row["origin"] in _OTHER_NAMES and row["language"] != ENGLISH:
            names.setdefault(row["language"], []).append(row["text"])
    return names


def _licenses(table: PictureTable | None) -> list[tuple[str, int]]:
    """(Licence, kept pictures), most first; unknown last."""
    if table is None:
        return []
    held = Counter(table.rows["license"].take(pa.array(table.shown["all"])).to_pylist())
    return sorted(held.items(), key=lambda item: (item[0] == UNKNOWN_LICENSE, -item[1], item[0]))


def _conflicts(snapshot: Snapshot, table: PictureTable | None) -> list[dict[str, Any]]:
    """The synsets that hold pictures of this one too, those with most first."""
    if table is None:
        return []
    held: Counter[str] = Counter()
    for others in table.rows["conflicts"].take(pa.array(table.shown["conflicts"])).to_pylist():
        held.update(others)
    order = sorted(held.items(), key=lambda item: (-item[1], item[0]))[:_MOST_CONFLICTS]
    return [{"wnid": wnid, "name": name_of(snapshot, wnid), "pictures": count} for wnid, count in order]


def read_yields(layout: RunLayout, snapshot: Snapshot, wnid: str) -> dict[str, Any]:
    """The queries of a synset with what each brought so far.

    Raises:
        DataError: a table is damaged.
    """
    hits = synset_columns(layout.hits, wnid, _HIT_COLUMNS)
    is_final = hits is not None
    if hits is None:
        hits = _hits_so_far(layout, snapshot, wnid)
    manifest = synset_columns(layout.manifest(wnid), wnid, ["url_key", "kept"])
    kept = manifest.filter(manifest["kept"])["url_key"].to_pylist() if manifest is not None else []
    rows = query_yields(queries_of(snapshot, wnid), hits.to_pylist(), kept)
    return {"queries": rows, "is_final": is_final, "has_manifest": manifest is not None}


def _hits_so_far(layout: RunLayout, snapshot: Snapshot, wnid: str) -> pa.Table:
    """What the engines have answered while the search is still at work."""
    found = []
    for engine in snapshot.status.get("engines", []):
        path = layout.pages(engine)
        if not path.exists():
            continue
        store = PageStore(path, read_only=True)
        try:
            held = store.hits(wnid)
        finally:
            store.close()
        if held is not None:
            found.append(held[0].select(_HIT_COLUMNS))
    columns = {name: pa.array([], pa.string()) for name in _HIT_COLUMNS}
    return pa.concat_tables(found) if found else pa.table(columns)


def pictures_or_problem(tables: PictureTables, wnid: str) -> tuple[PictureTable | None, str]:
    """The pictures of a synset, or why they cannot be read: the rest of its page is shown all the same."""
    try:
        return tables.of(wnid), ""
    except DataError as error:
        return None, str(error)
