"""iNaturalist's API v1 as a client without an account meets it: taxa by name, and observations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

WINDOW = 10_000
MOST = 200
TOO_DEEP = (
    f"Result window is too large, page x size must be less than or equal to [{WINDOW}]. "
    "Please narrow your search, or use a sliding window approach with id_above or id_below params."
)
OPEN = "https://inaturalist-open-data.s3.amazonaws.com"
CLOSED = "https://static.inaturalist.org"


def throttled(seconds: int | None = None) -> Reply:
    """429 of the cache before the service: a web page, mostly without Retry-After."""
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Reply.text("<html><body>Too Many Requests</body></html>", 429, headers, kind="html")


def overloaded() -> Reply:
    return Reply.text("<html><body>We're sorry, but something went wrong.</body></html>", 502, kind="html")


def unprocessable() -> Reply:
    return Reply.json({"error": "Unprocessable Entity", "status": 422}, 422)


def banned() -> Reply:
    return Reply.text("<html><body>403 Forbidden</body></html>", 403, kind="html")


def photo(ident: int, code: str | None = "cc-by", **fields: Any) -> dict[str, Any]:
    """A photo as observations hold it; licensed ones lie elsewhere than the others."""
    address = f"{OPEN}/photos/{ident}/square.jpg" if code else f"{CLOSED}/photos/{ident}/square.jpeg?1700000000"
    return {
        "id": ident,
        "license_code": code,
        "original_dimensions": {"width": 2048, "height": 1365},
        "url": address,
        "attribution": "(c) Example Person, some rights reserved (CC BY)",
        "flags": [],
        **fields,
    }


class INaturalistServer(FakeServer):
    """Serves `taxa` (dicts with `id`, `name`, `rank`; others replace defaults) and `observations` (dicts with `id`,
    `taxon_id`, `photos`; others replace defaults), which are kept in the order given: ids need not be sorted.

    Args:
        burst: most requests in any 60 seconds; None for no throttling.
    """

    def __init__(
        self,
        taxa: Sequence[Mapping[str, Any]] = (),
        observations: Sequence[Mapping[str, Any]] = (),
        *,
        burst: int | None = None,
    ) -> None:
        super().__init__()
        self.taxa = list(taxa)
        self.observations = list(observations)
        self.burst = burst
        self._recent: list[float] = []

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v1/taxa", self._taxa)
        app.router.add_route("*", "/v1/observations", self._observations)

    async def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "GET":
            return web.json_response({"error": "Not Found", "status": 404}, status=404)
        now = time.monotonic()
        self._recent = [then for then in self._recent if now - then < 60.0] + [now]
        if self.burst is not None and len(self._recent) > self.burst:
            return await self.send(request, throttled())
        if not request.query.get("per_page", "30").isdigit() or not request.query.get("page", "1").isdigit():
            return await self.send(request, unprocessable())
        return None

    async def _taxa(self, request: web.Request) -> web.StreamResponse:
        refusal = await self._refusal(request)
        if refusal is not None:
            return refusal
        text = request.query.get("q", "").casefold()
        ranks = request.query.get("rank", "").split(",")
        size = min(int(request.query.get("per_page", 30)), MOST)
        found = [_taxon(taxon, matched) for taxon in self.taxa if (matched := _matched(taxon, text))]
        found = [taxon for taxon in found if ranks == [""] or taxon["rank"] in ranks]
        return web.json_response({"total_results": len(found), "page": 1, "per_page": size, "results": found[:size]})

    async def _observations(self, request: web.Request) -> web.StreamResponse:
        refusal = await self._refusal(request)
        if refusal is not None:
            return refusal
        query = request.query
        page, size = int(query.get("page", 1)), min(int(query.get("per_page", 30)), MOST)
        if page * size > WINDOW:
            return await self.send(request, Reply.json({"error": TOO_DEEP, "status": 403}, 403))
        if "taxon_id" in query and not any(str(taxon["id"]) == query["taxon_id"] for taxon in self.taxa):
            return await self.send(request, unprocessable())
        found = [
            observation
            for observation in self.observations
            if str(observation["taxon_id"]) == query.get("taxon_id")
            and observation.get("quality_grade", "research") == query.get("quality_grade", "research")
            and int(observation["id"]) > int(query.get("id_above", 0))
        ]
        if query.get("order_by") == "id":
            found.sort(key=lambda observation: observation["id"], reverse=query.get("order", "desc") == "desc")
        shown = [_observation(observation) for observation in found[(page - 1) * size : page * size]]
        return web.json_response(
            {"total_results": len(found), "page": page, "per_page": min(size, len(found)), "results": shown}
        )


def _matched(taxon: Mapping[str, Any], text: str) -> str:
    """The name by which a taxon is found: scientific, common or an older one."""
    names = [taxon["name"], taxon.get("preferred_common_name", ""), *taxon.get("older_names", ())]
    return next((name for name in names if text and text in name.casefold()), "")


def _taxon(taxon: Mapping[str, Any], matched: str) -> dict[str, Any]:
    defaults = {"rank": "species", "rank_level": 10, "is_active": True, "iconic_taxon_name": "Mammalia"}
    return {**defaults, "matched_term": matched, **{key: value for key, value in taxon.items() if key != "older_names"}}


def _observation(observation: Mapping[str, Any]) -> dict[str, Any]:
    ident = observation["id"]
    return {
        "uri": f"https://www.inaturalist.org/observations/{ident}",
        "quality_grade": "research",
        "license_code": "cc-by-nc",
        "species_guess": "Red Fox",
        "observed_on": "2024-05-06",
        "captive": False,
        "taxon": {"id": observation["taxon_id"], "name": "Vulpes vulpes", "rank": "species", "rank_level": 10},
        "user": {"id": 7, "login": "example", "name": "Example Person"},
        **{key: value for key, value in observation.items() if key != "taxon_id"},
    }
