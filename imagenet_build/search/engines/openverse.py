"""Openverse: https://docs.openverse.org/api/, anonymously or with the token of a free account."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.oauth import OAuthClientCredentials
from imagenet_build.network.retry import LEAST_S, retry_after_s
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
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, text_of
from imagenet_build.search.engines.openverse_account import CLIENT_ID_ENV, CLIENT_SECRET_ENV, credentials

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
_DIVISIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("license", LICENSES),
    ("size", ("medium", "large", "small")),
    ("aspect_ratio", ("wide", "tall", "square")),
    ("extension", ("jpg", "jpeg", "png", "gif", "webp", "tif,tiff")),
)
"""Filters of disjoint values, in the order of division. `category` is none of them: most pictures have no category.
Vector graphics (`svg`) are left out of the last, since no stage could use them."""
_SLICE = tuple(name for name, _ in _DIVISIONS)


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
        del query, synset
        return "" if self._licenses else "Openverse has no picture of the wanted licences"

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By licence; a licence by size, that by aspect ratio, that by file extension.

        The service knows no size of some pictures, and the later filters leave those out: a division adds to what the
        truncated search gave, it does not replace it.
        """
        slice_ = _slice_of(start)
        name, values = next((division for division in _DIVISIONS if division[0] not in slice_), ("", ()))
        if name == "license":
            values = self._licenses
        return [{**slice_, name: value} for value in values]

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page; `filter_dead` stays on, as the service does by itself."""
        literal = " ".join(_OPERATORS.sub(" ", query.text).split()) or query.text
        params: dict[str, str | int] = {
            "q": cut_query(literal, MAX_QUERY),
            "page": _page_of(cursor),
            "page_size": self.info.page_size,
        }
        if len(self._licenses) < len(LICENSES):
            params["license"] = ",".join(self._licenses)
        params.update(_slice_of(cursor))
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
        if answer.status == 404 and not answer.body.lstrip().startswith(b"{"):
            return EngineRefused(
                f"{NAME} answered 404: {self._url} is not the image search.", source=NAME, remedy="Check base_url."
            )
        if answer.status == 429:
            wait = retry_after_s(answer.headers)
            said = _WAIT.search(answer.body)
            if wait is None and said:
                wait = float(said[1])
            return RateLimited(f"{NAME} answered 429: {_detail(answer.body)}", source=NAME, retry_after_s=wait)
        return standard_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page.

        Its counters shrink when the service filters dead links out, so each page says anew whether it is the last.
        """
        answer = json.loads(body)
        page, size = _page_of(cursor), self.info.page_size
        items = answer["results"]
        if not isinstance(items, list):
            raise TypeError(f"results must be a list, not {type(items).__name__}")
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for rank, item in enumerate(items, start=(page - 1) * size):
            url = picture_url(item["url"])
            if isinstance(url, str):
                hits.append(_hit(item, url, query, rank))
            else:
                refused.append(RefusedItem(text_of(item["id"]), text_of(item["url"]), url))
        is_last = not items or page >= answer["page_count"] or (page + 1) * size > DEPTH
        # The count stops at the depth: at less, the pages have shown all there is.
        truncated = is_last and int(answer.get("result_count") or 0) >= DEPTH
        following = None if is_last else {**_slice_of(cursor), "page": page + 1}
        return SearchPage(tuple(hits), following, len(items), tuple(refused), truncated)


def _page_of(cursor: Cursor | None) -> int:
    return int((cursor or {}).get("page", 1))


def _slice_of(cursor: Cursor | None) -> dict[str, str | int]:
    """A cursor's filters, in the order of division."""
    return {name: cursor[name] for name in _SLICE if cursor is not None and name in cursor}


def _hit(item: dict[str, Any], url: str, query: Query, rank: int) -> Hit:
    terms = normalize_license(
        text_of(item["license"]), text_of(item.get("license_version")), text_of(item.get("license_url"))
    )
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
    return Hit(query, NAME, rank, url, text_of(item["id"]), width, height, credit)


def _detail(body: bytes) -> str:
    """What an error says, from either of the two documented forms, or the start of whatever else came."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace").strip()
    if isinstance(detail, dict):
        return "; ".join(
            f"{name}: {' '.join(map(str, said))}" for name, said in detail.items() if isinstance(said, list)
        )
    return str(detail)
