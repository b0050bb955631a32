"""Wikidata: pictures of the concept that a synset is linked to, https://www.wikidata.org/wiki/Wikidata:SPARQL_query_service"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Query, Rejection, RejectReason, offset_of
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.commons_files import wiki_failure
from imagenet_build.search.engines.commons_lookup import (
    BATCH,
    file_name,
    looks_up,
    lookup_request,
    parse_lookup,
    site_url,
    with_lookup,
)
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import text_of
from imagenet_build.search.engines.json_answers import items_of, json_object

NAME = "wikidata"
HOST = "query.wikidata.org"
LIMIT = 500
"""Pictures in one answer."""

# P2888 (exact match) holds a URI of WordNet 3.0, whose offsets wnids are. P8814 looks alike, but holds offsets of
# WordNet 3.1: an equal number there is another concept. The order is total, so that OFFSET neither skips nor repeats.
_SPARQL = """SELECT ?img (MIN(?steps) AS ?distance) WHERE {{
  ?concept wdt:P2888 <http://wordnet-rdf.princeton.edu/wn30/{offset:08d}-n> .
  {{ ?concept wdt:P18 ?img . BIND(0 AS ?steps) }}
  UNION {{ ?item wdt:P279 ?concept ; wdt:P18 ?img . BIND(1 AS ?steps) }}
  UNION {{ ?item wdt:P31 ?concept ; wdt:P18 ?img . BIND(2 AS ?steps) }}
}} GROUP BY ?img ORDER BY ?distance ?img LIMIT {limit} OFFSET {skip}"""

_FILE_PATH = "/wiki/Special:FilePath/"


class Wikidata(EngineDefaults):
    """Pictures (P18) of the item linked to a synset, of its subclasses (P279) and of their instances (P31).

    Asked once per synset, by wnid and not by words. Sizes and licences are Commons'; `engine_id` is the file's title
    there, as in the engine `wikimedia`.

    Args:
        base_url: a service that stands for the query service and Commons, each in a folder with the name of its host;
            None for the real ones.
    """

    info = EngineInfo(
        name=NAME,
        title="Wikidata",
        docs_url="https://www.wikidata.org/wiki/Wikidata:SPARQL_query_service",
        licenses="one free licence per file, from Wikimedia Commons",
        languages="none: asked by WordNet id, once per synset",
        depth=None,
        min_delay_s=2.0,  # 60 s of the service's time a minute; and see the engine wikipedia
        page_size=BATCH,
        notice="Only synsets that Wikidata links to WordNet 3.0 have pictures here.",
        version=2,
    )

    def __init__(self, base_url: str | None = None) -> None:
        self._base_url = base_url

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Every query of a synset but its first."""
        return super().skips(query, synset) or (
            "" if query.position == 0 else f"{NAME} is asked once per synset, by its WordNet id"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for the pictures' names, or look them up on Commons."""
        if cursor is not None and looks_up(cursor):
            return lookup_request(self._base_url, cursor)
        sparql = _SPARQL.format(offset=offset_of(query.wnid), limit=LIMIT, skip=number_in(cursor, "skip", 0))
        return HttpRequest(
            f"{site_url(self._base_url, HOST)}/sparql",
            {"query": sparql, "format": "json"},
            headers={"Accept": "application/sparql-results+json"},
        )

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """By status only: the query service's texts change. A timeout may also cut a 200 short."""
        return wiki_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer. The query service gives only refused items; its pictures become hits when looked up."""
        if cursor is not None and looks_up(cursor):
            return parse_lookup(body, query, cursor, NAME)
        bindings = items_of(json_object(body)["results"]["bindings"], "bindings")
        skip = number_in(cursor, "skip", 0)
        files: list[tuple[int, str]] = []
        refused: list[RefusedItem] = []
        for rank, binding in enumerate(bindings, start=skip):
            if "img" not in binding:  # an unbound variable is absent: a concept without a picture
                continue
            picture = _picture(binding["img"])
            if isinstance(picture, RefusedItem):
                refused.append(picture)
            else:
                files.append((rank, picture))
        after: Cursor | None = {"skip": skip + LIMIT} if len(bindings) >= LIMIT else None
        return SearchPage((), with_lookup(files, after), len(refused), tuple(refused))


def _picture(value: Mapping[str, Any]) -> str | RefusedItem:
    """The file's name in `http://commons.wikimedia.org/wiki/Special:FilePath/<name>`; "some value" is a blank node."""
    text = text_of(value["value"])
    _, found, name = text.partition(_FILE_PATH)
    if value["type"] != "uri" or not found:
        return RefusedItem(
            text, "", Rejection(RejectReason.NO_URL, f"a picture that is no file, but a {value['type']}")
        )
    try:
        return file_name(unquote(name, errors="strict"))
    except ValueError as error:
        return RefusedItem(text, text, Rejection(RejectReason.NO_URL, str(error)))
