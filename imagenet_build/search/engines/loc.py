"""Library of Congress: https://www.loc.gov/apis/json-and-yaml/, the search of its photos, prints and drawings."""

from __future__ import annotations

import re
from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, literal_words, other_language
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    first_text,
    items_of,
    json_object,
    list_of,
    object_of,
    object_or_none,
    rate_limited,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "loc"
DEFAULT_BASE_URL = "https://www.loc.gov"
PAGE_SIZE = 100
DEPTH = 100_000
"""Nothing past this item is given."""
BLOCK_S = 3600.0
"""How long whoever went over the limit is kept out, seconds."""

_SIZE = re.compile(r"(?:^|[#&])(?P<side>[hw])=(?P<pixels>\d+)")
_NO_RESTRICTIONS = re.compile(r"no known (?:copyright )?restrictions", re.IGNORECASE)
_RIGHTS = ("rights_information", "rights_advisory", "rights")


class LibraryOfCongress(EngineDefaults):
    """More than a million digitised photos, prints and drawings, most of them old; `engine_id` is the item's URL."""

    info = EngineInfo(
        name=NAME,
        title="Library of Congress, photos",
        docs_url="https://www.loc.gov/apis/json-and-yaml/",
        licenses="no known restrictions where the item says so; else unknown",
        languages="English only",
        depth=DEPTH,
        min_delay_s=3.2,  # 20 a minute; going over it means an hour's block
        page_size=PAGE_SIZE,
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are not English."""
        return super().skips(query, synset) or other_language(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page."""
        return HttpRequest(
            f"{self._base_url}/photos/",
            {
                "q": literal_words(query.text) or query.text,
                "fo": "json",
                "c": PAGE_SIZE,
                "sp": number_in(cursor, "page", 1),
                "fa": "online-format:image",
                "at": "results,pagination",
            },
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """404 with JSON means no results; a block shows as 429, or as a page that asks for a captcha."""
        if answer.status == 404 and object_or_none(answer.body) is not None:
            return None
        is_captcha = answer.status == 200 and b"captcha" in answer.body.lower() and object_or_none(answer.body) is None
        if answer.status == 429 or is_captcha:
            return rate_limited(answer, NAME, "too many requests", else_s=BLOCK_S)
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page, or the 404 that stands for an empty one."""
        answer = json_object(body)
        if answer.get("status") == 404 and "results" not in answer:
            return SearchPage((), None, 0)
        page = number_in(cursor, "page", 1)
        items = items_of(answer["results"], "results")
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        has_more = bool(object_of(answer["pagination"], "pagination")["next"]) and bool(items)
        too_deep = (page + 1) * PAGE_SIZE > DEPTH
        following = {"page": page + 1} if has_more and not too_deep else None
        return SearchPage(hits, following, len(items), refused, truncated=has_more and too_deep)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    engine_id = text_of(item["id"])
    addresses = [address for address in list_of(item.get("image_url") or [], "image_url") if address]
    if not addresses:
        return RefusedItem(engine_id, "", Rejection(RejectReason.NO_URL, "the item has no picture"))
    address = addresses[-1]  # from small to large; the largest is some 1024 px wide
    url = picture_url(address)
    if not isinstance(url, str):
        return RefusedItem(engine_id, text_of(address), url)
    fragment = str(address).partition("#")[2]
    sides = {found["side"]: pixels_of(found["pixels"]) for found in _SIZE.finditer(fragment)}
    details = object_of(item.get("item") or {}, "item")
    rights = " ".join(first_text(details.get(name)) for name in _RIGHTS)
    terms = normalize_license("nkc" if _NO_RESTRICTIONS.search(rights) else "")
    credit = Credit(
        page_url=text_of(item.get("url")) or engine_id,
        license=terms.code,
        creator=first_text(item.get("contributor")),
        title=text_of(item.get("title")),
    )
    preview = small_version(addresses[0], url)
    return Hit(query, NAME, rank, url, engine_id, sides.get("w"), sides.get("h"), credit, preview)
