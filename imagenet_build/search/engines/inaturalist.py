"""iNaturalist: photos of organisms with community identifications, https://api.inaturalist.org/v1/docs/"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from imagenet_build.errors import QueryRefused, SourceError
from imagenet_build.licenses import LicenseTerms, normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.fields import picture_url, pixels_of, text_of
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    items_of,
    json_object,
    no_object,
    start_of,
)
from imagenet_build.search.engines.page_items import sorted_out
from imagenet_build.search.latin_queries import asked_name, latin_name, why_not_by_latin_name

NAME = "inaturalist"
DEFAULT_BASE_URL = "https://api.inaturalist.org"
PAGE_SIZE = 200
"""Observations; each has one photo or several."""
WINDOW = 10_000
"""`page * per_page` may not pass it; beyond, a window is moved along by `id_above`."""
TAXA = 30

_PAGES = WINDOW // PAGE_SIZE
_ONE_WORD = "genus,subgenus,tribe,subfamily,family,superfamily,suborder,order,class,phylum"
_RANKS = {1: _ONE_WORD, 2: "species,hybrid", 3: "subspecies,variety,form"}
_BAN = "iNaturalist blocks clients that ask too fast or do not say who runs them: set network.contact."
_PHOTO = re.compile(r"(?P<start>.*/photos/\d+/)(?:square|thumb|small|medium|large|original)\.(?P<ending>[A-Za-z0-9]+)")
_PHOTO_HOSTS = re.compile(r"inaturalist-open-data\.s3(?:\.us-east-1)?\.amazonaws\.com|static\.inaturalist\.org")


def large_photo(url: str) -> str:
    """The 1024 px rendering of an iNaturalist photo whose URL names any size; other URLs stay as they are.

    >>> large_photo("https://static.inaturalist.org/photos/7/square.jpg?1700000000")
    'https://static.inaturalist.org/photos/7/large.jpg'
    """
    return _sized(url) or url if _PHOTO_HOSTS.fullmatch(urlsplit(url).hostname or "") else url


def small_photo(url: str) -> str:
    """The 240 px rendering of an iNaturalist photo whose URL names any size; empty for other URLs.

    >>> small_photo("https://static.inaturalist.org/photos/7/square.jpg?1700000000")
    'https://static.inaturalist.org/photos/7/small.jpg'
    """
    return _sized(url, "small") if _PHOTO_HOSTS.fullmatch(urlsplit(url).hostname or "") else ""


class INaturalist(EngineDefaults):
    """Photos of research-grade observations, asked by Latin name; `engine_id` is the photo's id.

    First the name's taxon, then its observations, oldest first: the only order that paging does not shift while people
    upload. `url` is the rendering of at most 1024 px, `width` and `height` are the original's.
    """

    info = EngineInfo(
        name=NAME,
        title="iNaturalist",
        docs_url="https://api.inaturalist.org/v1/docs/",
        licenses="one per photo: Creative Commons 4.0, CC0, or arr (all rights reserved) where the observer gave none",
        languages="Latin names of organisms, whatever the language",
        depth=None,
        min_delay_s=1.1,  # 60 a minute are asked for, 100 enforced
        quota_per_day=10_000,
        page_size=PAGE_SIZE,
        notice="Only synsets below organism.n.01 with a Latin name are asked.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Everything but organisms' Latin names."""
        return super().skips(query, synset) or why_not_by_latin_name(query, synset, "iNaturalist")

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for the taxon of a name, or for a page of a taxon's observations."""
        if cursor is None:
            name = asked_name(query)
            ranks = _RANKS.get(len(name.split()), _ONE_WORD)
            return HttpRequest(f"{self._base_url}/v1/taxa", {"q": name, "rank": ranks, "per_page": TAXA})
        params: dict[str, str | int] = {
            "taxon_id": cursor["taxon"],
            "quality_grade": "research",
            "photos": "true",
            "order_by": "id",
            "order": "asc",
            "per_page": PAGE_SIZE,
            "page": cursor["page"],
        }
        if "above" in cursor:
            params["id_above"] = cursor["above"]
        return HttpRequest(f"{self._base_url}/v1/observations", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """403 is "too deep" with the service's own words, else a ban."""
        if answer.status == 200:
            return no_object(answer, NAME)
        if answer.status == 403 and b"window" in answer.body.lower():
            return QueryRefused(f"{NAME} answered 403: {start_of(answer.body)}", source=NAME)
        return failure_by_status(answer, NAME, remedy=_BAN)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer: the taxon (no hits), or photos; each photo has the licence of its own."""
        answer = json_object(body)
        results = items_of(answer["results"], "results")
        if cursor is None:
            taxon = _taxon(results, asked_name(query))
            return SearchPage((), None if taxon is None else {"taxon": taxon, "page": 1, "rank": 0}, 0)
        rank = int(cursor["rank"])
        photos = [(seen, photo) for seen in results for photo in items_of(seen["photos"], "photos")]
        ranked = enumerate(photos, start=rank)
        hits, refused = sorted_out(_read(photo, seen, query, rank) for rank, (seen, photo) in ranked)
        total = count_of(answer["total_results"], "total_results")
        following = _next_cursor(cursor, results, total, rank + len(photos))
        return SearchPage(hits, following, len(photos), refused)


def _taxon(results: list[Any], name: str) -> int | None:
    """The taxon of exactly this name, or of which this is an older name; None if there is none, or several.

    Plants and animals may share the name of a genus; pictures of the wrong one would be worse than none.
    """
    wanted = name.casefold()
    exact = {count_of(taxon["id"], "id") for taxon in results if text_of(taxon["name"]).casefold() == wanted}
    if not exact and latin_name(name, is_organism=True, language="") and " " in name:
        # The service also finds common names, which say less: only what cannot be one counts.
        exact = {
            count_of(taxon["id"], "id") for taxon in results if text_of(taxon.get("matched_term")).casefold() == wanted
        }
    return exact.pop() if len(exact) == 1 else None


def _next_cursor(cursor: Cursor, results: list[Any], total: int, rank: int) -> Cursor | None:
    """The next page; `total` counts what the window holds, a page may be short without being the last."""
    page = int(cursor["page"])
    if not results or page * PAGE_SIZE >= total:
        return None
    following: dict[str, str | int] = {**cursor, "page": page + 1, "rank": rank}
    if page >= _PAGES:
        last = max(count_of(observation["id"], "id") for observation in results)
        if last <= int(cursor.get("above", 0)):
            raise ValueError("the observations are not in the order of their ids")
        following.update(page=1, above=last)
    return following


def _read(photo: Mapping[str, Any], observation: Mapping[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
    ident, given = text_of(photo["id"]), photo.get("url")
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(ident, text_of(given), url)
    large = _sized(url)
    if not large:  # photos taken down have the address of a notice
        return RefusedItem(ident, url, Rejection(RejectReason.NO_URL, "the address is no photo's"))
    size = photo.get("original_dimensions") or {}
    user, taxon = observation.get("user") or {}, observation.get("taxon") or {}
    login = text_of(user.get("login"))
    terms = _terms(photo["license_code"])
    credit = Credit(
        page_url=text_of(observation.get("uri")) or f"https://www.inaturalist.org/photos/{ident}",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(user.get("name")) or login or text_of(photo.get("attribution")),
        creator_url=f"https://www.inaturalist.org/people/{login}" if login else "",
        title=text_of(taxon.get("name")) or text_of(observation.get("species_guess")),
    )
    sizes = pixels_of(size.get("width")), pixels_of(size.get("height"))
    return Hit(query, NAME, rank, large, ident, *sizes, credit, _sized(url, "small"))


def _terms(code: object) -> LicenseTerms:
    text = text_of(code)
    if not text:
        return normalize_license("arr")
    return normalize_license(text, "4.0" if text.startswith("cc-by") else "")


def _sized(url: str, word: str = "large") -> str:
    """A rendering: large has 1024 px, small 240; empty if the URL does not have the form of a photo's."""
    found = _PHOTO.fullmatch(url.partition("?")[0])
    return f"{found['start']}{word}.{found['ending']}" if found else ""
