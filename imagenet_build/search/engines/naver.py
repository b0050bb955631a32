"""Naver image search on NAVER API HUB: https://api.ncloud-docs.com/docs/en/naver-api-hub-search-image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import divided_by, entries_of, number_in
from imagenet_build.search.engines.fields import pixels_of, plain_text, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    items_of,
    json_object,
    no_object,
    object_or_none,
)
from imagenet_build.search.engines.korean_index import LANGUAGES_TEXT, argument, literal, original_url, skip_reason
from imagenet_build.search.engines.page_items import sorted_out

NAME = "naver"
DEFAULT_BASE_URL = "https://naverapihub.apigw.ntruss.com"
PAGE_SIZE = 100
MAX_START = 1000
"""The last place at which an answer may begin, from 1."""
DEPTH = MAX_START + PAGE_SIZE - 1
DIVISIONS = (("filter", ("large", "medium", "small")),)
"""Size classes; together they are what `all` gives."""
QUOTA_WAIT_S = 3600.0
"""A used-up day ends at some hour that the answer does not tell: ask again every hour."""

_DAY_IS_OVER = frozenset({"400", "010"})
"""Error codes of the gateway and of the service behind it."""
_REMEDY = "Set NAVER_CLIENT_ID and NAVER_CLIENT_SECRET to those of a NAVER API HUB application with the search API."


class Naver(EngineDefaults):
    """Naver's index of Korean pages. It has no ids of its own: `engine_id` is the picture's address."""

    info = EngineInfo(
        name=NAME,
        title="Naver image search",
        docs_url="https://api.ncloud-docs.com/docs/en/naver-api-hub-search-image",
        licenses="none: unknown for every picture",
        languages=LANGUAGES_TEXT,
        depth=DEPTH,
        min_delay_s=0.1,  # 50 a second are said to be allowed
        keys=("NAVER_CLIENT_ID", "NAVER_CLIENT_SECRET"),
        quota_per_day=25_000,  # shared by all of Naver's search APIs
        page_size=PAGE_SIZE,
        notice="Keys of the old Naver developer centre (it ends on 2027-06-30) do not work on NAVER API HUB.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/search/v1/image"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """A Korean index without a language parameter."""
        return super().skips(query, synset) or skip_reason(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for 100 pictures from a place on; places count from 1."""
        params: dict[str, str | int] = {
            "query": literal(query.text),
            "display": PAGE_SIZE,
            "start": number_in(cursor, "start", 1),
            "sort": "sim",
            "format": "json",
        }
        params.update(entries_of(cursor, ("filter",)))
        secrets = (
            Secret("NAVER_CLIENT_ID", "X-NCP-APIGW-API-KEY-ID"),
            Secret("NAVER_CLIENT_SECRET", "X-NCP-APIGW-API-KEY"),
        )
        return HttpRequest(self._url, params, secrets=secrets)

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By size class, once."""
        return divided_by(start, DIVISIONS)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors come from the gateway (`error.errorCode`) or from the service behind it (`errorCode`)."""
        if answer.status == 200:
            return no_object(answer, NAME)
        code, said = _error(answer.body)
        wait_s = QUOTA_WAIT_S if answer.status == 429 and code in _DAY_IS_OVER else None
        return failure_by_status(answer, NAME, said, remedy=_REMEDY, else_s=wait_s)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; the last one begins at 1000 and repeats one picture of the page before."""
        answer = json_object(body)
        items = items_of(answer["items"], "items")
        start = number_in(cursor, "start", 1)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in enumerate(items, start=start - 1))
        has_more = bool(items) and start + PAGE_SIZE <= count_of(answer["total"], "total")
        truncated = has_more and start >= MAX_START
        next_cursor = None
        if has_more and not truncated:
            next_cursor = {**(cursor or {}), "start": min(start + PAGE_SIZE, MAX_START)}
        return SearchPage(hits, next_cursor, len(items), refused, truncated)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    url = original_url(item["link"], item.get("thumbnail"), _proxied)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["link"]), text_of(item["link"]), url)
    credit = Credit(title=plain_text(text_of(item.get("title"))))  # the searched words stand in <b>
    width, height = pixels_of(item.get("sizewidth")), pixels_of(item.get("sizeheight"))
    return Hit(query, NAME, rank, url, url, width, height, credit, small_version(item.get("thumbnail"), url))


def _proxied(parts: SplitResult) -> str | None:
    return argument(parts, "src") if parts.hostname == "search.pstatic.net" else None


def _error(body: bytes) -> tuple[str, str]:
    """Code and text of an error in either form; empty where it has neither."""
    answer = object_or_none(body) or {}
    error = answer["error"] if isinstance(answer.get("error"), dict) else answer
    said = error.get("message") or error.get("errorMessage") or ""
    return str(error.get("errorCode", "")), f"{said} {error.get('details') or ''}"
