"""EDGE: whether a file is still the one that was read."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from imagenet_build.storage.places import Location, version_of

Mark = tuple[int, int, int]
"""Inode, time of change (ns) and size; of an object in a store a digest of its version: another file has another."""


def file_mark(path: Location) -> Mark | None:
    """The mark of a file; None if there is none."""
    try:
        if not isinstance(path, Path):
            version = blake2b(repr(version_of(path)).encode(), digest_size=8).digest()
            return int.from_bytes(version, "big"), 0, 0
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size
