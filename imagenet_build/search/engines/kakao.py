"""Kakao's search of Daum's images: https://developers.kakao.com/docs/en/daum-search/dev-guide."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult

from imagenet_build.errors import EngineRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import pixels_of, text_of
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    flag_of,
    items_of,
    json_object,
    no_object,
    object_of,
    object_or_none,
    rate_limited,
    shown,
    start_of,
)
from imagenet_build.search.engines.korean_index import LANGUAGES_TEXT, argument, literal, original_url, skip_reason
from imagenet_build.search.engines.page_items import sorted_out

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
        return super().skips(query, synset) or skip_reason(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 80; pages count from 1."""
        params: dict[str, str | int] = {
            "query": literal(query.text),
            "sort": "accuracy",
            "page": number_in(cursor, "page", 1),
            "size": PAGE_SIZE,
        }
        return HttpRequest(
            self._url, params, secrets=(Secret("KAKAO_REST_API_KEY", "Authorization", prefix="KakaoAK "),)
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The platform's errors have a negative `code`, those of the search an `errorType`."""
        if answer.status == 200:
            return no_object(answer, NAME)
        error = object_or_none(answer.body) or {}
        said = str(error.get("message") or error.get("msg") or "")
        code = error["code"] if isinstance(error.get("code"), int) else None
        is_used_up = code in _USED_UP or "limit has been exceeded" in said
        wait_s = QUOTA_WAIT_S if is_used_up else None
        if code in _USED_UP or code in _PASSING:
            return rate_limited(answer, NAME, said, else_s=wait_s)
        if code in _REFUSING:
            message = f"{NAME} answered {answer.status}: {shown(said) or start_of(answer.body)}"
            return EngineRefused(message, source=NAME, remedy=_REMEDY)
        return failure_by_status(answer, NAME, said, remedy=_REMEDY, else_s=wait_s)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; `is_end` says whether it is the last, since the counters are estimates."""
        answer = json_object(body)
        items = items_of(answer["documents"], "documents")
        is_end = flag_of(object_of(answer["meta"], "meta")["is_end"], "is_end")
        page = number_in(cursor, "page", 1)
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        has_more = bool(items) and not is_end
        truncated = has_more and page >= MAX_PAGE
        next_cursor = {"page": page + 1} if has_more and not truncated else None
        return SearchPage(hits, next_cursor, len(items), refused, truncated)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    url = original_url(item["image_url"], item.get("thumbnail_url"), _proxied)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["image_url"]), text_of(item["image_url"]), url)
    # `display_sitename` is the site's name, not the photographer's: there is no creator.
    # `thumbnail_url` is cut to a square: it does not look like the picture, so there is no preview.
    credit = Credit(page_url=text_of(item.get("doc_url")))
    return Hit(query, NAME, rank, url, url, pixels_of(item.get("width")), pixels_of(item.get("height")), credit)


def _proxied(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if host.endswith(".daumcdn.net") and parts.path.startswith("/thumb/"):
        return argument(parts, "fname")
    if host.startswith("search") and host.endswith(".kakaocdn.net") and parts.path.startswith("/argon/"):
        return ""
    return None
