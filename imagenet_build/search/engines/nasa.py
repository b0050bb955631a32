"""NASA's Image and Video Library: https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, other_language
from imagenet_build.search.engines.cursors import entries_of, number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import items_of, json_object, object_of
from imagenet_build.search.engines.page_items import sorted_out

NAME = "nasa"
DEFAULT_BASE_URL = "https://images-api.nasa.gov"
PAGE_SIZE = 100
DEPTH = 10_000
"""`page * page_size` may not pass it."""

_SIZES = ("~large.", "~medium.", "~small.", "~thumb.")
"""In the names of the renderings, best first; `~orig` may be a TIFF of any size, so it comes after them."""
_PREVIEW_SIZE = _SIZES[-1]
_TERMS_URL = "https://www.nasa.gov/nasa-brand-center/images-and-media/"
_FIRST_YEARS = (1900, 1969, 1980, 1990, 2000, 2005, 2010, 2015, 10_000)
"""Where each slice begins; the last only ends the one before."""
_SLICE = ("year_start", "year_end")


class Nasa(EngineDefaults):
    """Some 150 000 pictures, space flight above all; `engine_id` is the `nasa_id`.

    Most are in the public domain, but not all, and the answers do not say which: every hit has the site's terms.
    """

    info = EngineInfo(
        name=NAME,
        title="NASA Image and Video Library",
        docs_url="https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf",
        licenses="the site's media guidelines for all; pictures of others among them are not marked",
        languages="English only",
        depth=DEPTH,
        min_delay_s=1.0,  # no limit is published
        page_size=PAGE_SIZE,
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are not English."""
        return super().skips(query, synset) or other_language(query, self.info.title)

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By the year of the picture, once."""
        if start is not None:
            return ()
        return [{"year_start": first, "year_end": after - 1} for first, after in pairwise(_FIRST_YEARS)]

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page."""
        params: dict[str, str | int] = {
            "q": " ".join(query.text.split()),
            "media_type": "image",
            "page": number_in(cursor, "page", 1),
            "page_size": PAGE_SIZE,
        }
        params.update(entries_of(cursor, _SLICE))
        return HttpRequest(f"{self._base_url}/search", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """See `catalogue_failure`; too deep a page is 400."""
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page."""
        collection = object_of(json_object(body)["collection"], "collection")
        page = number_in(cursor, "page", 1)
        items = items_of(collection["items"], "items")
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        links = items_of(collection.get("links") or [], "links")
        has_more = bool(items) and any(link.get("rel") == "next" for link in links)
        too_deep = (page + 1) * PAGE_SIZE > DEPTH
        following = {**(cursor or {}), "page": page + 1} if has_more and not too_deep else None
        return SearchPage(hits, following, len(items), refused, truncated=has_more and too_deep)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    data = items_of(item["data"], "data")[0]
    engine_id = text_of(data["nasa_id"])
    links = items_of(item.get("links") or [], "links")
    link = _best(links)
    if link is None:
        return RefusedItem(engine_id, "", Rejection(RejectReason.NO_URL, "the item links to no picture"))
    url = picture_url(link["href"])
    if not isinstance(url, str):
        return RefusedItem(engine_id, text_of(link["href"]), url)
    terms = normalize_license("site:nasa", url=_TERMS_URL)
    credit = Credit(
        page_url=f"https://images.nasa.gov/details/{quote(engine_id, safe='')}",
        license=terms.code,
        license_url=terms.url,
        creator=text_of(data.get("photographer") or data.get("secondary_creator") or data.get("center")),
        title=text_of(data.get("title")),
    )
    small = next((other.get("href") for other in links if _PREVIEW_SIZE in str(other.get("href"))), None)
    sizes = pixels_of(link.get("width")), pixels_of(link.get("height"))
    return Hit(query, NAME, rank, url, engine_id, *sizes, credit, small_version(small, url))


def _best(links: list[dict[str, Any]]) -> dict[str, Any] | None:
    pictures = [link for link in links if link.get("render", "image") == "image" and link.get("href")]
    for size in _SIZES:
        for link in pictures:
            if size in str(link["href"]):
                return link
    return pictures[0] if pictures else None
