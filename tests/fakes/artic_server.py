"""Art Institute of Chicago: the search of artworks by a JSON query, with its limits and error bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.catalogue_server import CatalogueServer

DEPTH = 1000
SEARCH_FAILED = (
    '400 Bad Request: {"error":{"root_cause":[],"type":"search_phase_execution_exception","reason":""},"status":400}'
)


def _refusal(status: int, error: str, detail: str) -> web.Response:
    return web.json_response({"status": status, "error": error, "detail": detail}, status=status)


class ArticServer(CatalogueServer):
    """Entries may have `date_start` (a year), `is_public_domain`, `image_id`, `thumbnail`.

    As in the service, `q` alone ranks and filters nothing; only the clauses of `query` do.
    """

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/v1/artworks/search", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        refused = await self.refused(request)
        if refused is not None:
            return refused
        try:
            wanted = json.loads(request.query["params"])
        except (KeyError, ValueError):
            wanted = {}  # malformed parameters give the whole collection
        limit, page = int(wanted.get("limit", 12)), int(wanted.get("page", 1))
        if limit > 100:
            return _refusal(403, "Invalid limit", "You asked for too many resources per page.")
        if page * limit > DEPTH:
            return _refusal(403, "Invalid number of results", "You asked for too many results.")
        clauses = wanted.get("query", {}).get("bool", {})
        found = list(enumerate(self.entries))
        for clause in [*clauses.get("must", []), *clauses.get("filter", [])]:
            try:
                if "simple_query_string" in clause:
                    found = self._matching(found, clause["simple_query_string"])
                else:
                    found = [(number, entry) for number, entry in found if self._passes(number, entry, clause)]
            except (KeyError, TypeError):
                return web.Response(status=400, text=SEARCH_FAILED, content_type="application/json")
        shown = found[(page - 1) * limit : page * limit]
        fields = wanted.get("fields")
        data = [
            {key: value for key, value in self._artwork(number, entry).items() if not fields or key in fields}
            for number, entry in shown
        ]
        return web.json_response(
            {
                "preference": None,
                "pagination": {
                    "total": len(found),
                    "limit": limit,
                    "offset": (page - 1) * limit,
                    "total_pages": -(-len(found) // limit),
                    "current_page": page,
                },
                "data": data,
                "info": {"license_text": "…", "license_links": [], "version": "1.13"},
                "config": {"iiif_url": f"{self.base_url}/iiif/2", "website_url": "http://www.artic.edu"},
            }
        )

    def _matching(
        self, entries: list[tuple[int, dict[str, Any]]], text: Mapping[str, Any]
    ) -> list[tuple[int, dict[str, Any]]]:
        """The entries that hold all words; the words are looked for once, not once per entry."""
        if text["default_operator"] != "and":
            return entries
        matches = {number for number, _ in self.found(text["query"])}
        return [(number, entry) for number, entry in entries if number in matches]

    def _passes(self, number: int, entry: Mapping[str, Any], clause: Mapping[str, Any]) -> bool:
        ((kind, value),) = clause.items()
        artwork = self._artwork(number, entry)
        if kind == "term":
            return all(artwork[name] == wanted for name, wanted in value.items())
        if kind == "exists":
            return artwork[value["field"]] is not None
        if kind == "range":
            year = artwork["date_start"]
            return year is not None and value["date_start"]["gte"] <= year <= value["date_start"]["lte"]
        if kind == "bool":
            return not any(self._passes(number, entry, inner) for inner in value["must_not"])
        raise KeyError(kind)

    def _artwork(self, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "_score": 99.1,
            "id": 27000 + number,
            "image_id": f"11111111-2222-3333-4444-{number:012}",
            "thumbnail": {"lqip": "data:image/gif;base64,R0", "width": 4000, "height": 3000, "alt_text": "A dog"},
            "is_public_domain": True,
            "artist_display": "Example Person\nAmerican, 1850-1920",
            "date_start": 1890,
            **entry,
        }
