"""GBIF's API v1: matching of names, and the occurrence search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

MOST = 300
DEEPEST = 100_001
BASES = ("HUMAN_OBSERVATION", "PRESERVED_SPECIMEN", "MACHINE_OBSERVATION", "LIVING_SPECIMEN", "OCCURRENCE")
LICENSES = {
    "CC0_1_0": "http://creativecommons.org/publicdomain/zero/1.0/legalcode",
    "CC_BY_4_0": "http://creativecommons.org/licenses/by/4.0/legalcode",
    "CC_BY_NC_4_0": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
    "UNSPECIFIED": "unspecified",
    "UNSUPPORTED": "unsupported",
}


def throttled(seconds: int | None = None, status: int = 429) -> Reply:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Reply.text("Too many requests", status, headers)


class GbifServer(FakeServer):
    """Serves `names` (name -> the fields of a match; without `matchType` an exact one) and `records` (dicts with `key`,
    `taxonKey` and `media`; others replace defaults; `license` is a key of LICENSES).

    Args:
        most: records in one answer; larger limits are lowered to it without a word.
        deepest: most that offset and limit may be together.
    """

    def __init__(
        self,
        names: Mapping[str, Mapping[str, Any]],
        records: Sequence[Mapping[str, Any]] = (),
        *,
        most: int = MOST,
        deepest: int = DEEPEST,
    ) -> None:
        super().__init__()
        self.names = names
        self.records = list(records)
        self.most = most
        self.deepest = deepest

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/v1/species/match", self._match)
        app.router.add_route("*", "/v1/occurrence/search", self._search)

    async def _match(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "GET":
            return web.Response(status=405)
        name = request.query.get("name", "")
        match = self.names.get(name)
        if match is None:
            note = "No match because of too little confidence"
            return web.json_response({"confidence": 100, "note": note, "matchType": "NONE", "synonym": False})
        defaults = {
            "scientificName": f"{name} (Linnaeus, 1758)",
            "canonicalName": name,
            "rank": "SPECIES",
            "status": "ACCEPTED",
            "confidence": 99,
            "matchType": "EXACT",
            "synonym": False,
        }
        return web.json_response({**defaults, **match})

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "GET":
            return web.Response(status=405)
        query = request.query
        limit, offset = min(int(query.get("limit", 20)), self.most), int(query.get("offset", 0))
        if offset + limit > self.deepest:
            said = f"Max offset of {self.deepest} exceeded: {offset} + {limit}"
            return await self.send(request, Reply.text(said, 400))
        for name, known in (("basisOfRecord", BASES), ("license", tuple(LICENSES)), ("mediaType", ("StillImage",))):
            if any(value not in known for value in query.getall(name, [])):
                return await self.send(request, Reply.text(f"Invalid value for parameter {name}", 400))
        found = [record for record in self.records if _wanted(record, query)]
        shown = [_record(record) for record in found[offset : offset + limit]]
        return web.json_response(
            {
                "offset": offset,
                "limit": limit,
                "endOfRecords": offset + limit >= len(found),
                "count": len(found),
                "results": shown,
                "facets": [],
            }
        )


def _wanted(record: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return (
        str(record["taxonKey"]) == query.get("taxonKey")
        and record.get("basisOfRecord", "HUMAN_OBSERVATION") == query.get("basisOfRecord", "HUMAN_OBSERVATION")
        and record.get("license", "CC_BY_NC_4_0") == query.get("license", record.get("license", "CC_BY_NC_4_0"))
    )


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        "gbifID": str(record["key"]),
        "datasetKey": "00000000-0000-4000-8000-000000000001",
        "scientificName": "Vulpes vulpes (Linnaeus, 1758)",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "references": f"https://records.example.org/{record['key']}",
    }
    return {**defaults, **record, "license": LICENSES[record.get("license", "CC_BY_NC_4_0")]}
