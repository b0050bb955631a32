"""Wikimedia Commons: the Action API's file search, https://www.mediawiki.org/wiki/API:Search and API:Imageinfo."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, RateLimited, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.retry import retry_after_s
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, standard_failure
from imagenet_build.search.engines.fields import cut_query, first_link, picture_url, pixels_of, plain_text, text_of

NAME = "wikimedia"
DEFAULT_BASE_URL = "https://commons.wikimedia.org"
BATCH = 50
"""Files per search answer: only so many get thumbnails in one answer."""
THUMB_WIDTH = 960
"""Pixels; one of the standard widths, which are cached and may be fetched in bulk, unlike originals."""
DEPTH = 10_000
MAX_QUERY = 300
"""Characters of the whole search text."""
SETTLED = "_settled"
"""Cursor entry of our own, never sent: indexes of the batch's files that earlier answers have given."""

_ONLY_PICTURES = " filetype:bitmap"
_METADATA = ("License", "LicenseShortName", "LicenseUrl", "Artist", "ObjectName", "ImageDescription")
_OPERATORS = re.compile(r'["*?~\\:|()\[\]{}]|(?<!\S)[-!+]+|(?<!\S)(?:AND|OR|NOT)(?!\S)')
"""What CirrusSearch reads as syntax, `keyword:` and namespace prefixes included; a lemma is meant literally."""

_BUSY = frozenset({"maxlag", "ratelimited", "readonly", "search-error", "cirrussearch-backend-error"})
_REFUSING = re.compile(r"blocked|.*-blocked|readapidenied|permissiondenied|assert.*|mwoauth-.*|unknown_action")
_CONTACT_REMEDY = (
    "Set network.contact to a mail address or page of whoever runs this; Wikimedia refuses clients without."
)


class Wikimedia(EngineDefaults):
    """More than 100 million free media files; `engine_id` is the canonical title (`File:Name.jpg`), Commons' own key.

    `width` and `height` are the original's; `url` is the 960 px rendering where the original is wider, else the
    original itself.
    """

    info = EngineInfo(
        name=NAME,
        title="Wikimedia Commons",
        docs_url="https://commons.wikimedia.org/w/api.php",
        licenses="one free licence per file; never non-commercial or no-derivatives only",
        languages="any: matches the words of the file page, which uploaders write in their own language",
        depth=DEPTH,
        min_delay_s=0.5,  # 200 a minute for a client that names its operator, and three at a time
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one batch, or for the rest of one: all that `continue` held goes back."""
        literal = " ".join(_OPERATORS.sub(" ", query.text).split()) or query.text
        params: dict[str, str | int] = {
            "action": "query",
            "format": "json",
            "formatversion": 2,
            "maxlag": 5,
            "generator": "search",
            "gsrsearch": cut_query(literal, MAX_QUERY - len(_ONLY_PICTURES)) + _ONLY_PICTURES,
            "gsrnamespace": 6,
            "gsrlimit": BATCH,
            "prop": "imageinfo",
            "iiprop": "url|size|mime|sha1|extmetadata",
            "iiurlwidth": THUMB_WIDTH,
            "iiextmetadatafilter": "|".join(_METADATA),
        }
        params.update({key: value for key, value in (cursor or {}).items() if key != SETTLED})
        return HttpRequest(f"{self._base_url}/w/api.php", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors of the API come with status 200; those of the servers before it as plain text."""
        if answer.status == 200:
            return _api_error(answer)
        if answer.status == 403:
            return EngineRefused(
                f"{NAME} answered 403: {answer.body[:200].decode('utf-8', 'replace').strip()}",
                source=NAME,
                remedy=_CONTACT_REMEDY,
            )
        if answer.status == 404:
            return EngineRefused(
                f"{NAME} answered 404: {self._base_url} has no API.", source=NAME, remedy="Check base_url."
            )
        return standard_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer; a batch whose properties are spread over several answers gives each file once.

        `reported` counts the files that this answer settles: those whose details came with it and, at the end of the
        batch, those that never got any.
        """
        answer = json.loads(body)
        go_on = answer.get("continue")
        batch_ends = go_on is None or answer.get("batchcomplete") is True
        if "query" not in answer:
            if "batchcomplete" not in answer and go_on is None:
                raise KeyError("query")
            return SearchPage((), _next_cursor(go_on, cursor, batch_ends, set()), 0)
        settled = _settled(cursor)
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for page in sorted(answer["query"]["pages"], key=lambda page: int(page["index"])):
            index = int(page["index"])
            if index in settled:
                continue
            if "imageinfo" in page:
                item = _read(page, page["imageinfo"][0], query)
            elif batch_ends:
                item = _refusal(page, "deleted or hidden between search and answer")
            else:
                continue
            settled.add(index)
            if isinstance(item, Hit):
                hits.append(item)
            else:
                refused.append(item)
        next_cursor = _next_cursor(go_on, cursor, batch_ends, settled)
        return SearchPage(tuple(hits), next_cursor, len(hits) + len(refused), tuple(refused))


def _settled(cursor: Cursor | None) -> set[int]:
    text = str((cursor or {}).get(SETTLED, ""))
    return {int(index) for index in text.split(",") if index}


def _next_cursor(
    go_on: Mapping[str, Any] | None, cursor: Cursor | None, batch_ends: bool, settled: set[int]
) -> Cursor | None:
    """What the next request must carry; None at the end, or where the service would refuse the depth."""
    if go_on is None:
        return None
    following: dict[str, str | int] = {}
    for key, value in go_on.items():
        if not isinstance(value, (str, int)):
            raise TypeError(f"continue.{key} must be a text or a number, not {type(value).__name__}")
        following[key] = value
    if not batch_ends:
        # The same batch once more: it must begin where it began, also if the answer does not repeat that.
        if cursor is not None and "gsroffset" in cursor:
            following.setdefault("gsroffset", cursor["gsroffset"])
        following[SETTLED] = ",".join(map(str, sorted(settled)))
    offset = int(following.get("gsroffset", 0))
    if following == cursor or offset < int((cursor or {}).get("gsroffset", 0)):
        raise ValueError("the answer continues where it began, or before")
    return None if offset >= DEPTH else following


def _read(page: Mapping[str, Any], info: Mapping[str, Any], query: Query) -> Hit | RefusedItem:
    if info.get("filehidden") or info.get("filemissing"):
        return _refusal(page, "the file is hidden or missing")
    width = pixels_of(info.get("width"))
    original = info["url"]
    wanted = info.get("thumburl") if width is not None and width > THUMB_WIDTH else None
    url = picture_url(wanted or original)
    if not isinstance(url, str):
        return RefusedItem(text_of(page["title"]), text_of(original), url)
    return Hit(
        query,
        NAME,
        int(page["index"]) - 1,  # the service counts from 1, through all batches
        url,
        text_of(page["title"]),
        width,
        pixels_of(info.get("height")),
        _credit(page, info),
    )


def _credit(page: Mapping[str, Any], info: Mapping[str, Any]) -> Credit:
    # PHP writes an empty map as a list; every key may be missing, and values are HTML.
    metadata = info.get("extmetadata") or {}
    said = {name: str(metadata[name]["value"]) for name in _METADATA if name in metadata}
    page_url = text_of(info.get("descriptionurl"))
    file_name = text_of(page["title"]).removeprefix("File:").rpartition(".")[0]
    terms = normalize_license(said.get("License") or said.get("LicenseShortName", ""), "", said.get("LicenseUrl", ""))
    return Credit(
        page_url=page_url,
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=plain_text(said.get("Artist", "")),
        creator_url=first_link(said.get("Artist", ""), page_url or DEFAULT_BASE_URL),
        title=plain_text(said.get("ObjectName", "")) or plain_text(said.get("ImageDescription", "")) or file_name,
    )


def _refusal(page: Mapping[str, Any], detail: str) -> RefusedItem:
    return RefusedItem(text_of(page["title"]), "", Rejection(RejectReason.NO_URL, detail))


def _api_error(answer: HttpAnswer) -> SourceError | None:
    """The error object of an answer with status 200, by its code; None if there is none."""
    if b'"error"' not in answer.body:
        return None
    try:
        error = json.loads(answer.body).get("error")
    except (ValueError, AttributeError):
        return None  # parse will say what is wrong with it
    if not isinstance(error, dict):
        return None
    code = str(error.get("code", ""))
    message = f"{NAME} answered {code}: {error.get('info', '')}"
    if code in _BUSY or code.startswith("internal_api_error") or "too-busy" in code:
        return RateLimited(message, source=NAME, retry_after_s=retry_after_s(answer.headers))
    if _REFUSING.fullmatch(code):
        return EngineRefused(message, source=NAME, remedy=_CONTACT_REMEDY)
    return QueryRefused(message, source=NAME)
