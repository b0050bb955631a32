"""EDGE: where one picture comes from, as far as the run knows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagenet_build.errors import DataError
from imagenet_build.licenses import normalize_license
from imagenet_build.manifest.assemble import candidate_id
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import unreadable
from imagenet_build.storage.schemas import MANIFEST
from imagenet_build.web.explorer.column_reader import synset_columns
from imagenet_build.web.explorer.picture_table import PictureTable
from imagenet_build.web.explorer.snapshot import Snapshot
from imagenet_build.web.explorer.synset_page import name_of

_NOT_SHOWN = ("tiny", "dct_hash", "mirrored_hash", "gradient_hash", "group_id")
_COLUMNS = [column.name for column in MANIFEST if column.name not in _NOT_SHOWN]
_CONFLICT_COLUMNS = ["url_key", "other_wnid", "other_url_key", "related", "reason", "distance"]
_LINKS = ("url", "final_url", "page_url", "license_url", "creator_url")
_COPY_COLUMNS = ("url", "page_url", "duplicate_reason", "width", "height", "format", "size", "license", "engines")
_MOST_COPIES = 50


def read_provenance(layout: RunLayout, snapshot: Snapshot, table: PictureTable, row: int, shown: str) -> dict[str, Any]:
    """All of a picture's row, its copies, its conflicts, its verdict, and what stands beside it on the page.

    Args:
        row: of `table`. shown: the filter of the page (FILTERS) that it is looked at in.
    Raises:
        DataError: a table is damaged.
    """
    copies = table.folded.get(row, [])[:_MOST_COPIES]
    said = _rows(layout, table.wnid, [row, *copies])
    picture = said[row]
    verdict = table.verdicts.get(picture["candidate_id"])
    license_ = normalize_license(picture["license"], picture["license_version"], picture["license_url"])
    return {
        **_safe(picture),
        "id": picture["candidate_id"].partition("_")[2],
        "row": row,
        "fetched_at": picture["fetched_at"].isoformat() if picture["fetched_at"] else None,
        "license_link": _web_address(picture["license_url"]) or _web_address(license_.url),
        "verdict": verdict._asdict() if verdict else None,
        "copies": [_copy(said[one], one) for one in copies],
        "copies_total": len(table.folded.get(row, ())),
        "conflicts": _conflicts(layout, snapshot, table.wnid, picture["url_key"]),
        **_neighbours(table, row, shown),
    }


def _rows(layout: RunLayout, wnid: str, rows: list[int]) -> dict[int, dict[str, Any]]:
    """Some rows of a manifest, without what only machines read; only the row groups that hold them are read."""
    path = layout.manifest(wnid)
    found: dict[int, dict[str, Any]] = {}
    try:
        with tables.open_parquet(path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            for group, (start, end) in enumerate(pairwise(np.cumsum([0, *sizes]).tolist())):
                wanted = [row for row in rows if start <= row < end]
                if wanted:
                    part = file.read_row_group(group, columns=_COLUMNS, use_threads=False)
                    taken = part.take(pa.array([row - start for row in wanted])).to_pylist()
                    found.update(zip(wanted, taken, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, "") from None
    if len(found) < len(rows):
        raise DataError(f"{path} changed while it was read.", remedy="Reload the page.")
    return found


def _copy(said: dict[str, Any], row: int) -> dict[str, Any]:
    return {
        **{name: _safe(said)[name] for name in _COPY_COLUMNS},
        "id": said["candidate_id"].partition("_")[2],
        "row": row,
    }


def _safe(said: dict[str, Any]) -> dict[str, Any]:
    """With addresses that a page may link to; others are shown as text (`<name>_text`)."""
    made = dict(said)
    for name in _LINKS:
        address = said[name] or ""
        made[name] = _web_address(address)
        if address and not made[name]:
            made[f"{name}_text"] = address
    return made


def _web_address(address: str) -> str:
    """The address if it is one of the web; else nothing: `javascript:` and the like come from strangers."""
    try:
        return address if urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _conflicts(layout: RunLayout, snapshot: Snapshot, wnid: str, url_key: str) -> list[dict[str, Any]]:
    rows = synset_columns(layout.conflicts, wnid, _CONFLICT_COLUMNS)
    if rows is None:
        return []
    own = rows.filter(pc.equal(rows["url_key"], url_key)).to_pylist()
    return [
        {
            "wnid": row["other_wnid"],
            "name": name_of(snapshot, row["other_wnid"]),
            "id": candidate_id(row["other_wnid"], row["other_url_key"]).partition("_")[2],
            "related": row["related"],
            "reason": row["reason"],
        }
        for row in own
    ]


def _neighbours(table: PictureTable, row: int, shown: str) -> dict[str, Any]:
    """Where the picture stands among those shown; a copy stands where the one that is kept for it does."""
    rows = table.shown[shown]
    place = int(np.searchsorted(rows, row))
    if place >= len(rows) or rows[place] != row:
        return {"place": None, "of": len(rows), "previous": None, "next": None}

    def named(at: int) -> str | None:
        return table.candidate(int(rows[at])).partition("_")[2] if 0 <= at < len(rows) else None

    return {"place": place, "of": len(rows), "previous": named(place - 1), "next": named(place + 1)}
