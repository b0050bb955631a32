"""Pexels: https://www.pexels.com/api/documentation/."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import divided_by, entries_of, number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    items_of,
    json_object,
    no_object,
    object_of,
    object_or_none,
    text_at,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "pexels"
DEFAULT_BASE_URL = "https://api.pexels.com"
PAGE_SIZE = 80
DEPTH = 8000
LIMIT_WAIT_S = 600.0
"""The limit is counted by the hour, and a refusal does not say when the hour ends."""

_LOCALES = {
    "cat": "ca-ES",
    "ces": "cs-CZ",
    "cmn": "zh-CN",
    "dan": "da-DK",
    "deu": "de-DE",
    "ell": "el-GR",
    "eng": "en-US",
    "fin": "fi-FI",
    "fra": "fr-FR",
    "hun": "hu-HU",
    "ind": "id-ID",
    "ita": "it-IT",
    "jpn": "ja-JP",
    "kor": "ko-KR",
    "nld": "nl-NL",
    "nob": "nb-NO",
    "nor": "nb-NO",
    "pol": "pl-PL",
    "por": "pt-BR",
    "ron": "ro-RO",
    "rus": "ru-RU",
    "slk": "sk-SK",
    "spa": "es-ES",
    "swe": "sv-SE",
    "tha": "th-TH",
    "tur": "tr-TR",
    "ukr": "uk-UA",
    "vie": "vi-VN",
    "zho": "zh-CN",
}
_LICENSE_URL = "https://www.pexels.com/license/"
_DIVISIONS = (("orientation", ("landscape", "portrait", "square")),)
_COPIES = ("large2x", "large", "original", "medium")
"""Largest copy first that is not the original: those have tens of megabytes."""


class Pexels(EngineDefaults):
    """Photos under one licence of the site.

    `width` and `height` are the original's; `url` is its copy of at most 1880 x 1300 pixels.
    """

    info = EngineInfo(
        name=NAME,
        title="Pexels",
        docs_url="https://www.pexels.com/api/documentation/",
        licenses="the Pexels License for all (site:pexels)",
        languages="27, each searched as itself (locale); others are not asked",
        depth=DEPTH,
        min_delay_s=18.5,  # 200 an hour
        keys=("PEXELS_API_KEY",),
        quota_per_month=20_000,
        page_size=PAGE_SIZE,
        prohibition="Pexels' terms forbid data sets and machine learning with its photos without its permission.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/search"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """A language without a locale would be searched as English."""
        return super().skips(query, synset) or (
            "" if query.language in _LOCALES else f"Pexels has no locale for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 80; pages count from 1."""
        params: dict[str, str | int] = {
            "query": query.text,
            "locale": _LOCALES.get(query.language, "en-US"),
            "page": number_in(cursor, "page", 1),
            "per_page": PAGE_SIZE,
        }
        params.update(entries_of(cursor, ("orientation",)))
        return HttpRequest(self._url, params, secrets=(Secret("PEXELS_API_KEY", "Authorization"),))

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By orientation, once."""
        return divided_by(start, _DIVISIONS)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The status says it all; bodies differ."""
        if answer.status == 200:
            return no_object(answer, NAME)
        remedy = "Set PEXELS_API_KEY to the key shown at https://www.pexels.com/api/key/."
        said = text_at(object_or_none(answer.body), "error")
        wait_s = LIMIT_WAIT_S if answer.status == 429 else None
        return failure_by_status(answer, NAME, said, remedy=remedy, else_s=wait_s)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page. There is another as long as the answer names one; its address is not followed."""
        answer = json_object(body)
        items = items_of(answer["photos"], "photos")
        page = number_in(cursor, "page", 1)
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        has_more = bool(items) and bool(answer.get("next_page"))
        truncated = has_more and page * PAGE_SIZE >= DEPTH
        next_cursor = {**(cursor or {}), "page": page + 1} if has_more and not truncated else None
        return SearchPage(hits, next_cursor, len(items), refused, truncated)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    copies = object_of(item["src"], "src")
    given = next((copies[copy] for copy in _COPIES if copies.get(copy)), None)
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["id"]), text_of(given), url)
    terms = normalize_license(f"site:{NAME}", url=_LICENSE_URL)
    credit = Credit(
        page_url=text_of(item.get("url")),
        license=terms.code,
        license_url=terms.url,
        creator=text_of(item.get("photographer")),
        creator_url=text_of(item.get("photographer_url")),
        title=text_of(item.get("alt")),
    )
    width, height = pixels_of(item.get("width")), pixels_of(item.get("height"))
    preview = small_version(copies.get("small"), url)  # `tiny` is cut to one shape
    return Hit(query, NAME, rank, url, text_of(item["id"]), width, height, credit, preview)
