"""EDGE: whether a file is still the one that was read."""

from __future__ import annotations

from pathlib import Path

Mark = tuple[int, int, int]
"""Inode, time of change (ns) and size: another file has another."""


def file_mark(path: Path) -> Mark | None:
    """The mark of a file; None if there is none."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size
