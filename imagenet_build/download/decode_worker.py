"""The process that decodes: pictures come in through a socket, facts go out, one after the other.

It is started by `decode_process.py` as an interpreter of its own, and imports no more than decoding needs: it is ready
soon and small. What it may use is limited from inside: memory, processor time per picture, no core dumps. It ends when
the other end of the socket does, whatever it is at.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import mmap
import os
import resource
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import fields

import orjson

from imagenet_build.errors import DataError
from imagenet_build.records import ImageFacts, Rejection, RejectReason

REQUEST = struct.Struct("!Qi")
"""A picture: its size in bytes, and the slot of the shared memory where it lies; -1: it follows in the socket."""
SLOTS = 4
SLOT_BYTES = 1 << 20
"""Larger pictures go through the socket: they are rare, and copying costs them little beside decoding."""
ANSWER = struct.Struct("!I")
"""Before each answer: its size in bytes. The first answer is empty: it says that the process is ready."""

_FACTS, _REJECTION = b"F", b"R"
_TINY_BYTES = 3072
_NAMES = [field.name for field in fields(ImageFacts) if field.name != "tiny"]


def packed(result: ImageFacts | Rejection) -> bytes:
    """An answer's bytes. Not pickle: who reads them need not trust who wrote them."""
    if isinstance(result, Rejection):
        detail = result.detail.encode(errors="backslashreplace").decode()
        return _REJECTION + orjson.dumps([result.reason.value, detail])
    return _FACTS + result.tiny + orjson.dumps([getattr(result, name) for name in _NAMES])


def unpacked(answer: bytes) -> ImageFacts | Rejection:
    """The inverse of `packed`. Raises DataError for anything else."""
    try:
        if answer[:1] == _REJECTION:
            reason, detail = orjson.loads(answer[1:])
            return Rejection(RejectReason(reason), detail)
        tiny, values = answer[1 : 1 + _TINY_BYTES], orjson.loads(answer[1 + _TINY_BYTES :])
        if answer[:1] == _FACTS and len(values) == len(_NAMES):
            return ImageFacts(**dict(zip(_NAMES, values, strict=True)), tiny=tiny)
    except (ValueError, TypeError) as error:
        raise DataError(f"a decoder's answer cannot be read: {error}") from error
    raise DataError(f"a decoder's answer cannot be read: {answer[:20]!r}")


def serve(settings: str) -> None:
    """Run until the other end of the socket is closed.

    Args:
        settings: JSON with `socket` and `memory` (file descriptors; the memory has `SLOTS` times `SLOT_BYTES`),
            `inspect` (`module:function` with the signature of `inspect_bytes`), `limits` (its keyword arguments),
            `most_cpu_s`, `memory_bytes`.
    """
    said = json.loads(settings)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    connection = socket.socket(fileno=said["socket"])
    memory = memoryview(mmap.mmap(said["memory"], SLOTS * SLOT_BYTES, prot=mmap.PROT_READ))
    os.close(said["memory"])  # what a decoder writes where it should not does not reach it
    threading.Thread(target=_end_with, args=(connection.fileno(),), daemon=True).start()
    module, _, name = said["inspect"].partition(":")
    inspect = getattr(importlib.import_module(module), name)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # libtiff and others report every odd file there, across the progress bars
    os.close(quiet)
    gc.freeze()
    gc.set_threshold(50_000)  # decoding leaves hardly any cycles behind, and looking for them costs a tenth of its time
    _limit(said["memory_bytes"])
    connection.sendall(ANSWER.pack(0))
    while header := _received(connection, REQUEST.size):
        size, slot = REQUEST.unpack(header)
        place = slot * SLOT_BYTES
        data = bytes(memory[place : place + size]) if slot >= 0 else _received(connection, size)
        answer = packed(_inspected(inspect, data, said["limits"], said["most_cpu_s"], said["memory_bytes"]))
        del data  # two large pictures in turn are not held together
        connection.sendall(ANSWER.pack(len(answer)) + answer)


def _inspected(
    inspect: Callable[..., ImageFacts | Rejection],
    data: bytes,
    limits: dict[str, object],
    most_cpu_s: float,
    memory_bytes: int,
) -> ImageFacts | Rejection:
    signal.setitimer(signal.ITIMER_PROF, most_cpu_s)  # SIGPROF ends the process, wherever in a library it is
    try:
        return inspect(data, **limits)
    except MemoryError:
        return Rejection(RejectReason.DECODER_FAILED, f"more than {memory_bytes} bytes of memory")
    except Exception as error:  # noqa: BLE001 (a defect in a decoder costs one picture; the row names it)
        return Rejection(RejectReason.DECODER_FAILED, f"{type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _received(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes; b"" when the other end is closed."""
    data = connection.recv(size, socket.MSG_WAITALL)
    while data and len(data) < size:  # a signal, or a system that does not wait for all
        more = connection.recv(size - len(data), socket.MSG_WAITALL)
        data = data + more if more else b""
    return data


def _limit(memory_bytes: int) -> None:
    """What this process may take beyond what it has now. Systems without such limits go without."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        most = _data_bytes() + memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data_bytes() -> int:
    """What the system counts as this process's data, in bytes."""
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
        return int(statm.read().split()[5]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _end_with(descriptor: int) -> None:
    watch = select.poll()
    watch.register(descriptor, 0)  # nothing but the hang-up
    watch.poll()
    os._exit(1)
