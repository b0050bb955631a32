"""Europeana: https://europeana.atlassian.net/wiki/spaces/EF/pages/2385739812/Search+API+Documentation, with a key."""

from __future__ import annotations

import re
from typing import Any

from imagenet_build.errors import EngineRefused, SourceError, Unreachable
from imagenet_build.licenses import LicenseTerms, normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import (
    Cursor,
    EngineDefaults,
    EngineInfo,
    RefusedItem,
    SearchPage,
    standard_failure,
)
from imagenet_build.search.engines.catalogues import (
    first_text,
    is_json_object,
    key_refused,
    list_of,
    literal_words,
    number_in,
    object_of,
    read_object,
)
from imagenet_build.search.engines.fields import picture_url, text_of

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
            return key_refused(answer, NAME, KEY_ENV)
        if answer.status == 200 and not said:
            if is_json_object(answer.body):
                return None
            return Unreachable(f"{NAME} answered 200 without JSON.", source=NAME)
        if answer.status == 404 and not said:
            return EngineRefused(
                f"{NAME} answered 404: {self._base_url} is not its API.", source=NAME, remedy="Check base_url."
            )
        # Messages get only the words, not the body: it begins with the key.
        status = 400 if answer.status == 200 else answer.status
        return standard_failure(HttpAnswer(status, answer.headers, said.encode()), NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; it is the last where `nextCursor` is absent, or there are no items."""
        answer = read_object(body)
        rank = number_in(cursor, "rank", 0)
        items = list_of(answer["items"], "items")
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for place, entry in enumerate(items, start=rank):
            item = object_of(entry, "an item")
            address = first_text(item.get("edmIsShownBy"))
            url = picture_url(address)
            if isinstance(url, str):
                hits.append(Hit(query, NAME, place, url, text_of(item["id"]), credit=_credit(item)))
            else:
                refused.append(RefusedItem(text_of(item["id"]), address, url))
        token = text_of(answer.get("nextCursor"))
        if token and token == (cursor or {}).get("cursor"):
            raise ValueError("the answer continues where it began")
        following: Cursor | None = {"cursor": token, "rank": rank + len(items)} if token and items else None
        return SearchPage(tuple(hits), following, len(items), tuple(refused))


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
    try:
        answer = read_object(body)
    except (ValueError, TypeError):
        return ""
    if answer.get("success") is not False:
        return ""
    return str(answer.get("error") or answer.get("message") or "no reason given")[:200]
