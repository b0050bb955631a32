"""Image bytes in tar shards, members named by sha256: append with a journal elsewhere, read at an offset.

A shard is a plain POSIX tar (ustar), so it is also a WebDataset. The journal (`DownloadQueue`) says how far a shard is
good; whatever lies beyond is cut away when the shard is opened for appending again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage import stored_shards
from imagenet_build.storage.places import Location, Place

_BLOCK = 512
_END_OF_TAR = bytes(2 * _BLOCK)
_OWNER = b"0000644\0" + b"0000000\0" + b"0000000\0"
_TIME = b"\0" + b"00000000000\0"
"""What stands between the size and the checksum: its end, and the beginning of 1970."""
_REST = b"\0 " + b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
_EMPTY_HEADER_SUM = sum(_OWNER + _TIME + _REST) + 7 * ord(" ")
"""The checksum counts its own eight bytes as blanks; the last of them is one, at the beginning of `_REST`."""


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def member_header(name: str, size: int) -> bytes:
    """The header of a regular file in a tar: what `tarfile.TarInfo.tobuf` gives, at a tenth of its time.

    Args:
        name: ASCII, at most 100 characters.
        size: bytes of the file.
    Source: POSIX.1-2017, pax, "ustar Interchange Format".
    """
    named, told = name.encode("ascii"), b"%011o" % size
    checksum = _EMPTY_HEADER_SUM + sum(named) + sum(told)
    return named.ljust(100, b"\0") + _OWNER + told + _TIME + b"%06o" % checksum + _REST


class ShardWriter:
    """Appends members to `<folder>/<lane>/00000.tar` and the shards after it. One writer per lane."""

    def __init__(self, folder: Path, lane: str, *, shard_bytes: int) -> None:
        self._folder = folder
        self._lane = lane
        self._shard_bytes = shard_bytes
        self._number = 0
        self._file: int | None = None
        self._position = 0
        self._closing = threading.Lock()

    def open(self, good: dict[str, int]) -> None:
        """Go on where the journal ends.

        Args:
            good: for each shard of this lane (`<lane>/00000.tar`), the offset where its last journalled member's data
                ends, in bytes.
        """
        mine = sorted(name for name in good if name.startswith(f"{self._lane}/"))
        self._number = int(Path(mine[-1]).stem) if mine else 0
        self._open_shard(_padded(good[mine[-1]]) if mine else 0)

    def _open_shard(self, position: int) -> None:
        path = self._folder / self._name()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._file, position)
        self._position = os.lseek(self._file, position, os.SEEK_SET)

    def _name(self) -> str:
        return f"{self._lane}/{self._number:05d}.tar"

    def append(self, sha256: str, extension: str, data: bytes) -> ShardRef:
        """Add one member named `<sha256>.<extension>`.

        The bytes are with the operating system when this returns (they survive `kill -9`), on the disk after `sync`.

        Raises:
            OSError: the disk refuses; the torn member is cut away.
        """
        assert self._file is not None, "open() first"
        if self._position and self._position + _BLOCK + _padded(len(data)) > self._shard_bytes:
            self.close()
            self._number += 1
            self._open_shard(0)
        header = member_header(f"{sha256}.{extension}", len(data))
        start = self._position
        try:
            self._write([header, data, bytes(_padded(len(data)) - len(data))])
        except OSError:
            os.ftruncate(self._file, start)
            os.lseek(self._file, start, os.SEEK_SET)
            raise
        self._position = start + len(header) + _padded(len(data))
        return ShardRef(self._name(), start + len(header), len(data))

    def _write(self, parts: Sequence[bytes]) -> None:
        """Write the parts one behind the other, without first making one piece of them."""
        assert self._file is not None
        left = [memoryview(part) for part in parts if part]
        while left:
            written = os.writev(self._file, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def sync(self) -> None:
        """Force everything appended to the disk; may run in a thread beside `append`."""
        with self._closing:
            if self._file is not None:
                os.fsync(self._file)

    def close(self) -> None:
        """End the shard as a tar must (two zero blocks) and sync it."""
        if self._file is None:
            return
        try:
            self._write([_END_OF_TAR])
            os.fsync(self._file)
        finally:
            with self._closing:
                os.close(self._file)
                self._file = None


def new_lane(folder: Path) -> str:
    """Make a lane that no other process has, on whatever machine: making a folder succeeds once.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    for number in itertools.count(1):
        with contextlib.suppress(FileExistsError):
            (folder / f"w{number}").mkdir()
            break
    return f"w{number}"


def seal_lanes(folder: Path, good: Mapping[str, int], lane: str) -> None:
    """End shards as a tar must that were left by processes which are no more; what was not journalled is cut away.

    Args:
        folder: of all lanes.
        good: for each shard, the offset where its last journalled member's data ends, in bytes.
        lane: of whoever calls; it stays as it is.
    """
    for path in sorted(folder.glob("*/*.tar")):
        name = path.relative_to(folder).as_posix()
        end = _padded(good.get(name, 0))
        if path.parent.name == lane or path.stat().st_size == end + len(_END_OF_TAR):
            continue
        if not end:
            path.unlink()
            continue
        with path.open("r+b") as shard:
            shard.truncate(end)
            shard.seek(end)
            shard.write(_END_OF_TAR)
            shard.flush()
            os.fsync(shard.fileno())


def read_member(folder: Location, ref: ShardRef) -> bytes:
    """The bytes of one image; from a store by one range request of its size.

    Raises:
        DataError: the shard is missing or ends before the member does.
    """
    if isinstance(folder, Place):
        return stored_shards.read_member(folder, ref)
    try:
        with (folder / ref.shard).open("rb") as shard:
            shard.seek(ref.offset)
            data = shard.read(ref.size)
    except OSError as error:
        raise DataError(f"The shard {folder / ref.shard} cannot be read: {error.strerror}.") from None
    if len(data) != ref.size:
        raise DataError(f"The shard {folder / ref.shard} ends inside the image at byte {ref.offset}.")
    return data
