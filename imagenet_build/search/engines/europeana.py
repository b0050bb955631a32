"""Europeana: https://europeana.atlassian.net/wiki/spaces/EF/pages/2385739812/Search+API+Documentation, with a key."""

from __future__ import annotations

import re
from typing import Any

from imagenet_build.errors import QueryRefused, SourceError, Unreachable
from imagenet_build.licenses import LicenseTerms, normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage
from imagenet_build.search.engines.catalogues import literal_words
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    engine_refused,
    failure_by_status,
    first_text,
    items_of,
    json_object,
    object_or_none,
    shown,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "europeana"
DEFAULT_BASE_URL = "https://api.europeana.eu"
KEY_ENV = "EUROPEANA_API_KEY"
ROWS = 100
FIRST = "*"
"""What the service's own cursor begins with."""

_STATEMENTS = {"/vocab/NKC/": "nkc", "/vocab/InC/": "arr"}
"""Of rightsstatements.org; its other statements fit none of our codes."""
_ABOUT_KEY = re.compile(r"\b(?:api)?[ _-]?key\b|\bwskey\b", re.IGNORECASE)


class Europeana(EngineDefaults):
    """Some 25 million pictures of European museums, libraries and archives; `engine_id` is the record's id.

    The answers repeat the key (`apikey`, `link`, `guid`): nothing of those fields is used, and whoever keeps the pages
    must take it out. `url` is the provider's own file, often on a slow host.
    """

    info = EngineInfo(
        name=NAME,
        title="Europeana",
        docs_url="https://europeana.atlassian.net/wiki/spaces/EF/pages/2385739812/Search+API+Documentation",
        licenses="one open licence or statement per record, as its provider gave it",
        languages="any: matches the words of the records, which are in the providers' languages",
        depth=None,
        min_delay_s=1.0,
        keys=(KEY_ENV,),
        quota_per_day=10_000,
        page_size=ROWS,
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page, by the service's cursor: numbered pages end at 1000 records."""
        return HttpRequest(
            f"{self._base_url}/record/v2/search.json",
            {
                "query": literal_words(query.text) or query.text,
                "qf": "TYPE:IMAGE",
                "reusability": "open",
                "media": "true",
                "profile": "rich",
                "rows": ROWS,
                "cursor": (cursor or {}).get("cursor", FIRST),
            },
            secrets=(Secret(KEY_ENV, "X-Api-Key"),),
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors have `success: false`, with the status or with 200; their words have changed between versions."""
        said = _error(answer.body)
        if answer.status in (401, 403) or (answer.status in (200, 400) and _ABOUT_KEY.search(said)):
            return engine_refused(NAME, str(answer.status), (KEY_ENV,))  # its words may repeat the key
        if answer.status == 200 and not said:
            if object_or_none(answer.body) is not None:
                return None
            return Unreachable(f"{NAME} answered 200 without JSON.", source=NAME)
        if answer.status == 404 and said:
            return QueryRefused(f"{NAME} answered 404: {shown(said)}", source=NAME)
        # Messages get only the words, not the body: it begins with the key.
        status = 400 if answer.status == 200 else answer.status
        return failure_by_status(HttpAnswer(status, answer.headers, b""), NAME, said)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; it is the last where `nextCursor` is absent, or there are no items."""
        answer = json_object(body)
        rank = number_in(cursor, "rank", 0)
        items = items_of(answer["items"], "items")
        hits, refused = sorted_out(_read(item, query, place) for place, item in enumerate(items, start=rank))
        token = text_of(answer.get("nextCursor"))
        if token and token == (cursor or {}).get("cursor"):
            raise ValueError("the answer continues where it began")
        following: Cursor | None = {"cursor": token, "rank": rank + len(items)} if token and items else None
        return SearchPage(hits, following, len(items), refused)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    address = first_text(item.get("edmIsShownBy"))
    url = picture_url(address)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["id"]), address, url)
    previews = item.get("edmPreview")
    preview = small_version(previews[0] if isinstance(previews, list) and previews else previews, url)
    return Hit(query, NAME, rank, url, text_of(item["id"]), credit=_credit(item), preview_url=preview)


def _credit(item: dict[str, Any]) -> Credit:
    terms = _terms(first_text(item.get("rights")))
    creator = first_text(item.get("dcCreator"))
    return Credit(
        # `guid` would carry the key as a tracking parameter
        page_url=first_text(item.get("edmIsShownAt")) or f"https://www.europeana.eu/item{text_of(item['id'])}",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator="" if creator.startswith(("http:", "https:")) else creator,
        creator_url=creator if creator.startswith(("http:", "https:")) else "",
        title=first_text(item.get("title")),
    )


def _terms(url: str) -> LicenseTerms:
    name = next((code for path, code in _STATEMENTS.items() if path in url and "rightsstatements.org" in url), "")
    return normalize_license(name, url=url)


def _error(body: bytes) -> str:
    """What an answer with `success: false` says; empty for any other body."""
    if b'"success"' not in body[:300] or b"false" not in body[:300]:
        return ""
    answer = object_or_none(body)
    if answer is None or answer.get("success") is not False:
        return ""
    return str(answer.get("error") or answer.get("message") or "no reason given")
