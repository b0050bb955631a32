"""Opens caption tables, packed or not, and says clearly when one is damaged."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from imagenet_build.errors import DataError, SourceError

PACKED = (".gz", ".bz2")


def plain_suffix(path: Path) -> str:
    """The suffix in lower case, without that of the packing: `.tsv` for `captions.TSV.gz`."""
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix in PACKED else name.suffix


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text, unpacking gzip and bzip2 on the way; bytes that are no UTF-8 become U+FFFD.

    Raises:
        SourceError: the file cannot be opened.
        DataError: the packed file is damaged or cut off.
    """
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    opener = openers.get(path.suffix.lower(), open)
    try:
        file = cast(TextIO, opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.", source=str(path)) from None
    try:
        with file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, error) from None
    except OSError as error:
        if path.suffix.lower() not in PACKED or error.errno is not None:
            raise
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is damaged or cut off: {error}.", remedy="Fetch the file again.")
