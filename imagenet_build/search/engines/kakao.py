"""Kakao's search of Daum's images: https://developers.kakao.com/docs/en/daum-search/dev-guide."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import SplitResult

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.network.retry import retry_after_s
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import (
    Cursor,
    EngineDefaults,
    EngineInfo,
    RefusedItem,
    SearchPage,
    SynsetFacts,
    standard_failure,
)
from imagenet_build.search.engines.fields import text_of
from imagenet_build.search.engines.json_answers import items_of, json_object, no_object, pixels_in, shown, start_of
from imagenet_build.search.engines.korean_index import LANGUAGES_TEXT, argument, literal, original_url, skip_reason

NAME = "kakao"
DEFAULT_BASE_URL = "https://dapi.kakao.com"
PAGE_SIZE = 80
MAX_PAGE = 50
DEPTH = MAX_PAGE * PAGE_SIZE
QUOTA_WAIT_S = 3600.0
"""A used-up day ends at some hour that the answer does not tell: ask again every hour."""

# https://developers.kakao.com/docs/en/rest-api/error-code: most of them come with status 400, whatever they mean.
_PASSING = frozenset({-1, -7, -603, -9798})
_USED_UP = frozenset({-10, -11})
_REFUSING = frozenset({-3, -4, -5, -6, -8, -9, -12, -401, -903})
_REMEDY = "Set KAKAO_REST_API_KEY to the REST API key of an application registered at developers.kakao.com."


class Kakao(EngineDefaults):
    """Daum's index of Korean pages. It has no ids of its own: `engine_id` is the picture's address."""

    info = EngineInfo(
        name=NAME,
        title="Kakao (Daum) image search",
        docs_url="https://developers.kakao.com/docs/en/daum-search/dev-guide",
        licenses="none: unknown for every picture",
        languages=LANGUAGES_TEXT,
        depth=DEPTH,
        min_delay_s=0.2,  # none is documented beside the daily quota
        keys=("KAKAO_REST_API_KEY",),
        quota_per_day=30_000,
        quota_per_month=3_000_000,  # shared by all of Kakao's APIs
        page_size=PAGE_SIZE,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/v2/search/image"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """A Korean index without a language parameter."""
        del synset
        return skip_reason(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 80; pages count from 1."""
        params: dict[str, str | int] = {
            "query": literal(query.text),
            "sort": "accuracy",
            "page": _page_of(cursor),
            "size": PAGE_SIZE,
        }
        return HttpRequest(
            self._url, params, secrets=(Secret("KAKAO_REST_API_KEY", "Authorization", prefix="KakaoAK "),)
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The platform's errors have a negative `code`, those of the search an `errorType`."""
        if answer.status == 200:
            return no_object(answer, NAME)
        error = json_object(answer.body) or {}
        said = error.get("message") or error.get("msg") or start_of(answer.body)
        message = f"{NAME} answered {answer.status}: {shown(said)}"
        code = error["code"] if isinstance(error.get("code"), int) else None
        if answer.status == 429 or code in _USED_UP or code in _PASSING:
            wait = retry_after_s(answer.headers)
            if wait is None and (code in _USED_UP or "limit has been exceeded" in str(said)):
                wait = QUOTA_WAIT_S
            return RateLimited(message, source=NAME, retry_after_s=wait)
        if answer.status in (401, 403) or code in _REFUSING:
            return EngineRefused(message, source=NAME, remedy=_REMEDY)
        if answer.status == 404:
            return EngineRefused(message, source=NAME, remedy="Check base_url.")
        if answer.status == 400:
            return QueryRefused(message, source=NAME)
        return standard_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; `is_end` says whether it is the last, since the counters are estimates."""
        answer = json.loads(body)
        items = items_of(answer, "documents")
        is_end = answer["meta"]["is_end"]
        if not isinstance(is_end, bool):
            raise TypeError(f"is_end must be true or false, not {type(is_end).__name__}")
        page = _page_of(cursor)
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for rank, item in enumerate(items, start=(page - 1) * PAGE_SIZE):
            url = original_url(item["image_url"], item.get("thumbnail_url"), _proxied)
            if isinstance(url, str):
                hits.append(_hit(item, url, query, rank))
            else:
                refused.append(RefusedItem(text_of(item["image_url"]), text_of(item["image_url"]), url))
        has_more = bool(items) and not is_end
        truncated = has_more and page >= MAX_PAGE
        next_cursor = {"page": page + 1} if has_more and not truncated else None
        return SearchPage(tuple(hits), next_cursor, len(items), tuple(refused), truncated)


def _page_of(cursor: Cursor | None) -> int:
    return int((cursor or {}).get("page", 1))


def _hit(item: dict[str, Any], url: str, query: Query, rank: int) -> Hit:
    # `display_sitename` is the site's name, not the photographer's: there is no creator.
    credit = Credit(page_url=text_of(item.get("doc_url")))
    return Hit(query, NAME, rank, url, url, pixels_in(item.get("width")), pixels_in(item.get("height")), credit)


def _proxied(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if host.endswith(".daumcdn.net") and parts.path.startswith("/thumb/"):
        return argument(parts, "fname")
    if host.startswith("search") and host.endswith(".kakaocdn.net") and parts.path.startswith("/argon/"):
        return ""
    return None
