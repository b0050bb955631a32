"""Flickr: flickr.photos.search, https://www.flickr.com/services/api/flickr.photos.search.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, SourceError
from imagenet_build.licenses import LicenseTerms, normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    engine_refused,
    failure_by_status,
    items_of,
    json_object,
    object_of,
    object_or_none,
    rate_limited,
    shown,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import sorted_out
from imagenet_build.search.engines.web_queries import literal_text

NAME = "flickr"
DEFAULT_BASE_URL = "https://api.flickr.com"
KEY = "FLICKR_API_KEY"
PAGE_SIZE = 500
DEPTH = 4000
"""Results of one search; what follows repeats them, or is empty."""
MAX_QUERY = 250
"""Characters; of our own, no limit is documented."""

_LICENSES = {
    "0": ("arr", ""),
    "1": ("by-nc-sa", "2.0"),
    "2": ("by-nc", "2.0"),
    "3": ("by-nc-nd", "2.0"),
    "4": ("by", "2.0"),
    "5": ("by-sa", "2.0"),
    "6": ("by-nd", "2.0"),
    "7": ("nkc", ""),
    "8": ("usgov", ""),
    "9": ("cc0", "1.0"),
    "10": ("pdm", "1.0"),
    "11": ("by", "4.0"),
    "12": ("by-sa", "4.0"),
    "13": ("by-nd", "4.0"),
    "14": ("by-nc", "4.0"),
    "15": ("by-nc-sa", "4.0"),
    "16": ("by-nc-nd", "4.0"),
}
_FREEST_FIRST = ("9", "10", "7", "8", "4", "11", "5", "12", "2", "14", "1", "15", "6", "13", "3", "16", "0")
_TERMS_PAGES = {
    "nkc": "https://www.flickr.com/commons/usage/",
    "usgov": "https://www.usa.gov/government-copyright",
}

_SIZES = "lczmnso"
"""From 1024 px down. Larger ones cannot be fetched of most accounts, and the originals (last resort, for pictures
smaller than all else) are what the picture servers throttle."""
_PREVIEW_SIZES = "sn"
"""240 and 320 px; smaller ones are cut to squares."""
_EXTRAS = ",".join(("license", "owner_name", *(f"url_{size}" for size in _SIZES)))

_YEAR_S = 365 * 24 * 3600
_BEGAN_S = 1072915200
"""2004-01-01, before the first upload; seconds since 1970."""
_SPLITS_S = (1199145600, 1325376000, 1451606400, 1577836800)
"""New Year 2008, 2012, 2016 and 2020."""
_FAR_S = 4102444800
"""2100: an open end is not divided for ever."""
_PARTS = 8
"""Of a closed span: a search that turns out too deep costs its eight pages for nothing, so levels should be few."""

_DOWN = frozenset({"10", "105", "106"})
_MISUSED = frozenset({"111", "112", "114", "115", "116"})


class Flickr(EngineDefaults):
    """Photographs of Flickr's members; `engine_id` is the photo's number.

    `url` is the rendering of at most 1024 px, and `width` and `height` are that rendering's. Cursor: `page`, and for
    slices `license` (Flickr's number), `from_s` and `to_s` (upload time, seconds since 1970, both included).
    """

    info = EngineInfo(
        name=NAME,
        title="Flickr",
        docs_url="https://www.flickr.com/services/api/flickr.photos.search.html",
        licenses="one per photo, from Flickr's numbered list; most are all rights reserved",
        languages="any: matches the words that members wrote, in their own language",
        depth=DEPTH,
        min_delay_s=1.1,  # 3600 an hour for one key
        keys=(KEY,),
        quota_per_day=86_400,
        page_size=PAGE_SIZE,
        notice="New keys are given to Flickr Pro accounts only; its picture servers throttle bulk fetching.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/services/rest/"

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 500 photos, safe ones only."""
        params: dict[str, str | int] = {
            "method": "flickr.photos.search",
            "format": "json",
            "nojsoncallback": 1,
            "text": cut_query(literal_text(query.text), MAX_QUERY),
            "sort": "relevance",
            "media": "photos",
            "content_types": 0,
            "safe_search": 1,
            "extras": _EXTRAS,
            "per_page": PAGE_SIZE,
            "page": number_in(cursor, "page", 1),
        }
        for entry, name in (("license", "license"), ("from_s", "min_upload_date"), ("to_s", "max_upload_date")):
            if cursor is not None and entry in cursor:
                params[name] = cursor[entry]
        return HttpRequest(self._url, params, secrets=(Secret(KEY, "api_key", "param"),))

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By licence, the freest first; a licence by upload time: five spans, then eighths, down to a second."""
        if start is None or "license" not in start:
            return [{**_slice_of(start), "license": number} for number in _FREEST_FIRST]
        license_only = {"license": start["license"]}
        return [{**license_only, **span} for span in _spans(start)]

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors of the API come with status 200; throttling as a web page."""
        if answer.status != 200:
            return failure_by_status(answer, NAME, keys=(KEY,))
        said = object_or_none(answer.body)
        if said is None:
            return unreadable(answer, NAME)
        if said.get("stat") != "fail":
            return None
        code = text_at(said, "code")
        words = f"error {code}: {text_at(said, 'message')}"
        message = f"{NAME} answered {shown(words)}"
        if code == "100":
            return engine_refused(NAME, words, (KEY,))
        if code in _DOWN:
            return rate_limited(answer, NAME, words)
        if code in _MISUSED:
            return EngineRefused(message, source=NAME, remedy="Check base_url: this is not the documented service.")
        return QueryRefused(message, source=NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; numbers may be texts. Ends where the service would begin to repeat itself."""
        photos = object_of(json_object(body)["photos"], "photos")
        items = items_of(photos["photo"], "photo")
        page, size = number_in(cursor, "page", 1), count_of(photos["perpage"], "perpage")
        ranked = enumerate(items, start=(page - 1) * size)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        # `pages` and `total` go on beyond the depth; `page` shows it when an earlier one came instead.
        at_depth = (page + 1) * size > DEPTH or count_of(photos["page"], "page") != page
        is_last = at_depth or not items or page >= count_of(photos["pages"], "pages")
        return SearchPage(
            hits,
            None if is_last else {**_slice_of(cursor), "page": page + 1},
            len(items),
            refused,
            truncated=at_depth and count_of(photos["total"], "total") > page * size,
        )


def _slice_of(cursor: Cursor | None) -> dict[str, str | int]:
    return {key: value for key, value in (cursor or {}).items() if key != "page"}


def _spans(start: Cursor) -> list[dict[str, int]]:
    """Upload times divided; the first span has no beginning and the last no end, so that nothing can fall out."""
    first = int(start["from_s"]) if "from_s" in start else None
    last = int(start["to_s"]) if "to_s" in start else None
    if first is None and last is None:
        splits: Sequence[int] = _SPLITS_S
    elif last is None:
        assert first is not None
        splits = (first + 2 * _YEAR_S,) if first < _FAR_S else ()
    else:
        low = min(_BEGAN_S, last) if first is None else first
        parts = min(_PARTS, last - low + 1)
        splits = tuple(low + (last - low + 1) * part // parts for part in range(1, parts))
    if not splits:
        return []
    spans: list[dict[str, int]] = []
    for begin, end in zip((first, *splits), (*(split - 1 for split in splits), last), strict=True):
        span = {} if begin is None else {"from_s": begin}
        spans.append(span if end is None else {**span, "to_s": end})
    return spans


def _read(item: Mapping[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    ident, owner = text_of(item["id"]), text_of(item.get("owner"))
    size = next((size for size in _SIZES if item.get(f"url_{size}")), "l")
    url = picture_url(item.get(f"url_{size}"))
    if not isinstance(url, str):
        return RefusedItem(ident, text_of(item.get(f"url_{size}")), url)
    terms = _terms(item.get("license"))
    credit = Credit(
        page_url=f"https://www.flickr.com/photos/{owner}/{ident}" if owner else "",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(item.get("ownername")),
        creator_url=f"https://www.flickr.com/people/{owner}/" if owner else "",
        title=text_of(item.get("title")),
    )
    sizes = pixels_of(item.get(f"width_{size}")), pixels_of(item.get(f"height_{size}"))
    small = next((item[f"url_{size}"] for size in _PREVIEW_SIZES if item.get(f"url_{size}")), None)
    return Hit(query, NAME, rank, url, ident, *sizes, credit, small_version(small, url))


def _terms(number: object) -> LicenseTerms:
    code, version = _LICENSES.get(text_of(number), ("", ""))
    return normalize_license(code, version, _TERMS_PAGES.get(code, ""))
