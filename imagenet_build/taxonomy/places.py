"""EDGE: where wordnets may lie on this machine, and one way to read folders and zip archives."""

from __future__ import annotations

import logging
import os
import sys
import zipfile
import zlib
from pathlib import Path

import imagenet_build
from imagenet_build.errors import WordNetUnusable

Folder = Path | zipfile.Path
"""A folder on disk or inside a zip archive: both have `iterdir`, `/`, `is_file`, `read_bytes` and `name`."""

_log = logging.getLogger(__name__)
DATA_VARIABLE = "IMAGENET_BUILD_DATA"


def data_dir() -> Path:
    """The project's own data folder: `IMAGENET_BUILD_DATA`, else `data/` of a checkout, else the user's data folder."""
    if named := os.environ.get(DATA_VARIABLE):
        return Path(named).expanduser()
    checkout = Path(imagenet_build.__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "configs").is_dir():
        return checkout / "data"
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "imagenet-build"


def nltk_folders() -> list[Path]:
    """NLTK's search path, in its order. Written out here because importing nltk takes longer than loading WordNet.

    Source:
        the table "Command line installation" of NLTK's page "Installing NLTK Data", and nltk/data.py.
    """
    named = [Path(part).expanduser() for part in os.environ.get("NLTK_DATA", "").split(os.pathsep) if part]
    home = Path("~/nltk_data").expanduser()
    prefix = Path(sys.prefix)
    own = [prefix / "nltk_data", prefix / "share" / "nltk_data", prefix / "lib" / "nltk_data"]
    if sys.platform == "win32":
        system = [Path(os.environ.get("APPDATA", "C:\\")) / "nltk_data", Path("C:/nltk_data"), Path("D:/nltk_data")]
    else:
        system = [Path(base) / "nltk_data" for base in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")]
    return [*named, home, *own, *system]


def folders_named(base: Path, names: tuple[str, ...]) -> list[Folder]:
    """The folders or archives that `base` may mean: itself, or one of these names below it or below its `corpora/`.

    An archive that cannot be opened is skipped, with a warning.
    """
    below = [place / name for place in (base, base / "corpora") for name in names]
    found: list[Folder] = []
    for path in (base, *below):
        if path.is_dir():
            found.append(path)
        archive = path if path.suffix == ".zip" else path.with_name(path.name + ".zip")
        if archive.is_file():
            found += _inside(archive)
    return found


def _inside(archive: Path) -> list[Folder]:
    """The top of a zip archive, and the folders that stand there."""
    try:
        top = zipfile.Path(archive)
        return [top, *(inner for inner in top.iterdir() if inner.is_dir())]
    except (zipfile.BadZipFile, OSError) as error:
        _log.warning("%s is passed over: %s", archive, error)
        return []


def read_file(folder: Folder, name: str) -> bytes:
    """The bytes of a file.

    Raises:
        WordNetUnusable: it is not there, or cannot be read (also: a damaged archive).
    """
    try:
        return (folder / name).read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        remedy = "`imagenet-build data install` fetches an intact copy."
        raise WordNetUnusable(f"{name} in {label(folder)} cannot be read: {error}.", remedy=remedy) from None


def label(folder: Folder) -> str:
    """A folder as people write it."""
    return str(folder).rstrip("/")
