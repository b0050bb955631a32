"""SerpApi, Google Images: https://serpapi.com/google-images-api."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError, Unreachable
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import cut_query, text_of
from imagenet_build.search.engines.json_answers import (
    engine_refused,
    failure_by_status,
    items_of,
    json_object,
    object_or_none,
    shown,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import WebPicture, read_pictures
from imagenet_build.search.engines.web_queries import google_language, google_language_skip, literal_text

NAME = "serpapi"
DEFAULT_BASE_URL = "https://serpapi.com"
KEY = "SERPAPI_API_KEY"
PAGE_SIZE = 100
LAST_PAGE = 99
"""The highest `ijn`."""
DEPTH = (LAST_PAGE + 1) * PAGE_SIZE
MAX_QUERY = 250
"""Characters; of our own, no limit is documented."""
HOUR_S = 3600.0
"""Pause after the hourly cap."""
DAY_S = 24 * HOUR_S
"""Pause when the month's searches are used up: nothing says when they begin anew."""

_SEEN = "seen"
"""Cursor entry of our own, never sent: items on the pages before, since pages are not equally long."""


class SerpApi(EngineDefaults):
    """A paid reader of Google Images. Cursor: `ijn`, from 0, and `seen`."""

    info = EngineInfo(
        name=NAME,
        title="SerpApi (Google Images)",
        docs_url="https://serpapi.com/google-images-api",
        licenses="rarely a link to the terms; else unknown",
        languages="44 interface languages; 34 of them also restrict the pages searched; others are not asked",
        depth=DEPTH,
        min_delay_s=4.0,  # small plans allow some hundred an hour; larger ones may set it lower
        keys=(KEY,),
        page_size=PAGE_SIZE,
        notice=(
            "Paid, a search per page. Google's pages have given original addresses unreliably since summer 2026. "
            "Whether results may be stored is for the user to settle."
        ),
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/search.json"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages that Google has no interface in."""
        return super().skips(query, synset) or google_language_skip(NAME, query.language)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page; `nfpr` keeps Google from correcting the spelling."""
        language = google_language(query.language, restrict=True)
        params: dict[str, str | int] = {
            "engine": "google_images",
            "q": cut_query(literal_text(query.text), MAX_QUERY),
            **language,
            "hl": language["hl"].lower(),
            "safe": "active",
            "nfpr": 1,
            "ijn": number_in(cursor, "ijn", 0),
        }
        return HttpRequest(self._url, params, secrets=(Secret(KEY, "api_key", "param"),))

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors come with status 200 too, told apart by their words; finding nothing is one of them."""
        said = object_or_none(answer.body)
        words = text_at(said, "error")
        if answer.status != 200:
            is_capped = answer.status == 429 and _used_up(words)
            return failure_by_status(answer, NAME, words, keys=(KEY,), else_s=HOUR_S if is_capped else None)
        if said is None:
            return unreadable(answer, NAME)
        status = text_at(said, "search_metadata", "status")
        if status in ("Processing", "Queued"):
            return Unreachable(f"{NAME} is still at work on this search.", source=NAME)
        if words and "images_results" not in said and not _found_nothing(words):
            return _error(words, status)
        return None

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; the last has no link to a next one."""
        answer = json_object(body)
        if "images_results" not in answer and _found_nothing(text_at(answer, "error")):
            return SearchPage((), None, 0)
        items = items_of(answer["images_results"], "images_results")
        page, seen = number_in(cursor, "ijn", 0), number_in(cursor, _SEEN, 0)
        hits, refused = read_pictures(map(_picture, items), query, NAME, seen)
        has_more = bool(items) and bool(text_at(answer, "serpapi_pagination", "next"))
        go_on = has_more and page < LAST_PAGE
        return SearchPage(
            hits,
            {"ijn": page + 1, _SEEN: seen + len(items)} if go_on else None,
            len(items),
            refused,
            truncated=has_more and not go_on,
        )


def _picture(item: Mapping[str, Any]) -> WebPicture:
    terms = normalize_license(url=text_of(item.get("license_details_url")))
    credit = Credit(
        page_url=text_of(item.get("link")),
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        title=text_of(item.get("title")),
    )
    sizes = item.get("original_width"), item.get("original_height")
    return WebPicture(item.get("original"), *sizes, credit, item.get("thumbnail"))


def _found_nothing(words: str) -> bool:
    return "any results" in words.lower()


def _used_up(words: str) -> bool:
    return "run out of searches" in words.lower() or "exhausted" in words.lower() or "hour" in words.lower()


def _error(words: str, status: str) -> SourceError:
    """An error with status 200."""
    message = f"{NAME} answered: {shown(words)}"
    if "api key" in words.lower():
        return engine_refused(NAME, words, (KEY,))
    if _used_up(words):
        return RateLimited(message, source=NAME, retry_after_s=DAY_S if "month" in words.lower() else HOUR_S)
    if "account" in words.lower():
        return EngineRefused(message, source=NAME, remedy="Look at the account's state at SerpApi.")
    if status == "Error" or "try again" in words.lower():
        return RateLimited(message, source=NAME)
    return QueryRefused(message, source=NAME)
