"""Pure: a row of any table, by the column names that caption corpora use, to a `PictureRecord`.

Column names of LAION, Re-LAION, DataComp, COYO, WIT, Open Images, img2dataset and Hugging Face's image folders.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from imagenet_build.collection.languages import UNKNOWN_LANGUAGE, language_code
from imagenet_build.collection.readers.record import Caption, PictureRecord, SkippedRow, SkipReason

URL = ("url", "image_url", "originalurl", "original_url")
FILE = ("file", "path", "image", "file_name", "filename", "image_path")
TITLE = ("title", "page_title")
TEXT = (
    "text",
    "caption",
    "captions",
    "alt",
    "alt_text",
    "caption_reference_description",
    "caption_attribution_description",
    "caption_alt_text_description",
)
LANGUAGE = ("language", "lang", "locale")
WIDTH = ("original_width", "width")
HEIGHT = ("original_height", "height")
PAGE = ("page_url", "landing_url", "foreign_landing_url", "originallandingurl")
LICENSE = ("license", "licence")
LICENSE_VERSION = ("license_version", "licence_version")
LICENSE_URL = ("license_url", "licence_url")
CREATOR = ("creator", "author", "artist")
CREATOR_URL = ("creator_url", "author_url", "authorprofileurl")

PICTURE = URL + FILE
CAPTION = TEXT + TITLE
KNOWN = frozenset(
    PICTURE
    + CAPTION
    + LANGUAGE
    + WIDTH
    + HEIGHT
    + PAGE
    + LICENSE
    + LICENSE_VERSION
    + LICENSE_URL
    + CREATOR
    + CREATOR_URL
)
EXPECTED = f"A table needs a column for the picture ({', '.join(PICTURE)}) and one for its text ({', '.join(CAPTION)})."
MAX_TEXT_CHARACTERS = 10_000
MAX_SIDE_PX = 1_000_000
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")


def usable(names: Collection[str]) -> bool:
    """Whether columns of these names, in any case, hold pictures and texts."""
    known = {name.strip().lower() for name in names}
    return not known.isdisjoint(PICTURE) and not known.isdisjoint(CAPTION)


def read_row(row: Mapping[str, Any], where: str) -> PictureRecord | SkippedRow:
    """Read one row.

    Args:
        row: column name in any case -> value; values of no use are passed over.
        where: file and row, for the detail of a refusal.
    """
    cells = {str(name).strip().lower(): value for name, value in row.items() if value is not None}
    url = _text(cells, URL)
    file = next((cells[name].strip() for name in FILE if isinstance(cells.get(name), str) and cells[name].strip()), "")
    if not url and _is_web(file):
        url, file = file, ""
    problem: SkippedRow | None = None
    if url and not _is_web(url):
        problem = SkippedRow(SkipReason.BAD_URL, f"{where}: {url[:200]!r}")
        url = ""
    if file:
        refused = _file_problem(file)
        problem = SkippedRow(refused, f"{where}: {file[:200]!r}") if refused else problem
        file = "" if refused else PurePosixPath(file).as_posix()
    if not url and not file:
        return problem or SkippedRow(SkipReason.NO_PICTURE, where)
    captions = tuple(dict.fromkeys(_captions(cells)))
    if not captions:
        return SkippedRow(SkipReason.NO_CAPTION, where)
    return PictureRecord(
        captions=captions,
        url=url,
        file=file,
        width=_side_px(cells, WIDTH),
        height=_side_px(cells, HEIGHT),
        page_url=_text(cells, PAGE),
        license=_text(cells, LICENSE),
        license_version=_text(cells, LICENSE_VERSION),
        license_url=_text(cells, LICENSE_URL),
        creator=_text(cells, CREATOR),
        creator_url=_text(cells, CREATOR_URL),
        title=_text(cells, TITLE),
    )


def _file_problem(file: str) -> SkipReason | None:
    """Why a relative path is of no use, whatever lies there."""
    path = PurePosixPath(file)
    if _UNPRINTABLE.search(file):
        return SkipReason.UNREADABLE_NAME
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return SkipReason.OUTSIDE_FOLDER
    return None


def clean(text: str) -> str:
    """One line, without what no file or page can hold (lone surrogates, control characters)."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def _own_language(cells: Mapping[str, Any], otherwise: str) -> str:
    code = language_code(_text(cells, LANGUAGE))
    return otherwise if code == UNKNOWN_LANGUAGE else code


def _captions(cells: Mapping[str, Any]) -> Iterator[Caption]:
    language = _own_language(cells, UNKNOWN_LANGUAGE)
    for name in CAPTION:
        yield from _texts_in(cells.get(name), language)


def _texts_in(value: object, language: str) -> Iterator[Caption]:
    """A text, a list of texts, an object language -> text, or objects with text and language."""
    if isinstance(value, str):
        text = clean(value[:MAX_TEXT_CHARACTERS])
        if text:
            yield Caption(text, language)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, Mapping):
                cells = {str(name).lower(): inner for name, inner in item.items()}
                yield from _texts_in(_text(cells, CAPTION), _own_language(cells, language))
            elif isinstance(item, str):
                yield from _texts_in(item, language)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, (str, list)) and language_code(str(name)) != UNKNOWN_LANGUAGE:
                yield from _texts_in(inner, language_code(str(name)))


def _text(cells: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first column that holds a text."""
    for name in names:
        value = cells.get(name)
        if isinstance(value, str) and (text := clean(value[:MAX_TEXT_CHARACTERS])):
            return text
    return ""


def _side_px(cells: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Whole pixels from an integer, a float (LAION) or a text; None if it is no possible size."""
    for name in names:
        try:
            number = float(cells.get(name, math.nan))
        except (TypeError, ValueError, OverflowError):
            continue
        if 1 <= number <= MAX_SIDE_PX:
            return int(number)
    return None


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
