"""Wikidata's query service for the two questions asked of it, with Commons beside it."""

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
_URIS = re.compile(r"<(http://wordnet-rdf\.princeton\.edu/wn30/\d{8}-n)>")
_CODES = re.compile(r"LANG\(\?label\) IN \(([^()]*)\)")
_ITEM = "http://www.wikidata.org/entity/"
_KINDS = ("http://www.w3.org/2000/01/rdf-schema#label", "http://www.w3.org/2004/02/skos/core#altLabel")
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
        items: URI of a synset -> item -> Wikidata's language code -> its label, then its aliases. Asked by POST.
    """

    def __init__(
        self,
        links: Mapping[str, Sequence[str | Mapping[str, Any]]],
        pictures: Sequence[Mapping[str, Any]] = (),
        items: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(pictures, **options)
        self.links = links
        self.items = items or {}
        self.questions: list[tuple[list[str], list[str]]] = []
        """Of each POST that was answered: the URIs and the language codes."""

    def add_routes(self, app: web.Application) -> None:
        super().add_routes(app)
        app.router.add_route("*", "/query.wikidata.org/sparql", self._query)

    async def _query(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if not identified(request):
            return await self.send(request, unidentified())
        if request.method == "POST":
            return await self._named(request)
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

    async def _named(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            return web.Response(status=415)
        form = await request.post()
        sparql = str(form.get("query", ""))
        uris, codes = _URIS.findall(sparql), _CODES.search(sparql)
        if not sparql.startswith("SELECT ?uri ") or sparql.count("{") != sparql.count("}") or not uris or not codes:
            return await self.send(request, malformed())
        wanted = [code.strip().strip('"') for code in codes[1].split(",")]
        self.questions.append((uris, wanted))
        bindings = [binding for uri in uris for binding in self._names(uri, wanted)]
        answer = {"head": {"vars": ["uri", "item", "kind", "label"]}, "results": {"bindings": bindings}}
        return web.json_response(answer, content_type="application/sparql-results+json")

    def _names(self, uri: str, wanted: Sequence[str]) -> list[dict[str, Any]]:
        """One binding per name; one per kind without any, as OPTIONAL leaves it. Aliases first: there is no order."""
        found: list[dict[str, Any]] = []
        for item, by_code in self.items.get(uri, {}).items():
            for kind in reversed(_KINDS):
                about = {"uri": _uri(uri), "item": _uri(f"{_ITEM}{item}"), "kind": _uri(kind)}
                names = [
                    {"xml:lang": code, "type": "literal", "value": name}
                    for code in wanted
                    for name in (by_code.get(code, [])[:1] if kind == _KINDS[0] else by_code.get(code, [])[1:])
                ]
                found += [{**about, "label": name} for name in names] or [about]
        return found


def _uri(value: str) -> dict[str, str]:
    return {"type": "uri", "value": value}


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
