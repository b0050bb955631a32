"""One self-contained HTML page that shows what a build brought: synsets with their pictures, duplicates, sources."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from imagenet_build.contracts import RunContext
from imagenet_build.download.inspect_bytes import EXTENSIONS
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.manifest_index import manifest_sizes
from imagenet_build.storage.schemas import MANIFEST, SYNSETS
from imagenet_build.storage.shards import read_member

SYNSETS_SHOWN = 40
CROWDED = 24
"""Synsets with more candidates than this come last: in the demo these are words that mean many things."""
PICTURES_SHOWN = 8
_THUMB_PX = 120
_COLUMNS = [
    *("candidate_id", "kept", "duplicate_of", "duplicate_reason", "shard", "offset", "size", "format"),
    *("queries", "engines", "license", "conflicts"),
]

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>imagenet_build demo</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222;background:#fafaf8}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:0}section{background:#fff;border:1px solid #e4e4e0;border-radius:8px;
padding:.8rem 1rem;margin:.8rem 0}p{margin:.2rem 0;color:#555}code{color:#777}
.strip{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:.6rem}figure{margin:0;width:124px}
figure img{width:120px;height:120px;object-fit:contain;border:1px solid #ddd;border-radius:4px;background:#fff}
figure.dup img{opacity:.45}figcaption{font-size:.72rem;color:#666;overflow-wrap:anywhere}</style>
"""


def write_page(run: RunContext, path: Path, facts: list[str]) -> None:
    """Write the page: synsets with many candidates first, duplicates faded, each picture with a query that found it.

    Args:
        run: a run that has reached the manifest stage.
        path: the HTML file.
        facts: lines for the top of the page.
    """
    tables.write_whole(path, lambda out: out.writelines(part.encode() for part in _parts(run, facts)))


def _parts(run: RunContext, facts: list[str]) -> Iterator[str]:
    yield _HEAD + "<h1>What this build brought</h1>" + "".join(f"<p>{escape(fact)}</p>" for fact in facts)
    synsets = {row["wnid"]: row for row in tables.read(run.layout.synsets, SYNSETS).to_pylist()}
    sizes = [(count, wnid) for wnid, count in manifest_sizes(run.layout).items()]
    for count, wnid in sorted(sizes, key=lambda item: (item[0] > CROWDED, -item[0], item[1]))[:SYNSETS_SHOWN]:
        if count and wnid in synsets:
            yield _section(run, synsets[wnid])


def _section(run: RunContext, synset: dict[str, Any]) -> str:
    rows = tables.read(run.layout.manifest(synset["wnid"]), MANIFEST, columns=_COLUMNS).to_pylist()
    rows.sort(key=lambda row: (row["duplicate_of"] or row["candidate_id"], not row["kept"]))
    figures = "".join(_figure(run, row) for row in rows[:PICTURES_SHOWN])
    more = f"<p>and {len(rows) - PICTURES_SHOWN} more</p>" if len(rows) > PICTURES_SHOWN else ""
    words = ", ".join(lemma.replace("_", " ") for lemma in synset["lemmas"])
    return (
        f"<section><h2>{escape(words)} <code>{synset['wnid']}</code></h2><p>{escape(synset['gloss'])}</p>"
        f'<div class="strip">{figures}</div>{more}</section>'
    )


def _figure(run: RunContext, row: dict[str, Any]) -> str:
    if row["shard"] is None:
        return ""
    data = read_member(run.layout.shards, ShardRef(row["shard"], row["offset"], row["size"]))
    best = row["queries"][0]
    said = f"“{best['query']}” ({best['language']}) by {', '.join(row['engines'])}; licence {row['license']}"
    if not row["kept"]:
        said = f"duplicate ({row['duplicate_reason']}); {said}"
    if row["conflicts"]:
        said += f"; also in {', '.join(row['conflicts'][:3])}"
    kind = "" if row["kept"] else ' class="dup"'
    image = f'<img alt="" src="{_thumbnail(data, row["format"])}">'
    return f"<figure{kind}>{image}<figcaption>{escape(said)}</figcaption></figure>"


def _thumbnail(data: bytes, kind: str) -> str:
    """A data URL of the picture, small, on white."""
    assert kind in EXTENSIONS
    with PillowImage.open(io.BytesIO(data), formats=[kind]) as opened:
        layered = opened.convert("RGBA")
    layered.thumbnail((_THUMB_PX, _THUMB_PX))
    ground = PillowImage.new("RGBA", layered.size, (255, 255, 255, 255))
    out = io.BytesIO()
    PillowImage.alpha_composite(ground, layered).convert("RGB").save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
