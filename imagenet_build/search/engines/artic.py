"""Art Institute of Chicago: https://api.artic.edu/docs/, the search of its artworks; pictures by IIIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from imagenet_build.errors import QueryRefused, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.client import PRODUCT_TOKEN
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, literal_words, other_language
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    items_of,
    json_object,
    object_or_none,
    rate_limited,
    shown,
    text_at,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "artic"
DEFAULT_BASE_URL = "https://api.artic.edu"
PAGE_SIZE = 100
DEPTH = 1000
"""`page * limit` may not pass it without an account."""
WIDTH = 843
"""Pixels; the width that the museum asks programs to use, since it is cached."""
MAX_QUERY = 200
"""Characters; ours."""
BLOCK_S = 60.0
"""Pause where the servers before the API refuse us, seconds: its limit is per minute."""

_FIELDS = ["id", "title", "image_id", "artist_display", "is_public_domain", "thumbnail"]
_ERAS = ((-9999, 1499), (1500, 1799), (1800, 1849), (1850, 1899), (1900, 1949), (1950, 9999))
"""Years in which a work was begun, first and last; works without a year are a slice of their own."""


class Artic(EngineDefaults):
    """Some 59 000 pictures of works in the public domain; only those are asked for.

    `width` and `height` are the original's; `url` is the rendering 843 px wide, or less where the original is smaller.
    """

    info = EngineInfo(
        name=NAME,
        title="Art Institute of Chicago",
        docs_url="https://api.artic.edu/docs/",
        licenses="CC0: only works in the public domain are asked for",
        languages="English only",
        depth=DEPTH,
        min_delay_s=1.1,  # 60 a minute without an account
        page_size=PAGE_SIZE,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are not English."""
        return super().skips(query, synset) or other_language(query, self.info.title)

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By the year in which a work was begun, once."""
        if start is not None:
            return ()
        return [{"from": first, "to": last} for first, last in _ERAS] + [{"undated": 1}]

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page. The bare `q` only ranks: without the `must` clause every work would match."""
        text = cut_query(literal_words(query.text) or query.text, MAX_QUERY)
        search = {
            "q": text,
            "query": {
                "bool": {
                    "must": [{"simple_query_string": {"query": text, "default_operator": "and"}}],
                    "filter": [{"term": {"is_public_domain": True}}, {"exists": {"field": "image_id"}}, *_era(cursor)],
                }
            },
            "fields": _FIELDS,
            "page": number_in(cursor, "page", 1),
            "limit": PAGE_SIZE,
        }
        return HttpRequest(
            f"{self._base_url}/api/v1/artworks/search",
            {"params": json.dumps(search, ensure_ascii=False, separators=(",", ":"))},
            headers={"AIC-User-Agent": PRODUCT_TOKEN},
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """403 with the API's own JSON says "too much"; without it, it comes from the servers before the API."""
        if answer.status == 403:
            said = object_or_none(answer.body)
            if said is None:
                return rate_limited(answer, NAME, else_s=BLOCK_S)
            words = f"{text_at(said, 'error')}: {text_at(said, 'detail')}"
            return QueryRefused(f"{NAME} answered 403: {shown(words)}", source=NAME)
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; the address of the IIIF server stands in the answer."""
        answer = json_object(body)
        page = number_in(cursor, "page", 1)
        items = items_of(answer["data"], "data")
        iiif_url = text_of(answer["config"]["iiif_url"]).rstrip("/")
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, iiif_url, query, rank) for rank, item in ranked)
        total = count_of(answer["pagination"]["total"], "total")
        ends = not items or page * PAGE_SIZE >= total
        too_deep = (page + 1) * PAGE_SIZE > DEPTH
        following = None if ends or too_deep else {**(cursor or {}), "page": page + 1}
        return SearchPage(hits, following, len(items), refused, truncated=too_deep and not ends)


def _era(cursor: Cursor | None) -> list[dict[str, Any]]:
    if cursor is None:
        return []
    if "undated" in cursor:
        return [{"bool": {"must_not": [{"exists": {"field": "date_start"}}]}}]
    if "from" in cursor:
        return [{"range": {"date_start": {"gte": int(cursor["from"]), "lte": int(cursor["to"])}}}]
    return []


def _read(item: dict[str, Any], iiif_url: str, query: Query, rank: int) -> Hit | RefusedItem:
    engine_id = text_of(item["id"])
    if not item["image_id"]:
        return RefusedItem(engine_id, "", Rejection(RejectReason.NO_URL, "the artwork has no picture"))
    size = item.get("thumbnail") or {}
    width = pixels_of(size.get("width"))
    wanted = WIDTH if width is None else min(WIDTH, width)
    address = f"{iiif_url}/{text_of(item['image_id'])}/full/{wanted},/0/default.jpg"
    url = picture_url(address)
    if not isinstance(url, str):
        return RefusedItem(engine_id, address, url)
    terms = normalize_license("cc0" if item.get("is_public_domain") is True else "")
    credit = Credit(
        page_url=f"https://www.artic.edu/artworks/{engine_id}",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(item.get("artist_display")),
        title=text_of(item.get("title")),
    )
    return Hit(query, NAME, rank, url, engine_id, width, pixels_of(size.get("height")), credit)
