"""What an audit can find, each kind with a code."""

from __future__ import annotations

from dataclasses import dataclass

CODES = {
    "T101": "a table is missing or cannot be read",
    "S101": "a shard is missing or cannot be read",
    "S102": "a shard ends before an image does",
    "S103": "an image's bytes do not have its sha256",
    "S104": "an image's header in the shard does not name it",
    "Q101": "the download queue's counts do not add up",
    "Q102": "a table lacks a URL that the download queue has",
    "Q103": "a table has a URL that the download queue has not, or not so",
    "Q104": "a table's row disagrees with the download queue",
    "M101": "an image stands twice in a manifest",
    "M102": "a manifest lacks a row",
    "M103": "a manifest has a row that no stage accounts for",
    "M104": "a manifest's counts do not add up",
    "M105": "a manifest's row disagrees with the stages' tables",
    "M106": "a row points to a kept image that is not there",
    "M107": "a manifest's rows are not in the order of the hits",
    "M108": "manifests.parquet, the index, disagrees with a manifest",
    "M201": "a wnid that the run does not build, or has no hits for",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    where: str
    """File, or wnid and candidate."""
    detail: str
