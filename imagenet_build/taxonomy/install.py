"""EDGE: fetches WordNet 3.0 and the Open Multilingual Wordnet into the project's data folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from imagenet_build.errors import DiskUnusable, SourceError, WordNetUnusable
from imagenet_build.taxonomy.fetch_ways import WAYS, fetch_omw
from imagenet_build.taxonomy.places import folders_named
from imagenet_build.taxonomy.sources import NOUN_FILES, examine, is_intact_wordnet, tab_files

Say = Callable[[str], None]
Fetch = Callable[[Path], Path]
"""Given an empty folder to work in, gives back the folder that holds data.noun."""
Check = Callable[[Path], bool]
KEPT_FILES = (*NOUN_FILES, "LICENSE")
OMW_PACKAGES = ("omw-2.0", "omw-1.4")


def install_wordnet(
    target: Path, say: Say, *, ways: Mapping[str, Fetch] = WAYS, is_intact: Check = is_intact_wordnet
) -> str:
    """Put WordNet 3.0's noun files into `target`, by the first way that brings them intact.

    Only an intact copy ever appears under `target`: it is written beside it, checked, then renamed. A second call finds
    it and fetches nothing.

    Args:
        target: the folder, for example `data/wordnet`.
        say: told what is done, a line at a time.
        ways: name -> how to fetch, in the order in which they are tried.
        is_intact: whether a folder holds the right files.
    Returns:
        The way that worked; empty if nothing needed to be done.
    Raises:
        WordNetUnusable: no way works; the message says why for each.
        DiskUnusable: the folder cannot be written.
    """
    if is_intact(target):
        say(f"WordNet 3.0 is already in {target}.")
        return ""
    problems: list[str] = []
    for name, fetch in ways.items():
        say(f"Fetching WordNet 3.0 by way of {name} ...")
        try:
            with _Workshop(target) as workshop:
                ready = workshop / "ready"
                copy_noun_files(fetch(workshop), ready)
                if not is_intact(ready):
                    found = examine(ready, (ready / "data.noun").read_bytes())
                    raise WordNetUnusable(f"what came is not usable: {found.problem or found.version}.")
                _put(ready, target)
        except SourceError as error:
            if isinstance(error, DiskUnusable):
                raise
            problems.append(f"{name}: {error}")
            say(f"  that did not work: {error}")
        else:
            say(f"WordNet 3.0 is in {target}, checked.")
            return name
    raise WordNetUnusable(
        f"WordNet 3.0 could not be fetched. {' '.join(problems)}",
        source="wordnet",
        remedy="Set taxonomy.wordnet_dir to a folder with its data.noun, index.noun and noun.exc.",
    )


def copy_noun_files(source: Path, ready: Path) -> None:
    """Copy the noun files, with LF line ends: with CRLF every offset would be wrong."""
    ready.mkdir(parents=True)
    for name in KEPT_FILES:
        if (source / name).is_file():
            with (ready / name).open("wb") as file:
                file.write((source / name).read_bytes().replace(b"\r\n", b"\n"))
                file.flush()
                os.fsync(file.fileno())
        elif name in NOUN_FILES:
            raise WordNetUnusable(f"{name} is missing in what came.")


def install_omw(target: Path, say: Say, *, fetch: Callable[[Path, str], Path] = fetch_omw) -> bool:
    """Put the Open Multilingual Wordnet into `target` as the archive it comes in.

    Returns:
        Whether it is there; queries are English only if it is not.
    Raises:
        DiskUnusable: the folder cannot be written.
    """
    if any(tab_files(folder) for folder in folders_named(target, OMW_PACKAGES)):
        say(f"The Open Multilingual Wordnet is already in {target}.")
        return True
    for package in OMW_PACKAGES:
        say(f"Fetching the Open Multilingual Wordnet ({package}) ...")
        try:
            with _Workshop(target) as workshop:
                archive = fetch(workshop, package)
                ready = workshop / "ready"
                ready.mkdir()
                shutil.move(archive, ready / f"{package}.zip")
                if not any(tab_files(folder) for folder in folders_named(ready, OMW_PACKAGES)):
                    raise WordNetUnusable("what came holds no wn-data-<language>.tab.")
                _put(ready, target)
        except SourceError as error:
            if isinstance(error, DiskUnusable):
                raise
            say(f"  that did not work: {error}")
        else:
            say(f"The Open Multilingual Wordnet is in {target}.")
            return True
    return False


class _Workshop:
    """A folder beside the target, on the same disk, gone afterwards."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> Path:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix=f".{self._target.name}-", dir=self._target.parent)
        except OSError as error:
            raise DiskUnusable(f"{self._target.parent} cannot be written: {error.strerror}.") from None
        return Path(self._folder.name)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _put(ready: Path, target: Path) -> None:
    """Rename a finished folder into place; what stood there before moves out of the way first."""
    if target.exists():
        target.rename(ready.parent / "replaced")
    ready.rename(target)
