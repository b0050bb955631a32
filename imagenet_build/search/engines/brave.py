"""Brave Image Search: https://api-dashboard.search.brave.com/app/documentation/image-search/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage, SynsetFacts
from imagenet_build.search.engines.fields import cut_query, text_of
from imagenet_build.search.engines.json_answers import (
    engine_refused,
    failure_by_status,
    items_of,
    json_object,
    object_of,
    object_or_none,
    shown,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import WebPicture, read_pictures
from imagenet_build.search.engines.web_queries import literal_text

NAME = "brave"
DEFAULT_BASE_URL = "https://api.search.brave.com"
KEY = "BRAVE_API_KEY"
DEPTH = 200
"""All that one query gives: there is no second page."""
MAX_QUERY = 400
"""Characters."""
MAX_WORDS = 50
MONTH_WAIT_S = 24 * 3600.0
"""Pause when the month's quota is used up and no header says until when."""

_LANGUAGES = {
    "arb": "ar SA",
    "ben": "bn",
    "bul": "bg",
    "cat": "ca ES",
    "ces": "cs",
    "cmn": "zh-hans CN",
    "dan": "da DK",
    "deu": "de DE",
    "ell": "el GR",
    "eng": "en",
    "est": "et",
    "eus": "eu ES",
    "fin": "fi FI",
    "fra": "fr FR",
    "glg": "gl ES",
    "guj": "gu IN",
    "heb": "he",
    "hin": "hi IN",
    "hrv": "hr",
    "hun": "hu",
    "isl": "is",
    "ita": "it IT",
    "jpn": "jp JP",
    "kan": "kn IN",
    "kor": "ko KR",
    "lav": "lv",
    "lit": "lt",
    "mal": "ml IN",
    "mar": "mr IN",
    "nld": "nl NL",
    "nob": "nb NO",
    "nor": "nb NO",
    "pan": "pa IN",
    "pol": "pl PL",
    "por": "pt-pt PT",
    "qcn": "zh-hant TW",
    "ron": "ro",
    "rus": "ru RU",
    "slk": "sk",
    "slv": "sl",
    "spa": "es ES",
    "srp": "sr",
    "swe": "sv SE",
    "tam": "ta IN",
    "tel": "te IN",
    "tha": "th",
    "tur": "tr TR",
    "ukr": "uk",
    "vie": "vi",
    "zsm": "ms MY",
}
"""ISO 639-3 -> `search_lang` (Japanese really is `jp`) and, where Brave knows it, a country of the language."""


class Brave(EngineDefaults):
    """An independent web index: at most 200 pictures for a query, of any licence."""

    info = EngineInfo(
        name=NAME,
        title="Brave Image Search",
        docs_url="https://api-dashboard.search.brave.com/app/documentation/image-search/get-started",
        licenses="none: every hit is unknown",
        languages="49 languages through search_lang and country; others are not asked",
        depth=DEPTH,
        min_delay_s=0.05,  # 50 a second
        keys=(KEY,),
        concurrency=2,
        page_size=DEPTH,
        notice=(
            "Paid: a card is needed, about 5 USD per 1000 queries. Whether results may be stored depends on the plan."
        ),
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/res/v1/images/search"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages that `search_lang` does not know."""
        return super().skips(query, synset) or (
            "" if query.language in _LANGUAGES else f"{NAME} has no search_lang for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for all there is; spelling stays as it is, since corrections turn rare names into common ones."""
        del cursor  # there is only one page
        language, _, country = _LANGUAGES[query.language].partition(" ")
        words = literal_text(query.text).split()[:MAX_WORDS]
        params: dict[str, str | int] = {
            "q": cut_query(" ".join(words), MAX_QUERY),
            "search_lang": language,
            "country": country or "ALL",
            "count": DEPTH,
            "safesearch": "strict",
            "spellcheck": "false",
        }
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        return HttpRequest(self._url, params, headers, (Secret(KEY, "X-Subscription-Token"),))

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """A bad key is 422 here, as a bad parameter is; the pause after 429 stands in headers of its own."""
        said = object_or_none(answer.body)
        if answer.status == 200:
            return unreadable(answer, NAME) if said is None else None
        code, detail = text_at(said, "error", "code"), text_at(said, "error", "detail")
        if answer.status == 422:
            if code == "SUBSCRIPTION_TOKEN_INVALID" or _lacks_key(said):
                return engine_refused(NAME, detail or code, (KEY,))
            return QueryRefused(f"{NAME} answered 422: {shown(f'{code} {detail}')}", source=NAME)
        if code == "OPTION_NOT_IN_PLAN":
            return EngineRefused(
                f"{NAME}: {shown(detail or code)}", source=NAME, remedy="Image search needs another plan."
            )
        return failure_by_status(answer, NAME, f"{code} {detail}", keys=(KEY,), wait_s=_wait_s(answer, said))

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read the one page; all fields but `type` are optional."""
        del cursor  # there is only one page
        answer = json_object(body)
        if answer.get("type") != "images":
            raise KeyError("type: images")
        items = items_of(answer.get("results") or [], "results")
        hits, refused = read_pictures(map(_picture, items), query, NAME, 0)
        return SearchPage(hits, None, len(items), refused, truncated=len(items) >= DEPTH)


def _picture(item: Mapping[str, Any]) -> WebPicture:
    # `url` is the page; the picture's own address stands in the properties
    properties = object_of(item.get("properties") or {}, "properties")
    credit = Credit(page_url=text_of(item.get("url")), title=text_of(item.get("title")))
    preview = text_at(item, "thumbnail", "src")
    return WebPicture(properties.get("url"), properties.get("width"), properties.get("height"), credit, preview)


def _lacks_key(said: Mapping[str, Any] | None) -> bool:
    """Whether a validation error is about the key's header."""
    try:
        places = [error["loc"] for error in (said or {})["error"]["meta"]["errors"]]
    except (KeyError, TypeError):
        return False
    return any("x-subscription-token" in str(place).lower().replace("_", "-") for place in places)


def _wait_s(answer: HttpAnswer, said: Mapping[str, Any] | None) -> float | None:
    """Seconds until every used-up window (a second, a month) begins anew."""
    remaining = _numbers(answer.headers.get("x-ratelimit-remaining", ""))
    resets = _numbers(answer.headers.get("x-ratelimit-reset", ""))
    if resets:
        used_up = [reset for left, reset in zip(remaining, resets, strict=False) if left <= 0]
        return max(1.0, max(used_up, default=resets[0]))
    meta = said["error"].get("meta") if said is not None and isinstance(said.get("error"), dict) else None
    if isinstance(meta, dict):
        limit, current = meta.get("quota_limit"), meta.get("quota_current")
        if isinstance(limit, int) and isinstance(current, int) and 0 < limit <= current:
            return MONTH_WAIT_S
    return None


def _numbers(header: str) -> list[float]:
    """A comma list of whole numbers; empty if it is none."""
    parts = [part.strip() for part in header.replace("\n", ",").split(",")]
    return [float(part) for part in parts] if all(part.isascii() and part.isdigit() for part in parts) else []
