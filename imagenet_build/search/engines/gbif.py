"""GBIF: occurrence records of museums and citizen science with pictures, https://techdocs.gbif.org/en/openapi/"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import divided_by, entries_of
from imagenet_build.search.engines.fields import picture_url, text_of
from imagenet_build.search.engines.inaturalist import large_photo, small_photo
from imagenet_build.search.engines.json_answers import (
    count_of,
    failure_by_status,
    flag_of,
    items_of,
    json_object,
    no_object,
)
from imagenet_build.search.engines.page_items import sorted_out
from imagenet_build.search.latin_queries import asked_name, why_not_by_latin_name

NAME = "gbif"
DEFAULT_BASE_URL = "https://api.gbif.org"
LIMIT = 300
"""Records in one answer; the service lowers larger numbers silently."""
DEPTH = 100_000
"""`offset + limit` may not pass 100 001."""
DIVISIONS = (("license", ("CC0_1_0", "CC_BY_4_0", "CC_BY_NC_4_0", "UNSPECIFIED", "UNSUPPORTED")),)
"""Licences of records (not of pictures): every record has exactly one."""


class Gbif(EngineDefaults):
    """Pictures of organisms that people observed, asked by Latin name; synonyms lead to the accepted name.

    Preserved specimens are left out: herbarium sheets and pinned insects. `engine_id` is the record's id and the MD5
    of the picture's address, as GBIF's own image cache names it. iNaturalist's photos have the same address here as
    in the engine `inaturalist`.
    """

    info = EngineInfo(
        name=NAME,
        title="GBIF",
        docs_url="https://techdocs.gbif.org/en/openapi/v1/occurrence",
        licenses="one per picture, as its publisher worded it; the record's own licence is another matter",
        languages="Latin names of organisms, whatever the language",
        depth=DEPTH,
        min_delay_s=1.5,  # one search at a time, and not tens of thousands a day
        quota_per_day=10_000,
        page_size=LIMIT,
        notice="Only synsets below organism.n.01 with a Latin name are asked. GBIF asks those who build data sets for "
        "machine learning to use its downloads or snapshots instead of this search.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Everything but organisms' Latin names."""
        return super().skips(query, synset) or why_not_by_latin_name(query, synset, "GBIF")

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """By the record's licence, once the taxon is known."""
        return [] if start is None else divided_by(start, DIVISIONS, beside=("taxon", "offset", "rank"))

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for the taxon of a name, or for a page of its records."""
        if cursor is None:
            return HttpRequest(f"{self._base_url}/v1/species/match", {"name": asked_name(query), "strict": "true"})
        params: dict[str, str | int] = {
            "mediaType": "StillImage",
            "taxonKey": cursor["taxon"],
            "basisOfRecord": "HUMAN_OBSERVATION",
            "limit": LIMIT,
            "offset": cursor["offset"],
        }
        params.update(entries_of(cursor, ("license",)))
        return HttpRequest(f"{self._base_url}/v1/occurrence/search", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors are plain text; 400 is a depth or a value that it does not take, and ends the query."""
        return no_object(answer, NAME) if answer.status == 200 else failure_by_status(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer: the taxon (no hits), or the pictures of a page of records."""
        answer = json_object(body)
        if cursor is None:
            taxon = _taxon(answer, asked_name(query))
            return SearchPage((), None if taxon is None else {"taxon": taxon, "offset": 0, "rank": 0}, 0)
        rank = int(cursor["rank"])
        pictures = list(_pictures(answer))
        ranked = enumerate(pictures, start=rank)
        hits, refused = sorted_out(_read(media, record, place, query, rank) for rank, (record, place, media) in ranked)
        following: Cursor | None = None
        truncated = False
        if not flag_of(answer["endOfRecords"], "endOfRecords"):
            # As many as it gave, not as many as were asked for: the service lowers `limit` without a word.
            offset = count_of(answer["offset"], "offset") + count_of(answer["limit"], "limit")
            if offset <= int(cursor["offset"]):
                raise ValueError(f"the answer ends at record {offset}, where it began")
            truncated = offset + LIMIT > DEPTH
            following = None if truncated else {**cursor, "offset": offset, "rank": rank + len(pictures)}
        return SearchPage(hits, following, len(pictures), refused, truncated)


def _pictures(answer: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], int, dict[str, Any]]]:
    """(record, place in it, picture): sounds and films stand beside the pictures."""
    for record in items_of(answer["results"], "results"):
        for place, media in enumerate(items_of(record.get("media") or [], "media")):
            if media.get("type", "StillImage") == "StillImage":
                yield record, place, media


def _taxon(answer: Mapping[str, Any], name: str) -> int | None:
    """The key of exactly this name's taxon, or of the accepted taxon if the name is a synonym; None for guesses.

    Several taxa of one name give matchType NONE.
    """
    if answer["matchType"] != "EXACT" or text_of(answer["canonicalName"]).casefold() != name.casefold():
        return None
    return count_of(answer.get("acceptedUsageKey") or answer["usageKey"], "usageKey")


def _read(
    media: Mapping[str, Any], record: Mapping[str, Any], place: int, query: Query, rank: int
) -> Hit | RefusedItem:
    record_id = text_of(record.get("gbifID") or record["key"])
    given = media.get("identifier")
    url = picture_url(given)
    if not isinstance(url, str):
        return RefusedItem(f"{record_id}/{place}", text_of(given), url)
    ident = f"{record_id}/{hashlib.md5(str(given).encode(), usedforsecurity=False).hexdigest()}"
    if text_of(media.get("format")).startswith("text/"):
        return RefusedItem(ident, url, Rejection(RejectReason.NO_URL, "the address is a web page's, not a picture's"))
    said = text_of(media.get("license"))
    terms = normalize_license(said, url=said if said.startswith(("http://", "https://")) else "")
    credit = Credit(
        page_url=_page(media, record, record_id),
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(media.get("creator")) or text_of(media.get("rightsHolder")),
        title=text_of(media.get("title")) or text_of(record.get("scientificName")),
    )
    return Hit(query, NAME, rank, large_photo(url), ident, None, None, credit, small_photo(url))


def _page(media: Mapping[str, Any], record: Mapping[str, Any], record_id: str) -> str:
    """The picture's own page, else the record's, else GBIF's: `references` is free text."""
    said = (text_of(source.get("references")) for source in (media, record))
    return next((url for url in said if url.startswith(("http://", "https://"))), _record_page(record_id))


def _record_page(record_id: str) -> str:
    return f"https://www.gbif.org/occurrence/{record_id}"
