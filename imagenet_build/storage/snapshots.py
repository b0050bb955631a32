"""Copies of a run's SQLite files in its object store, so that another machine can go on where this one was.

A copy is cut into pieces named by their digests: what has not changed since the last snapshot is not sent again.
`snapshot.json` names the pieces of all files; replacing that one object is the moment at which a snapshot is made.
State is copied before what it speaks of: a unit that a snapshot calls done has left its pages or pictures in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from imagenet_build.errors import DataError
from imagenet_build.storage.object_store import ObjectStore
from imagenet_build.storage.work_directory import owner_of

if TYPE_CHECKING:
    from imagenet_build.storage.places import StoredRun

SNAPSHOT = "snapshot.json"
PIECES = "snapshot"
PIECE_BYTES = 4 << 20
ORIGIN = "origin.json"
"""In the work directory: what its files are. `epoch`: of the writer whose state they hold; `snapshot`: the one that
they were restored from, null if that writer was here."""
LOCK = "run.lock"
_STATE = "state.sqlite"
_FILES = (_STATE, "search/*.sqlite", "votes/journal.sqlite", "download.sqlite")
"""In the order in which they are copied."""
_COMPUTED = ("taxonomy", "queries", "dedup", "manifest")
"""Stages whose units leave files in the store."""
_LEFT_ON_DISK = ("dedup", "excluded")
"""The unit that leaves its outcome in the work directory, which no snapshot holds."""
_ZSTD = pa.Codec("zstd")


@dataclass(frozen=True)
class Origin:
    """What the files of a work directory are."""

    epoch: int = 0
    snapshot: str | None = None


@dataclass
class SnapshotWriter:
    """Makes snapshots of one session."""

    store: ObjectStore
    work: Path
    epoch: int
    _files: dict[str, Any] = field(default_factory=dict)
    _seen: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def begin(self) -> None:
        """Learn what the store holds already."""
        self._files = dict((read_snapshot(self.store) or {}).get("files", {}))

    def copy_changed(self, spool: Path) -> dict[str, tuple[Path, tuple[int, ...]]]:
        """Consistent local copies of the files that changed since the last snapshot: name -> (copy, state)."""
        copies = {}
        for path in database_files(self.work):
            name = path.relative_to(self.work).as_posix()
            now = _fingerprint(path)
            if self._seen.get(name) != now or name not in self._files:
                copies[name] = (_copy(path, spool), now)
        return copies

    def store_copies(self, copies: dict[str, tuple[Path, tuple[int, ...]]]) -> None:
        """Send what changed, and make the snapshot. The copies are removed."""
        held = {digest for made in self._files.values() for digest in made["pieces"]}
        sent: set[str] = set()
        files = dict(self._files)
        for name, (copy, _) in copies.items():
            pieces = []
            with copy.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    digest = hashlib.sha256(piece).hexdigest()[:32]
                    if digest not in held and digest not in sent:
                        self.store.put(_piece_key(digest), _ZSTD.compress(piece, asbytes=True))
                        sent.add(digest)
                    pieces.append(digest)
            files[name] = {"bytes": copy.stat().st_size, "pieces": pieces}
            copy.unlink()
        if files != self._files:
            self._replace(files, held)
        self._seen.update((name, state) for name, (_, state) in copies.items())

    def _replace(self, files: dict[str, Any], held: set[str]) -> None:
        """Make a snapshot of pieces that are stored; remove those that only the last one needed."""
        said = {"format": 1, "epoch": self.epoch, "made_at": time.time(), "files": files}
        said["id"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        self.store.put(SNAPSHOT, json.dumps(said).encode())
        self._files = files
        kept = {digest for made in files.values() for digest in made["pieces"]}
        for digest in sorted(held - kept):
            self.store.delete(_piece_key(digest))


def database_files(work: Path) -> Iterator[Path]:
    """The SQLite files of a work directory, in the order in which they are copied."""
    for pattern in _FILES:
        yield from sorted(work.glob(pattern))


def read_snapshot(store: ObjectStore) -> dict[str, Any] | None:
    """`snapshot.json`; None if there is none."""
    data = store.get(SNAPSHOT)
    if data is None:
        return None
    try:
        said = json.loads(data)
        said["epoch"], said["id"], said["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{store.url}/{SNAPSHOT} cannot be read: {error!r}.") from None
    return dict(said)


def read_origin(work: Path) -> Origin:
    """What the files of a work directory are."""
    try:
        said = json.loads((work / ORIGIN).read_text())
        return Origin(int(said["epoch"]), said["snapshot"])
    except (OSError, ValueError, KeyError, TypeError):
        return Origin()


def write_origin(work: Path, origin: Origin) -> None:
    """Say what the files of a work directory are."""
    aside = work / f"{ORIGIN}.part"
    aside.write_text(json.dumps({"epoch": origin.epoch, "snapshot": origin.snapshot}))
    aside.replace(work / ORIGIN)


def restore(store: ObjectStore, work: Path, snapshot: dict[str, Any] | None) -> None:
    """Replace the state in a work directory by a snapshot, or by nothing. The caller has locked the directory.

    Raises:
        DataError: the snapshot was replaced meanwhile, or is damaged.
    """
    (work / ORIGIN).unlink(missing_ok=True)  # half restored is not restored
    for path in database_files(work):
        for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            one.unlink(missing_ok=True)
    for folder in ("images", "dedup", "tmp"):
        shutil.rmtree(work / folder, ignore_errors=True)
    for name, made in (snapshot or {"files": {}})["files"].items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            left = int(made["bytes"])
            for digest in made["pieces"]:
                packed = store.get(_piece_key(digest))
                piece = b"" if packed is None else _ZSTD.decompress(packed, min(left, PIECE_BYTES), asbytes=True)
                if hashlib.sha256(piece).hexdigest()[:32] != digest:
                    raise DataError(
                        f"A piece of the snapshot of {store.url} is gone or damaged.",
                        remedy="Give the same command again: the snapshot was perhaps being replaced.",
                    )
                out.write(piece)
                left -= len(piece)
    _forget(work, "stage = ? AND key = ?", _LEFT_ON_DISK)
    if snapshot is not None:
        write_origin(work, Origin(int(snapshot["epoch"]), str(snapshot["id"])))


def forget_computed(work: Path) -> None:
    """Let stages that only compute do so again: a writer that died after the snapshot may have left other files."""
    _forget(work, f"stage IN ({', '.join('?' * len(_COMPUTED))})", _COMPUTED)


def _forget(work: Path, which: str, values: tuple[str, ...]) -> None:
    if (work / _STATE).exists():
        with contextlib.closing(sqlite3.connect(work / _STATE)) as state, state:
            state.execute(f"DELETE FROM units WHERE {which}", values)


def refresh(run: StoredRun) -> Path:
    """The work directory of a run in a store, for readers: as of the last snapshot, unless the run is written here."""
    if run.publication.epoch or run.work in _REFRESHED:
        return run.work
    owner_of(run.work)
    with (run.work / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its writer is at work here
            return run.work
        snapshot = read_snapshot(run.store)
        origin = read_origin(run.work)
        is_newest = snapshot is None or (
            origin.epoch >= snapshot["epoch"] if origin.snapshot is None else origin.snapshot == snapshot["id"]
        )
        if not is_newest:
            restore(run.store, run.work, snapshot)
    _REFRESHED.add(run.work)
    return run.work


def refresh_again(run: StoredRun) -> Path:
    """As `refresh`, for a reader that stays and wants the last snapshot of now."""
    _REFRESHED.discard(run.work)
    return refresh(run)


_REFRESHED: set[Path] = set()
"""Work directories that this process has brought up to date: a command sees one state to its end."""


def _piece_key(digest: str) -> str:
    return f"{PIECES}/{digest}.zst"


def _fingerprint(path: Path) -> tuple[int, ...]:
    """Changes when the database does."""
    found: list[int] = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError):
            state = one.stat()
            found += [state.st_ino, state.st_size, state.st_mtime_ns]
    return tuple(found)


def _copy(path: Path, spool: Path) -> Path:
    """A copy of a database as it was committed last, while others go on writing it."""
    spool.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=spool, suffix=".sqlite", delete=False) as made:
        copy = Path(made.name)
    with (
        contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy
