"""EDGE: pictures of synsets as contact sheets, from the shards of a run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image as PillowImage
from PIL import ImageOps

from imagenet_build.dedup.thumbnails import enlarged, thumbnail
from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import MANIFEST
from imagenet_build.storage.shards import read_member
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder
from imagenet_build.verify.votes import Decision

GAP_PX = 2
MOST_READ = 40
"""Synsets below another one that are looked through for pictures."""
_LONGEST_CUT = 1.7
"""A picture that is longer than this is shown whole, on white; others are cut to a square."""
_QUALITY = 74
_WHITE = (255, 255, 255)
_COLUMNS = ["candidate_id", "kept", "sha256", "shard", "offset", "size", "format", "width", "height", "tiny"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Pictures in rows; a sheet has no more rows than it needs."""

    columns: int
    rows: int
    side_px: int

    @property
    def places(self) -> int:
        """Pictures that fit."""
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Picked:
    """Pictures of a sheet."""

    jpeg: bytes
    width: int
    """Pixels."""
    height: int
    shown: int
    own: int
    """Of the first of the synsets; the others come from further ones."""


def contact_sheet(layout: RunLayout, wnids: Iterable[str], grid: Grid, *, accepted: bool) -> Picked | None:
    """A sheet of pictures drawn at random, the same ones for the same run.

    Args:
        layout: the run.
        wnids: the synset, then those from which a sheet may be filled where it has too few pictures.
        grid: rows and columns.
        accepted: only pictures that votes accept; else all kept ones.
    Returns:
        None if there is no picture.
    Raises:
        DataError: a manifest or a table of verdicts cannot be read.
    """
    chosen: list[dict[str, Any]] = []
    own, seen = 0, set()
    for place, wnid in enumerate(wnids):
        if place >= MOST_READ or len(chosen) == grid.places:
            break
        for row in _drawn(layout, wnid, accepted=accepted):
            if len(chosen) == grid.places:
                break
            if row["sha256"] in seen:
                continue
            seen.add(row["sha256"])
            chosen.append(row)
        if place == 0:
            own = len(chosen)
    if not chosen:
        return None
    squares = [_square(layout, row, grid.side_px) for row in chosen]
    sheet = _laid_out(squares, grid)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Picked(out.getvalue(), sheet.width, sheet.height, len(squares), own)


def _drawn(layout: RunLayout, wnid: str, *, accepted: bool) -> Iterator[dict[str, Any]]:
    """Rows with a tiny picture, in an order that only their ids decide."""
    path = layout.manifest(wnid)
    if not path.exists():
        return
    table = tables.read(path, MANIFEST, columns=_COLUMNS)
    table = table.filter(pc.and_(table["kept"], pc.is_valid(table["tiny"])))
    if accepted:
        table = table.filter(pc.is_in(table["candidate_id"], value_set=_accepted(layout, wnid)))
    ids = table["candidate_id"].to_pylist()
    for place in sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest()):
        row: dict[str, Any] = table.slice(place, 1).to_pylist()[0]
        yield row


def _accepted(layout: RunLayout, wnid: str) -> pa.Array:
    path = verdicts_folder(layout) / f"{wnid}.parquet"
    if not path.exists():
        return pa.array([], pa.string())
    said = tables.read(path, VERDICTS, columns=["image", "verdict"])
    return said.filter(pc.equal(said["verdict"], Decision.ACCEPTED.value))["image"].combine_chunks()


def _square(layout: RunLayout, row: dict[str, Any], side_px: int) -> PillowImage.Image:
    """A picture as a square; of one whose bytes are gone, its tiny image."""
    try:
        if row["shard"] is None:
            raise DataError("No bytes were kept.")
        data = read_member(layout.shards, ShardRef(row["shard"], row["offset"], row["size"]))
        small = thumbnail(data, row["format"], row["tiny"])
    except DataError:
        small = enlarged(row["tiny"], row["width"] or 1, row["height"] or 1)
    with PillowImage.open(io.BytesIO(small), formats=["JPEG"]) as opened:
        picture = opened.convert("RGB")
    longer, shorter = max(picture.size), max(1, min(picture.size))
    if longer <= _LONGEST_CUT * shorter:
        return ImageOps.fit(picture, (side_px, side_px), PillowImage.Resampling.LANCZOS)
    return ImageOps.pad(picture, (side_px, side_px), PillowImage.Resampling.LANCZOS, color=_WHITE)


def _laid_out(squares: list[PillowImage.Image], grid: Grid) -> PillowImage.Image:
    """All sheets of a grid have its width; missing pictures are white."""
    step = grid.side_px + GAP_PX
    height = (grid.rows if grid.columns <= grid.rows else -(-len(squares) // grid.columns)) * step - GAP_PX
    sheet = PillowImage.new("RGB", (grid.columns * step - GAP_PX, height), _WHITE)
    for place, square in enumerate(squares):
        sheet.paste(square, (place % grid.columns * step, place // grid.columns * step))
    return sheet
