"""Google Programmable Search, JSON API: https://developers.google.com/custom-search/v1/reference/rest/v1/cse/list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import divided_by, entries_of, number_in
from imagenet_build.search.engines.fields import cut_query, text_of
from imagenet_build.search.engines.json_answers import (
    engine_refused,
    failure_by_status,
    items_of,
    json_object,
    object_of,
    object_or_none,
    rate_limited,
    shown,
    start_of,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import WebPicture, read_pictures
from imagenet_build.search.engines.web_queries import google_language, google_language_skip, literal_text

NAME = "google"
DEFAULT_BASE_URL = "https://customsearch.googleapis.com"
KEYS = ("GOOGLE_SEARCH_API_KEY", "GOOGLE_SEARCH_CX")
"""The project's key, and the id of the search engine that its owner set up."""
PAGE_SIZE = 10
DEPTH = 100
"""`start + num - 1` may not pass it."""
MAX_QUERY = 250
"""Characters; of our own, well below the service's."""

_DIVISIONS = (
    ("imgSize", ("huge", "xxlarge", "xlarge", "large", "medium", "small", "icon")),
    ("imgColorType", ("color", "gray", "mono", "trans")),
)
_SLICE = tuple(name for name, _ in _DIVISIONS)
_QUOTA_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"})
_DAY_S = 24 * 3600
_RESET_S = 8 * 3600
"""Daily quotas begin anew at midnight in California: 8:00 UTC, in summer an hour earlier."""


class Google(EngineDefaults):
    """Google's image index through a user's own search engine, for those who still hold a key.

    Cursor: `start`, from 1, and for slices `imgSize` and `imgColorType`.
    """

    info = EngineInfo(
        name=NAME,
        title="Google Programmable Search",
        docs_url="https://developers.google.com/custom-search/v1/overview",
        licenses="none: every hit is unknown",
        languages="44 interface languages; 34 of them also restrict the pages searched; others are not asked",
        depth=DEPTH,
        min_delay_s=0.7,  # 100 a minute
        keys=KEYS,
        quota_per_day=100,
        page_size=PAGE_SIZE,
        notice=(
            "Closed to new customers since 2026-01-20 and ends on 2027-01-01. 100 queries a day are free; each page of "
            "10 is one."
        ),
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/customsearch/v1"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages that Google has no interface in."""
        return super().skips(query, synset) or google_language_skip(NAME, query.language)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 10."""
        params: dict[str, str | int] = {
            "q": cut_query(literal_text(query.text), MAX_QUERY),
            "searchType": "image",
            "safe": "active",
            "num": PAGE_SIZE,
            "start": number_in(cursor, "start", 1),
            **google_language(query.language, restrict=True),
            **entries_of(cursor, _SLICE),
        }
        return HttpRequest(self._url, params, secrets=(Secret(KEYS[0], "key", "param"), Secret(KEYS[1], "cx", "param")))

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By size, the largest first, then by colour."""
        return divided_by(start, _DIVISIONS)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Google's error envelope: status, message and the reason in `errors`."""
        said = object_or_none(answer.body)
        if answer.status == 200:
            return unreadable(answer, NAME) if said is None else None
        words, reasons = text_at(said, "error", "message"), _reasons(said)
        message = f"{NAME} answered {answer.status}: {shown(words) or start_of(answer.body)}"
        if answer.status == 429 or (answer.status == 403 and reasons & _QUOTA_REASONS):
            return rate_limited(answer, NAME, words, else_s=_quota_wait_s(answer, words))
        if answer.status == 403:
            return EngineRefused(
                message,
                source=NAME,
                remedy="Only projects that used this service before 2026-01-20 may use it; "
                f"check {' and '.join(KEYS)}, or leave this engine out.",
            )
        if answer.status == 400 and ("api key" in words.lower() or "API_KEY_INVALID" in reasons):
            return engine_refused(NAME, words, KEYS[:1])
        if answer.status == 400:
            return QueryRefused(message, source=NAME, remedy=f"If all queries are refused, check {KEYS[1]}.")
        return failure_by_status(answer, NAME, words, keys=KEYS)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; no `items` means that there are none."""
        answer = json_object(body)
        if answer["kind"] != "customsearch#search":
            raise ValueError(f"kind is {answer['kind']!r}")
        items = items_of(answer.get("items") or [], "items")
        start = number_in(cursor, "start", 1)
        hits, refused = read_pictures(map(_picture, items), query, NAME, start - 1)
        has_more = bool(items) and bool(object_of(answer["queries"], "queries").get("nextPage"))
        following = start + PAGE_SIZE
        at_depth = following + PAGE_SIZE - 1 > DEPTH
        go_on = has_more and not at_depth
        return SearchPage(
            hits,
            {**entries_of(cursor, _SLICE), "start": following} if go_on else None,
            len(items),
            refused,
            truncated=bool(items) and at_depth and _goes_on(answer, following, has_more=has_more),
        )


def _goes_on(answer: Mapping[str, Any], following: int, *, has_more: bool) -> bool:
    """Whether there is more than may be asked for: on the last page `nextPage` may be missing for that reason alone."""
    total = text_at(answer, "searchInformation", "totalResults")
    return has_more or (total.isdigit() and int(total) >= following)


def _picture(item: Mapping[str, Any]) -> WebPicture:
    image = object_of(item.get("image") or {}, "image")
    credit = Credit(page_url=text_of(image.get("contextLink")), title=text_of(item.get("title")))
    return WebPicture(item.get("link"), image.get("width"), image.get("height"), credit, image.get("thumbnailLink"))


def _reasons(said: Mapping[str, Any] | None) -> set[str]:
    """Machine-readable reasons, of the old form (`errors`) and the new one (`details`)."""
    error = (said or {}).get("error")
    if not isinstance(error, dict):
        return set()
    entries = [*(error.get("errors") or []), *(error.get("details") or [])]
    return {text_at(entry, "reason") for entry in entries}


def _quota_wait_s(answer: HttpAnswer, words: str) -> float | None:
    """Seconds until the quota that the message names begins anew, by the server's own clock."""
    if "per minute" in words.lower():
        return 60.0
    if "per day" not in words.lower() and "daily" not in words.lower():
        return None
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError, IndexError):
        return 3600.0
    seconds = now.replace(tzinfo=now.tzinfo or timezone.utc).timestamp()
    return (_RESET_S - seconds) % _DAY_S or float(_DAY_S)
