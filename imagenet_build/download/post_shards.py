"""EDGE: pictures of a process elsewhere, in shards of its own: their bytes need not pass through the session's process.

Each such process has a lane that it alone ever writes. What it stored is good as far as the session's journal says.
"""

from __future__ import annotations

import errno
from pathlib import Path

from imagenet_build.download.inspect_bytes import EXTENSIONS
from imagenet_build.download.sync_clock import SyncClock
from imagenet_build.errors import ConfigError, DiskUnusable
from imagenet_build.records import ImageFacts, ShardRef
from imagenet_build.storage.shards import ShardWriter, new_lane

_REMEMBERED = 100_000


class PostShards:
    """Stores pictures, those with the same bytes once."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        """`folder`: of all lanes. The lane is made with the first picture."""
        self._folder = folder
        self._shard_bytes = shard_bytes
        self._writer: ShardWriter | None = None
        self._places: dict[str, ShardRef] = {}
        self._clock = SyncClock(lambda: self._opened().sync())

    def keep(self, facts: ImageFacts, data: bytes) -> ShardRef:
        """Where the bytes are; they are with the operating system.

        Raises:
            ConfigError: this machine does not see the run. DiskUnusable: the disk refuses.
        """
        known = self._places.get(facts.sha256)
        if known is not None:
            return known
        try:
            place = self._opened().append(facts.sha256, EXTENSIONS[facts.format], data)
        except FileNotFoundError:
            raise ConfigError(
                f"A node of the cluster does not see the run's folder {self._folder}.",
                remedy="Put the run where every node sees it under the same path, or build with --executor local.",
            ) from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise DiskUnusable(
                f"A node of the cluster cannot write to {self._folder}: {error.strerror}. Nothing is lost.",
                remedy=("Free some space" if full else "Mend its permissions") + " and give the same command again.",
            ) from None
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[facts.sha256] = place
        self._clock.wrote()
        return place

    async def close(self) -> None:
        """End the shard, if there is one."""
        await self._clock.close()
        if self._writer is not None:
            self._writer.close()

    def _opened(self) -> ShardWriter:
        if self._writer is None:
            writer = ShardWriter(self._folder, new_lane(self._folder), shard_bytes=self._shard_bytes)
            writer.open({})
            self._writer = writer
        return self._writer
