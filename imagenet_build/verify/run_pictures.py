"""EDGE: the kept pictures of a run, a synset at a time, and their bytes."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import manifest_wnids
from imagenet_build.storage.schemas import MANIFEST, SYNSETS
from imagenet_build.storage.shards import read_member

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
"""What browsers show."""
_OTHERS = ("TIFF", "HEIF")
_COLUMNS = ["candidate_id", "kept", "conflicts", "url", "sha256", "shard", "offset", "size", "format"]
_QUALITY = 85


@dataclass(frozen=True)
class SynsetPictures:
    """The kept candidates of one synset, N of them, sorted by id."""

    wnid: str
    ids: NDArray[Any]
    """(N,), candidate_ids, str."""
    urls: NDArray[Any]
    """(N,), where each came from."""
    sha256: NDArray[Any]
    """(N,), hex digest of the file; empty where no bytes were kept."""
    conflicts: Sequence[Sequence[str]]
    """(N,), wnids of other synsets that hold the same picture."""
    formats: NDArray[Any]
    """(N,), Pillow's names; empty where no bytes were kept."""
    shards: NDArray[Any]
    """(N,)."""
    offsets: NDArray[np.int64]
    """(N,)."""
    sizes: NDArray[np.int64]
    """(N,), bytes; 0 where none were kept."""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def place(self) -> dict[str, int]:
        """candidate_id -> index."""
        return {str(image): index for index, image in enumerate(self.ids)}

    def only(self, images: Collection[str]) -> SynsetPictures:
        """Some of them.

        Raises:
            DataError: one is not kept.
        """
        missing = sorted(set(images) - self.place.keys())
        if missing:
            raise DataError(
                f"{len(missing)} of the wanted pictures of {self.wnid} are not kept in this run, {missing[0]} for one.",
                remedy="The run has changed since they were chosen. Choose again.",
            )
        here = np.array(sorted(self.place[image] for image in set(images)), np.int64)
        return SynsetPictures(
            self.wnid,
            self.ids[here],
            self.urls[here],
            self.sha256[here],
            [self.conflicts[place] for place in here],
            self.formats[here],
            self.shards[here],
            self.offsets[here],
            self.sizes[here],
        )

    def ref(self, index: int) -> ShardRef:
        """Where the bytes lie."""
        return ShardRef(str(self.shards[index]), int(self.offsets[index]), int(self.sizes[index]))


def synsets_with_pictures(layout: RunLayout) -> list[str]:
    """The wnids of all manifests, sorted.

    Raises:
        DataError: there is none.
    """
    found = manifest_wnids(layout)
    if not found:
        raise DataError(
            f"{layout.root} has no manifests yet: there is nothing to vote on.",
            remedy=f"Run `imagenet-build build` on it first, or look at `imagenet-build status {layout.root}`.",
        )
    return found


def load_pictures(layout: RunLayout, wnid: str) -> SynsetPictures:
    """The kept candidates of one synset.

    Raises:
        DataError: its manifest is missing or damaged.
    """
    table = tables.read(layout.manifest(wnid), MANIFEST, columns=_COLUMNS)
    table = table.filter(table["kept"]).sort_by("candidate_id")

    def texts(name: str) -> NDArray[Any]:
        return np.asarray(pc.fill_null(table[name], "").to_numpy(), object)

    def numbers(name: str) -> NDArray[np.int64]:
        return np.asarray(pc.fill_null(table[name], 0).to_numpy(), np.int64)

    return SynsetPictures(
        wnid,
        texts("candidate_id"),
        texts("url"),
        texts("sha256"),
        table["conflicts"].to_pylist(),
        texts("format"),
        texts("shard"),
        numbers("offset"),
        numbers("size"),
    )


@dataclass(frozen=True)
class SynsetText:
    """What people are told about a synset."""

    wnid: str
    name: str
    """First synonym."""
    synonyms: tuple[str, ...]
    gloss: str
    parents: tuple[str, ...]
    """Names of the parents that the run knows."""
    hypernyms: tuple[str, ...]
    """wnids of all parents."""


def load_texts(layout: RunLayout) -> dict[str, SynsetText]:
    """The names and glosses of all synsets of a run.

    Raises:
        DataError: synsets.parquet is missing or damaged.
    """
    rows = tables.read(layout.synsets, SYNSETS, columns=["wnid", "lemmas", "gloss", "hypernyms"]).to_pylist()
    words = {row["wnid"]: tuple(lemma.replace("_", " ") for lemma in row["lemmas"]) for row in rows}
    return {
        row["wnid"]: SynsetText(
            row["wnid"],
            words[row["wnid"]][0] if words[row["wnid"]] else row["wnid"],
            words[row["wnid"]],
            row["gloss"],
            tuple(", ".join(words[parent]) for parent in row["hypernyms"] if parent in words),
            tuple(row["hypernyms"]),
        )
        for row in rows
    }


def for_browser(data: bytes, kind: str, longest_side_px: int | None = None) -> tuple[bytes, str]:
    """A picture as a browser can show it.

    Args:
        data: the stored file. kind: its format, in Pillow's names.
        longest_side_px: make it a JPEG of at most this size; None: the stored bytes, unless browsers cannot show them.
    Returns:
        Bytes and their content type.
    Raises:
        DataError: the picture does not decode.
    """
    if longest_side_px is None and kind in CONTENT_TYPES:
        return data, CONTENT_TYPES[kind]
    try:
        with PillowImage.open(io.BytesIO(data), formats=[kind]) as opened:
            if longest_side_px is not None:
                opened.draft("RGB", (longest_side_px, longest_side_px))
            upright = ImageOps.exif_transpose(opened)
            picture = _on_white(upright)
    except (OSError, ValueError, KeyError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise DataError(f"A stored {kind or 'picture'} does not decode: {error}.") from None
    if longest_side_px is not None:
        picture.thumbnail((longest_side_px, longest_side_px))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue(), CONTENT_TYPES["JPEG"]


def _on_white(picture: PillowImage.Image) -> PillowImage.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    ground = PillowImage.new("RGBA", layered.size, (255, 255, 255, 255))
    return PillowImage.alpha_composite(ground, layered).convert("RGB")


def read_picture(layout: RunLayout, ref: ShardRef) -> bytes:
    """The stored bytes of one picture; raises DataError if its shard is missing or cut."""
    return read_member(layout.shards, ref)
