"""Stands in for `inspect_bytes` where a decoder must die; importable, so that the decoding processes find it."""

from __future__ import annotations

import os
import signal
import time
import zlib
from pathlib import Path

from imagenet_build.records import Rejection, RejectReason


def deadly_inspect(data: bytes, **limits: object) -> Rejection:
    """Does what the bytes say; anything harmless comes back as a detail."""
    if data.startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"once "):  # dies once: the file named there tells the second time
        mark = Path(data[5:].decode())
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"exit"):
        os._exit(1)
    if data.startswith(b"raise"):
        raise ZeroDivisionError("a bug in a decoder")
    if data.startswith(b"memory"):
        raise MemoryError
    if data.startswith(b"take "):
        return Rejection(RejectReason.CORRUPT, str(len(bytearray(int(data[5:])))))
    if data.startswith(b"sum "):
        return Rejection(RejectReason.CORRUPT, f"{len(data)} {zlib.crc32(data)}")
    if data.startswith(b"babble"):
        for descriptor in range(3, 1024):
            try:
                os.write(descriptor, b"\xff" * 64)  # whatever the socket is, it gets nonsense
            except OSError:
                continue
    if data.startswith(b"wait"):
        time.sleep(600)
    while data.startswith(b"spin"):
        pass
    return Rejection(RejectReason.CORRUPT, data.decode(errors="surrogateescape"))
