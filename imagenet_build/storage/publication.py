"""What a run in an object store shows its readers: versions of files, and the record that names the valid ones.

Nothing that a reader may look at is ever overwritten. `images.parquet` is stored as `images.<epoch>-<digest>.parquet`,
where the epoch counts the run's writers and the digest is of its bytes. When a stage has written all its files, one
record names them (key, size, digest), and `published.json`, one small object, names the records of all stages: putting
it is the moment at which the whole stage appears. A reader reads `published.json` once and sees that state to its end.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from imagenet_build.errors import DataError
from imagenet_build.storage.object_store import ObjectStore

PUBLISHED = "published.json"
RECORDS = "records"
_DIGEST_CHARACTERS = 16
_VERSION = re.compile(r"\.(\d{4,})-([0-9a-f]{16})(?=\.[^./]+$)")


class Version(NamedTuple):
    """One stored version of a file."""

    key: str
    size: int
    digest: str
    """The first 16 hex digits of the SHA-256 of its bytes."""

    @property
    def epoch(self) -> int:
        """The writer that stored it."""
        return parse_version(self.key)[1]


def versioned(name: str, epoch: int, digest: str) -> str:
    """The key of a version.

    >>> versioned("manifest/n02084071.parquet", 3, "3fa9c1d2e4b5a697")
    'manifest/n02084071.0003-3fa9c1d2e4b5a697.parquet'
    """
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.{epoch:04d}-{digest}{dot}{suffix}"


def parse_version(key: str) -> tuple[str, int, str]:
    """(name, epoch, digest) of a version's key; the epoch is -1 where the key is none.

    >>> parse_version("images.0012-3fa9c1d2e4b5a697.parquet")
    ('images.parquet', 12, '3fa9c1d2e4b5a697')
    >>> parse_version("run.json")
    ('run.json', -1, '')
    """
    found = _VERSION.search(key)
    if found is None:
        return key, -1, ""
    return key[: found.start()] + key[found.end() :], int(found.group(1)), found.group(2)


def file_digest(path: Path) -> str:
    """What names a version: a part of the SHA-256 of its bytes."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()[:_DIGEST_CHARACTERS]


class Publication:
    """What is published of one run, as this process sees it; its writer also has what is not published yet.

    Args:
        store: where the run lies.
        epoch: of the writer; 0 for a reader.
        records: stage -> key of its record; None: read from the store when first needed.
    """

    def __init__(self, store: ObjectStore, epoch: int = 0, records: dict[str, str] | None = None) -> None:
        self.store = store
        self.epoch = epoch
        self._records = records
        self._pending: dict[str, dict[str, Version | None]] = {}
        """Stage -> name -> what this process wrote; None: removed."""
        self._superseded: set[str] = set()
        self._commits = False
        """Whether this very object publishes; copies in other processes only store."""

    def __reduce__(self) -> tuple[type[Publication], tuple[ObjectStore, int, dict[str, str]]]:
        return Publication, (self.store, self.epoch, self.records())

    def records(self) -> dict[str, str]:
        """Stage -> key of the record that holds, as of the first look."""
        if self._records is None:
            self._records = read_published(self.store)[1]
        return self._records

    def look_again(self) -> bool:
        """See what is published now: for a reader that stays. Whether it is anything else than before."""
        records = read_published(self.store)[1]
        if records == self._records:
            return False
        for key in records.values():
            _record(self.store, key)  # whoever reads next need not wait for it
        self._records = records
        return True

    def begin_epoch(self, epoch: int) -> None:
        """Be the writer from now on, and look anew."""
        self.epoch, self._records, self._commits = epoch, None, True
        self._pending.clear()

    def find(self, stage: str, name: str) -> Version | None:
        """The version of a file that holds; None if there is none."""
        pending = self._pending.get(stage, {})
        return pending[name] if name in pending else self._recorded(stage).get(name)

    def names(self, stage: str, folder: str) -> list[str]:
        """Files directly in a folder, sorted. Its writer also sees what other processes stored and did not publish."""
        found = set(self._recorded(stage))
        if self.epoch:
            found.update(name for name, _ in self._listed(folder))
        for name, version in self._pending.get(stage, {}).items():
            (found.discard if version is None else found.add)(name)
        return sorted(name for name in found if name.rpartition("/")[0] == folder)

    def put(self, stage: str, name: str, path: Path) -> None:
        """Store a local file as a new version. It is not valid before `commit`, except for this process."""
        digest = file_digest(path)
        recorded = self._recorded(stage).get(name)
        if self._commits and recorded and (recorded.digest, recorded.size) == (digest, path.stat().st_size):
            self._pending.setdefault(stage, {})[name] = recorded
            return
        key = versioned(name, self.epoch, digest)
        self.store.put_file(key, path)
        self._pending.setdefault(stage, {})[name] = Version(key, path.stat().st_size, digest)

    def drop(self, stage: str, name: str) -> None:
        """Leave a file out of the next `commit`."""
        self._pending.setdefault(stage, {})[name] = None

    def has_pending(self, stage: str) -> bool:
        """Whether this process wrote or removed files that are not published."""
        return bool(self._pending.get(stage))

    def commit(self, stage: str, folder: str | None = None, names: Collection[str] | None = None) -> None:
        """Publish what was stored for a stage, all at once.

        Args:
            stage: whose files.
            folder: is looked through for versions that other processes stored, or killed ones: the newest epoch holds.
            names: of the stage's files there; None: all.
        """
        before = self.records().get(stage)
        files = dict(self._recorded(stage))
        known = {version.key for version in files.values()}
        for name, version in self._listed(folder) if folder is not None else ():
            if names is not None and name not in names:
                continue
            known.add(version.key)
            if name not in files or files[name].epoch < version.epoch:
                files[name] = version
        for name, pending in self._pending.get(stage, {}).items():
            if pending is None:
                files.pop(name, None)
            else:
                known.add(pending.key)
                files[name] = pending
        self._superseded |= known - {version.key for version in files.values()}
        if not before or files != self._recorded(stage):
            self._replace_record(stage, before, files)
        self._pending.pop(stage, None)

    def _replace_record(self, stage: str, before: str | None, files: dict[str, Version]) -> None:
        data = json.dumps({"stage": stage, "files": dict(sorted(files.items()))}, indent=0).encode()
        digest = hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]
        key = versioned(f"{RECORDS}/{stage}.json", self.epoch, digest)
        self.store.put(key, data)
        records = {**self.records(), stage: key}
        self.store.put(PUBLISHED, json.dumps({"format": 1, "epoch": self.epoch, "stages": records}, indent=1).encode())
        self._records = records
        self._superseded |= {before} if before else set()

    def clean(self) -> None:
        """Remove versions that are valid no more: at the end of a session, for readers may have begun with them."""
        kept = set(self.records().values())
        for stage in self.records():
            kept.update(version.key for version in self._recorded(stage).values())
        root = (row.key for row in self.store.list("", recursive=False))
        own = {version.key for stage in self._pending.values() for version in stage.values() if version is not None}
        stale = {key for key in root if -1 < parse_version(key)[1] <= self.epoch} | self._superseded
        for key in sorted(stale - kept - own):
            self.store.delete(key)
        self._superseded.clear()

    def _recorded(self, stage: str) -> dict[str, Version]:
        key = self.records().get(stage)
        return _record(self.store, key) if key else {}

    def _listed(self, folder: str) -> Iterator[tuple[str, Version]]:
        for row in self.store.list(folder, recursive=False):
            name, epoch, digest = parse_version(row.key)
            if epoch >= 0:
                yield name, Version(row.key, row.size, digest)


def read_published(store: ObjectStore) -> tuple[int, dict[str, str]]:
    """(epoch of the last publication, stage -> key of its record); (0, nothing) where nothing is published.

    Raises:
        DataError: it is not what this program writes.
    """
    data = store.get(PUBLISHED)
    if data is None:
        return 0, {}
    try:
        said = json.loads(data)
        return int(said["epoch"]), {str(stage): str(key) for stage, key in said["stages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{store.url}/{PUBLISHED} cannot be read: {error}.") from None


@lru_cache(maxsize=64)
def _record(store: ObjectStore, key: str) -> dict[str, Version]:
    """A record; its name holds its digest, so it never changes."""
    data = store.get(key)
    if data is None:
        raise DataError(
            f"{store.url}/{key} is gone: the run was published anew while it was being read.",
            remedy="Give the same command again.",
        )
    return {name: Version(*version) for name, version in json.loads(data)["files"].items()}
