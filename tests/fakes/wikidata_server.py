"""Wikidata's query service for the one question asked of it, with Commons beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tests.fakes.commons_server import identified, unidentified
from tests.fakes.commons_titles import CommonsTitles
from tests.fakes.server import Reply

_URI = re.compile(r"wdt:P2888 <(http://wordnet-rdf\.princeton\.edu/wn30/\d{8}-n)>")
_PART = re.compile(r"LIMIT (\d+) OFFSET (\d+)$")


def malformed() -> Reply:
    """400 as the query parser words it."""
    return Reply.text("org.openrdf.query.MalformedQueryException: Lexical error at line 1, column 1.", 400)


def timed_out() -> Reply:
    """500 after 60 s of work."""
    return Reply.text("SPARQL-QUERY: queryStr=SELECT\njava.util.concurrent.TimeoutException\n\tat example", 500)


def timed_out_late() -> Reply:
    """A 200 that was under way when the time was over."""
    text = '{"head": {"vars": ["img"]}, "results": {"bindings": [{"img": {"type": "uri", "value": "http://commons'
    return Reply(200, f"{text}java.util.concurrent.TimeoutException\n\tat example".encode())


class WikidataServer(CommonsTitles):
    """Serves `links`: URI of a WordNet 3.0 synset -> files' names in the order of their distance. An item that is a
    dict stands for itself, as a binding.

    Args:
        pictures, **options: as CommonsTitles.
    """

    def __init__(
        self,
        links: Mapping[str, Sequence[str | Mapping[str, Any]]],
        pictures: Sequence[Mapping[str, Any]] = (),
        **options: Any,
    ) -> None:
        super().__init__(pictures, **options)
        self.links = links

    def add_routes(self, app: web.Application) -> None:
        super().add_routes(app)
        app.router.add_route("*", "/query.wikidata.org/sparql", self._query)

    async def _query(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if not identified(request):
            return await self.send(request, unidentified())
        if request.method != "GET":
            return web.Response(status=405)
        sparql = request.query.get("query", "")
        uri, part = _URI.search(sparql), _PART.search(sparql)
        if not sparql.startswith("SELECT ?img ") or sparql.count("{") != sparql.count("}") or not uri or not part:
            return await self.send(request, malformed())
        if request.query.get("format") != "json" and "json" not in request.headers.get("Accept", ""):
            return web.Response(text="<?xml version='1.0'?><sparql/>", content_type="application/sparql-results+xml")
        limit, skip = int(part[1]), int(part[2])
        bindings = [_binding(item, place) for place, item in enumerate(self.links.get(uri[1], ()))]
        answer = {"head": {"vars": ["img", "distance"]}, "results": {"bindings": bindings[skip : skip + limit]}}
        return web.json_response(answer, content_type="application/sparql-results+json")


def _binding(item: str | Mapping[str, Any], place: int) -> dict[str, Any]:
    if not isinstance(item, str):
        return dict(item)
    return {
        "img": {"type": "uri", "value": f"http://commons.wikimedia.org/wiki/Special:FilePath/{quote(item)}"},
        "distance": {
            "datatype": "http://www.w3.org/2001/XMLSchema#integer",
            "type": "literal",
            "value": str(min(place, 2)),
        },
    }
