"""`imagenet-build fetch` as a command, and what a run directory says afterwards; for measurements."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import IMAGES, REJECTIONS

PROGRAM = (sys.executable, "-m", "imagenet_build")
VOLATILE = frozenset({"fetched_at", "refused_at", "shard", "offset", "attempts"})
"""When and where bytes were stored, and how often they were asked for: all else must not differ between two runs."""


def fetch_command(urls: Path, out: Path, settings: Mapping[str, Any]) -> list[str]:
    """`settings`: keys of the configuration and their values."""
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    return [*PROGRAM, "fetch", str(urls), "--out", str(out), *sets]


def write_urls(path: Path, urls: Iterable[str]) -> None:
    with path.open("w") as file:
        file.writelines(f"{url}\n" for url in urls)


def rows_digest(out: Path) -> tuple[int, int, str]:
    """(images, refused, digest of all rows in the order of their URLs), without the volatile columns."""
    layout = RunLayout(out)
    digest = hashlib.sha256()
    counts = []
    for path, schema in ((layout.images, IMAGES), (layout.rejections, REJECTIONS)):
        table = tables.read(path, schema).sort_by("url")
        counts.append(table.num_rows)
        for batch in table.drop_columns([name for name in table.column_names if name in VOLATILE]).to_batches(1000):
            digest.update(repr(batch.to_pylist()).encode())
    return counts[0], counts[1], digest.hexdigest()


def read_shards(out: Path) -> tuple[int, int]:
    """(members, bytes) of all shards, each read through as a tar. Raises tarfile.ReadError for one that cannot be."""
    members = size = 0
    for path in RunLayout(out).shards.rglob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                extracted = tar.extractfile(member)
                data = extracted.read() if extracted is not None else b""
                if not member.name.startswith(hashlib.sha256(data).hexdigest()):
                    raise tarfile.ReadError(f"{path}: {member.name} has other bytes")
                members, size = members + 1, size + len(data)
    return members, size


def check(out: Path) -> str:
    """What `imagenet-build check` finds; empty if nothing."""
    done = subprocess.run([*PROGRAM, "check", str(out)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip()
