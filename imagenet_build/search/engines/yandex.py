"""Yandex Search API v2, images: https://yandex.cloud/en/docs/search-api/concepts/image-search."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from xml.etree import ElementTree

from imagenet_build.errors import (
    EngineRefused,
    QueryRefused,
    SourceError,
    UnexpectedResponse,
    Unreachable,
)
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage
from imagenet_build.search.engines.cursors import divided_by, entries_of, number_in
from imagenet_build.search.engines.fields import cut_query, picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    json_object,
    no_object,
    object_or_none,
    rate_limited,
    shown,
    text_at,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "yandex"
FOLDER_ID_ENV = "YANDEX_FOLDER_ID"
DEFAULT_BASE_URL = "https://searchapi.api.cloud.yandex.net"
PAGE_SIZE = 50
"""The reference allows 100, the guide 60; five of these are just what one query gives at most."""
DEPTH = 250
MAX_QUERY = 400
"""Characters."""
QUOTA_WAIT_S = 3600.0
"""Quotas are counted by the hour or the day."""

_INDEXES = {
    "rus": "SEARCH_TYPE_RU",
    "ukr": "SEARCH_TYPE_RU",
    "tur": "SEARCH_TYPE_TR",
    "kaz": "SEARCH_TYPE_KK",
    "bel": "SEARCH_TYPE_BE",
    "uzb": "SEARCH_TYPE_UZ",
    "uzn": "SEARCH_TYPE_UZ",
}
_INTERNATIONAL = "SEARCH_TYPE_COM"
# Icons (up to 32 x 32 pixels) are left out, since each slice costs money; wallpapers overlap with the others.
_DIVISIONS = (
    ("size", ("IMAGE_SIZE_ENORMOUS", "IMAGE_SIZE_LARGE", "IMAGE_SIZE_MEDIUM", "IMAGE_SIZE_SMALL")),
    ("orientation", ("IMAGE_ORIENTATION_HORIZONTAL", "IMAGE_ORIENTATION_VERTICAL", "IMAGE_ORIENTATION_SQUARE")),
)
_SLICE = tuple(name for name, _ in _DIVISIONS)
_OPERATORS = str.maketrans(dict.fromkeys('"|*~!+&<>()[]/\\:', " "))
"""The query language; a lemma is meant literally (two slashes are an error of syntax)."""

# Codes of the error element: https://yandex.cloud/en/docs/search-api/reference/error-codes
_NOTHING_FOUND = "15"
_BAD_QUERY = frozenset({"1", "2", "18", "19", "37"})
_PASSING = frozenset({"20", "55"})
_USED_UP = "32"
_REFUSING = frozenset({"31", "33", "42", "44", "48", "100"})
_REMEDY = (
    "Set YANDEX_API_KEY to the API key of a service account with the role search-api.webSearch.user, and "
    f"{FOLDER_ID_ENV} to the id of its folder."
)


class Yandex(EngineDefaults):
    """The index of Yandex Images, strong for Russian, Turkish, Kazakh, Belarusian and Uzbek.

    Args:
        base_url: scheme and host.
        folder_id: the Yandex Cloud folder that pays. It is no secret, but has its place in the body, where no `Secret`
            reaches; without it the service refuses.
    """

    info = EngineInfo(
        name=NAME,
        title="Yandex Images",
        docs_url="https://yandex.cloud/en/docs/search-api/concepts/image-search",
        licenses="none: unknown for every picture",
        languages="Russian, Ukrainian, Turkish, Kazakh, Belarusian, Uzbek in the index of their country; any other in "
        "the international one",
        depth=DEPTH,
        min_delay_s=0.4,  # 10 a second, but 10 000 an hour
        keys=("YANDEX_API_KEY", FOLDER_ID_ENV),
        page_size=PAGE_SIZE,
        notice="Each request costs money.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL, folder_id: str = "") -> None:
        self._url = f"{base_url.rstrip('/')}/v2/image/search"
        self._folder_id = folder_id

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 50; pages count from 0, and whole numbers are texts."""
        literal = " ".join(word.lstrip("-") for word in query.text.translate(_OPERATORS).split()).strip()
        body: dict[str, object] = {
            "query": {
                "searchType": _INDEXES.get(query.language, _INTERNATIONAL),
                "queryText": cut_query(literal or query.text, MAX_QUERY),
                "familyMode": "FAMILY_MODE_MODERATE",
                "page": str(number_in(cursor, "page", 0)),
                "fixTypoMode": "FIX_TYPO_MODE_OFF",
            },
            "docsOnPage": str(PAGE_SIZE),
        }
        spec = entries_of(cursor, _SLICE)
        if spec:
            body["imageSpec"] = spec
        if self._folder_id:
            body["folderId"] = self._folder_id
        return HttpRequest(
            self._url,
            headers={"Content-Type": "application/json"},
            secrets=(Secret("YANDEX_API_KEY", "Authorization", prefix="Api-Key "),),
            body=json.dumps(body, ensure_ascii=False).encode(),
        )

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By size class, then by orientation."""
        return divided_by(start, _DIVISIONS)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Statuses are those of gRPC over HTTP; a search that failed is an error element inside a 200."""
        if answer.status == 200:
            return no_object(answer, NAME) or _search_error(answer)
        said = text_at(object_or_none(answer.body), "message")
        if answer.status == 400 and "folder" in said.lower():
            return EngineRefused(f"{NAME} answered 400: {shown(said)}", source=NAME, remedy=_REMEDY)
        return failure_by_status(answer, NAME, said, remedy=_REMEDY)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page: base64 in JSON, XML in that. Every field of a picture may be missing."""
        response = _response(json_object(body))
        if response.find("error") is not None:  # of code 15: others are failures
            return SearchPage((), None, 0)
        page = number_in(cursor, "page", 0)
        documents = response.findall("results/grouping/group/doc")
        ranked = enumerate(documents, start=page * PAGE_SIZE)
        hits, refused = sorted_out(_read(document, query, rank) for rank, document in ranked)
        is_full = len(documents) >= PAGE_SIZE
        truncated = is_full and (page + 1) * PAGE_SIZE >= DEPTH
        next_cursor = {**(cursor or {}), "page": page + 1} if documents and (page + 1) * PAGE_SIZE < DEPTH else None
        return SearchPage(hits, next_cursor, len(documents), refused, truncated)


def _read(document: ElementTree.Element, query: Query, rank: int) -> Hit | RefusedItem:
    # Both are the picture's address.
    given = _text(document, "url") or _text(document, "image-properties/image-link")
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(text_of(document.get("id")), text_of(given), url)
    width = pixels_of(_text(document, "image-properties/original-width"))
    height = pixels_of(_text(document, "image-properties/original-height"))
    ident = document.get("id") or _text(document, "image-properties/id") or url
    credit = Credit(page_url=text_of(_text(document, "image-properties/html-link")))
    preview = small_version(_text(document, "image-properties/thumbnail-link"), url)
    return Hit(query, NAME, rank, url, text_of(ident), width, height, credit, preview)


def _text(document: ElementTree.Element, path: str) -> str:
    return (document.findtext(path) or "").strip()


def _response(answer: dict[str, object]) -> ElementTree.Element:
    """The `response` element of an answer.

    Raises:
        KeyError, TypeError, ValueError: no base64, no XML, or XML of another kind.
    """
    data = answer["rawData"]
    if not isinstance(data, str):
        raise TypeError(f"rawData must be a text, not {type(data).__name__}")
    response = _read_xml(base64.b64decode(data, validate=True)).find("response")
    if response is None:
        raise ValueError("the XML holds no response")
    return response


def _read_xml(raw: bytes) -> ElementTree.Element:
    """Parse XML of a stranger: without a document type there are no entities that could grow or fetch something.

    It is decoded here, as the documented UTF-8: the parser guesses UTF-16 from the first bytes, even when told another
    encoding, and would then see declarations that were not found here. NUL would make it guess so too.
    """
    text = raw.decode("utf-8-sig")
    if "\0" in text or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("the XML declares a document type or entities")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from None


def _search_error(answer: HttpAnswer) -> SourceError | None:
    """What the error element of an answer stands for; None without one, and for "nothing found"."""
    try:
        error = _response(json_object(answer.body)).find("error")
    except KeyError:
        return None  # another form: parse will say what is wrong with it
    except (TypeError, ValueError) as problem:
        return Unreachable(f"{NAME} answered 200, but {problem}", source=NAME)
    if error is None or error.get("code") == _NOTHING_FOUND:
        return None
    code = error.get("code", "")
    message = f"{NAME} answered with error {code}: {shown(error.text)}"
    if code == _USED_UP:
        return rate_limited(answer, NAME, f"error {code}: {error.text}", else_s=QUOTA_WAIT_S)
    if code in _PASSING:
        return rate_limited(answer, NAME, f"error {code}: {error.text}")
    if code in _BAD_QUERY:
        return QueryRefused(message, source=NAME)
    if code in _REFUSING:
        return EngineRefused(message, source=NAME, remedy=_REMEDY)
    return UnexpectedResponse(message, source=NAME)
