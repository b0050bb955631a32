"""Pure: from the items of a page to its hits and its refused items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.search.engine import RefusedItem
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of


class WebPicture(NamedTuple):
    """One item of an answer; URL and sizes as they came."""

    url: object
    width: object
    height: object
    credit: Credit
    preview: object = None
    """The URL of a small version, as it came."""


def sorted_out(items: Iterable[Hit | RefusedItem]) -> tuple[tuple[Hit, ...], tuple[RefusedItem, ...]]:
    """Hits and refused items, each in the page's order."""
    hits: list[Hit] = []
    refused: list[RefusedItem] = []
    for item in items:
        if isinstance(item, Hit):
            hits.append(item)
        else:
            refused.append(item)
    return tuple(hits), tuple(refused)


def read_pictures(
    pictures: Iterable[WebPicture], query: Query, engine: str, first_rank: int
) -> tuple[tuple[Hit, ...], tuple[RefusedItem, ...]]:
    """Hits and refused items of a page of an engine without ids; `first_rank` is the first item's."""
    return sorted_out(_read(picture, query, engine, rank) for rank, picture in enumerate(pictures, start=first_rank))


def address_id(url: str) -> str:
    """An id for a picture of an engine that has none of its own: 32 hex digits of its canonical address' sha256."""
    return hashlib.sha256(canonical_key(url).encode()).hexdigest()[:32]


def _read(picture: WebPicture, query: Query, engine: str, rank: int) -> Hit | RefusedItem:
    url = picture_url(picture.url)
    if not isinstance(url, str):
        return RefusedItem("", text_of(picture.url), url)
    sizes = pixels_of(picture.width), pixels_of(picture.height)
    return Hit(query, engine, rank, url, address_id(url), *sizes, picture.credit, small_version(picture.preview, url))
