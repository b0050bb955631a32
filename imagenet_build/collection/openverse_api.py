"""Pure but for the index it reads: Openverse's image search over a caption index.

Speaks the anonymous part of Openverse's API, version 1: parameters, limits, result fields and errors as in
https://api.openverse.org/v1/ and the serializers of https://github.com/WordPress/openverse. The index knows no sources,
tags or categories beyond one: `source` filters on `collection`, `tags` and `title` search the captions, a `category`
finds nothing. Operators of the query syntax are read as spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from imagenet_build.collection.lookup import CollectionIndex, Found, IndexedPicture
from imagenet_build.collection.words import words_of
from imagenet_build.licenses import OPENVERSE_LICENSES

PAGE_SIZE = 20
MAX_PAGE_SIZE = 20
MAX_DEPTH = 240
MAX_QUERY_CHARACTERS = 200
SOURCE = "collection"
OLD_NAMES = {"li": "license", "lt": "license_type", "pagesize": "page_size", "provider": "source"}

_LICENSE_TYPES: dict[str, frozenset[str]] = {
    "all": OPENVERSE_LICENSES,
    "all-cc": OPENVERSE_LICENSES - {"pdm"},
    "commercial": frozenset(code for code in OPENVERSE_LICENSES if "nc" not in code.split("-")),
    "modification": frozenset(code for code in OPENVERSE_LICENSES if "nd" not in code.split("-")),
}
_CATEGORIES = frozenset({"digitized_artwork", "illustration", "photograph"})
_ASPECT_RATIOS = frozenset({"square", "tall", "wide"})
_SMALL_PIXELS, _MEDIUM_PIXELS = 640 * 480, 1600 * 1200
_SIZES = frozenset({"small", "medium", "large"})
_CHUNK = 240

Answer = tuple[int, dict[str, Any]]
"""Status and JSON body."""
Filter = Callable[[IndexedPicture], bool]


@dataclass(frozen=True, slots=True)
class _BadValue(Exception):
    parameter: str
    message: str


def search_images(index: CollectionIndex, params: Mapping[str, str], origin: str) -> Answer:
    """Answer `GET /v1/images/`.

    Args:
        index: what is searched.
        params: the query string's parameters; those that Openverse does not have are ignored, as there.
        origin: scheme, host and port that the answer's own links begin with.
    """
    try:
        page = _integer(params, "page", 1)
        page_size = _integer(params, "page_size", PAGE_SIZE)
        filters = list(_filters(params))
    except _BadValue as error:
        return 400, {"detail": {error.parameter: [error.message]}}
    if page_size > MAX_PAGE_SIZE:
        return 401, {"detail": f"page_size may not exceed {MAX_PAGE_SIZE} for anonymous requests"}
    if page * page_size > MAX_DEPTH:
        return 401, {"detail": f"pagination depth may not exceed {MAX_DEPTH} for anonymous requests"}
    total, rows = _selected(_asked(index, params), filters, (page - 1) * page_size, page_size)
    total = min(total, MAX_DEPTH) if rows else 0
    return 200, {
        "result_count": total,
        "page_count": -(-total // page_size),
        "page_size": page_size,
        "page": page,
        "results": [image(index, row, origin) for row in rows],
    }


def image_detail(index: CollectionIndex, image_id: str, origin: str) -> Answer:
    """Answer `GET /v1/images/<id>/`."""
    picture = index.picture(image_id)
    return (404, {"detail": "Not found."}) if picture is None else (200, image(index, picture, origin))


def image(index: CollectionIndex, picture: IndexedPicture, origin: str) -> dict[str, Any]:
    """One result, all its fields in Openverse's order."""
    detail_url = f"{origin}/v1/images/{picture.id}/"
    url = picture_url(picture, origin)
    title = picture.title or picture.caption
    return {
        "id": picture.id,
        "title": title,
        "indexed_on": index.made_at,
        "foreign_landing_url": picture.page_url or detail_url,
        "url": url,
        "creator": picture.creator or None,
        "creator_url": picture.creator_url or None,
        "license": picture.license,
        "license_version": picture.license_version or None,
        "license_url": picture.license_url or None,
        "provider": SOURCE,
        "source": SOURCE,
        "category": None,
        "filesize": None,
        "filetype": _extension(picture) or None,
        "tags": [],
        "attribution": _attribution(picture, title),
        "fields_matched": ["title" if title == picture.caption else "description"],
        "mature": False,
        "height": picture.height,
        "width": picture.width,
        "thumbnail": f"{detail_url}thumb/",
        "detail_url": detail_url,
        "related_url": f"{detail_url}related/",
        "unstable__sensitivity": [],
    }


def picture_url(picture: IndexedPicture, origin: str) -> str:
    """Where the picture itself is: on the web, or on this server."""
    return picture.url or f"{origin}/pictures/{quote(picture.path)}"


def _asked(index: CollectionIndex, params: Mapping[str, str]) -> Callable[[int, int], Found]:
    """What the text parameters ask for, as a function of offset and limit."""
    texts = [params.get("q", "")] if params.get("q") else [params.get("title", ""), params.get("tags", "")]
    text = " ".join(text[:MAX_QUERY_CHARACTERS] for text in texts if text)
    if text:
        return lambda offset, limit: index.search(text, None, offset, limit)
    return index.listing


def _selected(
    ask: Callable[[int, int], Found], filters: list[Filter], offset: int, limit: int
) -> tuple[int, list[IndexedPicture]]:
    """How many pictures pass every filter, counted to `MAX_DEPTH` at least, and one page of them."""
    if not filters:
        found = ask(offset, limit)
        return found.total, found.rows
    passed: list[IndexedPicture] = []
    start = 0
    while len(passed) < MAX_DEPTH:
        rows = ask(start, _CHUNK).rows
        if not rows:
            break
        passed.extend(row for row in rows if all(fits(row) for fits in filters))
        start += _CHUNK
    return len(passed), passed[offset : offset + limit]


def _integer(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "").strip()
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise _BadValue(name, "A valid integer is required.") from None
    if number < 1:
        raise _BadValue(name, "Ensure this value is greater than or equal to 1.")
    return number


def _choices(params: Mapping[str, str], name: str) -> list[str]:
    return [value.strip().lower() for value in params.get(name, "").split(",") if value.strip()]


def _checked(params: Mapping[str, str], name: str, known: frozenset[str], what: str) -> list[str]:
    values = _choices(params, name)
    for value in values:
        if value not in known:
            raise _BadValue(name, f"{what} '{value}' does not exist.")
    return values


def _filters(params: Mapping[str, str]) -> Iterator[Filter]:
    for old, new in OLD_NAMES.items():
        if old in params:
            raise _BadValue(old, f"Parameter '{old}' is deprecated in this release of the API. Use '{new}' instead.")
    if params.get("source") and params.get("excluded_source"):
        raise _BadValue("excluded_source", "Cannot set both 'source' and 'excluded_source'.")
    if SOURCE in _choices(params, "excluded_source") or _checked(params, "category", _CATEGORIES, "Category"):
        yield lambda _: False
    if licenses := _checked(params, "license", OPENVERSE_LICENSES, "License"):
        yield lambda picture: picture.license in licenses
    for kind in _checked(params, "license_type", frozenset(_LICENSE_TYPES), "License type"):
        yield lambda picture, codes=_LICENSE_TYPES[kind]: picture.license in codes  # type: ignore[misc]
    if ratios := _checked(params, "aspect_ratio", _ASPECT_RATIOS, "Aspect ratio"):
        yield lambda picture: _aspect_ratio(picture) in ratios
    if sizes := _checked(params, "size", _SIZES, "Size"):
        yield lambda picture: _size(picture) in sizes
    if extensions := _choices(params, "extension"):
        yield lambda picture: _extension(picture) in extensions
    if not params.get("q") and (creator := set(words_of(params.get("creator", "")).spaced)):
        yield lambda picture: creator <= set(words_of(picture.creator).spaced)


def _aspect_ratio(picture: IndexedPicture) -> str:
    if picture.width is None or picture.height is None:
        return ""
    if picture.width == picture.height:
        return "square"
    return "wide" if picture.width > picture.height else "tall"


def _size(picture: IndexedPicture) -> str:
    if picture.width is None or picture.height is None:
        return ""
    pixels = picture.width * picture.height
    return "small" if pixels <= _SMALL_PIXELS else "medium" if pixels <= _MEDIUM_PIXELS else "large"


def _extension(picture: IndexedPicture) -> str:
    path = picture.path or urlsplit(picture.url).path
    return PurePosixPath(path).suffix.lstrip(".").lower()


def _attribution(picture: IndexedPicture, title: str) -> str | None:
    if picture.license not in OPENVERSE_LICENSES:
        return None
    by = f" by {picture.creator}" if picture.creator else ""
    names = {"cc0": "CC0", "pdm": "Public Domain Mark"}
    name = names.get(picture.license, f"CC {picture.license.upper()}")
    verb = "is marked with" if picture.license in names else "is licensed under"
    terms = f" To view the terms, visit {picture.license_url}" if picture.license_url else ""
    return f'"{title}"{by} {verb} {" ".join(filter(None, (name, picture.license_version)))}.{terms}'
