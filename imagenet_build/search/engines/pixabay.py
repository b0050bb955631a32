"""Pixabay: https://pixabay.com/api/docs/."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from imagenet_build.errors import EngineRefused, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
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
    start_of,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "pixabay"
DEFAULT_BASE_URL = "https://pixabay.com"
PAGE_SIZE = 200
DEPTH = 500
MAX_QUERY = 100
"""Characters."""
LONGEST_WINDOW_S = 3600.0
"""A rate limit's window lasts a minute; a larger number in its header is something else."""

_LANGUAGES = {
    "bul": "bg",
    "ces": "cs",
    "cmn": "zh",
    "dan": "da",
    "deu": "de",
    "ell": "el",
    "eng": "en",
    "fin": "fi",
    "fra": "fr",
    "hun": "hu",
    "ind": "id",
    "ita": "it",
    "jpn": "ja",
    "kor": "ko",
    "nld": "nl",
    "nno": "no",
    "nob": "no",
    "nor": "no",
    "pol": "pl",
    "por": "pt",
    "ron": "ro",
    "rus": "ru",
    "slk": "sk",
    "spa": "es",
    "swe": "sv",
    "tha": "th",
    "tur": "tr",
    "vie": "vi",
    "zho": "zh",
}
_LICENSE_URL = "https://pixabay.com/service/license-summary/"
_DIVISIONS = (("image_type", ("photo", "illustration", "vector")), ("orientation", ("horizontal", "vertical")))
_SLICE = tuple(name for name, _ in _DIVISIONS)
_NO_SUCH_PAGE = re.compile(rb'\s*\[ERROR 400\]\s*"page" is out of valid range\.?\s*')
_BAD_KEY = re.compile(rb"api key", re.IGNORECASE)


class Pixabay(EngineDefaults):
    """Photos, illustrations and drawings under one licence of the site.

    `width` and `height` are the original's; `url` is its copy of 1280 pixels on the longer side. That address expires:
    `engine_id` is what names the picture.
    """

    info = EngineInfo(
        name=NAME,
        title="Pixabay",
        docs_url="https://pixabay.com/api/docs/",
        licenses="the Pixabay Content License for all (site:pixabay); older pictures may be CC0, which is not said",
        languages="26, each searched as itself (lang); others are not asked",
        depth=DEPTH,
        min_delay_s=0.7,  # 100 in 60 seconds
        keys=("PIXABAY_API_KEY",),
        page_size=PAGE_SIZE,
        prohibition="Pixabay's API terms forbid systematic mass downloads.",
        notice="Picture addresses expire within a day: download soon after searching.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/api/"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """A language that `lang` does not know would be searched as English."""
        return super().skips(query, synset) or (
            "" if query.language in _LANGUAGES else f"Pixabay has no language parameter for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 200; pages count from 1."""
        params: dict[str, str | int] = {
            "q": cut_query(query.text, MAX_QUERY),
            "lang": _LANGUAGES.get(query.language, "en"),
            "page": number_in(cursor, "page", 1),
            "per_page": PAGE_SIZE,
        }
        params.update(entries_of(cursor, _SLICE))
        return HttpRequest(self._url, params, secrets=(Secret("PIXABAY_API_KEY", "key", place="param"),))

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By kind of picture, then by orientation."""
        return divided_by(start, _DIVISIONS)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors are plain text, and most have status 400: the key's as well as the end of paging, which is none."""
        if answer.status == 200:
            return no_object(answer, NAME)
        if answer.status == 400 and _NO_SUCH_PAGE.fullmatch(answer.body):
            return None
        remedy = "Set PIXABAY_API_KEY to the key shown at https://pixabay.com/api/docs/ after logging in."
        if answer.status == 400 and _BAD_KEY.search(answer.body):
            return EngineRefused(f"{NAME} answered 400: {start_of(answer.body)}", source=NAME, remedy=remedy)
        wait_s = _window_s(answer.headers) if answer.status == 429 else None
        return failure_by_status(answer, NAME, remedy=remedy, else_s=wait_s)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page. `totalHits` counts what can be had, `total` what there is."""
        if _NO_SUCH_PAGE.fullmatch(body):
            return SearchPage((), None, 0)
        answer = json_object(body)
        items = items_of(answer["hits"], "hits")
        page = number_in(cursor, "page", 1)
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        reachable = min(count_of(answer["totalHits"], "totalHits"), DEPTH)
        is_last = not items or page * PAGE_SIZE >= reachable
        truncated = is_last and bool(items) and count_of(answer["total"], "total") > reachable
        next_cursor = None if is_last else {**(cursor or {}), "page": page + 1}
        return SearchPage(hits, next_cursor, len(items), refused, truncated)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    given = item["largeImageURL"] or item.get("webformatURL")
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["id"]), text_of(given), url)
    user, user_id = text_of(item.get("user")), text_of(item.get("user_id"))
    terms = normalize_license(f"site:{NAME}", url=_LICENSE_URL)
    credit = Credit(
        page_url=text_of(item.get("pageURL")),
        license=terms.code,
        license_url=terms.url,
        creator=user,
        creator_url=f"https://pixabay.com/users/{user}-{user_id}/" if user and user_id else "",
        title=text_of(item.get("tags")),
    )
    width, height = pixels_of(item.get("imageWidth")), pixels_of(item.get("imageHeight"))
    preview = small_version(item.get("previewURL"), url)
    return Hit(query, NAME, rank, url, text_of(item["id"]), width, height, credit, preview)


def _window_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until the window ends, where no Retry-After says it."""
    reset = headers.get("x-ratelimit-reset", "").strip()
    if reset.isascii() and reset.isdigit() and float(reset) <= LONGEST_WINDOW_S:
        return max(1.0, float(reset))
    return None
