"""Smithsonian Open Access: https://edan.si.edu/openaccess/apidocs/, with a key of api.data.gov."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, literal_words, other_language
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, small_version, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    engine_refused,
    first_text,
    items_of,
    json_object,
    object_of,
    object_or_none,
    rate_limited,
    text_at,
)
from imagenet_build.search.engines.page_items import sorted_out

NAME = "smithsonian"
DEFAULT_BASE_URL = "https://api.si.edu"
KEY_ENV = "SMITHSONIAN_API_KEY"
ROWS = 100
"""1000 are allowed; a record has ten kilobytes and more."""
MOST_VIEWS = 10
"""Pictures taken of one record: the pages of a field book must not fill a synset."""
LONGEST_SIDE = 1024
"""Pixels asked for from the museum's image server, which scales."""
OVER_LIMIT_S = 600.0
"""Pause without a Retry-After, seconds: the limit counts the last hour."""

_CODE = re.compile(r"[A-Z_]{3,40}")


class Smithsonian(EngineDefaults):
    """Some four million pictures of 21 museums, herbarium sheets and specimens above all.

    `engine_id` is the picture's id on the image server; `width` and `height` are the original's.
    """

    info = EngineInfo(
        name=NAME,
        title="Smithsonian Open Access",
        docs_url="https://edan.si.edu/openaccess/apidocs/",
        licenses="CC0: only records under it are asked for",
        languages="English, and Latin names of organisms",
        depth=None,
        min_delay_s=3.7,  # 1000 an hour
        keys=(KEY_ENV,),
        quota_per_day=24_000,
        page_size=ROWS,
        notice="Most pictures of organisms are specimens, not living ones.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are neither English nor Latin."""
        return super().skips(query, synset) or other_language(query, self.info.title, ("eng", "lat"))

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of records."""
        words = literal_words(query.text) or query.text
        return HttpRequest(
            f"{self._base_url}/openaccess/api/v1.0/search",
            {
                "q": f"({words}) AND online_media_type:Images AND media_usage:CC0",
                "start": number_in(cursor, "start", 0),
                "rows": ROWS,
            },
            secrets=(Secret(KEY_ENV, "X-Api-Key"),),
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The gateway's errors have a code: of the key, or of the limit."""
        if answer.status in (401, 403):
            return engine_refused(NAME, f"{answer.status} {_code(answer.body)}", (KEY_ENV,))
        if answer.status == 429:
            return rate_limited(answer, NAME, _code(answer.body) or "over the limit", else_s=OVER_LIMIT_S)
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; a record has any number of pictures, so ranks are counted on through the cursor."""
        response = object_of(json_object(body)["response"], "response")
        start = number_in(cursor, "start", 0)
        rank = number_in(cursor, "rank", 0)
        rows = items_of(response["rows"], "rows")
        hits, refused = sorted_out(_all(rows, query, rank))
        after = start + len(rows)
        following = (
            {"start": after, "rank": rank + len(hits)}
            if rows and after < count_of(response["rowCount"], "rowCount")
            else None
        )
        return SearchPage(hits, following, len(hits) + len(refused), refused)


def _all(rows: list[dict[str, Any]], query: Query, rank: int) -> Iterator[Hit | RefusedItem]:
    """What all records hold; only hits are counted."""
    for row in rows:
        found = _read(row, query, rank)
        rank += sum(isinstance(item, Hit) for item in found)
        yield from found


def _read(row: dict[str, Any], query: Query, first_rank: int) -> list[Hit | RefusedItem]:
    row_id = text_of(row["id"])
    content = object_of(row["content"], "content")
    record = object_of(content.get("descriptiveNonRepeating") or {}, "descriptiveNonRepeating")
    online = object_of(record.get("online_media") or {}, "online_media")
    media = items_of(online.get("media") or [], "media")
    pictures = [entry for entry in media if entry.get("type") == "Images"][:MOST_VIEWS]
    if not pictures:
        why = Rejection(RejectReason.NO_URL, "the record has no picture")
        return [RefusedItem(row_id, "", why)]
    found: list[Hit | RefusedItem] = []
    rank = first_rank
    for number, picture in enumerate(pictures, start=1):
        engine_id = text_of(picture.get("idsId")) or f"{row_id}/{number}"
        url = picture_url(_scaled(picture.get("content")))
        if not isinstance(url, str):
            found.append(RefusedItem(engine_id, text_of(picture.get("content")), url))
            continue
        credit, preview = _credit(row, record, content, picture), small_version(picture.get("thumbnail"), url)
        found.append(Hit(query, NAME, rank, url, engine_id, *_size(picture), credit, preview))
        rank += 1
    return found


def _scaled(address: object) -> object:
    """The image server's address for a rendering of moderate size; other addresses as they are."""
    if not isinstance(address, str):
        return address
    parts = urlsplit(address)
    if parts.path.endswith("/deliveryService") and "max" not in parse_qs(parts.query):
        return f"{address}&max={LONGEST_SIDE}"
    return address


def _size(picture: dict[str, Any]) -> tuple[int | None, int | None]:
    """Width and height of the largest file offered."""
    resources = items_of(picture.get("resources") or [], "resources")
    sizes = [(pixels_of(entry.get("width")), pixels_of(entry.get("height"))) for entry in resources]
    return max(sizes, key=lambda size: size[0] or 0, default=(None, None))


def _credit(row: dict[str, Any], record: dict[str, Any], content: dict[str, Any], picture: dict[str, Any]) -> Credit:
    usage = object_of(picture.get("usage") or {}, "usage")
    terms = normalize_license(text_of(usage.get("access")))
    names = items_of(object_of(content.get("freetext") or {}, "freetext").get("name") or [], "name")
    return Credit(
        page_url=text_of(record.get("record_link")) or text_of(picture.get("guid")),
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=first_text([name.get("content") for name in names]),
        title=text_of(row.get("title")),
    )


def _code(body: bytes) -> str:
    """The gateway's code: API_KEY_MISSING, API_KEY_INVALID, API_KEY_UNVERIFIED, OVER_RATE_LIMIT …; empty without."""
    code = text_at(object_or_none(body), "error", "code")
    return code if _CODE.fullmatch(code) else ""
