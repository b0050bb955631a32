"""Internet Archive: https://archive.org/developers/, a search for items, then the files of item by item."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from imagenet_build.errors import QueryRefused, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage
from imagenet_build.search.engines.catalogues import catalogue_failure, literal_words
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    first_text,
    items_of,
    json_object,
    object_of,
    start_of,
)

NAME = "internetarchive"
DEFAULT_BASE_URL = "https://archive.org"
ROWS = 50
DEPTH = 10_000
"""Items of one search; `advancedsearch.php` orders them by relevance, unlike the scraping API, which has no limit."""
MOST_FILES = 20
"""Pictures taken of one item: some hold thousands."""

_FORMATS = frozenset({"JPEG", "PNG", "GIF", "Animated GIF", "WebP"})
_PREVIEW_FORMAT = "JPEG Thumb"
_THUMBNAIL = re.compile(r"(?:^|/)__ia_thumb\.jpg$|_thumb\.(?:jpg|png|gif)$")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
_SEARCH_ERROR = re.compile(rb'\s*\{\s*"error"\s*:\s*"\[')
"""The search's errors begin with a code in brackets: `[RANGE_OUT_OF_BOUNDS] …`; those about an item do not."""

_ITEMS = "items"
"""Cursor entry: identifiers still to be looked up, separated by spaces."""
_PAGE = "page"
"""Cursor entry: the search page to ask for when no item waits; 0 for none."""
_RANK = "rank"


class InternetArchive(EngineDefaults):
    """Millions of items of very mixed quality; `engine_id` is `identifier/file name`. Every item costs a request."""

    info = EngineInfo(
        name=NAME,
        title="Internet Archive",
        docs_url="https://archive.org/developers/",
        licenses="the licence URL that the uploader gave; often none",
        languages="any: matches the words of the item's description, which uploaders write in their own language",
        depth=DEPTH * MOST_FILES,
        min_delay_s=1.1,  # no limit is published; 429 and 503 come under load
        page_size=1,
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for the files of the next item, or for the next page of items."""
        waiting = _waiting(cursor)
        if waiting:
            return HttpRequest(f"{self._base_url}/metadata/{waiting[0]}")
        return HttpRequest(
            f"{self._base_url}/advancedsearch.php",
            {
                "q": f"mediatype:image AND ({literal_words(query.text) or query.text})",
                "fl[]": "identifier",
                "rows": ROWS,
                "page": number_in(cursor, _PAGE, 1),
                "output": "json",
            },
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The search's errors may come with status 200."""
        if answer.status == 200 and _SEARCH_ERROR.match(answer.body):
            return QueryRefused(f"{NAME} answered {start_of(answer.body)}", source=NAME)
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read a list of items, which holds no hits, or one item's files."""
        answer = json_object(body)
        if cursor is not None and _waiting(cursor):
            return self._item(answer, query, cursor)
        return _list(answer, cursor)

    def _item(self, answer: dict[str, Any], query: Query, cursor: Cursor) -> SearchPage:
        identifier, *rest = _waiting(cursor)
        rank = number_in(cursor, _RANK, 0)
        if answer and "files" not in answer and "error" not in answer and not answer.get("is_dark"):
            raise KeyError("files")
        listed = items_of(answer.get("files") or [], "files")
        files, previews = _pictures(listed), _previews(listed)
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for file in files:
            name = str(file["name"])
            address = f"{self._base_url}/download/{identifier}/{quote(name, safe='/')}"
            url = picture_url(address)
            if isinstance(url, str):
                size = pixels_of(file.get("width")), pixels_of(file.get("height"))
                credit = _credit(object_of(answer.get("metadata") or {}, "metadata"), identifier)
                small = f"{self._base_url}/download/{identifier}/{quote(previews[name])}" if name in previews else ""
                hit = Hit(query, NAME, rank + len(hits), url, f"{identifier}/{name}", *size, credit)
                hits.append(replace(hit, preview_url=small_version(small, url)))
            else:
                refused.append(RefusedItem(f"{identifier}/{name}", address, url))
        if not files:
            why = "the item has no picture files" if "files" in answer else "the item is gone or withdrawn"
            refused.append(RefusedItem(identifier, "", Rejection(RejectReason.NO_URL, why)))
        following = _cursor(rest, number_in(cursor, _PAGE, 0), rank + len(hits))
        return SearchPage(tuple(hits), following, len(hits) + len(refused), tuple(refused))


def _waiting(cursor: Cursor | None) -> list[str]:
    return str((cursor or {}).get(_ITEMS, "")).split()


def _cursor(items: list[str], page: int, rank: int) -> Cursor | None:
    if not items and not page:
        return None
    return {_ITEMS: " ".join(items), _PAGE: page, _RANK: rank}


def _list(answer: dict[str, Any], cursor: Cursor | None) -> SearchPage:
    response = object_of(answer["response"], "response")
    docs = items_of(response["docs"], "docs")
    identifiers = [text_of(doc["identifier"]) for doc in docs]
    strange = [identifier for identifier in identifiers if not _IDENTIFIER.fullmatch(identifier)]
    if strange:
        raise ValueError(f"{strange[0][:40]!r} is no identifier")
    page = number_in(cursor, _PAGE, 1)
    has_more = bool(docs) and page * ROWS < count_of(response["numFound"], "numFound")
    too_deep = (page + 1) * ROWS > DEPTH
    following = page + 1 if has_more and not too_deep else 0
    return SearchPage((), _cursor(list(dict.fromkeys(identifiers)), following, number_in(cursor, _RANK, 0)), 0)


def _pictures(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files to take: the uploader's own pictures; where there are none, what was derived from them."""
    pictures = [file for file in files if file.get("format") in _FORMATS and not _THUMBNAIL.search(str(file["name"]))]
    originals = [file for file in pictures if file.get("source") == "original"]
    return (originals or pictures)[:MOST_FILES]


def _previews(files: list[dict[str, Any]]) -> dict[str, str]:
    """A picture's name -> that of the small version that was derived from it."""
    small = (file for file in files if file.get("format") == _PREVIEW_FORMAT)
    return {file["original"]: str(file["name"]) for file in small if isinstance(file.get("original"), str)}


def _credit(metadata: dict[str, Any], identifier: str) -> Credit:
    terms = normalize_license(url=first_text(metadata.get("licenseurl")))
    return Credit(
        page_url=f"https://archive.org/details/{identifier}",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=first_text(metadata.get("creator")),
        title=first_text(metadata.get("title")),
    )
