"""A folder of pictures with caption files beside them.

`dog.jpg` may have `dog.txt`, `dog.caption` and `dog.json` beside it. The first line of a text is its caption, in
English; lines `es.utf8=…` or `zh_CN=…` are captions in other languages, as Tux Paint's stamps have them. The
JSON object has the column names of `columns.py`. A picture without any of them is found by the words of its file name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from imagenet_build.collection.languages import UNKNOWN_LANGUAGE, language_code
from imagenet_build.collection.readers.columns import FILE, clean, read_row
from imagenet_build.collection.readers.record import Caption, PictureRecord, Rows, SkippedRow, SkipReason
from imagenet_build.errors import SourceError
from imagenet_build.records import ENGLISH

PICTURE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""Suffix -> media type of the files that count as pictures."""
CAPTION_SUFFIXES = (".txt", ".caption", ".json")
MAX_CAPTION_FILE_BYTES = 1_000_000

_LOCALE_LINE = re.compile(
    r"(?P<locale>[a-zA-Z]{2,3}(?:[_-][a-zA-Z]{2,4})?(?:@[a-zA-Z]+)?)(?:\.[uU][tT][fF]-?8)?=(?P<text>.*)"
)


class Folder:
    """Every picture in a folder and below it, in the order of their names."""

    looks_like = "a folder with pictures (captions in .txt, .caption or .json files of the same name)"

    def fits(self, source: Path) -> bool:
        """Whether there is a picture anywhere below."""
        return source.is_dir() and any(Path(name).suffix.lower() in PICTURE_TYPES for _, name in _files_below(source))

    def base(self, source: Path) -> Path:
        """The folder itself."""
        return source

    def read(self, source: Path) -> Rows:
        """One row per picture, and one per caption file without a picture."""
        for folder, names in _folders_below(source):
            stems = {Path(name).stem for name in names if Path(name).suffix.lower() in PICTURE_TYPES}
            present = set(names)
            for name in names:
                path = Path(folder, name)
                where = path.relative_to(source).as_posix()
                if not _is_text(where):
                    if path.suffix.lower() in PICTURE_TYPES:
                        yield SkippedRow(SkipReason.UNREADABLE_NAME, repr(where))
                elif path.suffix.lower() in PICTURE_TYPES:
                    yield _picture(path, where, present)
                elif path.suffix.lower() in (".txt", ".caption") and path.stem not in stems:
                    yield SkippedRow(SkipReason.CAPTION_WITHOUT_PICTURE, where)


def _files_below(source: Path) -> Iterator[tuple[str, str]]:
    return ((folder, name) for folder, names in _folders_below(source) for name in names)


def _folders_below(source: Path) -> Iterator[tuple[str, list[str]]]:
    """Folders and their files' names, both sorted; hidden ones are passed over, links to folders are not followed."""
    for folder, below, names in os.walk(source, onerror=_unreadable):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield folder, sorted(name for name in names if not name.startswith("."))


def _unreadable(error: OSError) -> None:
    raise SourceError(f"{error.filename} cannot be read: {error.strerror}.", source=str(error.filename))


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _picture(path: Path, where: str, present: set[str]) -> PictureRecord | SkippedRow:
    record: PictureRecord | None = None
    captions: list[Caption] = []
    for suffix in CAPTION_SUFFIXES:
        beside = path.with_suffix(suffix)
        if beside.name not in present:
            continue
        text = _read(beside)
        if suffix == ".json":
            record = _from_json(text, where)
            captions.extend(record.captions if record else ())
        else:
            captions.extend(captions_in(text))
    if not captions:
        words = clean(re.sub(r"[\W_]+", " ", path.stem))
        if not words:
            return SkippedRow(SkipReason.NO_CAPTION, where)
        captions.append(Caption(words))
    if record is None:
        record = PictureRecord(captions=(), file=where)
    # A JSON file may give the size of the original; the file beside it knows its own.
    return replace(record, captions=tuple(dict.fromkeys(captions)), width=None, height=None)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_CAPTION_FILE_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", source=str(path)) from None


def captions_in(text: str) -> Iterator[Caption]:
    """The captions of one text file.

    >>> [caption.language for caption in captions_in("A dog.\\nes.utf8=Un perro.\\nzh_CN=狗\\nmore words")]
    ['eng', 'spa', 'cmn']
    """
    for number, line in enumerate(text.splitlines()):
        match = _LOCALE_LINE.fullmatch(line.strip())
        if match:
            caption, language = clean(match["text"]), language_code(match["locale"])
        elif number == 0:
            caption, language = clean(line), ENGLISH
        else:
            continue
        if caption and (number == 0 or language != UNKNOWN_LANGUAGE):
            yield Caption(caption, language)


def _from_json(text: str, where: str) -> PictureRecord | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    cells = {name: value for name, value in row.items() if name.strip().lower() not in FILE}
    record = read_row({**cells, "file": where}, where)
    return record if isinstance(record, PictureRecord) else None
