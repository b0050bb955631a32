"""Microsoft Web IQ, image search: https://learn.microsoft.com/en-us/web-iq/reference/image-search."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, SourceError, UnexpectedResponse
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import entries_of
from imagenet_build.search.engines.fields import cut_query, text_of
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    items_of,
    json_object,
    object_or_none,
    shown,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import WebPicture, read_pictures
from imagenet_build.search.engines.web_queries import literal_text

NAME = "webiq"
DEFAULT_BASE_URL = "https://api.microsoft.ai"
KEY = "WEBIQ_API_KEY"
DEPTH = 30
"""All that one request gives: there is no second page."""
MAX_QUERY = 1000
"""Characters."""

_LANGUAGES = {
    "als": "sq AL",
    "arb": "ar SA",
    "bul": "bg BG",
    "cat": "ca ES",
    "ces": "cs CZ",
    "cmn": "zh CN",
    "dan": "da DK",
    "deu": "de DE",
    "ell": "el GR",
    "eng": "en US",
    "est": "et EE",
    "eus": "eu ES",
    "fas": "fa IR",
    "fin": "fi FI",
    "fra": "fr FR",
    "glg": "gl ES",
    "heb": "he IL",
    "hin": "hi IN",
    "hrv": "hr HR",
    "hun": "hu HU",
    "ind": "id ID",
    "isl": "is IS",
    "ita": "it IT",
    "jpn": "ja JP",
    "kor": "ko KR",
    "lav": "lv LV",
    "lit": "lt LT",
    "nld": "nl NL",
    "nno": "nn NO",
    "nob": "nb NO",
    "pes": "fa IR",
    "pol": "pl PL",
    "por": "pt PT",
    "ron": "ro RO",
    "rus": "ru RU",
    "slk": "sk SK",
    "slv": "sl SI",
    "spa": "es ES",
    "sqi": "sq AL",
    "srp": "sr RS",
    "swe": "sv SE",
    "tha": "th TH",
    "tur": "tr TR",
    "ukr": "uk UA",
    "vie": "vi VN",
    "zsm": "ms MY",
}
"""ISO 639-3 -> `language` (ISO 639-1) and the `region` that results come from."""

_BOUNDS = {"min_width": "minWidth", "max_width": "maxWidth", "min_height": "minHeight", "max_height": "maxHeight"}
_WIDTHS = (320, 640, 800, 1024, 1280, 1600, 2000, 3000)
"""Where the widths of pictures on the web are first divided, pixels."""
_WIDEST = 1 << 15
"""Pixels; beyond it an open range is not divided."""
_EMPTY = frozenset({"imageResults", "traceId", "instrumentationClickBase"})
_SECONDS = re.compile(r"\s*(\d{1,7}(?:\.\d{1,6})?)\s*s?\s*")


class WebIq(EngineDefaults):
    """Bing's index, for its successor's keys: 30 pictures a request; more by slices of width, then height.

    Cursor: `min_width`, `max_width`, `min_height`, `max_height`, in pixels, both ends included.
    """

    info = EngineInfo(
        name=NAME,
        title="Microsoft Web IQ Images",
        docs_url="https://learn.microsoft.com/en-us/web-iq/reference/image-search",
        licenses="none: every hit is unknown",
        languages="46 languages through language and region; others are not asked",
        depth=DEPTH,
        min_delay_s=1.1,  # evaluation keys have one a second, others five
        keys=(KEY,),
        page_size=DEPTH,
        notice="Paid beyond evaluation; whether results may be stored depends on the contract.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/v3/search/images"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages without a code and region here."""
        return super().skips(query, synset) or (
            "" if query.language in _LANGUAGES else f"{NAME} has no language and region for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for 30 pictures; unknown fields would be refused."""
        language, region = _LANGUAGES[query.language].split()
        asked: dict[str, str | int] = {
            "query": cut_query(literal_text(query.text), MAX_QUERY),
            "maxResults": DEPTH,
            "language": language,
            "region": region,
            "safeSearch": "strict",
        }
        asked.update({_BOUNDS[entry]: int(bound) for entry, bound in entries_of(cursor, _BOUNDS).items()})
        headers = {"Content-Type": "application/json"}
        return HttpRequest(self._url, {}, headers, (Secret(KEY, "x-apikey"),), json.dumps(asked).encode())

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """Bands of width, the widest first, then halves down to one pixel; one width by height in the same way."""
        if start is None:
            return _bands("width", None, None, _WIDTHS)[::-1]
        bounds = {entry: int(bound) for entry, bound in entries_of(start, _BOUNDS).items()}
        width = bounds.get("min_width")
        if width is None or width != bounds.get("max_width"):
            return _halves("width", bounds)
        width_only = {"min_width": width, "max_width": width}
        if len(bounds) == len(width_only):  # no height yet: most pictures are not far from a square
            heights = _bands("height", None, None, (max(2, width // 2), max(3, width), 2 * width + 2))
        else:
            heights = _halves("height", bounds)
        return [{**width_only, **height} for height in heights]

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """403 may be about the key or about the query; the pause after 429 and 430 stands in the body."""
        said = object_or_none(answer.body)
        if answer.status == 200:
            return unreadable(answer, NAME) if said is None else None
        words = ": ".join(filter(None, (text_at(said, "errorCode"), text_at(said, "userMessage"))))
        message = f"{NAME} answered {answer.status}: {shown(words)}"
        if answer.status == 403 and "filter" in json.dumps(said).lower():
            return QueryRefused(message, source=NAME)
        if answer.status == 410:
            return EngineRefused(message, source=NAME, remedy="Check base_url: it must begin with https.")
        if answer.status == 415:
            return UnexpectedResponse(message, source=NAME)
        return failure_by_status(answer, NAME, words, keys=(KEY,), wait_s=_seconds(said))

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read the one page; where nothing was found, `imageResults` may be missing or null."""
        del cursor
        answer = json_object(body)
        if "imageResults" not in answer and not answer.keys() <= _EMPTY:
            raise KeyError("imageResults")
        items = items_of(answer.get("imageResults") or [], "imageResults")
        hits, refused = read_pictures(map(_picture, items), query, NAME, 0)
        return SearchPage(hits, None, len(items), refused, truncated=len(items) >= DEPTH)


def _picture(item: Mapping[str, Any]) -> WebPicture:
    # `caption` is written by a model, not by the page: it is nobody's title
    credit = Credit(page_url=text_of(item.get("hostPageUrl")), title=text_of(item.get("title")))
    return WebPicture(item.get("url"), item.get("width"), item.get("height"), credit, item.get("thumbnailUrl"))


def _bands(side: str, low: int | None, high: int | None, splits: Sequence[int]) -> list[dict[str, int]]:
    """The range of a side cut before each split; open ends stay open, so that no size falls out."""
    bands: list[dict[str, int]] = []
    for first, last in zip((low, *splits), (*(split - 1 for split in splits), high), strict=True):
        band = {} if first is None else {f"min_{side}": first}
        bands.append(band if last is None else {**band, f"max_{side}": last})
    return bands


def _halves(side: str, bounds: Mapping[str, int]) -> list[dict[str, int]]:
    """A range of a side in two; an open one at its double; none where it is one pixel or absurdly large."""
    low, high = bounds.get(f"min_{side}"), bounds.get(f"max_{side}")
    least = low or 1
    if high is None:
        return _bands(side, low, None, (2 * least,)) if least < _WIDEST else []
    return _bands(side, low, high, ((least + high + 1) // 2,)) if least < high else []


def _seconds(said: Mapping[str, Any] | None) -> float | None:
    """`retryAfter`: seconds as a text with the suffix s."""
    found = _SECONDS.fullmatch(text_at(said, "retryAfter"))
    return max(1.0, float(found[1])) if found else None
