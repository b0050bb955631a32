"""Where a file lies: a `Path` on this disk, or a `Place` in an object store. The same few operations for both.

A `Place` has the methods of `Path` that published files need, with the same meaning; what a disk alone can do (locks,
SQLite, appending) needs a `Path`, and the type checker says so. The functions here take either.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO, Union, cast

from imagenet_build.errors import DataError
from imagenet_build.storage.object_store import ObjectStore, is_store_url, open_store
from imagenet_build.storage.publication import Publication
from imagenet_build.storage.work_directory import OWNER

DEFAULT_WORK = Path("data/work")
READ_AHEAD = 4 << 20
"""Bytes of one request when a stored file is read piece by piece."""


@dataclass(frozen=True)
class StoredRun:
    """A run in an object store, and the local directory for what must lie on a disk."""

    store: ObjectStore
    work: Path
    publication: Publication = field(compare=False)

    @property
    def spool(self) -> Path:
        """Files that are being written, before they are stored."""
        return self.work / "tmp"


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder of a run in an object store.

    Args:
        run: the run.
        name: below the run's root; empty: the root itself.
        stage: whose record names the file's valid version; empty: the object has this very name, and is overwritten
            as a whole.
    """

    run: StoredRun
    key: str = ""
    stage: str = ""

    def __truediv__(self, name: str) -> Place:
        return Place(self.run, f"{self.key}/{name}".lstrip("/"), self.stage)

    def __str__(self) -> str:
        return f"{self.run.store.url}/{self.key}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part."""
        return str(self).rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.rpartition(".")[0] or self.name

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> Place:
        """The folder that holds it."""
        return Place(self.run, self.key.rpartition("/")[0], self.stage)

    def stored_key(self) -> str | None:
        """The key of the object that holds the file; None if there is none that counts."""
        if not self.stage:
            return self.key
        version = self.run.publication.find(self.stage, self.key)
        return version.key if version else None

    def exists(self) -> bool:
        """Whether the file is there."""
        key = self.stored_key()
        return key is not None and (bool(self.stage) or self.run.store.info(key) is not None)

    def read_bytes(self) -> bytes:
        """The whole file. Raises FileNotFoundError."""
        key = self.stored_key()
        data = self.run.store.get(key) if key else None
        if data is None:
            raise FileNotFoundError(2, "No such object", str(self))
        return data

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole file as text. Raises FileNotFoundError."""
        return self.read_bytes().decode(encoding)

    def glob(self, pattern: str) -> Iterator[Place]:
        """Files directly in this folder whose names match; published ones come from the record, without a listing."""
        if self.stage:
            names = self.run.publication.names(self.stage, self.key)
        else:
            names = [row.key for row in self.run.store.list(self.key, recursive=False)]
        for name in names:
            if fnmatch.fnmatchcase(name.rpartition("/")[2], pattern):
                yield Place(self.run, name, self.stage)

    def write_whole(self, write: Callable[[IO[bytes]], None]) -> None:
        """Write the file to the work directory, and store it as one object.

        A published one gets a name that no reader looks at before its stage is published.
        """
        spool = self.run.spool
        spool.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=spool, suffix=".part") as out:
            write(out)
            out.flush()
            if self.stage:
                self.run.publication.put(self.stage, self.key, Path(out.name))
            else:
                self.run.store.put_file(self.key, Path(out.name))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file; a published one with the next publication of its stage."""
        if not missing_ok and not self.exists():
            raise FileNotFoundError(2, "No such object", str(self))
        if self.stage:
            self.run.publication.drop(self.stage, self.key)
        else:
            self.run.store.delete(self.key)


Location = Union[Path, Place]  # noqa: UP007 - isinstance and Python 3.10


def place_of(text: str, work: Path | None = None) -> Location:
    """What a user named: a run's directory, or its URL.

    Args:
        text: a path, `file://...`, `s3://bucket/folder` or `gs://bucket/folder`.
        work: the local directory for what must lie on a disk; None: one below `data/work` named by the URL.
    Raises:
        ConfigError: a URL that names no place in an object store.

    >>> place_of("data/runs/birds")
    PosixPath('data/runs/birds')
    """
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    if not is_store_url(text):
        return Path(text)
    store = open_store(text)
    known_by = tuple(option for option in store.options if option[0] != "region")  # it may come from the environment
    named = hashlib.sha256(repr((store.url, known_by)).encode()).hexdigest()[:16]
    return Place(StoredRun(store, (work or DEFAULT_WORK / named).absolute(), Publication(store)))


def on_this_machine(root: Place) -> Place:
    """The same place, for a unit that may run on another machine than the run's writer.

    There the writer's work directory is not made: whoever builds from that machine later would find a directory that
    holds no run's state, or it may not be made at all. Temporary files go where the machine wants them.
    """
    if (root.run.work / OWNER).exists():
        return root
    return replace(root, run=replace(root.run, work=Path(_own_folder().name)))


@lru_cache(maxsize=1)
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """Of this process; removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="imagenet_build-")


def run_name(root: Location) -> str:
    """What a run is called: the last part of its place."""
    return root.resolve().name if isinstance(root, Path) else root.name


def files_in(folder: Location, pattern: str) -> list[Location]:
    """Files directly in a folder whose names match, sorted; none if there is no folder."""
    found: list[Location] = list(folder.glob(pattern))
    return sorted(found, key=str)


def has_files(folder: Location) -> bool:
    """Whether there is such a folder; one in a store is there if it holds anything."""
    return folder.exists() if isinstance(folder, Path) else next(folder.glob("*"), None) is not None


def local_copy(path: Location) -> Path:
    """The file itself, or a copy in the work directory. Raises FileNotFoundError."""
    if isinstance(path, Path):
        return path
    copy = path.run.spool / path.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(path.read_bytes())
    return copy


def source_of(path: Location) -> Any:
    """What pyarrow's Parquet reader takes: the path, or the open object. Raises FileNotFoundError."""
    if isinstance(path, Path):
        return path
    key = path.stored_key()
    if key is None:
        raise FileNotFoundError(2, "No such object", str(path))
    try:
        return path.run.store.open(key)
    except FileNotFoundError:
        if not path.stage:
            raise
        raise DataError(
            f"{path} was published anew while it was being read.", remedy="Give the same command again."
        ) from None


def open_file(path: Location) -> BinaryIO:
    """A file for reading at any place. Raises FileNotFoundError; a store is read ahead by `READ_AHEAD` bytes."""
    if isinstance(path, Path):
        return path.open("rb")
    return cast(BinaryIO, io.BufferedReader(source_of(path), READ_AHEAD))


def version_of(path: Location) -> tuple[Any, ...]:
    """What changes when the file does. Raises FileNotFoundError."""
    if isinstance(path, Path):
        state = path.stat()
        return state.st_ino, state.st_mtime_ns, state.st_size
    key = path.stored_key()
    info = path.run.store.info(key) if key and not path.stage else None
    if key is None or (info is None and not path.stage):
        raise FileNotFoundError(2, "No such object", str(path))
    return (key,) if info is None else (key, info.changed_at, info.size)


def version_text(path: Location) -> str:
    """What changes when the file is written anew, also by whoever copies it back: size and moment, or the key."""
    if isinstance(path, Path):
        state = path.stat()
        return f"{state.st_size} {state.st_mtime_ns}"
    return str(path.stored_key())


def unreadable(path: Location, error: Exception, remedy: str = "Delete it and run the build again.") -> DataError:
    """What to say of a table that is damaged. (Where the store fails, its files raise StoreUnusable themselves.)"""
    return DataError(f"{path} cannot be read: {error}", remedy=remedy)


def size_of(path: Location) -> int:
    """Bytes of a file. Raises FileNotFoundError."""
    if isinstance(path, Path):
        return path.stat().st_size
    version = path.run.publication.find(path.stage, path.key) if path.stage else None
    info = path.run.store.info(path.key) if not path.stage else None
    if version is None and info is None:
        raise FileNotFoundError(2, "No such object", str(path))
    return version.size if version is not None else info.size if info is not None else 0


def names_in(folder: Location) -> Iterator[str]:
    """Names of what lies directly in a folder, in no order, by one listing; none if there is no folder."""
    if isinstance(folder, Place):
        yield from (place.name for place in folder.glob("*"))
    elif folder.exists():
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)
