"""Wikimedia's Action API as several engines use it: search texts, errors, and the details of files on Commons.

Source: https://www.mediawiki.org/wiki/API:Imageinfo, https://www.mediawiki.org/wiki/API:Errors_and_warnings
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import EngineRefused, QueryRefused, SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, RefusedItem
from imagenet_build.search.engines.fields import (
    cut_query,
    first_link,
    picture_url,
    pixels_of,
    plain_text,
    small_version,
    text_of,
)
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    object_or_none,
    rate_limited,
    shown,
    unreadable,
)

COMMONS_URL = "https://commons.wikimedia.org"
THUMB_WIDTH = 960
"""Pixels; one of the standard widths, which are cached and may be fetched in bulk, unlike originals."""
PREVIEW_WIDTH = 250
"""Pixels; another one."""

CONTACT_REMEDY = (
    "Set network.contact to a mail address or page of whoever runs this; Wikimedia refuses clients without."
)

_WIDTH = re.compile(rf"(?<=[/-]){THUMB_WIDTH}(?=px-[^/]*$)")
"""In a rendering's address: `.../thumb/a/ab/Name.jpg/960px-Name.jpg`, before it perhaps `page1-`."""
_METADATA = ("License", "LicenseShortName", "LicenseUrl", "Artist", "ObjectName", "ImageDescription")
FILE_PARAMS: Mapping[str, str | int] = {
    "prop": "imageinfo",
    "iiprop": "url|size|mime|sha1|extmetadata",
    "iiurlwidth": THUMB_WIDTH,
    "iiextmetadatafilter": "|".join(_METADATA),
}
"""What asks for the details that `read_file` reads."""

DEPTH = 10_000
"""Places of a search that CirrusSearch gives."""

_OPERATORS = re.compile(r'["*?~\\:|()\[\]{}]|(?<!\S)[-!+]+|(?<!\S)(?:AND|OR|NOT)(?!\S)')
"""What CirrusSearch reads as syntax, `keyword:` and namespace prefixes included; a lemma is meant literally."""
_BUSY = frozenset({"maxlag", "ratelimited", "readonly", "search-error", "cirrussearch-backend-error"})
_REFUSING = re.compile(r"blocked|.*-blocked|readapidenied|permissiondenied|assert.*|mwoauth-.*|unknown_action")


def literal_search(text: str, longest: int) -> str:
    """A search text without CirrusSearch's syntax, at most so many characters long."""
    return cut_query(" ".join(_OPERATORS.sub(" ", text).split()) or text, longest)


def search_params(text: str, namespace: int, batch: int) -> dict[str, str | int]:
    """What every search of an edition or of Commons asks with, up to what is wanted of the pages found."""
    return {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "maxlag": 5,
        "generator": "search",
        "gsrsearch": text,
        "gsrnamespace": namespace,
        "gsrlimit": batch,
    }


def continuation(go_on: Mapping[str, Any]) -> dict[str, str | int]:
    """What an answer says under `continue`: all of it goes back with the next request.

    Raises:
        TypeError: a value that no request can hold.
    """
    for key, value in go_on.items():
        if not isinstance(value, (str, int)):
            raise TypeError(f"continue.{key} must be a text or a number, not {type(value).__name__}")
    return dict(go_on)


def further(following: dict[str, str | int], cursor: Cursor | None) -> Cursor | None:
    """The next cursor of a search; None where the service would refuse the depth.

    Raises:
        ValueError: the search would go round in a circle.
    """
    offset = int(following.get("gsroffset", 0))
    if following == cursor or offset < int((cursor or {}).get("gsroffset", 0)):
        raise ValueError("the answer continues where it began, or before")
    return None if offset >= DEPTH else following


def wiki_failure(answer: HttpAnswer, engine: str) -> SourceError | None:
    """Errors of the API come with status 200; those of the servers before it as plain text."""
    if answer.status == 200:
        said = object_or_none(answer.body)
        return unreadable(answer, engine) if said is None else _api_error(answer, said, engine)
    return failure_by_status(answer, engine, remedy=CONTACT_REMEDY)


def read_file(
    page: Mapping[str, Any], info: Mapping[str, Any], query: Query, engine: str, rank: int
) -> Hit | RefusedItem:
    """One file: the 960 px rendering where the original is wider, else the original; sizes are the original's."""
    if info.get("filehidden") or info.get("filemissing"):
        return file_refusal(page, "the file is hidden or missing")
    width = pixels_of(info.get("width"))
    original = info["url"]
    wanted = info.get("thumburl") if width is not None and width > THUMB_WIDTH else None
    url = picture_url(wanted or original)
    title = text_of(page["title"])
    if not isinstance(url, str):
        return RefusedItem(title, text_of(original), url)
    preview = small_version(_WIDTH.sub(str(PREVIEW_WIDTH), url, count=1), url) if wanted else ""
    return Hit(query, engine, rank, url, title, width, pixels_of(info.get("height")), _credit(page, info), preview)


def file_refusal(page: Mapping[str, Any], detail: str) -> RefusedItem:
    """A file of which nothing can be fetched."""
    return RefusedItem(text_of(page["title"]), "", Rejection(RejectReason.NO_URL, detail))


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
        creator_url=first_link(said.get("Artist", ""), page_url or COMMONS_URL),
        title=plain_text(said.get("ObjectName", "")) or plain_text(said.get("ImageDescription", "")) or file_name,
    )


def _api_error(answer: HttpAnswer, said: Mapping[str, Any], engine: str) -> SourceError | None:
    """The error object of an answer with status 200, by its code; None if there is none."""
    error = said.get("error")
    if not isinstance(error, dict):
        return None
    code = str(error.get("code", ""))
    words = f"{code}: {error.get('info', '')}"
    message = f"{engine} answered {shown(words)}"
    if code in _BUSY or code.startswith("internal_api_error") or "too-busy" in code:
        return rate_limited(answer, engine, words)
    if _REFUSING.fullmatch(code):
        return EngineRefused(message, source=engine, remedy=CONTACT_REMEDY)
    return QueryRefused(message, source=engine)
