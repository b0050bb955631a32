"""Openverse: https://docs.openverse.org/api/, anonymously or with the token of a free account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError
from imagenet_build.licenses import LicenseTerms, normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.oauth import OAuthClientCredentials
from imagenet_build.network.retry import LEAST_S
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import divided_by, entries_of, number_in
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    items_of,
    json_object,
    no_object,
    object_or_none,
    rate_limited,
    shown,
    start_of,
)
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV, credentials
from imagenet_build.search.engines.page_items import sorted_out

NAME = "openverse"
DEFAULT_BASE_URL = "https://api.openverse.org"
PAGE_SIZE = 20
"""Most that an anonymous request may ask for."""
TOKEN_PAGE_SIZE = 48
"""With a token 50 are allowed, but 240 is no multiple of 50: the last 40 would be out of reach."""
DEPTH = 240
"""`page * page_size` may not pass it, with a token or without."""
LICENSES = ("by-sa", "by", "cc0", "pdm", "by-nc-sa", "by-nc", "by-nd", "by-nc-nd", "sampling+", "nc-sampling+")
"""All that the catalogue knows; every picture has exactly one."""
MAX_QUERY = 200
"""Characters; the service cuts longer texts, so that two long queries could silently become one."""

_OPERATORS = re.compile(r'["|*()~\\+]|(?<!\S)-+')
"""What Elasticsearch's simple_query_string reads as syntax; a wordnet's lemma is meant literally."""
_WAIT = re.compile(rb"available in (\d+) seconds?")
LARGE_SOURCES = ("flickr", "inaturalist", "wikimedia")
"""They hold nine tenths of the catalogue."""
OTHERS = "others"
WORDS = ("nature", "people", "outdoors", "travel")
"""Frequent in titles, descriptions and tags. However frequent, with a word and without it are two disjoint halves and
leave nothing out; the more even the halves, the fewer requests are wasted."""
_DIVISIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("license", LICENSES),
    ("size", ("medium", "large", "small")),
    ("aspect_ratio", ("wide", "tall", "square")),
    ("source", (*LARGE_SOURCES, OTHERS)),
    *((word, (word, f"-{word}")) for word in WORDS),
    ("extension", ("jpg", "jpeg", "png", "gif", "webp", "tif,tiff")),
    ("category", ("photograph", "digitized_artwork", "illustration")),
)
"""Filters of disjoint values, in the order of division: the category comes last, since most pictures have none. Vector
graphics (`svg`) are left out, since no stage could use them."""
_SLICE = tuple(name for name, _ in _DIVISIONS)
_FILTERS = tuple(name for name in _SLICE if name not in WORDS)


class Openverse(EngineDefaults):
    """A catalogue of openly licensed images from Flickr, museums, Wikimedia and others; every hit has its licence.

    Args:
        base_url: of the service.
        licenses: codes to ask for; empty for all. Codes that the catalogue has no picture of do not count; if none is
            left, every query is skipped.
        with_token: the client's keys are there (`oauth` says where): larger pages, higher limits. Whoever sends the
            requests adds the header (`network.oauth.TokenSource`).
    """

    info = EngineInfo(
        name=NAME,
        title="Openverse",
        docs_url="https://api.openverse.org/v1/",
        licenses="one Creative Commons licence or public domain mark per image, as its source stated it",
        languages="English stems; words of other languages match only as they are written",
        depth=DEPTH,
        min_delay_s=3.1,  # 20 a minute for one address without a token
        quota_per_day=200,
        page_size=PAGE_SIZE,
        version=2,
    )

    def __init__(
        self, base_url: str = DEFAULT_BASE_URL, *, licenses: Sequence[str] = (), with_token: bool = False
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/images/"
        self._licenses = tuple(code for code in LICENSES if not licenses or code in licenses)
        self.oauth: OAuthClientCredentials | None = None
        """What the token of every request is fetched with; None: requests go without."""
        if with_token:
            self.oauth = credentials(base_url)
            self.info = replace(
                self.info,
                min_delay_s=0.65,  # 100 a minute
                quota_per_day=10_000,
                page_size=TOKEN_PAGE_SIZE,
                keys=(CLIENT_ID_ENV, CLIENT_SECRET_ENV),
            )

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Everything, where no picture of the wanted licences is in the catalogue."""
        return super().skips(query, synset) or (
            "" if self._licenses else "Openverse has no picture of the wanted licences"
        )

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By licence; a licence by size, that by aspect ratio, source, words beside the query, extension, category.

        The service knows no size of some pictures, and some filters leave those out: a division adds to what the
        truncated search gave, it does not replace it.
        """
        return divided_by(start, (("license", self._licenses), *_DIVISIONS[1:]))

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page; `filter_dead` stays on, as the service does by itself."""
        literal = " ".join(_OPERATORS.sub(" ", query.text).split()) or query.text
        beside = "".join(f" {word}" for word in entries_of(cursor, WORDS).values())
        params: dict[str, str | int] = {
            "q": cut_query(literal, MAX_QUERY - len(beside)) + beside,
            "page": number_in(cursor, "page", 1),
            "page_size": self.info.page_size,
        }
        if len(self._licenses) < len(LICENSES):
            params["license"] = ",".join(self._licenses)
        params.update(entries_of(cursor, _FILTERS))
        if params.get("source") == OTHERS:
            del params["source"]
            params["excluded_source"] = ",".join(LARGE_SOURCES)
        return HttpRequest(self._url, params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Here 401 says "too much", not "no key"; 403 is the gatekeeper before the service, not the service.

        A bad token is taken for none, which shows where a page is larger than an anonymous one may be: the same
        request will do with a fresh token.
        """
        if answer.status == 401 and self.oauth is not None and b"anonymous" in answer.body:
            return RateLimited(f"{NAME} answered 401: the token is not accepted.", source=NAME, retry_after_s=LEAST_S)
        if answer.status in (400, 401):
            return QueryRefused(f"{NAME} answered {answer.status}: {_detail(answer.body)}", source=NAME)
        if answer.status == 403:
            return EngineRefused(
                f"{NAME} answered 403: its gatekeeper refuses this machine's address.",
                source=NAME,
                remedy="Data centres' addresses are often refused: run from another network, or leave this engine out.",
            )
        if answer.status == 404 and object_or_none(answer.body) is not None:
            return QueryRefused(f"{NAME} answered 404: {_detail(answer.body)}", source=NAME)
        if answer.status == 429:
            said = _WAIT.search(answer.body)
            return rate_limited(answer, NAME, _detail(answer.body), else_s=float(said[1]) if said else None)
        return no_object(answer, NAME) if answer.status == 200 else failure_by_status(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page.

        Its counters shrink when the service filters dead links out, so each page says anew whether it is the last.
        """
        answer = json_object(body)
        page, size = number_in(cursor, "page", 1), self.info.page_size
        items = items_of(answer["results"], "results")
        ranked = enumerate(items, start=(page - 1) * size)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        is_last = not items or page >= count_of(answer["page_count"], "page_count") or (page + 1) * size > DEPTH
        # The count stops at the depth: at less, the pages have shown all there is.
        truncated = is_last and count_of(answer.get("result_count") or 0, "result_count") >= DEPTH
        following = None if is_last else {**entries_of(cursor, _SLICE), "page": page + 1}
        return SearchPage(hits, following, len(items), refused, truncated)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    url = picture_url(item["url"])
    if not isinstance(url, str):
        return RefusedItem(text_of(item["id"]), text_of(item["url"]), url)
    terms = _terms(item["license"], item.get("license_version"), item.get("license_url"))
    credit = Credit(
        page_url=text_of(item.get("foreign_landing_url")),
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(item.get("creator")),
        creator_url=text_of(item.get("creator_url")),
        title=text_of(item.get("title")),
    )
    # The sizes may be those of a larger original than the URL gives; they are the best that is known before download.
    width, height = pixels_of(item.get("width")), pixels_of(item.get("height"))
    preview = small_version(item.get("thumbnail"), url)
    return Hit(query, NAME, rank, url, text_of(item["id"]), width, height, credit, preview)


@lru_cache(1024, typed=True)
def _terms(name: object, version: object, url: object) -> LicenseTerms:
    return normalize_license(text_of(name), text_of(version), text_of(url))


def _detail(body: bytes) -> str:
    """What an error says, from either of the two documented forms, or the start of whatever else came."""
    detail = (object_or_none(body) or {}).get("detail")
    if isinstance(detail, dict):
        lists = {name: said for name, said in detail.items() if isinstance(said, list)}
        return shown("; ".join(f"{name}: {' '.join(map(str, said))}" for name, said in lists.items()))
    return start_of(body) if detail is None else shown(detail)
