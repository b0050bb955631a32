"""Shards in an object store: stored whole by their writer, read by range requests."""

from __future__ import annotations

from functools import lru_cache

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage.object_store import ObjectStore
from imagenet_build.storage.places import Location, Place, StoredRun
from imagenet_build.storage.queue_view import QueueView
from imagenet_build.storage.stored_file import StoredFile

OPEN_SHARDS = 64
"""Whose lengths are remembered per process: the first picture of a shard costs one request more."""
_FOLDER = "images"
_BLOCK = 512
_END_OF_TAR = 2 * _BLOCK


def store_shards(run: StoredRun, stored: dict[str, int], *, is_closed: bool, open_too: bool) -> None:
    """Store the shards that lie in the work directory, as far as the queue's journal says they are good.

    A full shard is stored and its local file removed. One that is still written is stored as far as it is (`open_too`),
    and again when it is full: what was stored before is its beginning, so every place in it stays right.

    Args:
        run: the run.
        stored: shard -> end as it was stored; kept up to date.
        is_closed: nobody writes shards now, so the last one of each writer is finished too.
        open_too: also store shards that are still written.
    """
    folder, queue_file = run.work / _FOLDER, run.work / "download.sqlite"
    paths = sorted(folder.glob("*/*.tar"))
    if not paths or not queue_file.exists():
        return
    queue = QueueView(queue_file)
    try:
        ends = queue.shard_ends()
    finally:
        queue.close()
    newest = {path.parent: path for path in paths}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        end = ends.get(name, 0)
        whole = -(-end // _BLOCK) * _BLOCK + _END_OF_TAR
        is_written = path == newest[path.parent] or path.stat().st_size != whole  # the journal comes behind the bytes
        if is_written and not is_closed and not open_too:
            continue
        if end and stored.get(name) != end:
            held = path.stat().st_size  # less than the end after a power cut: what is gone is found by the length
            run.store.put_file(f"{_FOLDER}/{name}", path, min(end, held), bytes(whole - end) if held >= end else b"")
            stored[name] = end
        if is_closed or not is_written:
            path.unlink()


def stored_lengths(shards: Location) -> dict[str, int]:
    """Shard -> bytes, of all shards of a run in a store; nothing for a run on a disk."""
    if not isinstance(shards, Place):
        return {}
    start = len(shards.key) + 1
    return {row.key[start:]: row.size for row in shards.run.store.list(shards.key)}


def read_member(folder: Place, ref: ShardRef) -> bytes:
    """The bytes of one image, by one range request.

    Raises:
        DataError: the shard is missing or ends before the member does. StoreUnusable: the store fails.
    """
    path = folder / ref.shard
    local = folder.run.work / _FOLDER / ref.shard
    try:
        if local.exists():  # it is being written here, or was stored a moment ago
            with local.open("rb") as shard:
                shard.seek(ref.offset)
                return shard.read(ref.size)
    except FileNotFoundError:
        pass
    data = b""
    for is_last in (False, True):
        try:
            data = _open_shard(folder.run.store, path.key).read_at(ref.size, ref.offset)
        except FileNotFoundError:
            if is_last:
                raise DataError(f"The shard {path} is missing.") from None
        if len(data) == ref.size:
            return data
        _open_shard.cache_clear()  # it was opened when it was shorter; GCS has that version no more
    raise DataError(f"The shard {path} ends inside the image at byte {ref.offset}.")


@lru_cache(maxsize=OPEN_SHARDS)
def _open_shard(store: ObjectStore, key: str) -> StoredFile:
    return store.open(key)
