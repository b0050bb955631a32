"""Stands in for `inspect_bytes` where a decoder must die; importable, so that spawned workers find it."""

from __future__ import annotations

import os
import signal

from imagenet_build.records import Rejection, RejectReason


def deadly_inspect(data: bytes, **limits: object) -> Rejection:
    """Does what the bytes say; anything harmless comes back as a detail."""
    if data.startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"exit"):
        os._exit(1)
    if data.startswith(b"raise"):
        raise ZeroDivisionError("a bug in a decoder")
    if data.startswith(b"memory"):
        raise MemoryError
    while data.startswith(b"spin"):
        pass
    return Rejection(RejectReason.CORRUPT, data.decode())
