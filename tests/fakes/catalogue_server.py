"""The base of the fake museums and archives: entries that hold words, and what is the same for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

BOT_PAGE = "<html><head><title>Access denied</title></head><body>Request unsuccessful. Incident 0-1</body></html>"


def bot_page(status: int = 403) -> Reply:
    """What a gatekeeper before a service sends: a web page."""
    return Reply.text(BOT_PAGE, status, kind="html")


class CatalogueServer(FakeServer):
    """Serves `entries`, dicts with at least a `title`; one matches if its title holds all words of the query.

    Other keys are the service's own fields and replace the defaults that a subclass gives.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__()
        self.entries = [dict(entry) for entry in entries]

    def found(self, text: str) -> list[tuple[int, dict[str, Any]]]:
        """Number (from 0) and fields of the matching entries."""
        wanted = words_of(text)
        return [(n, entry) for n, entry in enumerate(self.entries) if wanted <= words_of(str(entry["title"]))]

    async def refused(self, request: web.Request) -> web.StreamResponse | None:
        """The scripted fault for this call, or 405 for anything but GET."""
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method != "GET":
            return web.json_response({"error": f"{request.method} is not allowed"}, status=405)
        return None


def numbered(count: int, **fields: object) -> list[dict[str, object]]:
    """Entries named `Beagle 0`, `Beagle 1`, …"""
    return [{"title": f"Beagle {n}", **fields} for n in range(count)]


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def whole_number(query: Mapping[str, str], name: str, default: int) -> int | None:
    """A parameter that counts; None if it is no number."""
    value = query.get(name, str(default))
    return int(value) if re.fullmatch(r"\d+", value) else None
