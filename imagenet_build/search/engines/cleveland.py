"""Cleveland Museum of Art: https://openaccess-api.clevelandart.org/, the search of its artworks."""

from __future__ import annotations

from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, other_language
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, pixels_of, text_of
from imagenet_build.search.engines.json_answers import count_of, items_of, json_object, list_of, object_of
from imagenet_build.search.engines.page_items import sorted_out

NAME = "cleveland"
DEFAULT_BASE_URL = "https://openaccess-api.clevelandart.org"
PAGE_SIZE = 200
"""1000 are allowed; few queries have more than this."""

_FIELDS = "id,accession_number,share_license_status,title,url,type,creators,images"
_RENDERINGS = ("web", "print")
"""Some 900 px and 3400 px wide, the first that is there; `full` is a TIFF of a few hundred megabytes."""
_LICENSES = {"CC0": "cc0", "Copyrighted": "arr"}


class Cleveland(EngineDefaults):
    """Some 33 000 pictures of works in the public domain; only those are asked for."""

    info = EngineInfo(
        name=NAME,
        title="Cleveland Museum of Art",
        docs_url="https://openaccess-api.clevelandart.org/",
        licenses="CC0: only works under it are asked for",
        languages="English only",
        depth=None,
        min_delay_s=1.0,  # no limit is published
        page_size=PAGE_SIZE,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are not English."""
        return super().skips(query, synset) or other_language(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page."""
        return HttpRequest(
            f"{self._base_url}/api/artworks/",
            {
                "q": " ".join(query.text.split()),
                "cc0": 1,
                "has_image": 1,
                "fields": _FIELDS,
                "limit": PAGE_SIZE,
                "skip": number_in(cursor, "skip", 0),
            },
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """See `catalogue_failure`."""
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; the service writes numbers as texts."""
        answer = json_object(body)
        skip = number_in(cursor, "skip", 0)
        items = items_of(answer["data"], "data")
        hits, refused = sorted_out(_read(item, query, rank) for rank, item in enumerate(items, start=skip))
        after = skip + len(items)
        following = {"skip": after} if items and after < count_of(answer["info"]["total"], "total") else None
        return SearchPage(hits, following, len(items), refused)


def _read(item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    engine_id = text_of(item["id"])
    renderings = object_of(item.get("images") or {}, "images")
    found = next((renderings[name] for name in _RENDERINGS if renderings.get(name)), None)
    if found is None:
        return RefusedItem(engine_id, "", Rejection(RejectReason.NO_URL, "the artwork has no picture"))
    rendering = object_of(found, "a picture")
    url = picture_url(rendering["url"])
    if not isinstance(url, str):
        return RefusedItem(engine_id, text_of(rendering["url"]), url)
    terms = normalize_license(_LICENSES.get(text_of(item.get("share_license_status")), ""))
    creators = list_of(item.get("creators") or [], "creators")
    credit = Credit(
        page_url=text_of(item.get("url")),
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(object_of(creators[0], "a creator").get("description")) if creators else "",
        title=text_of(item.get("title")),
    )
    size = pixels_of(rendering.get("width")), pixels_of(rendering.get("height"))
    return Hit(query, NAME, rank, url, engine_id, *size, credit)
