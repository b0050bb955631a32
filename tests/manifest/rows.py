"""Rows of the stages' tables, with everything that a test does not care about filled in."""

from __future__ import annotations

import hashlib
from typing import Any

from imagenet_build.records import ImageFacts

DOG, WHIPPET, CAT = "n02084071", "n02091134", "n02121620"


def url_of(key: str) -> str:
    return f"https://photos.example.org/{key}"


def synset_row(wnid: str, name: str = "", hypernyms: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "wnid": wnid,
        "name": name or f"{wnid}.n.01",
        "lemmas": [name or wnid],
        "gloss": f"what {name or wnid} is",
        "hypernyms": list(hypernyms),
        "depth": 3,
        "is_organism": False,
        "root": "entity.n.01",
    }


def hit_row(wnid: str, key: str, **more: Any) -> dict[str, Any]:
    row = {
        "wnid": wnid,
        "engine": "openverse",
        "query": "dog",
        "language": "eng",
        "origin": "synonym",
        "position": 0,
        "rank": 0,
        "url": url_of(key),
        "url_key": key,
        "engine_id": key,
        "width": None,
        "height": None,
        "page_url": "",
        "license": "unknown",
        "license_version": "",
        "license_url": "",
        "creator": "",
        "creator_url": "",
        "title": "",
    }
    assert more.keys() <= row.keys()
    return {**row, **more}


def image_row(wnid: str, key: str, look: ImageFacts | None = None, **more: Any) -> dict[str, Any]:
    """A picture of its own for each key, unless `look` says what it shows."""
    sha256 = look.sha256 if look else hashlib.sha256(key.encode()).hexdigest()
    row = {
        "wnid": wnid,
        "url_key": key,
        "url": url_of(key),
        "sha256": sha256,
        "pixel_sha256": look.pixel_sha256 if look else sha256[::-1],
        "shard": "w0/00000.tar",
        "offset": 512,
        "size": 1000,
        "format": "JPEG",
        "width": 400,
        "height": 300,
        "has_alpha": False,
        "frames": 1,
        "orientation": 1,
        "dct_hash": look.dct_hash if look else int(sha256[:16], 16),
        "mirrored_hash": look.mirrored_hash if look else int(sha256[32:48], 16),
        "gradient_hash": look.gradient_hash if look else int(sha256[16:32], 16),
        "tiny": look.tiny if look else bytes.fromhex(sha256) * 96,
        "fetched_at": 1_700_000_000_000,
    }
    assert more.keys() <= row.keys()
    return {**row, **more}


def rejection_row(wnid: str, key: str, reason: str = "timeout") -> dict[str, Any]:
    return {
        "wnid": wnid,
        "url_key": key,
        "url": url_of(key),
        "reason": reason,
        "detail": "",
        "attempts": 1,
        "refused_at": 1_700_000_000_000,
    }


def duplicate_row(wnid: str, key: str, kept: str, reason: str = "near") -> dict[str, Any]:
    return {
        "wnid": wnid,
        "url_key": key,
        "duplicate_of": kept,
        "reason": reason,
        "dct_distance": 2,
        "gradient_distance": 1,
        "tiny_rms": 1.5,
    }
