"""A run with pictures to vote on, made without building: synsets, manifests, one shard of real JPEGs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from imagenet_build.config.models import BuildConfig
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.schemas import MANIFEST, SYNSETS
from imagenet_build.storage.shards import ShardWriter

INSTRUMENT, STRING, VIOLIN, CELLO, DRUM = "n03800933", "n04338517", "n04536866", "n02992211", "n03249569"
FAMILY: Mapping[str, tuple[str, ...]] = {
    INSTRUMENT: (),
    STRING: (INSTRUMENT,),
    VIOLIN: (STRING,),
    CELLO: (STRING,),
    DRUM: (INSTRUMENT,),
}
NAMES = {INSTRUMENT: "instrument", STRING: "string", VIOLIN: "violin", CELLO: "cello", DRUM: "drum"}


def picture(number: int, kind: str = "JPEG", size: int = 64) -> bytes:
    """A small picture, different for each number."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 255, (4, 4, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((size, size), Image.Resampling.NEAREST).save(out, kind)
    return out.getvalue()


def candidate(wnid: str, number: int) -> str:
    return f"{wnid}_{hashlib.sha256(f'{wnid}/{number}'.encode()).hexdigest()[:16]}"


def make_run(
    root: Path,
    pictures: Mapping[str, int],
    parents: Mapping[str, Sequence[str]] = FAMILY,
    *,
    kinds: Sequence[str] = ("JPEG",),
    distinct: int = 50,
) -> RunLayout:
    """Make a run.

    Args:
        pictures: wnid -> kept pictures.
        kinds: formats of the stored files, in turn.
        distinct: how many different files lie in the shard; candidates share them.
    """
    with writing(root, BuildConfig.model_validate({"taxonomy": {"roots": ["musical_instrument.n.01"]}})) as layout:
        writer = ShardWriter(layout.shards, "w0", shard_bytes=10**9)
        writer.open({})
        files = []
        for number in range(distinct):
            kind = kinds[number % len(kinds)]
            data = picture(number, kind)
            sha256 = hashlib.sha256(data).hexdigest()
            files.append((sha256, writer.append(sha256, kind.lower(), data), kind))
        writer.close()
        rows = [_synset(wnid, parents.get(wnid, ())) for wnid in sorted({*parents, *pictures})]
        tables.write_rows(layout.synsets, SYNSETS, rows)
        for wnid, count in pictures.items():
            _manifest(layout, wnid, count, files)
    return layout


def _synset(wnid: str, hypernyms: Sequence[str]) -> dict[str, Any]:
    name = NAMES.get(wnid, f"thing {wnid}").replace(" ", "_")
    return {
        "wnid": wnid,
        "name": f"{name}.n.01",
        "lemmas": [name, f"{name}_too"],
        "gloss": f'what a <{name}> & "so on" is',
        "hypernyms": list(hypernyms),
        "depth": 3,
        "is_organism": False,
        "root": "instrument.n.01",
    }


def _manifest(layout: RunLayout, wnid: str, count: int, files: Sequence[tuple[str, Any, str]]) -> None:
    """Kept rows, and one duplicate that must never be asked."""
    total = count + 1
    chosen = [files[number % len(files)] for number in range(total)]
    ids = [candidate(wnid, number) for number in range(total)]
    values: dict[str, Any] = {
        "candidate_id": ids,
        "wnid": [wnid] * total,
        "kept": [True] * count + [False],
        "duplicate_of": [None] * count + [ids[0]],
        "duplicate_reason": [None] * count + ["exact"],
        "group_id": [*ids[:count], ids[0]],
        "conflicts": [[]] * total,
        "url": [f"https://photos.example.org/{wnid}/{number}.jpg?a=1&b=2" for number in range(total)],
        "url_key": [f"photos.example.org/{wnid}/{number}.jpg" for number in range(total)],
        "sha256": [hashlib.sha256(f"{wnid}{number}".encode()).hexdigest() for number in range(total)],
        "shard": [ref.shard for _, ref, _ in chosen],
        "offset": [ref.offset for _, ref, _ in chosen],
        "size": [ref.size for _, ref, _ in chosen],
        "format": [kind for _, _, kind in chosen],
        "engines": [["openverse"]] * total,
        "queries": [[]] * total,
        **{name: [""] * total for name in ("page_url", "license", "license_version", "license_url")},
        **{name: [""] * total for name in ("creator", "creator_url", "title")},
    }
    columns = [
        pa.array(values[field.name], field.type) if field.name in values else pa.nulls(total, field.type)
        for field in MANIFEST
    ]
    table = pa.Table.from_arrays(columns, schema=MANIFEST)
    tables.write_table(layout.manifest(wnid), table, {"imagenet_build.counts": f'{{"kept": {count}}}'})
