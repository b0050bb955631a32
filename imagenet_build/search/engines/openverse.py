"""Openverse: https://docs.openverse.org/api/, used anonymously."""

from __future__ import annotations

import json
import re
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.retry import retry_after_s
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, standard_failure
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, text_of

NAME = "openverse"
DEFAULT_BASE_URL = "https://api.openverse.org"
PAGE_SIZE = 20
"""Most that an anonymous request may ask for."""
DEPTH = 240
"""`page * page_size` may not pass it."""
MAX_QUERY = 200
"""Characters; the service cuts longer texts, so that two long queries could silently become one."""

_OPERATORS = re.compile(r'["|*()~\\+]|(?<!\S)-+')
"""What Elasticsearch's simple_query_string reads as syntax; a wordnet's lemma is meant literally."""
_WAIT = re.compile(rb"available in (\d+) seconds?")


class Openverse(EngineDefaults):
    """A catalogue of openly licensed images from Flickr, museums, Wikimedia and others; every hit has its licence."""

    info = EngineInfo(
        name=NAME,
        title="Openverse",
        docs_url="https://api.openverse.org/v1/",
        licenses="one Creative Commons licence or public domain mark per image, as its source stated it",
        languages="English stems; words of other languages match only as they are written",
        depth=DEPTH,
        min_delay_s=3.1,  # 20 a minute for one address without a key (and 200 a day, which the service says with 429)
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/images/"

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 20; `filter_dead` stays on, as the service does by itself."""
        literal = " ".join(_OPERATORS.sub(" ", query.text).split()) or query.text
        return HttpRequest(
            self._url, {"q": cut_query(literal, MAX_QUERY), "page": _page_of(cursor), "page_size": PAGE_SIZE}
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Here 401 says "too deep", not "no key"; 403 is the gatekeeper before the service, not the service."""
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
        page = _page_of(cursor)
        items = answer["results"]
        if not isinstance(items, list):
            raise TypeError(f"results must be a list, not {type(items).__name__}")
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for rank, item in enumerate(items, start=(page - 1) * PAGE_SIZE):
            url = picture_url(item["url"])
            if isinstance(url, str):
                hits.append(_hit(item, url, query, rank))
            else:
                refused.append(RefusedItem(text_of(item["id"]), text_of(item["url"]), url))
        is_last = not items or page >= answer["page_count"] or (page + 1) * PAGE_SIZE > DEPTH
        return SearchPage(tuple(hits), None if is_last else {"page": page + 1}, len(items), tuple(refused))


def _page_of(cursor: Cursor | None) -> int:
    return 1 if cursor is None else int(cursor["page"])


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
