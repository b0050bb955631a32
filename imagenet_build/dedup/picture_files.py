"""Which files below a folder are pictures: told by their first bytes, or meant to be by their names.

Hidden files and folders are passed over: programs keep thumbnails and earlier versions there. Links are followed, but
every file counts once: under its own name if it lies below the folder, else under that of the first link to it. So no
picture is called the duplicate of itself, and links in a circle end.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from imagenet_build.download.signatures import format_of, other_picture
from imagenet_build.errors import DataError

UNREADABLE = "unreadable"
"""The reason where the system refuses a file or a folder; all other reasons are those of `RejectReason`."""
_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif"),
        *(".bmp", ".dib", ".tif", ".tiff", ".avif", ".heic", ".heif", ".hif"),
    )
)
_HEAD_BYTES = 4096


class PictureFile(NamedTuple):
    """A file to be looked at."""

    name: str
    """Relative to the folder, with forward slashes; bytes that are no UTF-8 are written as backslash and hex digits."""
    path: str


class Refused(NamedTuple):
    """A picture that cannot be used, or a file or folder that cannot be read."""

    name: str
    reason: str
    """A value of `RejectReason`, or `UNREADABLE`."""
    detail: str


@dataclass
class FilesFound:
    """What lies below a folder."""

    entries: list[PictureFile | Refused] = field(default_factory=list)
    """Ascending by name."""
    others: int = 0
    """Files that neither are pictures nor have the name of one."""
    links: int = 0
    """Links to files and folders that were reached already."""


def find_pictures(folder: Path) -> FilesFound:
    """Look through a folder and everything below it. Of most files, only the name is looked at.

    Raises:
        DataError: the folder is missing, is none, or cannot be listed.
    """
    try:
        with os.scandir(folder):
            walk = _Walk(os.fspath(folder))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.", remedy="Name a folder of pictures.") from None
    walk.folder(walk.top, "")
    walk.follow_links()
    walk.found.entries.sort()
    return walk.found


class _Walk:
    def __init__(self, top: str) -> None:
        self.top = top
        self.found = FilesFound()
        self._seen: set[str] = set()
        """Real paths of files and folders."""
        self._links: list[tuple[str, str]] = []
        """(name, path), in the order in which they are to be followed."""

    def folder(self, path: str, name: str) -> None:
        """Everything below one folder but what is behind links; those are kept for later."""
        waiting = [(path, name)]
        while waiting:
            path, name = waiting.pop()
            real = os.path.realpath(path)
            if real in self._seen:
                self.found.links += 1
                continue
            self._seen.add(real)
            try:
                with os.scandir(path) as items:
                    listed = sorted(items, key=lambda item: item.name)
            except OSError as error:
                self._refuse(f"{name}/", error)
                continue
            for item in listed:
                if item.name.startswith("."):
                    continue
                below = f"{name}/{item.name}" if name else item.name
                if item.is_symlink():
                    self._links.append((below, item.path))
                elif item.is_dir(follow_symlinks=False):
                    waiting.append((item.path, below))
                elif not item.is_file(follow_symlinks=False):
                    self.found.others += 1
                else:
                    self._file(item.path, below, f"{real.rstrip(os.sep)}{os.sep}{item.name}")

    def follow_links(self) -> None:
        """After everything that can be reached without them."""
        while self._links:
            links, self._links = sorted(self._links), []
            for name, path in links:
                try:
                    mode = Path(path).stat().st_mode
                except OSError as error:
                    self._refuse(name, error)
                    continue
                if stat.S_ISDIR(mode):
                    self.folder(path, name)
                elif stat.S_ISREG(mode):
                    self._file(path, name, os.path.realpath(path))
                else:
                    self.found.others += 1

    def _file(self, path: str, name: str, real: str) -> None:
        if real in self._seen:
            self.found.links += 1
            return
        self._seen.add(real)
        if PurePosixPath(name).suffix.lower() not in _SUFFIXES:
            try:
                with open(path, "rb") as file:  # noqa: PTH123 (a path object for each file costs more than the file)
                    head = file.read(_HEAD_BYTES)
            except OSError as error:
                self._refuse(name, error)
                return
            if format_of(head) is None and other_picture(head) is None:
                self.found.others += 1
                return
        self.found.entries.append(PictureFile(_as_text(name), path))

    def _refuse(self, name: str, error: OSError) -> None:
        self.found.entries.append(Refused(_as_text(name), UNREADABLE, error.strerror or str(error)))


def _as_text(name: str) -> str:
    """What any file and any screen takes: names on disk are bytes, and need not be UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
