"""Unsplash: https://unsplash.com/documentation."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from imagenet_build.errors import QueryRefused, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    items_of,
    json_object,
    no_object,
    object_of,
    object_or_none,
    rate_limited,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "unsplash"
DEFAULT_BASE_URL = "https://api.unsplash.com"
PAGE_SIZE = 30
LIMIT_WAIT_S = 600.0
"""The limit is counted by the hour, and a refusal does not say when the hour ends."""

_LANGUAGES = {
    "arb": "ar",
    "bul": "bg",
    "cat": "ca",
    "ces": "cs",
    "cmn": "zh",
    "dan": "da",
    "deu": "de",
    "ell": "el",
    "eng": "en",
    "est": "et",
    "eus": "eu",
    "fas": "fa",
    "fin": "fi",
    "fra": "fr",
    "glg": "gl",
    "heb": "iw",  # the former code, as Unsplash lists it
    "hrv": "hr",
    "hun": "hu",
    "ind": "id",
    "isl": "is",
    "ita": "it",
    "jpn": "ja",
    "kor": "ko",
    "lit": "lt",
    "nld": "nl",
    "nob": "no",
    "nor": "no",
    "pol": "pl",
    "por": "pt",
    "ron": "ro",
    "rus": "ru",
    "slk": "sk",
    "slv": "sl",
    "spa": "es",
    "swe": "sv",
    "tha": "th",
    "tur": "tr",
    "ukr": "uk",
    "vie": "vi",
    "zho": "zh",
    "zsm": "ms",
}
_LICENSES = {
    "images.unsplash.com": ("site:unsplash", "https://unsplash.com/license"),
    "plus.unsplash.com": ("site:unsplash-plus", "https://unsplash.com/plus/license"),
}
_COPIES = ("regular", "full", "raw")
"""The copy of 1080 pixels' width first: the others have tens of megabytes."""
_THROTTLED = b"rate limit exceeded"


class Unsplash(EngineDefaults):
    """Photos under one licence of the site, some under that of its paid part.

    `width` and `height` are the original's; `url` is its copy of 1080 pixels' width, exactly as the service gave it.
    """

    info = EngineInfo(
        name=NAME,
        title="Unsplash",
        docs_url="https://unsplash.com/documentation",
        licenses="the Unsplash License (site:unsplash); paid pictures have another (site:unsplash-plus)",
        languages="most, each searched as itself (lang) once Unsplash has approved that; others are not asked",
        depth=None,
        min_delay_s=74.0,  # 50 an hour, until the application is approved
        keys=("UNSPLASH_ACCESS_KEY",),
        page_size=PAGE_SIZE,
        prohibition="Unsplash's API rules forbid automated use, data mining and training of models; they also want "
        "each picture's use reported to its download address, which this program does not do.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/search/photos"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """A language that `lang` does not know would be searched as English."""
        return super().skips(query, synset) or (
            "" if query.language in _LANGUAGES else f"Unsplash has no language parameter for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 30; pages count from 1."""
        params: dict[str, str | int] = {
            "query": query.text,
            "page": number_in(cursor, "page", 1),
            "per_page": PAGE_SIZE,
        }
        language = _LANGUAGES.get(query.language, "en")
        if language != "en":  # the default, and the only one without an approval
            params["lang"] = language
        return HttpRequest(
            self._url,
            params,
            headers={"Accept-Version": "v1"},
            secrets=(Secret("UNSPLASH_ACCESS_KEY", "Authorization", prefix="Client-ID "),),
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """403 says "too many requests" as well as "not allowed"; 410 is for queries taken for spam."""
        if answer.status == 200:
            return no_object(answer, NAME)
        said = _said(answer.body)
        is_used_up = answer.headers.get("x-ratelimit-remaining", "").strip() == "0"
        if answer.status == 429 or (answer.status == 403 and (is_used_up or _THROTTLED in answer.body.lower())):
            return rate_limited(answer, NAME, said, else_s=LIMIT_WAIT_S)
        if answer.status == 410:
            return QueryRefused(f"{NAME} answered 410: it takes the query for spam.", source=NAME)
        remedy = (
            "Set UNSPLASH_ACCESS_KEY to the access key of an application at https://unsplash.com/oauth/applications."
        )
        return failure_by_status(answer, NAME, said, remedy=remedy)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; `total_pages` is believed anew on each."""
        answer = json_object(body)
        items = items_of(answer["results"], "results")
        page = number_in(cursor, "page", 1)
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in ranked)
        is_last = not items or page >= count_of(answer["total_pages"], "total_pages")
        return SearchPage(hits, None if is_last else {"page": page + 1}, len(items), refused)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    copies = object_of(item["urls"], "urls")
    given = next((copies[copy] for copy in _COPIES if copies.get(copy)), None)
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(text_of(item["id"]), text_of(given), url)
    user = item.get("user") or {}
    # Where a picture lies tells which of the two licences it has; from elsewhere none is known.
    name, license_url = _LICENSES.get(urlsplit(url).hostname or "", ("", ""))
    terms = normalize_license(name, url=license_url)
    credit = Credit(
        page_url=text_of((item.get("links") or {}).get("html")),
        license=terms.code,
        license_url=terms.url,
        creator=text_of(user.get("name")) or text_of(user.get("username")),
        creator_url=text_of((user.get("links") or {}).get("html")),
        title=text_of(item.get("description")) or text_of(item.get("alt_description")),
    )
    width, height = pixels_of(item.get("width")), pixels_of(item.get("height"))
    preview = small_version(copies.get("thumb"), url)
    return Hit(query, NAME, rank, url, text_of(item["id"]), width, height, credit, preview)


def _said(body: bytes) -> str:
    errors = (object_or_none(body) or {}).get("errors")
    return "; ".join(map(str, errors)) if isinstance(errors, list) else ""
