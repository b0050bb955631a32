"""A run with all its tables and as many rows as wanted, made without building. Same arguments, same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from imagenet_build.config.models import BuildConfig
from imagenet_build.manifest.assemble import candidate_id
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.schemas import CONFLICTS, HITS, MANIFEST, QUERIES, SYNSETS
from imagenet_build.storage.shards import ShardWriter
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder
from tests.verify_run.fake_run import picture

FILES = 400
_SYLLABLES = ("ka", "to", "mi", "ru", "se", "na", "lo", "vi", "der", "stone", "dog", "berg")
_LANGUAGES = ("cmn", "spa", "nld", "ita")
_FIRST_OFFSET = 1_000_000


def make_large_run(root: Path, *, synsets: int, rows: int, files: int = FILES) -> int:
    """Make it; the number of manifest rows."""
    rng = np.random.default_rng(7)
    config = BuildConfig.model_validate({"taxonomy": {"roots": ["musical_instrument.n.01"]}})
    with writing(root, config) as layout:
        wnids = [f"n{_FIRST_OFFSET + 37 * number:08d}" for number in range(synsets)]
        words = [_word(rng) for _ in wnids]
        tables.write_rows(layout.synsets, SYNSETS, _synset_rows(wnids, words, rng))
        queries = {wnid: _queries(wnid, word, rng) for wnid, word in zip(wnids, words, strict=True)}
        tables.write_rows(layout.queries, QUERIES, (row for wnid in wnids for row in queries[wnid]))
        stored = _files(layout, files)
        sizes = np.maximum(1, (rng.lognormal(0, 1.0, synsets) * rows / synsets / np.exp(0.5)).astype(int))
        sizes[0] = min(9_000, max(1, rows // 20))
        total = 0
        hits: list[pa.Table] = []
        conflicts: list[dict[str, Any]] = []
        for wnid, size in zip(wnids, sizes.tolist(), strict=True):
            made = _manifest(wnid, size, queries[wnid], stored, wnids, rng)
            kept = int(np.count_nonzero(made["kept"]))
            counts = {"seen": size + 20, "kept": kept, "duplicates": size - kept, "refused": 20, "waiting": 0}
            said = {"imagenet_build.counts": json.dumps(counts)}
            said["imagenet_build.refused_by_reason"] = '{"too_small": 15, "timeout": 5}'
            table = _table(MANIFEST, made, size)
            tables.write_table(layout.manifest(wnid), table, said)
            hits.append(_hits(made, size))
            conflicts.extend(_conflicts(wnid, made))
            _write_verdicts(layout, wnid, made, rng)
            total += size
        tables.write_table(layout.hits, pa.concat_tables(hits))
        tables.write_rows(layout.conflicts, CONFLICTS, conflicts)
    return total


def _word(rng: np.random.Generator) -> str:
    return "".join(_SYLLABLES[place] for place in rng.integers(0, len(_SYLLABLES), rng.integers(2, 5)))


def _synset_rows(wnids: Sequence[str], words: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Twelve roots; every other synset below an earlier one, every twentieth below two."""
    rows = []
    depth: dict[str, int] = {}
    for number, (wnid, word) in enumerate(zip(wnids, words, strict=True)):
        parents = [] if number < 12 else [wnids[int(number * rng.random() ** 1.5)]]
        if number >= 24 and number % 20 == 0:
            parents.append(wnids[int(rng.integers(0, 12))])
        depth[wnid] = 3 if not parents else 1 + min(depth[parent] for parent in parents)
        rows.append(
            {
                "wnid": wnid,
                "name": f"{word}.n.01",
                "lemmas": [word, f"{word}_thing"],
                "gloss": f"a small grey {word} that is found near {_word(rng)} and was named after {_word(rng)}",
                "hypernyms": list(dict.fromkeys(parents)),
                "depth": depth[wnid],
                "is_organism": False,
                "root": "instrument.n.01",
            }
        )
    return rows


def _queries(wnid: str, word: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    made = [("eng", "synonym", word), ("eng", "synonym", f"{word} thing")]
    made += [("eng", "parent_word", f"{word} {_word(rng)}") for _ in range(4)]
    for language in _LANGUAGES:
        first = "鸟" + chr(0x4E00 + int(rng.integers(0, 2000))) if language == "cmn" else f"{word}é {_word(rng)}"
        made.append((language, "translation", first))
        made += [(language, "translated_parent_word", f"{first} {_word(rng)}") for _ in range(3)]
    return [
        {"wnid": wnid, "text": text, "language": language, "origin": origin, "position": place, "ambiguity": 1}
        for place, (language, origin, text) in enumerate(made)
    ]


def _files(layout: RunLayout, count: int) -> list[tuple[str, Any, int, bytes]]:
    """Pictures of 50 to 170 kB in one shard: (sha256, place, side in px, tiny)."""
    writer = ShardWriter(layout.shards, "w0", shard_bytes=10**9)
    writer.open({})
    made = []
    for number in range(count):
        rng = np.random.default_rng(number)
        side = int(rng.integers(300, 700))
        data = picture(number, "JPEG", side)
        data += bytes(int(rng.integers(40_000, 150_000)))  # behind the end of the picture: decoders pass it over
        sha256 = hashlib.sha256(data).hexdigest()
        made.append((sha256, writer.append(sha256, "jpg", data), side, rng.integers(0, 255, 3072, np.uint8).tobytes()))
    writer.close()
    return made


def _manifest(
    wnid: str,
    size: int,
    queries: Sequence[dict[str, Any]],
    files: Sequence[tuple[str, Any, int, bytes]],
    wnids: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    keys = [f"//photos{place % 97}.example.org/{wnid}/album{place % 13}/{place}.jpg" for place in range(size)]
    ids = [candidate_id(wnid, key) for key in keys]
    kept = rng.random(size) > 0.15
    kept[0] = True
    first_kept = np.maximum.accumulate(np.where(kept, np.arange(size), 0))
    group = [ids[place] for place in first_kept]
    chosen = [files[place] for place in rng.integers(0, len(files), size)]
    picked = rng.integers(0, len(queries), (size, 3))
    asked = [
        [
            {
                "engine": ("openverse", "wikimedia")[place % 2],
                "query": queries[place]["text"],
                "language": queries[place]["language"],
                "origin": queries[place]["origin"],
                "rank": place,
            }
            for place in row
        ]
        for row in picked.tolist()
    ]
    conflict = rng.random(size) < 0.03
    others = [[wnids[int(place)]] if is_in and wnids[int(place)] != wnid else []
              for is_in, place in zip(conflict, rng.integers(0, len(wnids), size), strict=True)]  # fmt: skip
    return {
        "candidate_id": ids,
        "wnid": [wnid] * size,
        "kept": kept.tolist(),
        "duplicate_of": [None if is_kept else one for is_kept, one in zip(kept, group, strict=True)],
        "duplicate_reason": [None if is_kept else "near" for is_kept in kept],
        "group_id": group,
        "conflicts": others,
        "url": [f"https:{key}?size=large" for key in keys],
        "url_key": keys,
        "sha256": [one[0] for one in chosen],
        "pixel_sha256": [one[0][::-1] for one in chosen],
        "shard": [one[1].shard for one in chosen],
        "offset": [one[1].offset for one in chosen],
        "size": [one[1].size for one in chosen],
        "format": ["JPEG"] * size,
        "mode": ["RGB"] * size,
        "width": [one[2] for one in chosen],
        "height": [one[2] for one in chosen],
        "has_alpha": [False] * size,
        "has_icc_profile": [False] * size,
        "frames": [1] * size,
        "orientation": [1] * size,
        "dct_hash": rng.integers(0, 2**63, size).tolist(),
        "mirrored_hash": rng.integers(0, 2**63, size).tolist(),
        "gradient_hash": rng.integers(0, 2**63, size).tolist(),
        "tiny": [one[3] for one in chosen],
        "fetched_at": [1_790_000_000_000 + place for place in range(size)],
        "page_url": [f"https://photos.example.org/page/{wnid}/{place}" for place in range(size)],
        "license": [("by", "by-sa", "cc0", "unknown")[place % 4] for place in range(size)],
        "license_version": [("2.0", "4.0", "1.0", "")[place % 4] for place in range(size)],
        "license_url": [""] * size,
        "creator": [f"Somebody {place % 301}" for place in range(size)],
        "creator_url": [f"https://photos.example.org/people/{place % 301}" for place in range(size)],
        "title": [f"A picture of {queries[0]['text']} no. {place}" for place in range(size)],
        "engines": [["openverse", "wikimedia"]] * size,
        "queries": asked,
    }


def _table(schema: pa.Schema, columns: dict[str, Any], size: int) -> pa.Table:
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(size, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _hits(made: dict[str, Any], size: int) -> pa.Table:
    rows = [(place, hit) for place in range(size) for hit in made["queries"][place][:2]]
    columns: dict[str, Any] = {
        name: [hit[name] for _, hit in rows] for name in ("engine", "query", "language", "origin", "rank")
    }
    for name in ("wnid", "url", "url_key", "page_url", "license", "license_version", "license_url"):
        columns[name] = [made[name][place] for place, _ in rows]
    for name in ("creator", "creator_url", "title"):
        columns[name] = [made[name][place] for place, _ in rows]
    columns["position"] = columns["rank"]
    columns["engine_id"] = [str(place) for place, _ in rows]
    return _table(HITS, columns, len(rows))


def _conflicts(wnid: str, made: dict[str, Any]) -> list[dict[str, Any]]:
    side = {"engine": "openverse", "query": "thing", "rank": 0}
    return [
        {
            "wnid": wnid,
            "url_key": made["url_key"][place],
            "other_wnid": other,
            "other_url_key": f"//photos0.example.org/{other}/album0/0.jpg",
            "related": False,
            "reason": "near",
            "distance": 0.01,
            **side,
            **{f"other_{name}": value for name, value in side.items()},
        }
        for place, others in enumerate(made["conflicts"])
        for other in others
        if made["kept"][place]
    ]


def _write_verdicts(layout: RunLayout, wnid: str, made: dict[str, Any], rng: np.random.Generator) -> None:
    images = [one for one, is_kept in zip(made["candidate_id"], made["kept"], strict=True) if is_kept]
    size = len(images)
    chance = rng.random(size)
    columns = {
        "image": images,
        "wnid": [wnid] * size,
        "probability": chance.round(3).tolist(),
        "verdict": [("rejected", "undecided", "accepted")[int(one > 0.2) + int(one > 0.3)] for one in chance],
        **{name: [1] * size for name in ("yes", "no", "unsure", "votes")},
    }
    tables.write_table(verdicts_folder(layout) / f"{wnid}.parquet", _table(VERDICTS, columns, size))
