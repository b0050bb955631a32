"""Pure: the tables of one synset -> its manifest rows and counts. kept + duplicates + refused == seen, always."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagenet_build.records import UNKNOWN_LICENSE
from imagenet_build.storage.schemas import BYTES_PLACE, CREDIT

Row = Mapping[str, Any]
_CREDIT = tuple(column.name for column in CREDIT)
_IMAGE = ("url", *(column.name for column in BYTES_PLACE))


def candidate_id(wnid: str, url_key: str) -> str:
    """The id of one picture address in one synset: from content, so that it is the same in every rebuild."""
    return f"{wnid}_{hashlib.sha256(url_key.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class SynsetTables:
    """The rows of one synset, as the earlier stages published them."""

    hits: Sequence[Row]
    images: Sequence[Row]
    rejections: Sequence[Row]
    duplicates: Sequence[Row]
    conflicts: Sequence[Row]
    leaks: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One synset's candidates, and where everything that was seen went."""

    rows: list[dict[str, Any]]
    counts: dict[str, int]
    """seen, kept, duplicates, refused, waiting (not fetched yet): seen is the sum of the others."""
    refused_by_reason: dict[str, int]


def assemble(wnid: str, found: SynsetTables, *, urls_only: bool = False) -> Manifest:
    """Join hits, images and groups.

    Args:
        wnid: the synset.
        found: its rows; hits in their published order (best query first).
        urls_only: no bytes were wanted: every distinct URL is a candidate with empty image columns.
    """
    hits_of: dict[str, list[Row]] = {}
    for hit in found.hits:
        hits_of.setdefault(hit["url_key"], []).append(hit)
    images = {row["url_key"]: row for row in found.images}
    duplicates = {row["url_key"]: row for row in found.duplicates}
    conflicts: dict[str, set[str]] = {}
    for row in found.conflicts:
        conflicts.setdefault(row["url_key"], set()).add(row["other_wnid"])
    leaks = _leaks(found.leaks, duplicates)
    rows = []
    for key, hits in hits_of.items():
        image = images.get(key) or ({"url": hits[0]["url"]} if urls_only else None)
        if image is None:
            continue
        duplicate = duplicates.get(key)
        credit = _best_credit(hits)
        own_id = candidate_id(wnid, key)
        kept_id = candidate_id(wnid, duplicate["duplicate_of"]) if duplicate else own_id
        rows.append(
            {
                "candidate_id": own_id,
                "wnid": wnid,
                "kept": duplicate is None,
                "duplicate_of": kept_id if duplicate else None,
                "duplicate_reason": duplicate["reason"] if duplicate else None,
                "group_id": kept_id,
                "conflicts": sorted(conflicts.get(key, ())),
                "leak": leaks.get(key),
                "url_key": key,
                **{name: image.get(name) for name in _IMAGE},
                **{name: credit[name] for name in _CREDIT},
                "engines": sorted({hit["engine"] for hit in hits}),
                "queries": [
                    {name: hit[name] for name in ("engine", "query", "language", "origin", "rank")} for hit in hits
                ],
            }
        )
    reasons = Counter(row["reason"] for row in found.rejections)
    kept = sum(row["kept"] for row in rows)
    counts = {
        "seen": len(hits_of),
        "kept": kept,
        "duplicates": len(rows) - kept,
        "refused": len(found.rejections),
        "waiting": len(hits_of) - len(rows) - len(found.rejections),
    }
    return Manifest(rows, counts, dict(sorted(reasons.items())))


def _leaks(leaks: Sequence[Row], duplicates: Mapping[str, Row]) -> dict[str, str]:
    """url_key -> the listed picture. What holds for an image holds for the one that is kept for it."""
    found = {row["url_key"]: row["listed"] for row in leaks}
    for row in sorted(leaks, key=lambda row: (row["distance"], row["url_key"])):
        duplicate = duplicates.get(row["url_key"])
        if duplicate:
            found.setdefault(duplicate["duplicate_of"], row["listed"])
    return found


def _best_credit(hits: Sequence[Row]) -> Row:
    """The first hit that says a licence; else the first."""
    return next((hit for hit in hits if hit["license"] != UNKNOWN_LICENSE), hits[0])
